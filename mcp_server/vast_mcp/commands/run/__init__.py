"""`vast-mcp run`: one command on a rented machine, from words to its exit status, for a script.

A machine that works is found, files are copied up, the command runs, files are copied down, and the
machine is destroyed and seen to be gone. The same line again goes on wherever it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import anyio

from vast_mcp import environment
from vast_mcp.commands import options
from vast_mcp.commands.run.line import Carried, Line, Misused, carried
from vast_mcp.commands.statuses import (
    FILES_MISSING,
    JOB_LOST,
    NO_MACHINE,
    NOT_BEGUN,
    OVER_BUDGET,
    REPEAT,
)
from vast_mcp.errors import Json
from vast_mcp.settings import Settings

PASSED = "VAST_MCP_ENV_PASS"

# Arguments of provision that a line has words of its own for, or that would make it another thing.
OURS = frozenset(
    {
        *("budget_usd", "max_usd_per_hour", "max_total_usd_per_hour", "lease_hours"),
        *("request_key", "count", "as_many", "dry_run", "cancel", "overlap_usd"),
    }
)

EXAMPLE = f"""\
example:
  vast-mcp run --gpu 4090 --max 0.40 --budget 2 --image pytorch/pytorch \\
      --up src --down out -- python src/train.py

COMMAND runs in a folder of its own; paths lie there as they lie here. One word
is a line for the shell, several are a program and its arguments. Its output is
on stdout as it comes. The same line again goes on wherever it was.

exit status: the command's own, and
  {NO_MACHINE}  no machine was found that fits and works
  {OVER_BUDGET}  the budget ended first
  {REPEAT}  may be billing: repeat this exact command
  {JOB_LOST}  the machine lost the command: nobody knows what it came to
  {FILES_MISSING}  files did not get to where they belong
  {NOT_BEGUN}  wrong usage or settings; nothing was rented
"""


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "run",
        run,
        what="run one command on a rented machine, from search to destroy",
        epilog=EXAMPLE,
    )
    parser.misuse = NOT_BEGUN
    add = parser.add_argument
    add("--gpu", metavar="NAME", help="the card, e.g. 4090")
    add("--gpus", type=int, metavar="N", help="how many of it (default 1)")
    add("--max", type=options.finite, metavar="USD", help="the most the machine may cost, $/hour")
    add(
        "--budget",
        type=options.finite,
        metavar="USD",
        required=True,
        help="the most all of it may cost, $",
    )
    add("--image", help="the Docker image")
    add("--disk", type=options.finite, metavar="GB", help="the size of its disk")
    add(
        "--want",
        default="{}",
        metavar="JSON",
        help="more of what is wanted, as arguments of the tool provision",
    )
    path = "LOCAL[:REMOTE]"
    add("--up", action="append", default=[], metavar=path, help="copied to the machine before")
    add("--down", action="append", default=[], metavar=path, help="copied from it afterwards")
    add("--overwrite", action="store_true", help="let --down replace files here that differ")
    add(
        "--env-from",
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of this environment, or of the env file, that the command gets",
    )
    add("--key", default="", help="tells this line from the same one that is run beside it")
    add("command", nargs="+", metavar="COMMAND", help="after --: what is run")
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Do what the line says, or go on with it; its exit status."""
    try:
        line = line_of(chosen)
        settings = settings_of(chosen, line)
        line.check_places()
    except Misused as exc:
        print(f"vast-mcp run: {exc}", file=sys.stderr)
        return NOT_BEGUN
    from vast_mcp.commands.run.doing import done

    try:
        ending = anyio.run(done, settings, line)
    except Exception as exc:  # a defect: whatever was rented is leased, and the same line goes on
        print(f"vast-mcp run: {_name_of(exc)}; repeat this exact command", file=sys.stderr)
        return REPEAT
    ending.tell()
    return ending.status


def _name_of(exc: BaseException) -> str:
    """What broke, by type alone: its text may hold anything."""
    while isinstance(exc, BaseExceptionGroup):
        exc = cast("BaseExceptionGroup[BaseException]", exc).exceptions[0]
    return type(exc).__name__


def line_of(chosen: argparse.Namespace) -> Line:
    """The line as it is meant. Raises Misused."""
    folder = Path.cwd()
    return Line(
        folder=folder,
        key=chosen.key,
        budget_usd=_amount("--budget", chosen.budget),
        max_usd_per_hour=None if chosen.max is None else _amount("--max", chosen.max),
        wants=_wants(chosen),
        up=_carried(chosen.up, folder),
        down=_carried(chosen.down, folder),
        overwrite=chosen.overwrite,
        env_from=tuple(dict.fromkeys(chosen.env_from)),
        words=tuple(chosen.command),
    )


def settings_of(chosen: argparse.Namespace, line: Line) -> Settings:
    """The settings, with what this line itself allows: the files and the values that it names."""
    passed = [os.environ.get(PASSED, ""), *line.env_from]
    environ = dict(os.environ)
    if line.env_from:
        environ[PASSED] = ",".join(filter(None, passed))
    settings = environment.load(
        environ, home=Path.home(), env_file=chosen.env_file, sandbox=chosen.sandbox
    )
    missing = [name for name in line.env_from if settings.env_pass.get(name) is None]
    if missing:
        raise Misused(f"--env-from: {', '.join(missing)} has no value here")
    return replace(settings, files=line.places())


def _amount(name: str, value: float) -> float:
    if not 0 < value < 1e6:
        raise Misused(f"{name}: an amount above 0, in $")
    return value


def _wants(chosen: argparse.Namespace) -> Json:
    try:
        wants: object = options.read_json(chosen.want)
    except (ValueError, RecursionError) as exc:
        raise Misused(f"--want: no JSON: {exc}") from None
    if not isinstance(wants, dict):
        raise Misused("--want: must be a JSON object")
    taken = sorted(OURS & wants.keys())
    if taken:
        raise Misused(f"--want: {', '.join(taken)} is for the line itself to say")
    given = {
        "gpu_name": chosen.gpu,
        "num_gpus": chosen.gpus,
        "image": chosen.image,
        "disk": chosen.disk,
    }
    return cast("Json", wants) | {k: v for k, v in given.items() if v is not None}


def _carried(texts: list[str], folder: Path) -> tuple[Carried, ...]:
    return tuple(carried(text, folder) for text in texts)
