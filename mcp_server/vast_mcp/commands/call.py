"""TODO: one line."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import Any, cast

import anyio

from vast_mcp.commands import terminal
from vast_mcp.commands.composing import compose, warn
from vast_mcp.commands.parser import WAIT_S
from vast_mcp.commands.statuses import EXIT_MAYBE_BILLING, EXIT_USAGE, as_text, exit_status
from vast_mcp.settings import Settings


async def call_once(settings: Settings, tool: str, arguments: str) -> int:
    """One tool call through a real MCP client in this process; the JSON goes to stdout."""
    from mcp import Client

    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError) as exc:
        print(f"vast-mcp call: the arguments are no JSON: {exc}", file=sys.stderr)
        return EXIT_USAGE
    if not isinstance(parsed, dict):
        print("vast-mcp call: the arguments must be a JSON object", file=sys.stderr)
        return EXIT_USAGE
    patient = replace(
        settings, times=replace(settings.times, budget_s=settings.times.budget_s + WAIT_S)
    )
    line = terminal.Line(sys.stderr, os.environ)

    async def asking(context: Any, params: Any) -> Any:
        with line.hidden():
            return await ask_here(context, params)

    asks = asking if sys.stdin.isatty() and sys.stderr.isatty() else None
    async with (
        Client(compose(patient), elicitation_callback=asks) as client,
        line.busy(tool) as say,
    ):
        heard = say if line.live else None
        result = await client.call_tool(
            tool, cast("dict[str, Any]", parsed), progress_callback=heard
        )
    payload = cast("dict[str, Any]", result.structured_content)
    status = exit_status(payload)
    try:
        print(as_text(payload, indent=2), flush=True)
    except OSError as exc:
        # Nobody was told what happened; the same command again is safe, and says it.
        warn(f"the answer could not be written ({exc.strerror})")
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or the interpreter tries again as it ends
        return EXIT_MAYBE_BILLING
    return status


async def ask_here(context: Any, params: Any) -> Any:  # noqa: ARG001
    """A question of the server's to the person at this terminal."""
    from mcp.types import ElicitResult

    if await anyio.to_thread.run_sync(agrees, params.message):
        return ElicitResult(action="accept", content={"yes": True})
    return ElicitResult(action="decline")


def agrees(question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no. On stderr: stdout is for JSON."""
    print(f"{question}\nYes? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
