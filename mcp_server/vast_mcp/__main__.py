"""`vast-mcp` and `python -m vast_mcp`."""

import sys


def main() -> None:
    """The command's entry point."""
    from vast_mcp.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
