"""Every address that the client asks is a route of Vast's, slash and all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client

import vast_mcp.vast
from host.test_toolspec import success_arguments
from house import call
from vast_mcp.sandbox.world import World
from vast_mcp_tools import CATALOGUE

# The routes that this client asks, from docs/vast-api.md 0, A to G; N is an id.
ROUTES = {
    "/api/v0/asks/N/": {"PUT"},
    "/api/v0/bundles/": {"POST"},
    "/api/v0/charges/": {"GET"},
    "/api/v0/commands/copy_direct/": {"PUT", "DELETE"},
    "/api/v0/commands/rclone/": {"POST", "DELETE"},
    "/api/v0/gpu_names/unique/": {"GET"},
    "/api/v0/instances/": {"PUT", "DELETE"},
    "/api/v0/instances/N/": {"GET", "PUT", "DELETE"},
    "/api/v0/instances/N/ssh/": {"GET", "POST"},
    "/api/v0/instances/N/ssh/N/": {"DELETE"},
    "/api/v0/instances/accept-price-increase/": {"PUT"},
    "/api/v0/instances/balance/N/": {"GET"},
    "/api/v0/instances/bid_price/N/": {"PUT"},
    "/api/v0/instances/command/N/": {"PUT"},
    "/api/v0/instances/pending-price-increases/": {"GET"},
    "/api/v0/instances/prepay/N/": {"PUT"},
    "/api/v0/instances/reboot/N/": {"PUT"},
    "/api/v0/instances/recycle/N/": {"PUT"},
    "/api/v0/instances/reject-price-increase/": {"PUT"},
    "/api/v0/instances/update_template/N/": {"PUT"},
    "/api/v0/instances/request_logs/N/": {"PUT"},
    "/api/v0/machines/maintenances": {"POST"},
    "/api/v0/ssh/": {"GET", "POST"},
    "/api/v0/ssh/N/": {"DELETE"},
    "/api/v0/template/": {"GET", "POST", "PUT", "DELETE"},
    "/api/v0/users/cloud_integrations/": {"GET"},
    "/api/v0/users/current/": {"GET"},
    "/api/v0/users/spend-rate/": {"GET"},
    "/api/v0/volumes/": {"GET", "PUT", "DELETE"},
    "/api/v0/volumes/copy/": {"POST"},
    "/api/v0/volumes/search/": {"POST"},
    "/api/v1/instances/": {"GET"},
    "/api/v1/invoices/": {"GET"},
}
SOURCE = Path(vast_mcp.vast.__file__).parent


def route_of(path: str) -> str:
    """A path with its ids as N."""
    return re.sub(r"/[0-9]+(?=/|$)", "/N", path)


def texts_in(node: ast.AST) -> Iterator[str]:
    """Every text of a source, with N for what an f-string puts in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join("".join(texts_in(part)) or "N" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.FormattedValue):
        for part in ast.iter_child_nodes(node):
            yield from texts_in(part)


def test_every_path_in_the_source_is_a_route() -> None:
    """A path without its slash is answered by a redirect (docs/vast-api.md 0)."""
    sources = [ast.parse(file.read_text(encoding="utf-8")) for file in SOURCE.glob("*.py")]
    written = {text for source in sources for text in texts_in(source) if text.startswith("/api/")}
    assert written == set(ROUTES)


# What enters machines asks Vast no more than the others (tests/ssh/test_copies.py has it succeed).
@pytest.mark.parametrize("name", [one.name for one in CATALOGUE if one.name != "copy_files"])
async def test_what_a_tool_asks_are_routes(client: Client, world: World, name: str) -> None:
    """By method too, and none of them leads on."""
    assert "error" not in await call(client, name, **await success_arguments(name, client, world))
    asked = [one for one in world.requests if one.endpoint != "log_text"]
    assert [one for one in asked if one.method not in ROUTES.get(route_of(one.path), ())] == []
    assert "moved" not in {one.endpoint for one in asked}
