"""Chromium, and what judges a page in it. `make views` says where they are (scripts/views.py)."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from playwright.async_api import Browser, async_playwright

from house import lenient_world, served
from stage import Stage, of_server, origins, resources_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

CHROMIUM = os.environ["VIEWS_CHROMIUM"]
NPM = Path(os.environ["VIEWS_NPM"])  # a folder with the packages of scripts/views.py


@pytest.fixture
def anyio_backend() -> str:
    """A browser's clock is the true one."""
    return "asyncio"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.getuid() == 0 else []
        )
        yield made
        await made.close()


@pytest.fixture(scope="session")
def two_origins() -> Iterator[Any]:
    with origins() as both:
        yield both


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    patient = replace(settings, times=replace(settings.times, budget_s=50.0))
    async with served(world, patient) as made:
        yield made


@pytest.fixture
async def stage(browser: Browser, two_origins: Any, client: Client) -> AsyncIterator[Stage]:
    made = Stage(browser, two_origins, of_server(client), resources_of(client))
    yield made
    await made.close()


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The messages of MCP Apps, by the project that specifies them."""
    file = NPM / "@modelcontextprotocol/ext-apps/dist/src/generated/schema.json"
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def axe() -> str:
    return (NPM / "axe-core/axe.min.js").read_text(encoding="utf-8")
