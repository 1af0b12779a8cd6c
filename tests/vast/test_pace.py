"""How fast we ask (docs/vast-api.md H): no 429 of our own making, one request for equal reads at
once, and a host that hears of a wait.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from house import WHOLE, an_offer, call, sampled
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

SCALE = 0.05
CALLS = 500 if WHOLE else 60
AT_ONCE = 6
MACHINES = 4
WAYS = [
    ("through a proxy", "generated"),
    ("straight", "generated"),
    ("straight", "hand-written"),
    ("through a proxy", "hand-written"),
]


class Proxy:
    """Something on the way that delays some requests more than the next, and counts refusals."""

    def __init__(self, app: ASGIApp, delays: Callable[[], float]) -> None:
        self._app = app
        self._delays = delays
        self.refused: list[str] = []
        self.passed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(self._delays())

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.passed += 1
                if message["status"] == 429:
                    self.refused.append(f"{scope['method']} {scope['path']}")
                await anyio.sleep(self._delays())
            await send(message)

        await self._app(scope, receive, counted)


@asynccontextmanager
async def paced(
    world: World, settings: Settings, pace: float, **times: float
) -> AsyncIterator[Client]:
    """A server that keeps its pace, on a sandbox whose limits are on and scaled alike."""
    world.limits, world.limits_scale = True, pace
    kept = replace(settings, times=replace(settings.times, pace=pace, **times))
    async with Client(build(kept, CATALOGUE, create_app(world))) as client:
        yield client


def rented(world: World, count: int) -> list[int]:
    """So many machines that are there already."""
    return [
        world.rent(an_offer(world)["id"], {"image": "x", "disk": 10, "label": "vast-mcp"}).id
        for _ in range(count)
    ]


# ── no 429 of our own making ───────────────────────────────────────────────────────────────────


def a_call(dice: random.Random, machines: list[int], offers: list[int]) -> tuple[str, Any]:
    """A call of some tool, as a busy agent makes them."""
    machine = dice.choice(machines)
    return dice.choice(
        [
            ("show_instances", {}),
            ("show_account", {}),
            ("show_instance", {"instance_id": machine}),
            ("show_volumes", {}),
            ("show_ssh_keys", {}),
            ("search_offers", {"limit": dice.randint(1, 20)}),
            ("search_templates", {"limit": dice.randint(1, 20)}),
            ("manage_instance", {"instance_id": machine, "action": "label", "label": "x"}),
            ("create_instance", {"offer_id": offers.pop(), "disk": 10}),
        ]
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("way", "intervals"), sampled(WAYS, 3))
async def test_no_call_of_many_meets_a_429_of_our_own_making(
    settings: Settings, way: str, intervals: str
) -> None:
    """Vast counts arrivals: on the way one request may be delayed more than the next."""
    written = intervals == "hand-written"
    world = World(limits=True, limits_scale=SCALE, written_limits=written, credit=1e6)
    machines = rented(world, MACHINES)
    for machine in machines:
        world.instances[machine].label = "vast-mcp#0123456789abcdef"
    dice = random.Random(7)
    longest = {"straight": 0.0, "through a proxy": 0.1}[way]
    proxy = Proxy(create_app(world), lambda: dice.random() ** 3 * longest)
    kept = replace(settings, times=replace(settings.times, pace=SCALE, budget_s=250.0, put_s=100.0))
    offers = [offer["id"] for offer in world.offers.values() if offer["rentable"]] * 3
    calls = [a_call(dice, machines, offers) for _ in range(CALLS)]

    async def agent(client: Client) -> None:
        while calls:
            tool, arguments = calls.pop()
            await client.call_tool(tool, arguments)

    async with Client(build(kept, CATALOGUE, proxy)) as client, anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(agent, client)
    assert proxy.passed > CALLS / 2
    assert proxy.refused == []


async def test_after_a_429_all_of_its_kind_wait_and_no_others(
    world: World, settings: Settings
) -> None:
    """What Vast wants is meant for all requests of the kind; form 4 asks for ten seconds."""
    one, other = rented(world, 2)
    async with paced(world, settings, 1.0) as client:
        world.faults.add("show", "too_many_json")
        refused = (await call(client, "show_instance", instance_id=one))["error"]
        assert (refused["code"], refused["retry_after_s"]) == ("rate_limited", 10)
        unsent = (await call(client, "show_instance", instance_id=other))["error"]
        assert unsent["code"] == "rate_limited"
        assert 2.4 < unsent["retry_after_s"] <= 10
        assert len(world.asked("show")) == 1
        assert (await call(client, "show_instances"))["count"] == 2


async def test_a_long_wait_that_a_429_names_holds_the_others_for_a_minute_at_most(
    world: World, settings: Settings
) -> None:
    """A header is a stranger's text; the caller hears what it says."""
    one, other = rented(world, 2)
    headers = {"Retry-After": "7200"}
    world.faults.add(
        "show", "status", status=429, text="API requests too frequent", headers=headers
    )
    async with paced(world, settings, 1.0) as client:
        refused = (await call(client, "show_instance", instance_id=one))["error"]
        assert refused["retry_after_s"] == 7200
        unsent = (await call(client, "show_instance", instance_id=other))["error"]
        assert unsent["retry_after_s"] <= 60


