"""`vast-mcp costs`: where the money went, and how long the rest lasts, for people and on paper."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vast_mcp.commands import options
from vast_mcp.commands.looks import lines
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_USAGE
from vast_mcp.errors import Json

if TYPE_CHECKING:
    from vast_mcp.commands.looks.asking import Desk

NAME = "costs"
WEEK = "7"


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        NAME,
        run,
        what="where the money went, and how long the rest lasts",
        description="Days are UTC, as Vast charges by them. Without a period it is the last week.",
        epilog=lines.STATUSES,
    )
    period = parser.add_mutually_exclusive_group()
    period.add_argument("--days", metavar="N", dest="period", help="so many days, 1 to 366")
    period.add_argument(
        "--week", action="store_const", const=WEEK, dest="period", help="the last seven days"
    )
    period.add_argument(
        "--month",
        metavar="YYYY-MM",
        nargs="?",
        const="",
        dest="month",
        help="a month; without one, this month",
    )
    for one in lines.COSTS:
        one.add_to(parser)
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page, to print or to mail"
    )
    parser.add_argument("--overwrite", action="store_true", help="let --html replace FILE")
    options.add_json(parser)
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Ask once and show what was spent, or write it down."""
    from vast_mcp.commands.looks import paper
    from vast_mcp.commands.looks.asking import Look, look
    from vast_mcp.commands.looks.costs_page import page_of

    path: Path | None = chosen.html
    asked = lines.given(chosen, lines.COSTS) | period_of(chosen)
    kept: list[paper.Kept] = []

    async def ask(desk: Desk) -> Json:
        costs = await desk.ask("show_costs", **asked)
        if path is not None and "error" not in costs:
            kept.append(await paper.kept_of(desk, costs))
        return costs

    try:
        if path is not None:
            paper.check(path, overwrite=chosen.overwrite)
        status = look(chosen, Look(NAME, ask, page_of, flags_of(chosen)))
        if path is not None and kept:
            words = page_of(kept[0].answers["show_costs"]).plain()
            paper.write(path, kept[0], words, overwrite=chosen.overwrite)
            print(f"Written to {path}.", file=sys.stderr)
    except paper.Unwritten as exc:
        print(f"vast-mcp {NAME}: {exc}", file=sys.stderr)
        return EXIT_USAGE if exc.misuse else EXIT_ERROR
    return status


def period_of(chosen: argparse.Namespace) -> Json:
    """The period as the tool takes it; nothing where none is given."""
    if chosen.month is not None:
        return {"period": chosen.month or datetime.now(UTC).strftime("%Y-%m")}
    return {} if chosen.period is None else {"period": chosen.period}


def flags_of(chosen: argparse.Namespace) -> dict[str, str]:
    """The option of each argument."""
    period = "--days" if chosen.month is None else "--month"
    return {**lines.flags_of(lines.COSTS), "period": period}
