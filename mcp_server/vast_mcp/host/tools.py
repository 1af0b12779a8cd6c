"""The catalogue as a host lists and calls it."""

from __future__ import annotations

from collections.abc import Sequence

from mcp.server import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
)

from vast_mcp import errors
from vast_mcp.caller import Host, InputNeeded
from vast_mcp.errors import Json
from vast_mcp.host import arriving, hints
from vast_mcp.host.answering import answer, both_channels, refusal
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.schema import published
from vast_mcp.host.sessions import Sessions
from vast_mcp.toolspec import ToolSpec


class Tools:
    """The handlers of tools/list and tools/call."""

    def __init__(self, catalogue: Sequence[ToolSpec]) -> None:
        self._specs = {spec.name: spec for spec in catalogue}

    async def list(
        self,
        ctx: ServerRequestContext[Sessions],  # noqa: ARG002
        params: PaginatedRequestParams | None,  # noqa: ARG002
    ) -> ListToolsResult:
        """List every tool; the set never varies."""
        return ListToolsResult(tools=[published(spec) for spec in self._specs.values()])

    def input_schema(self, name: str) -> Json | None:
        """The published schema of a tool's arguments; None of an unknown one."""
        spec = self._specs.get(name)
        return published(spec).input_schema if spec is not None else None

    async def call(
        self, ctx: ServerRequestContext[Sessions], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool, or end the call with a question to the person."""
        sessions = ctx.lifespan_context
        spec, args = self._specs.get(params.name), None
        try:
            spec = self._known(params.name)
            args = arguments_of(spec, params.arguments or {}, published(spec).input_schema)
            session = await sessions.now()
        except errors.VastMcpError as exc:
            return refusal(exc, sessions.current, spec, args)
        host = Host(
            ctx.session,
            ctx.request_id,
            params.input_responses,
            params.request_state,
            arriving.name_of(ctx),
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