# ── one request for equal reads ────────────────────────────────────────────────────────────────


async def several(client: Client, tool: str, count: int = 4) -> list[dict[str, Any]]:
    """The answers to equal calls at once."""
    answers: list[dict[str, Any]] = []

    async def one() -> None:
        answers.append(await call(client, tool))

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
    return answers


async def test_four_show_account_at_once_ask_what_one_asks(settings: Settings) -> None:
    """And so take as long: the volumes alone would be asked for 5.5 s apart."""
    asked: list[list[str]] = []
    for count in (1, 4):
        world = World()
        async with paced(world, settings, 1.0, budget_s=30.0) as client:
            answers = await several(client, "show_account", count)
        assert all(answer == answers[0] for answer in answers)
        asked.append(sorted(request.endpoint for request in world.requests))
    assert asked[0] == asked[1]


async def test_what_was_read_a_moment_ago_is_not_waited_for(
    world: World, settings: Settings
) -> None:
    """Asking again would have to wait for the interval; the account's figures need not be newer."""
    async with paced(world, settings, 1.0, budget_s=30.0) as client:
        first = await call(client, "show_account")
        assert await call(client, "show_account") == first
        await call(client, "show_volumes")
    assert len(world.asked("volumes")) == 1


async def test_after_an_act_nothing_is_remembered(world: World, settings: Settings) -> None:
    """Whatever the act was: a list of before would deny it."""
    async with paced(world, settings, 0.1, budget_s=30.0) as client:
        await call(client, "show_account")
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        assert (await call(client, "show_account"))["machines"] == 1
        await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        assert (await call(client, "show_account"))["machines"] == 0
    assert len(world.asked("volumes")) >= 3


@pytest.mark.parametrize("tool", ["show_instances", "show_ssh_keys", "show_volumes"])
async def test_equal_looks_in_flight_are_one_request(
    client: Client, world: World, tool: str
) -> None:
    """Later ones join the first."""
    endpoint = {"show_instances": "list", "show_ssh_keys": "keys", "show_volumes": "volumes"}[tool]
    warm = "show_instances" if tool == "show_ssh_keys" else "show_ssh_keys"
    await call(client, warm)  # whose account it is was asked before
    before = len(world.asked(endpoint))
    world.faults.add(endpoint, "late", when="after")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(several, client, tool)
        await world.faults.until_hanging()
        await anyio.wait_all_tasks_blocked()
        world.faults.release()
    assert len(world.asked(endpoint)) == before + 1


async def test_looks_at_different_machines_are_different_requests(
    client: Client, world: World
) -> None:
    """Only what is asked alike is answered alike."""
    shown: list[int] = []

    async def look(instance_id: int) -> None:
        answer = await call(client, "show_instance", instance_id=instance_id)
        shown.append(answer["instance_id"])

    machines = rented(world, 3)
    async with anyio.create_task_group() as tasks:
        for machine in machines:
            tasks.start_soon(look, machine)
    assert sorted(shown) == sorted(machines)
    assert len(world.asked("show")) == 3


async def test_an_error_is_that_of_all_who_asked(client: Client, world: World) -> None:
    """One refusal answers all; each is told."""
    await call(client, "show_account")
    before = len(world.asked("list"))
    body = {"success": False, "error": "unauthorized", "msg": "lacks instance_read permission"}
    world.faults.add("list", "status", times=None, status=403, body=body)
    codes: list[str] = []

    async def look() -> None:
        codes.append((await call(client, "show_instances"))["error"]["code"])

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(look)
    assert codes == ["forbidden"] * 4
    assert len(world.asked("list")) < before + 4


