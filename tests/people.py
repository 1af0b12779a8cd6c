"""A person before a server that asks: their answers, and their shell."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import asyncssh
import pytest
from mcp import Client
from mcp.types import ElicitRequestFormParams, ElicitResult

from house import KEY_LINE, OTHER_KEY_LINE, call, lenient_world
from vast_mcp.commands import cli
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings
from vast_mcp_tools import CATALOGUE

Mode = Literal["auto", "legacy"]
ERAS = pytest.mark.parametrize("era", ["auto", "legacy"], ids=["2026-07-28", "handshake"])
YES = ElicitResult(action="accept", content={"yes": True})
UNTICKED = ElicitResult(action="accept", content={"yes": False})
BARE = ElicitResult(action="accept", content={})
DECLINE = ElicitResult(action="decline")
CANCEL = ElicitResult(action="cancel")


def register_a_key(home: Path, world: World) -> None:
    """The person's key: a file of theirs, and on the account."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    folder = home / ".ssh"
    folder.mkdir()
    key.write_private_key(folder / "id_ed25519")
    key.write_public_key(folder / "id_ed25519.pub")
    world.set_keys([key.export_public_key().decode()])


class Person:
    """Answers every question alike, and remembers what was asked. `meanwhile` happens as the
    first one is read.
    """

    def __init__(
        self, answer: ElicitResult = YES, meanwhile: Callable[[], object] | None = None
    ) -> None:
        self.answer, self.meanwhile = answer, meanwhile
        self.questions: list[str] = []
        self.schemas: list[dict[str, Any]] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        self.schemas.append(params.requested_schema)
        if self.meanwhile is not None and len(self.questions) == 1:
            self.meanwhile()
        return self.answer


@asynccontextmanager
async def confirming(
    world: World,
    settings: Settings,
    person: Person | None = None,
    *,
    above: float = 0.0,
    state: Path | None = None,
    era: Mode = "auto",
    **limits: Any,
) -> AsyncIterator[Client]:
    """A server that asks above this price, and a host with this person before it, or nobody."""
    settings = replace(settings, confirm_above=above, state_dir=state, limits=Limits(**limits))
    server = build(settings, CATALOGUE, create_app(world))
    async with Client(server, mode=era, elicitation_callback=person) as client:
        yield client


async def refused(
    client: Client, code: str, tool: str = "create_instance", **arguments: Any
) -> dict[str, Any]:
    error = (await call(client, tool, **arguments))["error"]
    assert (error["code"], error["billing_possible"], error["retryable"]) == (code, False, False)
    return error


def code_in(error: dict[str, Any]) -> str:
    found = re.search(r"`vast-mcp approve ([2-9A-Z]{4}-[2-9A-Z]{4})`", error["message"])
    assert found is not None, error
    return found.group(1)


def approve(code: str) -> int:
    return cli.run(["approve", code, "--yes"])


def with_a_key(world: World, ssh_dir: Path) -> Path:
    """The private key file of a person, in a new ~/.ssh; the account has that key and no other."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    ssh_dir.mkdir(mode=0o700)
    path = ssh_dir / "id_ed25519"
    made.write_private_key(path)
    path.chmod(0o600)
    made.write_public_key(f"{path}.pub")
    world.set_keys([made.export_public_key().decode()])
    return path


def two_keys_world() -> World:
    """A world whose account has two keys."""
    world = lenient_world()
    world.set_keys([KEY_LINE, OTHER_KEY_LINE])
    return world


def keys_on(world: World, machine: int) -> list[str]:
    """The public keys that open a machine."""
    return [key.public_key for key in world.instances[machine].keys.values()]
