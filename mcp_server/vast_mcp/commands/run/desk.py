"""The server in this process: its tools are called as any client calls them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from vast_mcp.errors import Json, clean
from vast_mcp.session import Call, Session

if TYPE_CHECKING:
    from mcp import Client

LONGEST = 300  # characters of a line of progress


class Failed(Exception):
    """A tool answered with an error."""

    def __init__(self, tool: str, error: Json) -> None:
        problems = [f"{one['field']}: {one['problem']}" for one in error.get("problems", ())]
        super().__init__("; ".join([f"{error['code']}: {error['message']}", *problems]))
        self.tool, self.error = tool, error
        self.code: str = error["code"]
        self.may_bill: bool = error["billing_possible"]

    def is_about(self, argument: str) -> bool:
        """Whether it is this argument that is wrong."""
        return any(one["field"] == argument for one in self.error.get("problems", ()))


@dataclass(eq=False)
class Desk:
    """The client, the session that its calls have, and whose account it is."""

    client: Client
    session: Session
    account: str = ""
    said: str = ""
    may_bill: bool = False  # and what an end of this process leaves
    left_behind: str = ""
    quiet: Call = field(init=False)

    def __post_init__(self) -> None:
        self.quiet = Call.quiet(self.session)

    async def call(self, tool: str, **arguments: Any) -> Json:
        """Call a tool. Raises Failed."""
        result = await self.client.call_tool(tool, arguments, progress_callback=self._heard)
        payload = cast("Json", result.structured_content)
        if "error" in payload:
            raise Failed(tool, payload["error"])
        return payload

    def say(self, text: str) -> None:
        """A line for whoever watches, on stderr. Control characters of strangers are dropped."""
        if text != self.said:
            self.said = text
            print(f"vast-mcp run: {clean(text, LONGEST)}", file=sys.stderr, flush=True)

    async def _heard(self, progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG002
        if message:
            self.say(message)
