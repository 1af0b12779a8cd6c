"""`vast-mcp sandbox`: the pretended Vast.ai on a port, for any client; and the end of the one that
all processes with `--sandbox` share.
"""

from __future__ import annotations

import argparse
import math
import secrets
import sys
from pathlib import Path

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK
from vast_mcp.worlds import IDLE_MINUTES


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands, "sandbox", run, what="serve the pretended Vast.ai API on a port (for VAST_URL)"
    )
    parser.add_argument(
        "--port", type=_port, default=8733, help="port, 0 for any free one (default 8733)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the world (default 7)")
    parser.add_argument(
        "--reset",
        action="store_true",
        help="end the world that all processes with --sandbox share, and serve none",
    )
    parser.add_argument(
        "--shared",
        type=Path,
        metavar="FOLDER",
        help="serve that world, apart; the first call with --sandbox does this by itself",
    )
    parser.add_argument(
        "--idle-minutes",
        type=_minutes,
        default=IDLE_MINUTES,
        metavar="N",
        help="with --shared: end after so long without a request (default 30)",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("0 (any free one) to 65535")
    return int(text)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("a number of minutes above 0")
    return value


def run(chosen: argparse.Namespace) -> int:
    """Serve the sandbox's API on loopback until interrupted, or end the one that is shared."""
    if chosen.reset:
        return _reset(chosen)
    if chosen.shared is not None:
        from vast_mcp.commands.shared_sandbox import serve_shared

        serve_shared(chosen.shared, chosen.idle_minutes)
        return EXIT_OK
    return _serve(chosen)


def _reset(chosen: argparse.Namespace) -> int:
    from vast_mcp.commands.shared_sandbox import reset

    chosen.sandbox = True
    try:
        print(f"vast-mcp sandbox: {anyio.run(reset, options.settings_of(chosen))}")
    except OSError as exc:
        print(f"vast-mcp sandbox: the world cannot be ended: {exc.strerror}", file=sys.stderr)
        return EXIT_ERROR
    return EXIT_OK


def _serve(chosen: argparse.Namespace) -> int:
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
