"""Joining the catalogue, the settings and the sandbox to a server: the composition root."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from vast_mcp.settings import Settings

if TYPE_CHECKING:
    from vast_mcp.host.server import VastServer

NOT_LOADED = object()


def warn(text: str) -> None:
    """A line for the person who reads the server's log."""
    print(f"vast-mcp: {text}", file=sys.stderr, flush=True)


def compose(settings: Settings) -> VastServer:
    """The server over the whole catalogue, on the in-process sandbox where the settings say so."""
    from vast_mcp.host.server import build
    from vast_mcp_tools import CATALOGUE

    settings, app = with_sandbox(settings)
    with rich_hidden():
        return build(settings, CATALOGUE, app)


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


def with_sandbox(settings: Settings) -> tuple[Settings, Any]:
    """The settings and the in-process sandbox, where they ask for it."""
    if not settings.sandbox:
        return settings, None
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.sandbox.world import World

    # As the real one: its limits are enforced, so its pace is kept; doors answer as SSH does.
    kept = replace(settings, times=replace(settings.times, pace=1.0))
    world = World(
        limits=True,
        search_quota=20_000,
        ssh_banners=True,
        looks_per_step=None,
        seconds_per_step=0.9,
    )
    return kept, create_app(world)
