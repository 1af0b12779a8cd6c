"""What a host can read without a tool call: the same JSON as the tools answer, and the skill."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources as files
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError

from vast_mcp.errors import Json
from vast_mcp.host.answering import answer
from vast_mcp.session import Session
from vast_mcp.toolspec import ToolSpec


@dataclass(frozen=True)
class View:
    """A read-only tool's answer under an address of its own."""

    uri: str
    tool: str
    title: str
    description: str


INSTANCES = View(
    "vast://instances",
    "show_instances",
    "Machines",
    "Every machine of the account, as show_instances.",
)


ACCOUNT = View(
    "vast://account", "show_account", "Account", "Credit, burn and open rentals, as show_account."
)


INSTANCE = View(
    "vast://instances/{instance_id}",
    "show_instance",
    "One machine",
    "One machine, as show_instance.",
)


def publish(
    server: MCPServer[Session], specs: dict[str, ToolSpec], session: Callable[[], Session]
) -> None:
    """Add the resources whose tools the catalogue has, and the skill."""
    for view in (INSTANCES, ACCOUNT):
        if view.tool in specs:
            server.resource(
                view.uri,
                name=view.tool,
                title=view.title,
                description=view.description,
                mime_type="application/json",
            )(_fixed(specs[view.tool], session))
    if INSTANCE.tool in specs:
        spec = specs[INSTANCE.tool]

        async def one(instance_id: str) -> str:
            if not instance_id.isdecimal():
                raise ResourceError("An instance's id is a number.")
            return await _read(spec, {"instance_id": int(instance_id)}, session())

        server.resource(
            INSTANCE.uri,
            name=INSTANCE.tool,
            title=INSTANCE.title,
            description=INSTANCE.description,
            mime_type="application/json",
        )(one)
    server.resource(
        "vast://skill",
        name="vast-mcp",
        title="Skill",
        description="How to rent with these tools.",
        mime_type="text/markdown",
    )(skill)


def _fixed(spec: ToolSpec, session: Callable[[], Session]) -> Callable[[], object]:
    async def read() -> str:
        return await _read(spec, {}, session())

    return read


async def _read(spec: ToolSpec, arguments: Json, session: Session) -> str:
    """The tool's answer as text. Raises ResourceError with the same error JSON where it is none."""
    payload = await answer(spec, spec.arguments.model_validate(arguments), session)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    if "error" in payload:
        raise ResourceError(text)
    return text


def skill() -> str:
    """SKILL.md lies in the wheel beside this module, and in a checkout at its root."""
    packaged = files.files("vast_mcp").joinpath("SKILL.md")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[3] / "SKILL.md").read_text(encoding="utf-8")
