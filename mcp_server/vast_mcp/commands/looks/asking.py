"""How a command asks: the tools' own answers, by a client in this process whose server may only
look, and how they are printed.
"""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.composing import compose, warn
from vast_mcp.commands.looks import lines
from vast_mcp.commands.looks.pages import LINE, Page
from vast_mcp.commands.statuses import EXIT_ERROR, as_text, exit_status
from vast_mcp.commands.terminal import Progressing, console_on, silence_stdout
from vast_mcp.errors import Json, clean
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from mcp import Client

    from vast_mcp.telling import Telling

AS_MANY = 3  # next calls that are shown


@dataclass(eq=False)
class Desk:
    """The server that is asked, whose answers are told once they are printed."""

    client: Client
    telling: Telling
    progressing: Progressing
    looks_alone: bool  # by the person's own settings, too

    async def ask(self, tool: str, **arguments: Any) -> Json:
        """A tool's answer, an error among them."""
        result = await self.client.call_tool(
            tool, arguments, progress_callback=self.progressing.callback()
        )
        return cast("Json", result.structured_content)

    async def read(self, uri: str) -> str | None:
        """The text of a resource; None where it cannot be read."""
        from mcp import MCPError
        from mcp.types import TextResourceContents

        try:
            [content] = (await self.client.read_resource(uri)).contents
        except MCPError:
            return None
        return content.text if isinstance(content, TextResourceContents) else None


@asynccontextmanager
async def desk_of(settings: Settings, progressing: Progressing) -> AsyncGenerator[Desk]:
    """A server that may only look, and its client."""
    from mcp import Client

    looking = replace(settings, limits=replace(settings.limits, read_only=True))
    server = compose(looking)
    server.telling.watched = True
    async with Client(server) as client:
        try:
            yield Desk(client, server.telling, progressing, settings.limits.read_only)
        finally:
            server.telling.lost_all()


# ── one look ───────────────────────────────────────────────────────────────────────────────────

Asked = Callable[[Desk], Awaitable[Json]]
Drawn = Callable[[Json], Page]


@dataclass(frozen=True)
class Look:
    """One look of a command: what it asks, and how a person sees the answer. `flags`: an option for
    each argument of the tool, for what is wrong with one.
    """

    name: str
    ask: Asked
    draw: Drawn
    flags: dict[str, str]


def look(chosen: Namespace, one: Look) -> int:
    """Ask, and show the answer; the exit status."""
    return anyio.run(_looked, options.settings_of(chosen), chosen, one)


async def _looked(settings: Settings, chosen: Namespace, one: Look) -> int:
    progressing = Progressing(one.name)
    async with desk_of(settings, progressing) as desk:
        with progressing:
            payload = await one.ask(desk)
        if not await printed(desk, chosen, one, payload):
            return EXIT_ERROR
        return exit_status(payload)


async def printed(desk: Desk, chosen: Namespace, one: Look, payload: Json) -> bool:
    """Print the answer, or what is wrong, and note that it is told; whether it could be written."""
    from vast_mcp.host.arriving import is_taken

    try:
        if chosen.json:
            print(as_text(payload, indent=2), flush=True)
        elif "error" in payload:
            print_failure(chosen, one, payload["error"])
        else:
            print_page(one.draw(payload))
    except OSError as exc:
        warn(f"the answer could not be written ({exc.strerror})")
        silence_stdout()
        return False
    if await is_taken(1):
        desk.telling.arrived_all()
    return True


def print_page(page: Page) -> None:
    """Print a page as its reader takes it."""
    console = console_on(sys.stdout)
    if console is None:
        print(page.plain(), end="", flush=True)
    else:
        page.print_on(console)


def print_failure(chosen: Namespace, one: Look, error: Json) -> None:
    """Print an error, what is wrong with which option, and what leads on."""
    said = [
        f"{one.flags.get(problem['field'], problem['field'])}: {problem['problem']}"
        for problem in error.get("problems", ())
    ]
    for line in said or [error["message"]]:
        print(f"vast-mcp {one.name}: {clean(line, LINE)}", file=sys.stderr)
    if not said:
        for line in lines_of(chosen, error["next_steps"]):
            print(f"  {clean(line, LINE)}", file=sys.stderr)


def around(page: Page, payload: Json) -> None:
    """Add what every answer may say beside its figures, first the sandbox, then news."""
    if payload.get("sandbox"):
        page.say("Sandbox: no money moves.", "dim")
    for news in payload.get("notices") or ():
        page.say(news, "bold")


def warned(page: Page, payload: Json) -> None:
    """Add what an answer warns of."""
    for warning in payload.get("warnings") or ():
        page.say(f"! {warning}", "yellow")


def lines_of(chosen: Namespace, steps: list[Json]) -> list[str]:
    """Next calls as lines to run, each after why."""
    return [f"{step['why']}: {line_of(chosen, step)}" for step in steps[:AS_MANY]]


def line_of(chosen: Namespace, step: Json) -> str:
    """A call as a line to run: a command of its own where people have one."""
    command = options.command_of(chosen)
    words = lines.words_of(step["tool"], step["arguments"])
    if words is None:
        words = ["call", step["tool"], as_text(step["arguments"])]
    return f"{command} {shlex.join(words)}"
