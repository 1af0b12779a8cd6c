"""TODO: one line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vast_mcp import __version__

# A script has no host that cuts it off: long enough to prove that a lost request made nothing.
WAIT_S = 200.0


LONGEST_WAIT_S = 86_400.0


EPILOG = """\
exit status of `call`, `reconcile` and `sweep`:
  0  success
  1  an error; nothing bills because of this call
  2  wrong usage: the command, the tool's name or its arguments
  3  may be billing: repeat this exact command
"""


APPROVE = """\
A code comes with the error needs_confirmation. It is good for ten minutes,
for one act with exactly the arguments it was made for, at the price shown or
less.

exit status: 0 approved; 1 not approved; 2 wrong usage
"""


DOCTOR_EPILOG = """\
exit status:
  0  nothing failed (warnings may be there)
  1  something failed
  2  wrong usage
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="vast-mcp",
        description="An MCP server for renting GPUs on Vast.ai.\nWithout a command it serves MCP "
        "on stdin and stdout.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"vast-mcp {__version__}")
    _common(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    http = commands.add_parser(
        "serve",
        help="serve MCP over HTTP, on loopback, to whoever has the token",
        description="Serves MCP over HTTP. Clients show the token: VAST_MCP_HTTP_TOKEN, or one "
        "made\nand printed for "
        "this run. VAST_API_KEY must be set: key files are not read here.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    http.add_argument(
        "--http",
        metavar="[HOST:]PORT",
        required=True,
        help="where to listen; HOST is an IP address or localhost (default 127.0.0.1), port 0 any "
        "free "
        "one",
    )
    http.add_argument(
        "--behind-proxy",
        action="store_true",
        help="allow other addresses; for a proxy that adds TLS. Needs --allowed-host",
    )
    http.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that clients know the proxy by, as in their Host header; repeatable",
    )

    box = commands.add_parser(
        "sandbox", help="serve the pretended Vast.ai API on a port (for VAST_URL)"
    )
    box.add_argument(
        "--port", type=_port, default=8733, help="port, 0 for any free one (default 8733)"
    )
    box.add_argument("--seed", type=int, default=7, help="seed of the world (default 7)")

    commands.add_parser("demo", help="watch a client rent, look and destroy on the sandbox")

    look = commands.add_parser(
        "doctor",
        help="look at key, scopes, SSH keys, journal, limits and hosts; each fault with what mends "
        "it",
        description="Looks at what a rental needs and says what would mend each fault.\nReads "
        "only; shows no key.",
        epilog=DOCTOR_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    look.add_argument("--json", action="store_true", help="print JSON")

    call = commands.add_parser(
        "call",
        help="call one tool and print its JSON",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    call.add_argument("tool", help="name of the tool, e.g. search_offers")
    call.add_argument("arguments", nargs="?", default="{}", help="a JSON object (default {})")
    settle = commands.add_parser(
        "reconcile",
        help="settle rentals whose reply was lost; status 3 while any is open",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    settle.add_argument("--json", action="store_true", help="print JSON")
    settle.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_S,
        metavar="S",
        help="seconds to try at most (default 200)",
    )
    broom = commands.add_parser(
        "sweep",
        help="destroy machines past their lease; status 3 while any is left",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    broom.add_argument("--json", action="store_true", help="print JSON")
    broom.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what is past its lease; 3 where anything is",
    )
    approve = commands.add_parser(
        "approve",
        help="say yes to what a server wants to do, by its code",
        epilog=APPROVE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    approve.add_argument("code", help="the code, e.g. K7QF-M2XR")
    approve.add_argument("--yes", action="store_true", help="do not ask again")
    approve.add_argument("--json", action="store_true", help="print JSON")
    for sub in (http, look, call, settle, broom, approve):
        _common(sub, sandbox=sub is not approve, default=argparse.SUPPRESS)
    return top


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("0 (any free one) to 65535")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(f"seconds, 0 to {LONGEST_WAIT_S:g}")
    return value


def _common(which: argparse.ArgumentParser, *, sandbox: bool = True, **kept: Any) -> None:
    """What may stand before a command and after it. A code is approved in a journal on disk, which
    no sandbox has.
    """
    if sandbox:
        which.add_argument(
            "--sandbox",
            action="store_true",
            help="use a local, pretended Vast.ai; no money moves",
            **kept,
        )
    which.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="read settings from FILE (no other file is read)",
        **kept,
    )
