"""Settings become a server, on Vast or on a sandbox in this process."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from vast_mcp.settings import Settings


def warn(text: str) -> None:
    """A line for the person who reads the server's log."""
    print(f"vast-mcp: {text}", file=sys.stderr, flush=True)


def compose(settings: Settings) -> Any:
    """The server over the whole catalogue, on the in-process sandbox where the settings say so."""
    from vast_mcp.host.server import build
    from vast_mcp_tools import CATALOGUE

    settings, app = with_sandbox(settings)
    return build(settings, CATALOGUE, app)


def with_sandbox(settings: Settings) -> tuple[Settings, Any]:
    """The settings and the in-process sandbox, where they ask for it."""
    if not settings.sandbox:
        return settings, None
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.sandbox.world import World

    # As the real one: its limits are enforced, so its pace is kept; doors answer as SSH does.
    kept = replace(settings, times=replace(settings.times, pace=1.0))
    world = World(limits=True, ssh_banners=True, looks_per_step=None, seconds_per_step=0.9)
    return kept, create_app(world)
