"""A process that stands still in the middle of renting: what the others may do meanwhile, and what
it may still do when it wakes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client

from house import call, lenient_world, offers, puts, served
from vast_mcp import errors
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.journal import Journal
from vast_mcp.journal.questions import LEAST_UNSENT_S
from vast_mcp.journal.records import Wish
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.vast.client import Vast
from vast_mcp.vast.link import Link
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def short(tmp_path: Path) -> Settings:
    """To this server a request that takes longer than 0.2 s is overdue."""
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times, budget_s=1.2, put_s=0.2, look_s=0.02, seen_apart_s=0.02, lists_apart_s=0.05
    )
    return replace(
        made,
        state_dir=tmp_path / "state",
        times=replace(times, absent_after_s=0.1, taken_after_s=0.2),
    )


class Holding:
    """The service, which holds the first request to rent back until it is let go, before or after
    it carries it out.
    """

    def __init__(self, world: World, *, commits_first: bool) -> None:
        self._app, self._commits_first = create_app(world), commits_first
        self.arrived, self.go = anyio.Event(), anyio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_rent = scope["type"] == "http" and scope["method"] == "PUT" and "/asks/" in scope["path"]
        if not is_rent or self.arrived.is_set():
            return await self._app(scope, receive, send)
        parts: list[Any] = []

        async def keep(message: Any) -> None:
            parts.append(message)

        if self._commits_first:
            await self._app(scope, receive, keep)
        self.arrived.set()
        await self.go.wait()
        if not self._commits_first:
            await self._app(scope, receive, keep)
        for part in parts:
            await send(part)
        return None


class Stopped:
    """A server that stands still in the middle of its request to rent, as far as others can see,
    and another one on the same journal.
    """

    def __init__(self, other: Client, holding: Holding) -> None:
        self.other, self.holding = other, holding
        self.answer: dict[str, Any] = {}

    async def overdue(self) -> None:
        """Return when the request has taken longer than one may."""
        while not (await call(self.other, "show_account"))["open_intents"]:
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def stopped(
    world: World, short: Settings, arguments: dict[str, Any], *, commits_first: bool
) -> AsyncIterator[Stopped]:
    """A server whose request is on its way until the block ends; then it wakes."""
    patient = replace(short, times=replace(short.times, budget_s=60.0, put_s=30.0))
    holding = Holding(world, commits_first=commits_first)
    with anyio.fail_after(100):
        async with (
            Client(build(patient, CATALOGUE, holding)) as owner,
            served(world, short) as other,
            anyio.create_task_group() as tasks,
        ):
            made = Stopped(other, holding)

            async def ask() -> None:
                made.answer = await call(owner, "create_instance", **arguments)

            tasks.start_soon(ask)
            await holding.arrived.wait()
            try:
                yield made
            finally:
                holding.go.set()


def wish(offer: int, **more: Any) -> dict[str, Any]:
    return {"offer_id": offer, "image": "a/b", "disk": 20, **more}


async def test_nothing_else_is_rented_beside_a_request_that_has_taken_too_long(
    world: World, short: Settings
) -> None:
    """Another server rented another offer while a stopped one's request was in doubt. However long
    its lock is held, nothing is called absent; who accepts paying twice may rent.
    """
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    async with stopped(world, short, wish(first), commits_first=False) as it:
        await it.overdue()
        for _ in range(2):
            other = await call(it.other, "create_instance", **wish(second))
            assert other["error"]["code"] == "unresolved_intent"
            same = await call(it.other, "create_instance", **wish(first))
            assert (same["error"]["code"], same["error"]["billing_possible"]) == (
                "outcome_unknown",
                True,
            )
        assert puts(world) == 0
        meant = wish(second, request_key="both", allow_unresolved=True)
        both = await call(it.other, "create_instance", **meant)
        assert "error" not in both
    assert it.answer["instance_id"] in {machine.id for machine in world.living}
    assert puts(world) == 2


async def test_a_request_that_is_on_its_way_in_time_hinders_nobody(
    world: World, short: Settings
) -> None:
    """The nearest that must pass: two servers rent two offers at the same time."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    slow = replace(short, times=replace(short.times, put_s=30.0, budget_s=60.0))
    async with stopped(world, slow, wish(first), commits_first=False) as it:
        other = await call(it.other, "create_instance", **wish(second))
        assert "error" not in other
    assert "error" not in it.answer
    assert len(world.living) == 2


