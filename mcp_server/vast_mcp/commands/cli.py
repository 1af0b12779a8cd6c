"""The command line: which commands there are, and what they end with.

Each command is a module with its `add_parser` and its `run`. Without a command MCP is served on
stdin and stdout, so nothing that only another command needs is imported here.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from vast_mcp import __version__, signals
from vast_mcp.commands import (
    approve,
    call,
    demo,
    doctor,
    reconcile,
    sandbox,
    serve,
    sweep,
    trust,
)
from vast_mcp.commands import run as run_command
from vast_mcp.commands.looks import costs, machines, offers
from vast_mcp.commands.options import STATUSES, Parser, add_env_file, add_sandbox
from vast_mcp.settings import SettingsError

COMMANDS = (
    *(serve, sandbox, demo, doctor, offers, machines, costs, run_command),
    *(call, reconcile, sweep, approve, trust),
)


def run(argv: Sequence[str]) -> int:
    """Run a command; its exit status."""
    options, unknown = parser().parse_known_args(argv)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal cannot show must end nothing.
            stream.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except SettingsError as exc:
        print(f"vast-mcp: {exc}", file=sys.stderr)
        return options.parser.misuse
    except KeyboardInterrupt:
        return signals.INTERRUPTED


def parser() -> Parser:
    """The command line's parser, with every command's own."""
    top = Parser(
        prog="vast-mcp",
        description="An MCP server for renting GPUs on Vast.ai.\nWithout a command it serves MCP "
        "on stdin and stdout.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"vast-mcp {__version__}")
    top.set_defaults(run=serve.run_stdio, parser=top)
    add_sandbox(top)
    add_env_file(top)
    commands = top.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return top
