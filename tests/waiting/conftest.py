"""A world whose machines have doors, and a server that waits in a hurry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import pytest
from mcp import Client

from house import served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from waits import hurried


@pytest.fixture
def world() -> Iterator[World]:
    made = World(ssh_banners=True, rent_again=True)
    yield made
    made.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return hurried(settings)


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings) as made:
        yield made


@pytest.fixture
def key(world: World, tmp_path: Path) -> Path:
    """A key of this computer that the account has."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    folder = tmp_path / ".ssh"
    folder.mkdir(mode=0o700)
    path = folder / "id_ed25519"
    made.write_private_key(path)
    path.chmod(0o600)
    made.write_public_key(folder / "id_ed25519.pub")
    world.set_keys([made.export_public_key().decode()])
    return path
