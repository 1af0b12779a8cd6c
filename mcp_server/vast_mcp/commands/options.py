"""What the commands' options have in common: how a command is added, and what all of them take."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, Protocol

from vast_mcp import environment
from vast_mcp.commands.statuses import EXIT_USAGE
from vast_mcp.settings import Settings

# A script has no host that cuts it off: long enough to prove that a lost request made nothing.
WAIT_S = 200.0

STATUSES = """\
exit status of `call`, `reconcile` and `sweep`:
  0  success
  1  an error; nothing bills because of this call
  2  wrong usage: the command, the tool's name or its arguments
  3  may be billing: repeat this exact command
"""


class Parser(argparse.ArgumentParser):
    """A parser whose command ends with a status of its own where it is not understood."""

    misuse = EXIT_USAGE

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(self.misuse, f"{self.prog}: error: {message}\n")


class Commands(Protocol):
    """Where a command adds its parser: what argparse's add_subparsers gives."""

    def add_parser(
        self,
        name: str,
        *,
        help: str,
        description: str | None,
        epilog: str | None,
        formatter_class: type[RawDescriptionHelpFormatter],
    ) -> Parser:
        """Add a command's own parser."""
        ...


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    what: str,
    description: str | None = None,
    epilog: str | None = None,
) -> Parser:
    """Add a command. `run` takes its options and returns its exit status; `what` is its line in
    the first help.
    """
    parser = commands.add_parser(
        name,
        help=what,
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_sandbox(parser: argparse.ArgumentParser, **kept: Any) -> None:
    """Add --sandbox. It may stand before a command and after it."""
    parser.add_argument(
        "--sandbox",
        action="store_true",
        help="use a local, pretended Vast.ai; no money moves",
        **kept,
    )


def add_env_file(parser: argparse.ArgumentParser, **kept: Any) -> None:
    """Add --env-file. It may stand before a command and after it."""
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="read settings from FILE, and from no other env file",
        **kept,
    )


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add what chooses a command's settings, kept where it stood before the command."""
    add_sandbox(parser, default=argparse.SUPPRESS)
    add_env_file(parser, default=argparse.SUPPRESS)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def finite(text: str) -> float:
    """A number that is one. On the wire NaN and infinity are null, which is no ceiling at all."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"no number: {text!r}")
    return value


def read_json(text: str) -> Any:
    """What a JSON text says. Raises ValueError, also for numbers that the wire would leave out, and
    RecursionError.
    """
    return json.loads(text, parse_float=_number, parse_constant=_number)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"no number: {text[:40]}")
    return value


def settings_of(options: argparse.Namespace, *, key_files: bool = True) -> Settings:
    """Read the settings that a command was started with. Raises SettingsError."""
    return environment.load(
        os.environ,
        home=Path.home(),
        env_file=options.env_file,
        sandbox=options.sandbox,
        key_files=key_files,
    )


def command_of(options: argparse.Namespace) -> str:
    """The command with the options that choose settings, for a line that somebody is to run
    next.
    """
    words = ["vast-mcp"]
    if options.sandbox:
        words.append("--sandbox")
    if options.env_file:
        words += ["--env-file", str(options.env_file)]
    return shlex.join(words)
