"""The client of Vast's API, seen through the tools: whole lists, patience with reads, and shapes
that vary.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from house import KEY_LINE, call, served
from unhurried import BY_THE_TRUE_CLOCK
from vast_mcp.host.server import build
from vast_mcp.sandbox import listing
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

ORDER = '[{"col":"id","dir":"desc"}]'


def rent(world: World, count: int = 1, label: str | None = None) -> list[int]:
    """Machines that are there already, newest first."""
    made: list[int] = []
    for _ in range(count):
        offer = world.offer(verified=None, disk_space=lambda free: free > 20)
        made.append(world.rent(offer["id"], {"image": "x", "disk": 8, "label": label}).id)
    return made[::-1]


def page(world: World, after: str | None = None) -> dict[str, Any]:
    """A page as the world would answer it."""
    query = {"limit": "25", "order_by": ORDER} | ({"after_token": after} if after else {})
    return world.list_page(listing.read_page_query(query))


def ids(shown: dict[str, Any]) -> list[int]:
    return [row["instance_id"] for row in shown["instances"]]


async def both_halves(client: Client) -> list[int]:
    """All that was rented as "newer" and "older", where one answer has no room for it."""
    halves = [await call(client, "show_instances", label=label) for label in ("newer", "older")]
    assert [half.get("more") for half in halves] == [None, None]
    return [instance_id for half in halves for instance_id in ids(half)]


@asynccontextmanager
async def service(
    settings: Settings,
    list_of: Callable[[Request], Awaitable[Any]],
    *,
    budget_s: float = 1.0,
    pace: float = 0.0,
) -> AsyncIterator[Client]:
    """A client on a service that has a list of instances and nothing else."""

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(await list_of(request))

    app = Starlette(routes=[Route("/api/v1/instances/", answer)])
    short = replace(settings, times=replace(settings.times, budget_s=budget_s, pace=pace))
    async with Client(build(short, CATALOGUE, app)) as client:
        yield client


# ── the list ───────────────────────────────────────────────────────────────────────────────────


async def test_sixty_machines_are_listed_whole(client: Client, world: World) -> None:
    """A page holds 25 at most, whatever is asked (docs/vast-api.md C.2)."""
    older, newer = rent(world, 30, "older"), rent(world, 30, "newer")
    shown = await call(client, "show_instances")
    asked = world.asked("list")
    assert shown["count"] == 60
    # An answer has its size: what does not fit is counted.
    assert shown["more"] == 60 - len(ids(shown))
    assert ids(shown) == [*newer, *older][: len(ids(shown))]
    assert await both_halves(client) == [*newer, *older]
    assert [request.query["limit"] for request in asked] == ["25", "25", "25"]
    assert ["after_token" in request.query for request in asked] == [False, True, True]
    assert {request.path for request in asked} == {"/api/v1/instances/"}


@pytest.mark.parametrize("count", [25, 26, 50])
async def test_a_full_page_is_not_the_end_and_no_page_is_too_many(
    client: Client, world: World, count: int
) -> None:
    """Only the absence of next_token ends the list (docs/vast-api.md C.2)."""
    older, newer = rent(world, count - count // 2, "older"), rent(world, count // 2, "newer")
    shown = await call(client, "show_instances")
    assert len(world.asked("list")) == -(-count // 25)
    assert shown["count"] == len(ids(shown)) + shown.get("more", 0) == count
    assert ids(shown) == [*newer, *older][: len(ids(shown))]
    assert await both_halves(client) == [*newer, *older]


def broken(name: str, world: World) -> dict[str, Any]:
    """A second page that is not what it should be."""
    first = page(world)
    second = page(world, first["next_token"])
    return {
        "lost": second | {"instances": []},
        "cut": second | {"instances": second["instances"][:-1]},
        "repeated": first,
        "repeated token": second | {"next_token": first["next_token"]},
        "one row repeated": second | {"instances": [first["instances"][-1], *second["instances"]]},
        "wrong total": second | {"total_instances": 31},
        "no rows": {"success": True, "total_instances": 30, "next_token": None},
        "rows that are null": second | {"instances": None},
        "rows that are an object": second | {"instances": second["instances"][0]},
        "a JSON list": second["instances"],
    }[name]


BROKEN = [
    "lost",
    "cut",
    "repeated",
    "repeated token",
    "one row repeated",
    "wrong total",
    "no rows",
    "rows that are null",
    "rows that are an object",
    "a JSON list",
]


@pytest.mark.parametrize("name", BROKEN)
async def test_half_a_list_is_an_error_and_never_a_shorter_list(
    client: Client, world: World, name: str
) -> None:
    """Machines that a list did not show were launched again; such a list is no list
    (skypilot#10517; docs/protocol.md).
    """
    rent(world, 30)
    body = broken(name, world)
    for _ in range(2):  # the whole list is tried twice
        world.faults.add("list", "status", skip=1, status=200, body=body)
    error = (await call(client, "show_instances"))["error"]
    assert (error["code"], error["retryable"]) == ("incomplete_list", True)
    assert world.faults.waiting == []


@pytest.mark.parametrize("name", BROKEN)
async def test_a_list_broken_once_is_read_again_from_its_beginning(
    client: Client, world: World, name: str
) -> None:
    """A machine born or gone between two pages makes one such list."""
    made = rent(world, 30)
    world.faults.add("list", "status", skip=1, status=200, body=broken(name, world))
    assert ids(await call(client, "show_instances")) == made


async def test_a_page_that_fails_is_asked_again_and_not_left_out(
    client: Client, world: World
) -> None:
    """The same page, with the same token."""
    made = rent(world, 30)
    world.faults.add("list", "html502", skip=1)
    assert ids(await call(client, "show_instances")) == made
    tokens = [request.query.get("after_token") for request in world.asked("list")]
    assert tokens[1] == tokens[2] is not None


async def test_a_list_without_a_total_is_taken_by_its_pages(client: Client, world: World) -> None:
    """The totals of a list stand in one capture only, so what may be missing decides nothing
    (docs/vast-api.md C.2).
    """
    made = rent(world, 3)
    body = {key: value for key, value in page(world).items() if key in {"instances", "next_token"}}
    world.faults.add("list", "status", status=200, body=body)
    assert ids(await call(client, "show_instances")) == made


@BY_THE_TRUE_CLOCK
async def test_a_list_that_never_ends_is_an_error_within_the_budget(settings: Settings) -> None:
    """Every tool answers within its budget, whatever the service does (docs/architecture.md)."""
    began = anyio.current_time()
    asked = 0
    gave_in = False

    async def endless(_: Request) -> Any:
        nonlocal asked, gave_in
        asked += 1
        gave_in = anyio.current_time() - began > 20.0  # or this test would not end either
        following = None if gave_in else f"token-{asked}"
        return {
            "success": True,
            "instances": [{"id": asked}],
            "next_token": following,
            "total_instances": 9,
        }

    async with service(settings, endless, budget_s=0.3) as client:
        error = (await call(client, "show_instances"))["error"]
    assert not gave_in
    assert error["retryable"]


async def test_a_service_that_never_answers_is_an_error_within_the_budget(
    settings: Settings,
) -> None:
    """The same, for silence: a read is cut off and moved no money."""

    async def silent(_: Request) -> Any:
        await anyio.sleep_forever()

    with anyio.fail_after(100):
        async with service(settings, silent, budget_s=0.3) as client:
            error = (await call(client, "show_instances"))["error"]
    assert (error["code"], error["billing_possible"]) == ("unreachable", False)


async def test_keys_that_vast_adds_and_drops_are_no_obstacle(settings: Settings) -> None:
    """Rows come and go with their keys; only the id is needed (docs/vast-api.md C.3)."""

    async def sparse(_: Request) -> Any:
        full = {
            "id": 2,
            "label": None,
            "dph_total": None,
            "num_gpus": None,
            "start_date": None,
            "new_key": {"a": []},
        }
        return {
            "success": True,
            "instances": [full, {"id": 1}],
            "next_token": None,
            "total_instances": 2,
        }

    async with service(settings, sparse) as client:
        shown = await call(client, "show_instances")
    assert ids(shown) == [2, 1]
    assert {row["status"] for row in shown["instances"]} == {"unreadable"}


# ── patience ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind",
    [
        "html502",
        "html503",
        "html504",
        "too_many_plain",
        "too_many_detail",
        "too_many_code",
        "too_many_unknown",
        "drop",
    ],
)
async def test_a_read_is_asked_again_until_it_is_answered(
    client: Client, world: World, kind: str
) -> None:
    """What changes nothing may be repeated, here up to four times (docs/vast-api.md H and J)."""
    [made] = rent(world)
    world.faults.add("list", kind, times=3)
    assert ids(await call(client, "show_instances")) == [made]
    assert len(world.asked("list")) == 4


@pytest.mark.parametrize(
    ("kind", "code"),
    [("html503", "vast_unavailable"), ("too_many_plain", "rate_limited"), ("drop", "unreachable")],
)
async def test_a_read_is_not_asked_for_ever(
    client: Client, world: World, kind: str, code: str
) -> None:
    """Four times in all, and the last answer is what is told."""
    world.faults.add("list", kind, times=None)
    error = (await call(client, "show_instances"))["error"]
    assert (error["code"], error["retryable"]) == (code, True)
    assert len(world.asked("list")) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_verdict_is_not_asked_again(client: Client, world: World, status: int) -> None:
    """Only what may pass by itself is repeated."""
    world.faults.add(
        "list", "status", status=status, body={"success": False, "error": "invalid_request"}
    )
    assert "error" in await call(client, "show_instances")
    assert len(world.asked("list")) == 1


async def test_a_used_up_quota_is_not_asked_again(client: Client, world: World) -> None:
    """H form 5: it comes back at midnight UTC; asking again helps nobody."""
    world.faults.add("search", "too_many_quota")
    error = (await call(client, "search_offers"))["error"]
    assert (error["code"], error["retryable"]) == ("search_quota_exceeded", False)
    assert len(world.asked("search")) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"headers": {"Retry-After": "0.4"}},
        {"body": {"error": "HTTPTooManyRequests", "retry_after": 0.4}},
    ],
    ids=["header", "body"],
)
async def test_the_wait_that_vast_names_is_kept(
    client: Client, world: World, told: dict[str, Any]
) -> None:
    """H form 4: the wait stands in Retry-After and in the body, in seconds, and is not scaled by
    us.
    """
    world.faults.add(
        "list", "status", **{"status": 429, "body": {"detail": "API requests too frequent"}, **told}
    )
    assert (await call(client, "show_instances"))["count"] == 0
    first, second = (request.at for request in world.asked("list"))
    assert 0.4 <= second - first < 5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3600"}, 3600),
        (
            {
                "Date": "Wed, 18 Nov 2026 10:00:00 GMT",
                "Retry-After": "Wed, 18 Nov 2026 11:00:00 GMT",
            },
            3600,
        ),
    ],
)
async def test_a_wait_beyond_the_budget_is_told_and_not_waited(
    client: Client, world: World, headers: dict[str, str], seconds: float
) -> None:
    """The caller decides about an hour; RFC 9110 allows a date as well as seconds."""
    world.faults.add(
        "list", "status", times=None, status=429, text="API requests too frequent", headers=headers
    )
    with anyio.fail_after(100):
        error = (await call(client, "show_instances"))["error"]
    assert (error["code"], error["retry_after_s"]) == ("rate_limited", seconds)
    assert len(world.asked("list")) == 1


@pytest.mark.parametrize("value", ["", "soon", "nan", "-5", "inf", "1e999"])
async def test_a_wait_that_makes_no_sense_is_our_own_wait(
    client: Client, world: World, value: str
) -> None:
    """A header is a stranger's text."""
    headers = {"Retry-After": value}
    world.faults.add(
        "list", "status", status=429, text="API requests too frequent", headers=headers
    )
    with anyio.fail_after(100):
        assert (await call(client, "show_instances"))["count"] == 0


async def test_calls_of_one_kind_keep_their_distance(world: World, settings: Settings) -> None:
    """A minimum interval per endpoint, kept by calls that run side by side too; the two seconds of
    one machine, shortened (docs/vast-api.md H).
    """

    async def look(client: Client, instance_id: int) -> None:
        await call(client, "show_instance", instance_id=instance_id)

    kept = replace(settings, times=replace(settings.times, budget_s=30.0, pace=0.1))
    async with served(world, kept) as client, anyio.create_task_group() as tasks:
        for instance_id in rent(world, 4):
            tasks.start_soon(look, client, instance_id)
    at = [request.at for request in world.asked("show")]
    assert len(at) == 4
    # A busy machine delays what arrives, and brings nothing forward.
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(at))


