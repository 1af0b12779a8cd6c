"""What the acts of the demo share: a client, what was rented, and what a person reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from vast_mcp.commands.terminal import Progressing, show_rows
from vast_mcp.errors import Json

if TYPE_CHECKING:
    from mcp import Client

INDENT = "    "
SILENT_S = 1.2  # seconds without a word
RENTED = ("instance_id", "kind", "usd_per_hour", "running_usd_per_hour", "label")


class Surprise(Exception):
    """The server answered something else than this step shows."""


@dataclass
class Stage:
    """What the acts share: the client, and what earlier acts found and rented."""

    client: Client
    wish: Json = field(default_factory=dict[str, Any])  # arguments of the first rental
    vm: Json = field(default_factory=dict[str, Any])  # and of the second
    # What the error says that leads to the second.
    key_step: Json = field(default_factory=dict[str, Any])
    key_id: int = 0
    rented: list[int] = field(default_factory=list[int])

    async def call(self, title: str, tool: str, **arguments: Any) -> Json:
        """Call a tool that must succeed."""
        payload = await self._send(title, tool, arguments)
        if "error" in payload:
            error = payload["error"]
            raise Surprise(f"{tool}: {error['code']}: {error['message']}")
        return payload

    async def rent(self, title: str, arguments: Json) -> Json:
        """Rent a machine, show it, and keep its id."""
        rented = await self.call(title, "create_instance", **arguments)
        self.rented.append(rented["instance_id"])
        show([rented], *RENTED)
        return rented

    async def follow(self, title: str, step: Json) -> Json:
        """Call what a next step says, as it stands there."""
        return await self.call(title, step["tool"], **step["arguments"])

    async def fail(self, title: str, code: str, tool: str, **arguments: Any) -> Json:
        """Call a tool that must fail with a code; the error."""
        payload = await self._send(title, tool, arguments)
        error: Json = payload.get("error", {})
        if error.get("code") != code:
            raise Surprise(f"{tool} answered {error.get('code', 'success')} instead of {code}")
        say(f"{INDENT}{code}: {error['message']}")
        return error

    async def _send(self, title: str, tool: str, arguments: Json) -> Json:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        say(f"\n> {title}\n  {tool}({shown})")
        with Progressing(tool) as progressing:
            result = await self.client.call_tool(
                tool, arguments, progress_callback=progressing.callback() or say_progress
            )
        return result.structured_content or {}


class _Voice:
    """Remembers when something was last said."""

    last = 0.0


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)
    _Voice.last = anyio.current_time()


async def keep_talking() -> None:
    """Say that the demo goes on, whenever nothing was said for a while. At a terminal a spinner
    turns instead.
    """
    while not sys.stdout.isatty():
        await anyio.sleep(SILENT_S / 4)
        if anyio.current_time() - _Voice.last >= SILENT_S:
            say(f"{INDENT}…")


async def say_progress(progress: float, total: float | None, message: str | None) -> None:
    """Say how far a call is in plain lines, where nobody watches."""
    of = ""
    if total:
        of = f" of {total:.0f}"
    say(f"{INDENT}… {progress:.0f}{of} s: {message}")


def show(rows: Sequence[Json], *names: str) -> None:
    """Show rows below the call that gave them."""
    show_rows(rows, names, INDENT)
