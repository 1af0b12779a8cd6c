"""A real server, a person's folder of keys, and a session to try from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from openssh import Sshd
from trying import Tryer

from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Session
from vast_mcp.settings import Settings


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may enter, and whose name is short enough for a socket."""
    made = Path(tempfile.mkdtemp(prefix="vast-ssh-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def sshd(folder: Path) -> Iterator[Sshd]:
    """An OpenSSH server that lets nobody in yet."""
    made = Sshd(folder)
    yield made
    made.close()


@pytest.fixture
def workplace(folder: Path) -> Iterator[Sshd]:
    """A server in which root may work, in the folder `home` beside it; nobody is let in yet."""
    home = folder / "home"
    home.mkdir()
    made = Sshd(folder, home=home)
    yield made
    made.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Reads are as fast as they can be."""
    return replace(settings, times=replace(settings.times, pace=0.0))


@pytest.fixture
async def tryer(world: World, settings: Settings) -> AsyncIterator[Tryer]:
    """A session over a world; its person has an empty ~/.ssh."""
    session = Session(settings, create_app(world))
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir(mode=0o700)
    yield Tryer(session, world)
    await session.close()
