"""`vast-mcp call`: one tool call for a script, through a real MCP client in this process."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any, cast

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.composing import compose, warn
from vast_mcp.commands.statuses import EXIT_MAYBE_BILLING, EXIT_USAGE, as_text, exit_status
from vast_mcp.commands.terminal import Progressing, silence_stdout
from vast_mcp.errors import Json
from vast_mcp.settings import Settings


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    parser = options.add_command(
        commands,
        "call",
        run,
        what="call one tool and print its JSON",
        epilog=options.STATUSES,
    )
    parser.add_argument("tool", help="name of the tool, e.g. search_offers")
    parser.add_argument("arguments", nargs="?", default="{}", help="a JSON object (default {})")
    options.add_sources(parser)


class NoArguments(Exception):
    """The text of the arguments is no JSON object; the message says what it is."""


def run(chosen: argparse.Namespace) -> int:
    """Call the tool; its JSON goes to stdout. An interrupt leaves open what became of the call."""
    settings = options.settings_of(chosen)
    try:
        arguments = arguments_of(chosen.arguments)
    except NoArguments as exc:
        print(f"vast-mcp call: {exc}", file=sys.stderr)
        return EXIT_USAGE
    try:
        return anyio.run(called, settings, chosen.tool, arguments)
    except KeyboardInterrupt:
        return EXIT_MAYBE_BILLING


def arguments_of(text: str) -> Json:
    """The arguments of a call. Raises NoArguments."""
    try:
        parsed = options.read_json(text)
    except (ValueError, RecursionError) as exc:
        raise NoArguments(f"the arguments are no JSON: {exc}") from None
    if not isinstance(parsed, dict):
        raise NoArguments("the arguments must be a JSON object")
    return cast("Json", parsed)


async def called(settings: Settings, tool: str, arguments: Json) -> int:
    """Call the tool and write its result; the exit status. Nobody cuts the call off, so it may
    take longer than under a host.
    """
    from mcp import Client

    from vast_mcp.host.arriving import is_taken

    times = replace(settings.times, budget_s=settings.times.budget_s + options.WAIT_S)
    progressing = Progressing(tool)
    person = Person(progressing)
    server = compose(replace(settings, times=times))
    server.telling.watched = True
    async with Client(server, elicitation_callback=person.callback()) as client:
        with progressing:
            result = await client.call_tool(
                tool, arguments, progress_callback=progressing.callback()
            )
        payload = cast("Json", result.structured_content)
        if not written(payload):
            server.telling.lost_all()
            return EXIT_MAYBE_BILLING
        if await is_taken(1):
            server.telling.arrived_all()
        server.telling.lost_all()
        return exit_status(payload)


def written(payload: Json) -> bool:
    """Write the result. If it cannot be written nobody was told what happened: the same command
    again is safe, and says it.
    """
    try:
        print(as_text(payload, indent=2), flush=True)
    except OSError as exc:
        warn(f"the answer could not be written ({exc.strerror})")
        silence_stdout()
        return False
    return True


class Person:
    """Whoever sits at this terminal, asked by the server."""

    def __init__(self, progressing: Progressing) -> None:
        self._progressing = progressing

    def callback(self) -> Any:
        """Where the client's questions go; None where nobody sits."""
        if sys.stdin.isatty() and sys.stderr.isatty():
            return self.answer
        return None

    async def answer(self, _context: Any, params: Any) -> Any:
        """Put a question of the server's to the person."""
        from mcp.types import ElicitResult

        with self._progressing.hidden():
            agreed = await anyio.to_thread.run_sync(agrees, params.message)
        if agreed:
            return ElicitResult(action="accept", content={"yes": True})
        return ElicitResult(action="decline")


def agrees(question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no. On stderr: stdout is for JSON."""
    print(f"{question}\nYes? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
