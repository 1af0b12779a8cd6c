"""A 4xx of no known form proves nothing: the attempt is in doubt, and what was said is told once
its machine is proven absent.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import call, lenient_world, offers, puts, served
from refusals import golden
from vast_mcp.environment import load
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

LEGAL = {"success": False, "error": "unavailable", "msg": "Not \u202ein your country: hf_Planted"}


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A doubt is proven absent within a call."""
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times, budget_s=20.0, put_s=5.0, look_s=0.02, seen_apart_s=0.02, lists_apart_s=0.2
    )
    times = replace(times, absent_after_s=0.4, taken_after_s=4.0, pace=0.0)
    return replace(made, state_dir=tmp_path / "state", times=times)


def wish(world: World) -> dict[str, Any]:
    [offer] = offers(world, 1)
    return {"offer_id": offer["id"], "image": "x", "disk": 16, "env": {"T": "hf_Planted"}}


async def outcome(client: Client, wish: dict[str, Any]) -> dict[str, Any]:
    """What the wish comes to, asked again while it is in doubt."""
    while True:
        said = await call(client, "create_instance", **wish)
        if said.get("error", {}).get("code") not in {"outcome_unknown", "not_rented"}:
            return said


@pytest.mark.parametrize("status", [400, 402, 403, 404, 407, 409, 418, 422, 451, 499])
async def test_a_4xx_of_no_known_form_may_hide_a_machine(
    client: Client, world: World, status: int
) -> None:
    """A gateway's 451 stood in for a success, and was told as "nothing bills"
    (docs/protocol.md).
    """
    world.faults.add("create", "status", when="after", status=status, body=LEGAL)
    made = await outcome(client, wish(world))
    [rental] = world.rentals
    assert (made["instance_id"], made["recovered"], puts(world)) == (rental.id, True, 1)


async def test_a_400_of_words_alone_is_in_doubt_and_then_told_in_those_words(
    client: Client, world: World
) -> None:
    """Vast has 400s with a msg and no error (docs/vast-api.md C.7), and so has whoever stands
    between: the machine behind one is found, and only without one are its words a refusal.
    """
    words = "blacklisted host"
    world.faults.add("create", "msg_only", when="after", msg=words)
    made = await outcome(client, wish(world))
    assert (made["instance_id"], made["recovered"], puts(world)) == (world.rentals[0].id, True, 1)
    world.faults.add("create", "msg_only", msg=words)
    error = (await outcome(client, wish(world)))["error"]
    assert (error["code"], error["http_status"], error["untrusted_vast_message"]) == (
        "invalid_request",
        400,
        words,
    )
    assert (len(world.rentals), puts(world)) == (1, 2)


@pytest.mark.parametrize("status", [451, 403, 429])
async def test_once_absence_is_proven_it_is_a_refusal_and_not_sent_again(
    world: World, settings: Settings, status: int
) -> None:
    """In the service's words, which are a stranger's; also by a server that did not send it. The
    same call after that is meant.
    """
    asked = wish(world)
    world.faults.add("create", "status", status=status, body=LEGAL)
    times = replace(settings.times, budget_s=1.0, put_s=0.3, absent_after_s=60.0)
    async with served(world, replace(settings, times=times)) as client:
        while not puts(world):
            first = await call(client, "create_instance", **asked)
    assert first["error"]["code"] == "outcome_unknown"
    async with served(world, settings) as later:
        error = (await outcome(later, asked))["error"]
        assert (error["code"], error["billing_possible"], error["http_status"]) == (
            "invalid_request",
            False,
            status,
        )
        assert error["untrusted_vast_message"] == "Not in your country: ***"
        assert (puts(world), world.rentals) == (1, [])
        assert "hf_Planted" not in json.dumps(error)
        made = await call(later, "create_instance", **asked)
    assert (len(world.rentals), puts(world)) == (1, 2)
    assert made["instance_id"] == world.rentals[0].id


async def test_callers_that_wait_together_are_told_together(client: Client, world: World) -> None:
    """Neither sends it again by itself because the other has been told."""
    asked = wish(world)
    world.faults.add("create", "status", status=451, body=LEGAL)
    said: list[dict[str, Any]] = []

    async def ask() -> None:
        said.append(await outcome(client, asked))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask)
    assert [one["error"]["code"] for one in said] == ["invalid_request"] * 3
    assert (puts(world), world.rentals) == (1, [])


async def test_a_long_answer_is_kept_in_short(client: Client, world: World) -> None:
    """The journal and the answer hold the first of it."""
    world.faults.add("create", "status", status=451, body={"msg": "x" * 1_000_000})
    error = (await outcome(client, wish(world)))["error"]
    assert len(error["untrusted_vast_message"]) == 300


# ── 429 ────────────────────────────────────────────────────────────────────────────────────────

DATE = {"Date": "Wed, 18 Nov 2026 10:00:00 GMT"}


def too_many(wait: str | None = None, **more: Any) -> dict[str, Any]:
    """The plain form, with a wait."""
    reply = golden("too_many_plain")
    headers = {**reply.pop("headers"), **more.pop("headers", {})}
    if wait is not None:
        headers["Retry-After"] = wait
    return {**reply, "headers": headers, **more}


@pytest.mark.parametrize(
    "reply",
    [
        too_many("-1"),
        too_many("nan"),
        too_many("inf"),
        too_many("1e308"),
        too_many("1e6"),
        too_many("soon"),
        too_many(""),
        too_many("5, 10"),
        too_many("Wed, 18 Nov 2009 10:00:00 GMT", headers=DATE),
        too_many("Wed, 18 Nov 2026 09:00:00 GMT", headers=DATE),
        too_many("Thu, 18 Nov 2100 10:00:00 GMT", headers=DATE),
        too_many("Wed, 18 Nov 2009 10:00:00 GMT"),
        {"status": 429, "body": {"detail": "API requests too frequent", "retry_after": -5}},
        {"status": 429, "body": {"detail": "API requests too frequent", "retry_after": True}},
        {"status": 429, "body": {"detail": "API requests too frequent", "retry_after": "x"}},
    ],
    ids=lambda reply: str(reply["headers"].get("Retry-After") if "headers" in reply else "body"),
)
async def test_a_429_whose_wait_makes_no_sense_is_of_no_known_form(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """None of the recorded forms has such a wait (docs/vast-api.md H)."""
    world.faults.add("create", "status", when="after", **reply)
    made = await outcome(client, wish(world))
    [rental] = world.rentals
    assert (made["instance_id"], puts(world)) == (rental.id, 1)


@pytest.mark.parametrize(
    "reply",
    [
        too_many(),
        too_many("0"),
        too_many("0.05"),
        too_many("Wed, 18 Nov 2026 10:00:00 GMT", headers=DATE),
        too_many("Wed, 18 Nov 2026 09:59:59 GMT", headers=DATE),
        {"status": 429, "body": {"detail": "API requests too frequent", "retry_after": 0.05}},
        {"status": 429, "body": {"detail": "API requests too frequent", "retry_after": None}},
    ],
)
async def test_a_429_with_a_wait_that_can_be_is_waited_out(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """The legal neighbours: sent back before anything happened, and sent once more."""
    world.faults.add("create", "status", **reply)
    made = await call(client, "create_instance", **wish(world))
    assert ("recovered" in made, len(world.rentals), puts(world)) == (False, 1, 2)
