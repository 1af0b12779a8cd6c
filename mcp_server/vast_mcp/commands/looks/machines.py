"""`vast-mcp machines`: what exists and bills, as a table for people; nothing is changed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vast_mcp.commands import options
from vast_mcp.commands.looks import lines
from vast_mcp.errors import Json

if TYPE_CHECKING:
    from vast_mcp.commands.looks.asking import Desk
    from vast_mcp.commands.looks.pages import Page
    from vast_mcp.commands.looks.watching import Use

NAME = "machines"
READ = 6  # machines that one look reads one by one, for their GPUs and ways in


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        NAME,
        run,
        what="what exists and bills, as a table; --watch stays",
        description="What exists on the account and what it bills. Nothing is changed.",
        epilog=lines.STATUSES,
    )
    for one in lines.MACHINES:
        one.add_to(parser)
    parser.add_argument(
        "--watch", action="store_true", help="read it anew until Ctrl-C, in place at a terminal"
    )
    options.add_json(parser)
    options.add_sources(parser)


def run(chosen: argparse.Namespace) -> int:
    """Look once and show what there is, or again and again."""
    from vast_mcp.commands.looks.asking import Look, look
    from vast_mcp.commands.looks.machines_page import page_of, worth_reading

    alone: dict[int, Json] = {}
    news: list[str] = []  # that machines told when they were read alone

    async def ask(desk: Desk) -> Json:
        listed = await desk.ask("show_instances", **lines.given(chosen, lines.MACHINES))
        if not chosen.json and not chosen.watch:
            for instance_id in worth_reading(listed)[:READ]:
                desk.progressing.say(f"reading machine {instance_id}")
                told = await desk.ask("show_instance", instance_id=instance_id)
                alone[instance_id] = told
                news.extend(told.get("notices") or ())
        return listed

    def draw(listed: Json) -> Page:
        told = [*(listed.get("notices") or ()), *news]
        return page_of({**listed, "notices": told}, alone, chosen)

    def drawn(listed: Json, told: Mapping[int, Json], use: Use, most: int | None) -> Page:
        return page_of(listed, told, chosen, use, most)

    def read_alone(listed: Json) -> list[int]:
        return [] if chosen.json else worth_reading(listed)

    one = Look(NAME, ask, draw, lines.flags_of(lines.MACHINES))
    if chosen.watch:
        from vast_mcp.commands.looks.watching import Watch, watch

        return watch(chosen, Watch(one, read_alone, drawn))
    return look(chosen, one)
