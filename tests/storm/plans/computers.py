"""Computers and the servers on them, which may be killed at any moment.

A server is the real one over an MCP client, on a service that everybody shares. What it has sent
arrives there whether it lives or not; what it holds of files and sockets is let go of at its end.
Nothing of it runs after that: no `finally`, no last word.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
from jsonschema import Draft202012Validator
from mcp import Client

from storm.plans.virtual import LIFE, Life, VirtualLoop
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings, Times
from vast_mcp_tools import CATALOGUE

Json = dict[str, Any]
ON_THE_WAY_S = (0.05, 0.4)  # of a request, and of its answer
PATIENCE_S = 900.0  # of an agent for one call


_check_schema = Draft202012Validator.check_schema
_good: set[str] = set()


def _check_once(schema: Any) -> None:
    """The SDK's client checks the schema of a tool's results once a session, for 10 ms."""
    text = json.dumps(schema, sort_keys=True)
    if text not in _good:
        _check_schema(schema)
        _good.add(text)


Draft202012Validator.check_schema = _check_once  # type: ignore[method-assign, assignment]


class Died(Exception):
    """The server ended before it answered."""


class Service:
    """The way to a world: requests and answers take their time, and one that has left arrives."""

    def __init__(self, world: World, seed: str) -> None:
        self._app = create_app(world)
        self._dice = random.Random(seed)

    def _pause(self) -> float:
        return self._dice.uniform(*ON_THE_WAY_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _whole(receive)
        there = asyncio.get_running_loop().create_task(
            self._arrive(scope, body), context=contextvars.Context()
        )
        there.add_done_callback(lambda done: done.cancelled() or done.exception())
        sent = await asyncio.shield(there)
        await asyncio.sleep(self._pause())
        for message in sent:
            await send(message)

    async def _arrive(self, scope: Any, body: bytes) -> list[Any]:
        await asyncio.sleep(self._pause())
        sent: list[Any] = []

        async def receive() -> Json:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent


async def _whole(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class Person:
    """A person: a home with an SSH key, the folder of their journal, and their limits."""

    def __init__(self, home: Path, key: asyncssh.SSHKey, limits: Limits) -> None:
        home.mkdir(parents=True)
        folder = home / ".ssh"
        folder.mkdir(mode=0o700)
        key.write_private_key(folder / "id_ed25519")
        key.write_public_key(folder / "id_ed25519.pub")
        (folder / "id_ed25519").chmod(0o600)
        made = load({}, home=home, sandbox=True)
        self.settings: Settings = replace(
            made, times=Times(), state_dir=home / "state", limits=limits
        )


async def _heard(_done: float, _total: float | None, _said: str | None) -> None:
    """A host that shows what it hears to nobody."""


class Server:
    """One process of a person's. Enter it with `async with`; `kill` ends it as a signal does."""

    def __init__(self, person: Person, service: Service) -> None:
        self._person, self._service = person, service
        self._life = Life()
        self._loop: VirtualLoop | None = None
        self._client: Client | None = None
        self._built: Any = None
        self._open = asyncio.Event()
        self._leave = asyncio.Event()
        self._died = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.calls = 0

    @property
    def alive(self) -> bool:
        return not self._life.dead

    async def __aenter__(self) -> Server:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop
        context = contextvars.copy_context()
        context.run(LIFE.set, self._life)
        self._task = loop.create_task(self._serve(), context=context)
        await self._open.wait()
        return self

    async def _serve(self) -> None:
        self._built = build(self._person.settings, CATALOGUE, self._service)
        async with Client(self._built, mode="legacy") as self._client:
            self._open.set()
            await self._leave.wait()

    async def __aexit__(self, *_exc: object) -> None:
        if self.alive and self._task is not None:
            self._leave.set()
            await self._task

    def kill(self) -> None:
        """End it here and now."""
        if self._life.dead or self._loop is None:
            return
        self._life.dead = True
        self._loop.cut_off(self._life)
        for lock in self._life.locks:
            lock.release(force=True)
        with contextlib.suppress(Exception):
            self._built.session.journal.close()
        self._died.set()

    async def call(self, tool: str, *, hears: bool = False, **arguments: Any) -> Json:
        """What an agent reads; `hears`: its host asks to be told of progress. Raises Died where the
        server ends first.
        """
        self.calls += 1
        if not self.alive or self._client is None:
            raise Died
        progress = _heard if hears else None
        asked = asyncio.ensure_future(
            self._client.call_tool(tool, arguments, progress_callback=progress)
        )
        end = asyncio.ensure_future(self._died.wait())
        await asyncio.wait({asked, end}, timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
        end.cancel()
        if not asked.done():
            asked.cancel()
            raise Died
        told = asked.result().structured_content
        assert told is not None, asked.result()
        return told
