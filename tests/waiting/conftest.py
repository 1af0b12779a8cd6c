"""A world whose machines have doors, and a server that waits in a hurry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mcp import Client

from house import served
from people import with_a_key
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
    return with_a_key(world, tmp_path / ".ssh")