async def test_who_goes_away_does_not_take_the_others_answer_along(
    client: Client, world: World
) -> None:
    """The first, whose request it is, is cancelled by its host."""
    await call(client, "show_account")
    before = len(world.asked("list"))
    world.faults.add("list", "late", when="after")
    answers: list[dict[str, Any]] = []
    leaving = anyio.CancelScope()

    async def leaves() -> None:
        with leaving:
            await client.call_tool("show_instances", {})

    async def stays() -> None:
        answers.append(await call(client, "show_instances"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leaves)
        await world.faults.until_hanging()
        tasks.start_soon(stays)
        await anyio.wait_all_tasks_blocked()
        leaving.cancel()
        await anyio.wait_all_tasks_blocked()
        world.faults.release()
    assert answers[0]["count"] == 0
    assert len(world.asked("list")) == before + 1


async def test_where_all_go_away_the_request_ends_and_the_next_asks_anew(
    client: Client, world: World
) -> None:
    """Nothing is left in flight for nobody."""
    await call(client, "show_account")
    before = len(world.asked("list"))
    world.faults.add("list", "late", when="after")
    leaving = anyio.CancelScope()

    async def leaves() -> None:
        with leaving:
            await several(client, "show_instances", 2)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leaves)
        await world.faults.until_hanging()
        await anyio.wait_all_tasks_blocked()
        leaving.cancel()
    assert (await call(client, "show_instances"))["count"] == 0
    assert len(world.asked("list")) == before + 2


async def test_a_read_that_proves_something_is_its_own(client: Client, world: World) -> None:
    """Whose machine it is, and that it is gone, is read after the question: a look in flight, begun
    before, answers neither.
    """
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    before = len(world.asked("list"))
    world.faults.add("list", "late", when="after")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, client, "show_instances")
        await world.faults.until_hanging()
        gone = await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        assert gone["results"][0]["outcome"] == "destroyed"
        # The list that still hangs is of before, and shows the machine.
        assert len(world.asked("list")) >= before + 3
        shown = await call(client, "show_instances")
        assert shown["count"] == 0
        world.faults.release()


# ── the host hears of it ───────────────────────────────────────────────────────────────────────


async def told(client: Client, tool: str, said: list[tuple[float, str]], **arguments: Any) -> None:
    async def hear(done: float, _total: float | None, message: str | None) -> None:
        said.append((done, message or ""))

    await client.call_tool(tool, arguments, progress_callback=hear)


async def test_a_host_hears_of_a_wait_of_more_than_a_second(
    world: World, settings: Settings
) -> None:
    """Two searches that differ: the second waits for its turn, which comes with the first's
    answer.
    """
    said: list[tuple[float, str]] = []
    async with paced(world, settings, 0.6, budget_s=30.0) as client:
        world.faults.add("search", "late", when="after")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(call, client, "search_offers", limit=1))
            await world.faults.until_hanging()
            tasks.start_soon(partial(told, client, "search_offers", said, limit=2))
            await anyio.wait_all_tasks_blocked()
            world.faults.release()
    [(_, message)] = said
    assert "for a turn" in message


async def test_a_short_wait_is_not_told(world: World, settings: Settings) -> None:
    said: list[tuple[float, str]] = []
    async with paced(world, settings, 0.05, budget_s=30.0) as client:
        await call(client, "search_offers", limit=1)
        await told(client, "search_offers", said, limit=2)
    assert said == []


async def test_figures_of_progress_only_rise(world: World, settings: Settings) -> None:
    """A wait tells seconds, a tool its own count, and MCP wants each to be more than the last."""
    one, other = rented(world, 2)
    said: list[tuple[float, str]] = []
    async with paced(world, settings, 0.6, budget_s=30.0) as client:
        world.faults.add("show", "late", when="after")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(call, client, "show_instance", instance_id=one))
            await world.faults.until_hanging()
            wait = {"instance_id": other, "timeout_s": 3}
            tasks.start_soon(partial(told, client, "wait_for_instance", said, **wait))
            await anyio.wait_all_tasks_blocked()
            world.faults.release()
    figures = [done for done, _ in said]
    assert any("for a turn" in message for _, message in said)
    assert figures == sorted(set(figures))
