"""A client on a server on a sandbox, all in this process: no sockets, no real HOME, no key."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh  # noqa: F401  # loaded by the first guest of a door else, within somebody's deadline
import hypothesis
import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from house import env_of
from processes import PATIENCE, end_worlds, line_of, process, services
from quick import QUICK, quickly, slow_first
from unhurried import UnhurriedLoop
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

# No example database: tests write nothing outside their temporary folder, and the same examples run
# everywhere.
hypothesis.settings.register_profile("house", database=None, derandomize=True, deadline=None)
hypothesis.settings.load_profile("house")


def _once(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """A check of schemas that asks about each schema once."""
    good: set[str] = set()

    def checked(schema: Any) -> None:
        text = json.dumps(schema, sort_keys=True)
        if text not in good:
            check(schema)
            good.add(text)

    return checked


# The SDK's client checks the schema of a tool's results once a session, for 10 ms, and every test
# has sessions of its own: a third of the suite's time.
Draft202012Validator.check_schema = _once(Draft202012Validator.check_schema)


# httpx looks for sniffio at each request to an app in this process. It is not installed, and the
# search through all folders takes a tenth of the suite's time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` tries a part of everything (quick.py)."""
    if QUICK:
        kept = quickly(items)
        chosen = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = kept
    items[:] = slow_first(items)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": UnhurriedLoop}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the real HOME, none inherits a key or an agent, and none leaves a
    sandbox."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("VAST_API_KEY", "VAST_URL", "VAST_MCP_ENV_FILE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    yield
    end_worlds(tmp_path)


@pytest.fixture(autouse=True, scope="session")
def _no_world_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that several tests share have homes of their own. In the end no sandbox is left."""
    yield
    folder = tmp_path_factory.getbasetemp()
    end_worlds(folder)
    give_up_at = time.monotonic() + PATIENCE
    while left := services(folder):
        assert time.monotonic() < give_up_at, f"sandboxes are left behind: {left}"
        time.sleep(0.05)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A doubt outlasts a call here, as it does for an agent; what proves an absence has tests of
    its own.
    """
    made = load({}, home=tmp_path, sandbox=True)
    return replace(
        made,
        times=replace(made.times, budget_s=2.4, put_s=0.4, lists_apart_s=60.0, absent_after_s=90.0),
    )


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal's folder, for servers and for commands."""
    folder = tmp_path / "state"
    monkeypatch.setenv("VAST_MCP_STATE_DIR", str(folder))
    return folder


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with Client(build(settings, CATALOGUE, create_app(world))) as made:
        yield made


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The least a process needs, a HOME of its own, and proxies that lead nowhere."""
    return env_of(tmp_path)


@pytest.fixture
def url(env: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A pretended Vast.ai in a process of its own."""
    with process("sandbox", "--port", "0", env=env, cwd=tmp_path) as started:
        yield line_of(started).decode().rpartition("VAST_URL=")[2].strip()
