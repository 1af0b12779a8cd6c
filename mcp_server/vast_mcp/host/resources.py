"""What a host can read without a tool call: the same JSON as the tools answer, the skill, and the
pages in which it shows answers (apps.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources as files
from pathlib import Path

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.host import apps
from vast_mcp.host.answering import answer, as_text, refused
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.schema import published, specs_of
from vast_mcp.host.sessions import Sessions
from vast_mcp.session import Session
from vast_mcp.toolspec import ToolSpec

JSON_TYPE = "application/json"
SKILL = Resource(
    uri="vast://skill",
    name="vast-mcp",
    title="Skill",
    description="How to rent with these tools.",
    mime_type="text/markdown",
)
ONE_MACHINE = "vast://instances/"


@dataclass(frozen=True)
class Answer:
    """A read-only tool's answer under an address of its own."""

    uri: str
    tool: str
    title: str
    description: str

    def as_resource(self) -> Resource:
        return Resource(
            uri=self.uri,
            name=self.tool,
            title=self.title,
            description=self.description,
            mime_type=JSON_TYPE,
        )

    def as_template(self) -> ResourceTemplate:
        return ResourceTemplate(
            uri_template=self.uri,
            name=self.tool,
            title=self.title,
            description=self.description,
            mime_type=JSON_TYPE,
        )


INSTANCES = Answer(
    "vast://instances",
    "show_instances",
    "Machines",
    "Every machine of the account, as show_instances.",
)
ACCOUNT = Answer(
    "vast://account", "show_account", "Account", "Credit, burn and open rentals, as show_account."
)
LIMITS = Answer(
    "vast://limits", "show_limits", "Limits", "What the person allows, and how full it is."
)
INSTANCE = Answer(
    "vast://instances/{instance_id}",
    "show_instance",
    "One machine",
    "One machine, as show_instance.",
)


class Resources:
    """The handlers of resources/…: the answers whose tools the catalogue has, the skill, pages."""

    def __init__(self, catalogue: Sequence[ToolSpec]) -> None:
        self._specs = specs_of(catalogue)
        self._answers = {one.uri: one for one in (INSTANCES, ACCOUNT) if one.tool in self._specs}
        self._answers[LIMITS.uri] = LIMITS

    async def list(
        self,
        ctx: ServerRequestContext[Sessions],  # noqa: ARG002
        params: PaginatedRequestParams | None,  # noqa: ARG002
    ) -> ListResourcesResult:
        answers = [one.as_resource() for one in self._answers.values()]
        return ListResourcesResult(resources=[*answers, SKILL, *apps.pages()])

    async def list_templates(
        self,
        ctx: ServerRequestContext[Sessions],  # noqa: ARG002
        params: PaginatedRequestParams | None,  # noqa: ARG002
    ) -> ListResourceTemplatesResult:
        templates = [INSTANCE.as_template()] if INSTANCE.tool in self._specs else []
        return ListResourceTemplatesResult(resource_templates=templates)

    async def read(
        self, ctx: ServerRequestContext[Sessions], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Read one. Raises MCPError with the JSON that a tool would answer in its data."""
        uri = str(params.uri)
        if uri == SKILL.uri:
            return _text(uri, SKILL.mime_type, skill())
        if (page := apps.read_page(uri)) is not None:
            return page
        sessions = ctx.lifespan_context
        spec = self._specs.get(INSTANCE.tool)  # which only reads, as all that is behind an address
        args = None
        try:
            spec, arguments = self._tool_of(uri)
            args = arguments_of(spec, arguments, published(spec).input_schema)
            session = await sessions.now()
        except (errors.BadArguments, errors.Unreachable) as exc:
            session = sessions.current
            raise _failure(uri, refused(exc, session, spec, args), session) from None
        payload = await answer(spec, args, session)
        if "error" in payload:
            raise _failure(uri, payload, session)
        return _text(uri, JSON_TYPE, as_text(payload))

    def _spec_of(self, known: Answer) -> ToolSpec:
        """Whose answer it is: a tool's, or that of the limits, which no tool gives."""
        if known is LIMITS:
            from vast_mcp.host.limits import SPEC  # loads what counts them

            return SPEC
        return self._specs[known.tool]

    def _tool_of(self, uri: str) -> tuple[ToolSpec, Json]:
        """The tool behind an address, and its arguments. Raises BadArguments."""
        known = self._answers.get(uri)
        if known is not None:
            return self._spec_of(known), {}
        spec = self._specs.get(INSTANCE.tool)
        if spec is not None and uri.startswith(ONE_MACHINE):
            return spec, {"instance_id": _number(uri.removeprefix(ONE_MACHINE))}
        pages = [page.uri for page in apps.pages()]
        all_of_them = ", ".join([*self._answers, INSTANCE.uri, SKILL.uri, *pages])
        raise errors.BadArguments(f"There is no such resource. Resources: {all_of_them}.")


def _number(text: str) -> int | str:
    """The digits as a number; what is none is for the tool to refuse."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,17}", text) else text


def _failure(uri: str, payload: Json, session: Session) -> MCPError:
    code = INTERNAL_ERROR
    if payload["error"]["code"] in {errors.BadArguments.code, errors.NoSuchInstance.code}:
        code = INVALID_PARAMS
    shown = session.settings.mask.hide_foreign(errors.clean(uri, 200))
    said = f"{payload['error']['code']}: {payload['error']['message']}"
    return MCPError(code, said, payload | {"uri": shown})


def _text(uri: str, mime_type: str | None, text: str) -> ReadResourceResult:
    return ReadResourceResult(
        contents=[TextResourceContents(uri=uri, mime_type=mime_type, text=text)]
    )


def skill() -> str:
    """SKILL.md lies in the wheel beside this module, and in a checkout at its root."""
    packaged = files.files("vast_mcp").joinpath("SKILL.md")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[3] / "SKILL.md").read_text(encoding="utf-8")
