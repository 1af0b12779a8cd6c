"""Joining the catalogue, the settings and the sandbox to a server: the composition root."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from vast_mcp import worlds
from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.host.server import VastServer
    from vast_mcp.sandbox.world import World

NOT_LOADED = object()


def warn(text: str) -> None:
    """A line for the person who reads the server's log."""
    print(f"vast-mcp: {text}", file=sys.stderr, flush=True)


def compose(settings: Settings) -> VastServer:
    """The server over the whole catalogue, on the sandbox where the settings say so."""
    from vast_mcp.host.server import build
    from vast_mcp_tools import CATALOGUE

    settings, app, alone = placed(settings)
    with rich_hidden():
        server = build(settings, CATALOGUE, app)
    if alone is not None:
        server.telling.unsaid.append(alone)
    return server


@contextmanager
def rich_hidden() -> Generator[None]:
    """Let nobody import rich while the context lasts. The SDK's server loads it for its log
    wherever it is installed, which takes a tenth of the start and colours what hosts keep; without
    it the log is plain lines.
    """
    loaded = cast("dict[str, Any]", sys.modules)
    names = ("rich", "rich.console")
    kept = {name: loaded.get(name, NOT_LOADED) for name in names}
    loaded |= dict.fromkeys(names)  # None: an import of it fails
    try:
        yield
    finally:
        for name, module in kept.items():
            del loaded[name]
            if module is not NOT_LOADED:
                loaded[name] = module


def placed(settings: Settings) -> tuple[Settings, Any, str | None]:
    """The settings, and the sandbox's app where they ask for a world and none can be shared, with
    the reason.
    """
    if not settings.sandbox:
        return settings, None, None
    # As the real one: its limits are enforced, so its pace is kept.
    settings = replace(settings, times=replace(settings.times, pace=1.0))
    problem = worlds.problem_with(settings.world_dir) if settings.world_dir else "no folder"
    if problem is None:
        return settings, None, None
    from vast_mcp.sandbox.routes import create_app

    alone = f"The sandbox's world is this process's own and ends with it: {problem}."
    warn(alone)
    return replace(settings, world_dir=None), create_app(lively_world()), alone


def lively_world(**options: Any) -> World:
    """A world as a person meets it: limits hold, doors answer as SSH does, and machines move on by
    time.
    """
    from vast_mcp.sandbox.world import World

    return World(
        limits=True,
        search_quota=20_000,
        ssh_banners=True,
        looks_per_step=None,
        seconds_per_step=0.9,
        **options,
    )


async def with_sandbox(settings: Settings) -> tuple[Settings, Any]:
    """The settings of a command that asks Vast itself, and the app of a sandbox in this process.

    Raises Unreachable where they ask for the shared world and it cannot be met.
    """
    settings, app, _ = placed(settings)
    if settings.world_dir is None:
        return settings, app
    shared = worlds.SharedWorld(settings, settings.world_dir)
    try:
        return (await shared.meet()).settings, None
    finally:
        await shared.close()
