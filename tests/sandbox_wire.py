"""How sandbox tests talk: HTTP in process, a clock that stands still, and recorded replies to
compare with.
"""

import json
from typing import Any

import httpx

from house import GOLDEN
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

NOON = 1_795_000_000.0
ASK, CONTRACT = 1_234_567, 1_234_568  # the ids the recorded replies carry
SSH_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)


class Clock:
    """Time that moves when told."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def a_world(**options: Any) -> World:
    return World(**{"clock": Clock(), **options})


class Wire:
    """One HTTP client on one world."""

    def __init__(self, world: World, authorization: str | None = "Bearer some-key") -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        transport = httpx.ASGITransport(create_app(world))
        self.http = httpx.AsyncClient(
            transport=transport, base_url="http://vast.invalid", headers=headers
        )

    async def ask(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        return await self.http.request(method, path, json=json, params=params or None)

    async def rent(self, ask_id: int, **body: Any) -> httpx.Response:
        return await self.ask("PUT", f"/api/v0/asks/{ask_id}/", {"image": "example/image", **body})

    async def search(self, **query: Any) -> list[dict[str, Any]]:
        reply = await self.ask("POST", "/api/v0/bundles/", query)
        assert reply.status_code == 200, reply.text
        return reply.json()["offers"]

    async def show(self, instance_id: int) -> dict[str, Any] | None:
        return (await self.ask("GET", f"/api/v0/instances/{instance_id}/", owner="me")).json()[
            "instances"
        ]

    async def page(self, **query: Any) -> dict[str, Any]:
        reply = await self.ask("GET", "/api/v1/instances/", **query)
        assert reply.status_code == 200, reply.text
        return reply.json()


def assert_golden(
    reply: httpx.Response, name: str, *, ask: int = ASK, contract: int = CONTRACT
) -> None:
    """The reply is the recorded one; where only some fields are recorded, those."""
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    recorded = json.loads(text.replace(str(ASK), str(ask)).replace(str(CONTRACT), str(contract)))
    assert reply.status_code == recorded["status"]
    assert {key: reply.headers.get(key) for key in recorded["headers"]} == recorded["headers"]
    if "text" in recorded:
        assert reply.text == recorded["text"]
    elif recorded.get("partial"):
        assert reply.json() | recorded["body"] == reply.json()
    else:
        assert reply.json() == recorded["body"]
