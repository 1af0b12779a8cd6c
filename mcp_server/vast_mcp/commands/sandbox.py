"""`vast-mcp sandbox`: the pretended Vast.ai on a port, for any client."""

from __future__ import annotations

import argparse
import secrets
import sys

from vast_mcp.commands import options
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "sandbox", run, what="serve the pretended Vast.ai API on a port (for VAST_URL)"
    )
    parser.add_argument(
        "--port", type=_port, default=8733, help="port, 0 for any free one (default 8733)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the world (default 7)")


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("0 (any free one) to 65535")
    return value


def run(chosen: argparse.Namespace) -> int:
    """Serve the sandbox's API on loopback until interrupted."""
    from vast_mcp.sandbox.serving import serve
    from vast_mcp.sandbox.world import World

    # An account of its own for every world: a journal must not take this one for an earlier one.
    world = World(seed=chosen.seed, user_id=secrets.randbelow(10**9), ssh_banners=True)
    try:
        serve(world, "127.0.0.1", chosen.port, on_ready=announce)
    except OSError as exc:
        problem = f"port {chosen.port} cannot be listened on: {exc.strerror}"
        print(f"vast-mcp sandbox: {problem}", file=sys.stderr)
        return EXIT_ERROR
    return EXIT_OK


def announce(url: str) -> None:
    """Say where the sandbox listens: stdout gets the lines of an env file and nothing else. Any key
    opens it; one that is set keeps a client from sending the person's own.
    """
    key = f"pretended-{secrets.token_hex(8)}"
    print(f"VAST_URL={url}\nVAST_API_KEY={key}", flush=True)
    print(
        f"A pretended Vast.ai listens on {url}; no money moves. These two lines make a client use "
        "it: in an env file, or in a shell with `export` before each.",
        file=sys.stderr,
        flush=True,
    )
