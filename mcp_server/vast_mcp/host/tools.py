"""The catalogue as a host lists and calls it."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from mcp.server import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
)

from vast_mcp import errors
from vast_mcp.caller import Host, InputNeeded
from vast_mcp.errors import Json
from vast_mcp.host import apps, arriving, hints
from vast_mcp.host.answering import answer, both_channels, refusal
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.schema import shown, specs_of
from vast_mcp.host.sessions import Sessions
from vast_mcp.toolspec import ToolSpec


class Tools:
    """The handlers of tools/list and tools/call."""

    def __init__(self, catalogue: Sequence[ToolSpec]) -> None:
        self._specs, self._catalogue = specs_of(catalogue), catalogue

    @functools.cached_property
    def _shown(self) -> dict[str, Tool]:
        return {name: apps.with_page(tool) for name, tool in shown(self._catalogue).items()}

    async def list(
        self,
        ctx: ServerRequestContext[Sessions],  # noqa: ARG002
        params: PaginatedRequestParams | None,  # noqa: ARG002
    ) -> ListToolsResult:
        """List every tool; the set never varies."""
        return ListToolsResult(tools=list(self._shown.values()))

    def input_schema(self, name: str) -> Json | None:
        """The published schema of a tool's arguments; None of an unknown one."""
        tool = self._shown.get(name)
        return None if tool is None else tool.input_schema

    async def call(
        self, ctx: ServerRequestContext[Sessions], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool, or end the call with a question to the person."""
        sessions = ctx.lifespan_context
        spec, args = self._specs.get(params.name), None
        try:
            spec = self._known(params.name)
            schema = self._shown[spec.name].input_schema
            args = arguments_of(spec, params.arguments or {}, schema)
            session = await sessions.now()
        except errors.VastMcpError as exc:
            return refusal(exc, sessions.current, spec, args)
        host = Host(
            ctx.session,
            ctx.request_id,
            params.input_responses,
            params.request_state,
            arriving.name_of(ctx),
            listens=_listens(ctx),
        )
        try:
            return both_channels(
                await answer(spec, args, session, ctx.session.report_progress, host)
            )
        except InputNeeded as needed:
            return needed.result

    def _known(self, name: str) -> ToolSpec:
        """Raises UnknownTool, with the name that was meant."""
        spec = self._specs.get(name)
        if spec is not None:
            return spec
        hint = hints.of_tool(name, self._specs)
        raise errors.UnknownTool(f"There is no such tool{hint}. Tools: {', '.join(self._specs)}.")


def _listens(ctx: ServerRequestContext[Sessions]) -> bool:
    """Whether the host asked to hear of progress."""
    return (ctx.meta or {}).get("progress_token") is not None
