"""How a tool is declared, and how a call becomes a result: strict arguments in, the same JSON on
both channels out.

Hosts disagree on which channel their model reads and on what a schema may contain (docs/hosts.md,
"channels" and "input schemas"): so the text block is the structured content, failures carry a
top-level `error`, input schemas are flat and closed, and an output schema requires nothing.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ConfigDict, ValidationError, create_model

from vast_mcp.errors import Json

if TYPE_CHECKING:
    pass
from vast_mcp.host.answering import answer, both_channels, failure
from vast_mcp.host.bad_arguments import bad_arguments
from vast_mcp.host.schema import input_schema, output_schema
from vast_mcp.session import Host, InputNeeded, Session
from vast_mcp.toolspec import Arguments, ToolSpec

# ── How a call runs ───────────────────────────────────────────────────────────────────────────────


class _Metadata(FuncMetadata):
    """The SDK's argument handling without its repair of strings that look like JSON.

    That repair turns `args_str='["bash"]'` into a list and "null" into nothing; StrictTool does a
    narrower one.
    """

    def pre_parse_json(self, data: Json) -> Json:
        return data


class _Whole(ArgModelBase):
    """Hands the function the validated model itself instead of its fields."""

    model_config = ConfigDict(
        defer_build=True
    )  # the first call builds it; listing needs the schema only

    def model_dump_one_level(self) -> Json:
        return {"args": self}


def _takes_text(schema: Json) -> bool:
    arms = cast("list[Json]", schema.get("anyOf", [schema]))
    return any(arm.get("type") not in {"object", "array"} for arm in arms)


def _unwrapped(value: Any, schema: Json) -> Any:
    """An object or array that came as JSON text (Claude Desktop does that), for an argument that
    takes no text.
    """
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["} or _takes_text(schema):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class StrictTool(Tool):
    """A ToolSpec as the SDK runs it."""

    @classmethod
    @functools.cache  # building schemas takes 5 ms a tool
    def of(cls, spec: ToolSpec) -> StrictTool:
        """Build the SDK's tool. The function gets its argument model as `args` and a Call as
        `call`.
        """

        async def run(
            args: Arguments, ctx: Context[Session, Any]
        ) -> CallToolResult | InputRequiredResult:
            session = ctx.request_context.lifespan_context
            request = ctx.request_context
            host = Host(request.session, request.request_id, ctx.input_responses, ctx.request_state)
            try:
                return both_channels(await answer(spec, args, session, ctx.report_progress, host))
            except InputNeeded as needed:
                return needed.result

        base = cast(
            "type[ArgModelBase]", spec.arguments
        )  # every model has what the SDK calls on it; see _Whole
        model = create_model(f"{spec.arguments.__name__}Call", __base__=(_Whole, base))
        return cls(
            fn=run,
            name=spec.name,
            title=spec.title,
            description=spec.description,
            is_async=True,
            parameters=input_schema(spec),
            fn_metadata=_Metadata(arg_model=model, output_schema=output_schema(spec)),
            context_kwarg="ctx",
            annotations=ToolAnnotations(
                title=spec.title,
                read_only_hint=spec.read_only,
                destructive_hint=spec.destructive,
                idempotent_hint=spec.idempotent,
                open_world_hint=spec.open_world,
            ),
        )

    async def run(self, arguments: Json, context: Any, convert_result: bool = False) -> Any:
        properties = cast("dict[str, Json]", self.parameters["properties"])
        arguments = {
            key: _unwrapped(value, properties.get(key, {})) for key, value in arguments.items()
        }
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except ToolError as exc:
            if not isinstance(exc.__cause__, ValidationError):
                raise
            sandbox = context.request_context.lifespan_context.settings.sandbox
            return failure(
                bad_arguments(self.name, exc.__cause__, self.parameters), sandbox=sandbox
            )