# ── one machine ────────────────────────────────────────────────────────────────────────────────


async def lingering(client: Client, world: World) -> int:
    """A machine that Vast goes on showing after it was destroyed, unless a fault answers
    instead.
    """
    world.gone_after_looks = 1000
    return (await call(client, "create_instance", offer_id=world.offer()["id"], disk=16))[
        "instance_id"
    ]


def destroyed(world: World, made: int) -> list[dict[str, Any]]:
    """The results of a destroy, with an estimate: a machine of this test is seconds old."""
    a_minute = world.instances[made].dph_total / 60
    return [
        {
            "instance_id": made,
            "outcome": "destroyed",
            "spent_usd": pytest.approx(0, abs=a_minute),
            "spent_is": "estimate",
        }
    ]


@pytest.mark.parametrize(
    "reply",
    [
        {"body": {"instances": None}},
        {"body": {"instances": []}},
        {"status": 404, "body": {"success": False, "error": "no_such_instance"}},
    ],
    ids=["null", "empty list", "404"],
)
async def test_a_machine_that_is_not_shown_is_gone(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """A 200 with null was recorded, an empty list is reported, and a 404 may say no_such_instance
    (docs/vast-api.md C.1, C.7).
    """
    made = (await call(client, "create_instance", offer_id=world.offer()["id"], disk=16))[
        "instance_id"
    ]
    world.faults.add("show", "status", times=None, **{"status": 200, **reply})
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert result["results"] == destroyed(world, made)


@pytest.mark.parametrize("shape", ["object", "list", "sparse object"])
async def test_a_machine_that_is_shown_is_there(client: Client, world: World, shape: str) -> None:
    """An object, and in older replies a list with one row (docs/vast-api.md C.1)."""
    made = await lingering(client, world)
    row: Any = world.show(made)
    shown = {"object": row, "list": [row], "sparse object": {"id": made}}[shape]
    world.faults.add("show", "status", times=None, status=200, body={"instances": shown})
    error = (await call(client, "destroy_instance", instance_ids=[made]))["error"]
    assert error["results"] == [{"instance_id": made, "outcome": "still_there"}]


NO_ANSWERS: list[Any] = [
    {},
    {"success": True},
    {"instance": None},
    {"instances": "none"},
    {"instances": 0},
    {"instances": [None]},
    [],
    None,
]


@pytest.mark.parametrize("body", NO_ANSWERS, ids=json.dumps)
async def test_an_answer_about_nothing_is_no_proof_that_a_machine_is_gone(
    client: Client, world: World, body: Any
) -> None:
    """Absence must not read as emptiness: only the two recorded shapes mean that there
    is no such machine.
    """
    made = await lingering(client, world)
    world.faults.add("show", "status", times=None, status=200, body=body)
    answer = await call(client, "destroy_instance", instance_ids=[made])
    assert answer.get("error", {}).get("code") == "destroy_unverified"


async def test_destroying_what_is_gone_is_done(client: Client, world: World) -> None:
    """DELETE of an unknown id answers 404 no_such_instance, which is what was wanted
    (docs/vast-api.md C.7).
    """
    made = (await call(client, "create_instance", offer_id=world.offer()["id"], disk=16))[
        "instance_id"
    ]
    await call(client, "destroy_instance", instance_ids=[made])
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert result["results"] == [{"instance_id": made, "outcome": "already_gone"}]


async def test_a_destroy_is_repeated_like_a_read(client: Client, world: World) -> None:
    """It changes nothing to send it twice (docs/vast-api.md C.7)."""
    made = (await call(client, "create_instance", offer_id=world.offer()["id"], disk=16))[
        "instance_id"
    ]
    world.faults.add("destroy", "html502")
    world.faults.add("destroy", "too_many_plain")
    result = await call(client, "destroy_instance", instance_ids=[made])
    assert result["results"] == destroyed(world, made)
    assert len(world.asked("destroy")) == 3


# ── keys ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", ["array", "object", "key instead of public_key"])
async def test_keys_are_read_in_every_shape(client: Client, world: World, shape: str) -> None:
    """A bare array, in some clients {"ssh_keys": […]}; the specification calls the text `key`
    (docs/vast-api.md D).
    """
    row = {"id": 7, "user_id": 1, "public_key": KEY_LINE}
    named = {"id": 7, "key": KEY_LINE}
    body = {"array": [row], "object": {"ssh_keys": [row]}, "key instead of public_key": [named]}[
        shape
    ]
    world.faults.add("keys", "status", method="GET", status=200, body=body)
    made = await call(client, "create_ssh_key", public_key=KEY_LINE)
    assert (made["key_id"], made["already_registered"]) == (7, True)
    assert len(world.asked("keys")) == 1


async def test_the_request_to_rent_is_the_documented_one(client: Client, world: World) -> None:
    """PUT, the id in the path only, and only documented fields (docs/vast-api.md A.1 and A.2)."""
    offer = world.offer(ports=True)["id"]
    await call(client, "create_instance", offer_id=offer, disk=16, env="-e A=1 -p 8000:8000")
    [sent] = world.asked("create")
    assert (sent.method, sent.path) == ("PUT", f"/api/v0/asks/{offer}/")
    assert set(sent.body) == {"image", "disk", "env", "cancel_unavail", "label"}
    assert sent.body["env"] == {"A": "1", "-p 8000:8000": "1"}
