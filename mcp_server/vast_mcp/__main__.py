"""`vast-mcp` and `python -m vast_mcp`."""

import gc
import sys


def main() -> None:
    """The command's entry point."""
    # Loading makes a hundred thousand objects and no garbage to speak of; looking through them
    # takes a tenth of it.
    gc.disable()
    try:
        from vast_mcp.commands.cli import run
    except KeyboardInterrupt:  # nothing was begun
        sys.exit(130)

    gc.freeze()  # what is there stays to the end: no later collection looks at it
    gc.enable()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
