"""`vast-mcp offers`: what can be rented now, as a table for people."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vast_mcp.commands import options
from vast_mcp.commands.looks import lines
from vast_mcp.errors import Json

if TYPE_CHECKING:
    from vast_mcp.commands.looks.asking import Desk
    from vast_mcp.commands.looks.pages import Page

NAME = "offers"


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        NAME,
        run,
        what="what can be rented now, as a table",
        description="Options are arguments of the tool search_offers. Nothing is rented.",
        epilog=lines.STATUSES,
    )
    for one in lines.OFFERS:
        one.add_to(parser)
    options.add_json(parser)
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Search once and show what was found."""
    from vast_mcp.commands.looks.asking import Look, look
    from vast_mcp.commands.looks.offers_page import page_of

    async def ask(desk: Desk) -> Json:
        return await desk.ask("search_offers", **lines.given(chosen, lines.OFFERS))

    def draw(found: Json) -> Page:
        return page_of(found, chosen)

    return look(chosen, Look(NAME, ask, draw, lines.flags_of(lines.OFFERS)))
