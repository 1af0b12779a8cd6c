"""A command in a machine is begun once, survives whoever began it, and is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from mcp import Client
from openssh import Sshd, keygen, needs_openssh, needs_root_to_serve, public_line
from places import Places

from house import call
from vast_mcp.host.server import build
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

pytestmark = [needs_openssh, needs_root_to_serve]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(looks_per_step=0, rent_again=True)
    yield made
    made.close()


@pytest.fixture
def places(world: World, settings: Settings, workplace: Sshd) -> Places:
    """A person whose key every machine has."""
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir(mode=0o700)
    line = public_line(keygen(settings.ssh_dir / "id_ed25519"))
    world.set_keys([line])
    workplace.authorize(line)
    return Places(world)


@pytest.fixture
async def client(places: Places, settings: Settings) -> AsyncIterator[Client]:
    async with Client(build(settings, CATALOGUE, places.app())) as made:
        yield made


async def test_a_command_runs(client: Client, places: Places, workplace: Sshd) -> None:
    machine = places.machine(workplace)
    ran = await call(client, "run_command", instance_id=machine, command="echo hi; exit 3")
    assert ran["exit_status"] == 3