@pytest.mark.parametrize("asks", ["the same", "another"])
async def test_the_machine_of_a_stopped_process_is_found_by_another(
    world: World, short: Settings, asks: str
) -> None:
    """Seen twice, it is told of by name and nothing is rented; the process that wakes says the
    same.
    """
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    async with stopped(world, short, wish(first), commits_first=True) as it:
        await it.overdue()
        [machine] = world.living
        if asks == "the same":
            found = await call(it.other, "create_instance", **wish(first))
            assert (found["instance_id"], found["recovered"]) == (machine.id, True)
        else:
            found = await call(it.other, "create_instance", **wish(second))
            assert found["error"]["code"] == "earlier_rental_found"
            assert found["error"]["instance_id"] == machine.id
        assert puts(world) == 1
    assert it.answer["instance_id"] == machine.id
    assert puts(world) == 1


@pytest.mark.parametrize("moment", ["before the mark", "after the mark"])
async def test_a_process_that_wakes_too_late_sends_nothing_and_the_same_call_rents(
    world: World, short: Settings, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Stopped between announcing and sending for longer than a request may take."""
    mark = Journal.mark_sending

    def stands_still(self: Journal, intent: Any) -> None:
        if moment == "after the mark":
            mark(self, intent)
        time.sleep(LEAST_UNSENT_S * 1.1)
        if moment == "before the mark":
            mark(self, intent)

    offer = offers(world, 1)[0]["id"]
    async with served(world, short) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "mark_sending", stands_still)
            late = await call(client, "create_instance", **wish(offer))
        assert (late["error"]["code"], late["error"]["retryable"]) == ("not_rented", True)
        assert not late["error"].get("billing_possible")
        assert puts(world) == 0
        again = await call(client, "create_instance", **wish(offer))
    assert [again["instance_id"]] == [machine.id for machine in world.living]


@pytest.mark.parametrize(("put_s", "gives_up"), [(0.0, True), (60.0, False)])
def test_what_was_announced_and_not_sent_in_time_is_given_up_by_anybody_and_then_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_s: float, gives_up: bool
) -> None:
    """While it stands still its room counts for nobody; when it wakes it finds itself given up."""
    a_wish = Wish("account", "key", "digest", 1, "running", derived=False, allow_unresolved=False)
    monkeypatch.setattr("vast_mcp.journal.questions.LEAST_UNSENT_S", 0.0)
    with closing(Journal(tmp_path)) as owner, closing(Journal(tmp_path, put_s=put_s)) as other:
        owner.take_ownership()
        with owner.alone():
            intent = owner.intend(a_wish, "label")
        other.abandon_unsent("account")
        assert other.consider(a_wish).act == ("send" if gives_up else "wait")
        if gives_up:
            with pytest.raises(errors.NotRented):
                owner.mark_sending(intent)
        else:
            owner.mark_sending(intent)


@pytest.mark.parametrize("wakes_late", [True, False])
async def test_a_request_is_held_back_up_to_the_moment_of_its_first_byte(
    tmp_path: Path, wakes_late: bool
) -> None:
    """The process is stopped while it connects: the connection is there, and nothing leaves."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(3))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        env = {"VAST_URL": f"http://127.0.0.1:{port}", "VAST_API_KEY": "k"}
        vast = Vast(Link(load(env, home=tmp_path)), anyio.current_time() + 60)
        looks = iter([True])
        may_leave: Callable[[], bool] = lambda: next(looks, not wakes_late)  # noqa: E731
        expected = errors.NotRented if wakes_late else errors.OutcomeUnknown
        with pytest.raises(expected):
            await vast.rent(1, {}, may_leave=may_leave)
    assert heard in ([b""], []) if wakes_late else heard == [b"PUT"]
