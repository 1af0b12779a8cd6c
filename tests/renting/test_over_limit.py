"""A machine that turns out to cost more than a limit that it was sent under is ended and said so;
one that is merely dearer than expected is a warning (docs/protocol.md).

The ledger says what lived and what was destroyed. Whatever is rented costs `factor` times what its
offer said: the host raised the price between the last look and the request.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import allowing, an_offer, call, notices, offers, puts
from vast_mcp.renting.price_kept import LOOKS
from vast_mcp.sandbox.listing import PageQuery
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.vast.retry import READ_TRIES

pytestmark = pytest.mark.anyio

DISK_GB = 20


@pytest.fixture
def brief(settings: Settings) -> Settings:
    """For a call whose time ends in doubt."""
    return replace(
        settings, times=replace(settings.times, look_s=0.02, seen_apart_s=0.02, budget_s=2.4)
    )


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Time enough for looks and an end on a busy machine."""
    return replace(settings, times=replace(settings.times, budget_s=30.0))


def cost(offer: dict[str, Any], factor: float = 1.0) -> float:
    """The price of an offer with its disk, in $/h (docs/vast-api.md A.6)."""
    return offer["dph_base"] * factor + offer["storage_cost"] * DISK_GB / 720


def dearer(world: World, factor: float) -> dict[str, Any]:
    """The cheapest offer; whatever is rented next costs so many times what its offer says."""
    offer = dict(an_offer(world))

    def move() -> None:
        for one in world.offers.values():
            one["dph_base"] *= factor

    world.before_rent = move
    return offer


def wish(offer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"offer_id": offer["id"], "disk": DISK_GB, **more}


async def rent(client: Client, offer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await call(client, "create_instance", **wish(offer, **more))


async def until(so: Callable[[], object]) -> None:
    """What happens in the background has happened."""
    with anyio.fail_after(100):
        while True:
            if so():
                return
            await anyio.sleep(0.005)


async def until_gone(world: World) -> None:
    await until(lambda: not world.living)


async def first_notices(client: Client) -> list[str]:
    """The next notices that an answer has."""
    with anyio.fail_after(100):
        while True:
            answer = await call(client, "show_instances")
            if "notices" in answer:
                return answer["notices"]
    raise AssertionError


async def cancelled(client: Client, world: World, offer: dict[str, Any], when: str) -> None:
    """A host that goes away while the request is judged, or while its machine is looked at."""
    move = world.before_rent or (lambda: None)
    async with anyio.create_task_group() as tasks:
        if when == "rent":
            world.before_rent = lambda: (tasks.cancel_scope.cancel(), move())
        else:
            world.before_show = tasks.cancel_scope.cancel
        tasks.start_soon(rent, client, offer)


# ── ended, or a warning ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("whose", ["person", "call"])
async def test_a_machine_over_its_limit_is_ended_and_one_at_it_lives(
    world: World, settings: Settings, whose: str
) -> None:
    """Dearer than expected is a warning up to the limit, and its end beyond that."""
    for over in (True, False):
        offer = dearer(world, 2.0)
        most = cost(offer, 2.0) + (-0.0001 if over else 0.0001)
        limits = {"max_usd_per_hour": most} if whose == "person" else {}
        asked = {"max_usd_per_hour": most} if whose == "call" else {}
        async with allowing(world, settings, **limits) as client:
            answer = await rent(client, offer, **asked)
        if not over:
            assert [one.id for one in world.living] == [answer["instance_id"]]
            assert any("price_moved" in warning for warning in answer["warnings"])
            continue
        error = answer["error"]
        [made] = world.rentals
        assert (error["code"], error["billing_possible"]) == ("over_limit", False)
        assert (error["instance_id"], world.living) == (made.id, [])
        [result] = error["results"]
        assert result["outcome"] == "destroyed"
        assert result["usd_per_hour"] == pytest.approx(cost(offer, 2.0))
        assert result["expected_usd_per_hour"] == pytest.approx(cost(offer))
        assert result["max_usd_per_hour"] == pytest.approx(most)
        assert result["spent_usd"] >= 0
        assert result["spent_is"] == "at_most"
        assert "notices" not in answer


async def test_what_is_half_a_percent_over_a_limit_is_over_it(
    world: World, settings: Settings
) -> None:
    """A price that is nearly kept is no reason to pass a limit."""
    offer = dearer(world, 1.005)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) + 1e-5) as client:
        assert (await rent(client, offer))["error"]["code"] == "over_limit"
    assert world.living == []


async def test_one_stale_row_over_a_limit_ends_nothing(world: World, settings: Settings) -> None:
    """Two looks that agree end a machine."""
    offer = an_offer(world)

    def stale() -> None:
        [machine] = world.living
        machine.offer["dph_base"] *= 9
        world.before_show = lambda: machine.offer.update(dph_base=offer["dph_base"])

    world.before_show = stale
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        answer = await rent(client, offer)
    assert [one.id for one in world.living] == [answer["instance_id"]]
    assert not any("over_limit" in warning for warning in answer["warnings"])


async def test_two_rows_that_disagree_end_nothing_before_two_agree(
    world: World, settings: Settings
) -> None:
    """Both over the limit and different: neither is believed yet."""
    offer = an_offer(world)

    def once() -> None:
        [machine] = world.living
        machine.offer["dph_base"] *= 9
        world.before_show = lambda: machine.offer.update(dph_base=offer["dph_base"] * 5)

    world.before_show = once
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer))["error"]
    assert error["results"][0]["usd_per_hour"] == pytest.approx(cost(offer, 5.0))
    assert len(world.asked("show")) >= 3


async def test_one_look_at_the_last_moment_ends_nothing(world: World, settings: Settings) -> None:
    """The looks before it had no answer: what it shows is a warning."""
    offer = dearer(world, 3.0)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        world.faults.add("show", "html502", times=(LOOKS - 1) * READ_TRIES)
        answer = await rent(client, offer)
    assert any(warning.startswith("over_limit") for warning in answer["warnings"])
    assert [one.id for one in world.living] == [answer["instance_id"]]


async def test_a_price_that_cannot_be_read_ends_nothing(
    world: World, settings: Settings, state: Path
) -> None:
    """The machine is told of with a warning, and from then on it is somebody's, for every
    server.
    """
    offer = dearer(world, 3.0)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        world.faults.add("show", "html502", times=None)
        answer = await rent(client, offer)
        assert any("could not be read back" in warning for warning in answer["warnings"])
        world.faults.clear()
        assert notices(await call(client, "show_instances")) == []
        again = await rent(client, offer)
        assert (again["instance_id"], again["replayed"]) == (answer["instance_id"], True)
        [warning] = [one for one in again["warnings"] if one.startswith("over_limit")]
        assert "destroy_instance" in warning
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        again = await rent(client, offer)
        assert any(one.startswith("over_limit") for one in again["warnings"])
    assert [one.id for one in world.living] == [answer["instance_id"]]


# ── the total ──────────────────────────────────────────────────────────────────────────────────


async def test_a_machine_that_passes_the_total_by_its_own_excess_is_ended(
    world: World, settings: Settings
) -> None:
    """What the others cost was counted with it."""
    other, _ = offers(world, 2)
    world.rent(other["id"], {"image": "x", "disk": DISK_GB})
    there = cost(other)
    offer = dearer(world, 2.0)
    most = there + cost(offer) * 1.5
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        error = (await rent(client, offer))["error"]
    assert (error["code"], error["billing_possible"]) == ("over_limit", False)
    assert [one.offer_id for one in world.living] == [other["id"]]


async def test_a_total_that_others_pass_ends_nothing(world: World, settings: Settings) -> None:
    """What they do at the same moment is said, and a machine within its own excess stays."""
    other, offer = offers(world, 2)
    most = cost(offer) * 1.2

    def meanwhile() -> None:
        world.rent(other["id"], {"image": "x", "disk": DISK_GB})
        world.offers[offer["id"]]["dph_base"] *= 1.05

    world.before_rent = meanwhile
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        answer = await rent(client, offer)
    assert any("somebody else" in warning for warning in answer["warnings"])
    assert len(world.living) == 2


async def test_a_total_that_has_room_by_now_ends_nothing(world: World, settings: Settings) -> None:
    """Another machine went meanwhile: the limit is not passed."""
    other, _ = offers(world, 2)
    there = world.rent(other["id"], {"image": "x", "disk": DISK_GB})
    offer = dearer(world, 1.3)
    move = world.before_rent
    world.before_rent = lambda: (move and move(), world.destroy(there.id))
    most = cost(other) + cost(offer) * 1.1
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        answer = await rent(client, offer)
    assert [one.id for one in world.living] == [answer["instance_id"]]


def unread_since_rent(world: World, name: str) -> None:
    """From the request that rents on, this list is not read."""
    move = world.before_rent or (lambda: None)

    def rented() -> None:
        move()
        world.faults.add(name, "html502", times=None)

    world.before_rent = rented


async def test_a_total_whose_volumes_cannot_be_read_is_a_warning(
    world: World, settings: Settings, state: Path
) -> None:
    """Nobody knows whether it is passed: nothing is ended, and nothing is blamed on others."""
    offer = dearer(world, 3.0)
    unread_since_rent(world, "volumes")
    async with allowing(world, settings, state, max_total_usd_per_hour=cost(offer) * 1.2) as client:
        answer = await rent(client, offer)
    assert [one.id for one in world.living] == [answer["instance_id"]]
    [warning] = [one for one in answer["warnings"] if one.startswith("over_limit")]
    assert "VAST_MCP_MAX_TOTAL_USD_PER_HOUR" in warning
    assert not any("somebody else" in one for one in answer["warnings"])
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db:
        assert db.execute("SELECT judged_at FROM intents").fetchall() == [(None,)]


async def test_a_total_that_could_not_be_read_is_judged_once_it_can(
    world: World, settings: Settings, state: Path
) -> None:
    """Where no answer named the machine the background goes on until it knows."""
    offer = dearer(world, 3.0)
    unread_since_rent(world, "volumes")
    most = cost(offer) * 1.2
    async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
        await cancelled(client, world, offer, "rent")
        await until(lambda: len(world.asked("volumes")) > 2 * READ_TRIES)
        assert len(world.living) == 1
        world.faults.clear()
        await until_gone(world)
        said = await first_notices(client)
    assert [one for one in said if one.startswith("over_limit: machine")]


async def test_a_request_that_took_the_whole_time_leaves_no_machine_over_its_limit(
    world: World, settings: Settings
) -> None:
    """Its price is checked in a few seconds of its own: the call's have no room for two looks."""
    offer = dearer(world, 3.0)
    times = replace(settings.times, budget_s=3.0, verify_s=3.0, end_s=20.0)
    hurried = replace(settings, times=times)
    async with allowing(world, hurried, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer))["error"]
    assert (error["code"], error["billing_possible"]) == ("over_limit", False)
    assert world.living == []


# ── whoever finds it ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("when", ["rent", "look"])
async def test_a_host_that_cancels_leaves_no_machine_over_its_limit(
    world: World, settings: Settings, state: Path, when: str
) -> None:
    """What was begun is finished, and the next answer of any tool tells of it once."""
    offer = dearer(world, 3.0)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        await cancelled(client, world, offer, when)
        await until_gone(world)
        said = await call(client, "show_account")
        assert [one for one in said["notices"] if one.startswith("over_limit: machine")]
        assert "notices" not in await call(client, "show_account")


@pytest.mark.parametrize("finder", ["no limits", "a higher one", "a lower one"])
@pytest.mark.parametrize("over", [True, False])
async def test_another_process_judges_by_the_limits_of_the_attempt(
    world: World, settings: Settings, state: Path, finder: str, over: bool
) -> None:
    """Its own process died before it could look: the limits written with it count, and never the
    finder's.
    """
    offer = dearer(world, 3.0)
    most = cost(offer) * (2 if over else 4)
    await lost_with_its_process(world, settings, state, offer, most)
    theirs = {"no limits": {}, "a higher one": {"max_usd_per_hour": 100.0}}
    limits = theirs.get(finder, {"max_usd_per_hour": cost(offer) / 2})
    async with allowing(world, settings, state, **limits) as client:
        answer = await call(client, "show_instances")
        if over:
            await until_gone(world)
            said = answer.get("notices", []) + (await call(client, "show_instances")).get(
                "notices", []
            )
            assert len([one for one in said if one.startswith("over_limit: machine")]) == 1
    assert len(world.living) == (0 if over else 1)


async def lost_with_its_process(
    world: World, settings: Settings, state: Path, offer: dict[str, Any], most: float
) -> None:
    """A rental whose process was killed after the verdict and before anything was read back."""
    async with allowing(world, settings, state, max_usd_per_hour=1e6) as client:
        world.faults.add("show", "html502", times=None)
        assert "instance_id" in await rent(client, offer)
        world.faults.clear()
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        db.execute("UPDATE intents SET announce = 1, max_usd_per_hour = ?", (most,))


async def test_a_price_that_the_list_of_all_lacks_is_no_room_in_the_total(
    world: World, settings: Settings, state: Path
) -> None:
    """What cannot be read is unknown, never nothing: it is judged once it can be."""
    offer = dearer(world, 3.0)
    await lost_with_its_process(world, settings, state, offer, 1e6)
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        db.execute(
            "UPDATE intents SET max_total_usd_per_hour = ?, counted_usd_per_hour = usd_per_hour",
            (cost(offer) * 1.2,),
        )
    page = world.list_page(PageQuery(25, None, [], {}, None))
    page["instances"][0]["dph_total"] = None
    world.faults.add("list", "status", times=None, status=200, body=page)
    async with allowing(world, settings, state) as client:
        read = len(world.asked("list"))
        await until(lambda: len(world.asked("list")) > read + 2)
        assert len(world.living) == 1
        world.faults.clear()
        await until_gone(world)
        said = await first_notices(client)
    assert [one for one in said if one.startswith("over_limit: machine")]


async def test_a_reply_that_was_lost_is_judged_by_whoever_finds_the_machine(
    world: World, settings: Settings, brief: Settings, state: Path
) -> None:
    """Settled by another server without limits, in the background or in a call."""
    offer = dearer(world, 3.0)
    world.faults.add("create", "drop", when="after")
    world.visible_after_looks = 1000
    async with allowing(world, brief, state, max_usd_per_hour=cost(offer) * 2) as client:
        lost = await rent(client, offer)
        assert lost["error"]["code"] == "outcome_unknown"
    for one in world.living:
        one.hidden_looks = 0
    async with allowing(world, settings, state) as client:
        await until_gone(world)
        said = await first_notices(client)
    assert [one for one in said if one.startswith("over_limit: machine")]


async def test_a_process_that_may_only_look_ends_nothing(
    world: World, settings: Settings, state: Path
) -> None:
    """It tells of the machine, and from then on nobody ends it unasked."""
    offer = dearer(world, 3.0)
    await lost_with_its_process(world, settings, state, offer, cost(offer) * 2)
    async with allowing(world, settings, state, read_only=True) as client:
        [notice] = notices(await call(client, "show_instances"))
        assert "exists and bills" in notice
    async with allowing(world, settings, state) as client:
        assert notices(await call(client, "show_instances")) == []
    assert len(world.living) == 1


async def test_an_end_that_was_announced_and_not_sent_is_sent_by_the_next_process(
    world: World, settings: Settings, state: Path
) -> None:
    """Killed between the journal and the request."""
    offer = dearer(world, 3.0)
    await lost_with_its_process(world, settings, state, offer, cost(offer) * 2)
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        db.execute("UPDATE intents SET announce = 3, over_usd_per_hour = 7.5")
    async with allowing(world, settings, state) as client:
        await until_gone(world)
        answer = await call(client, "show_account")
    assert "7.5000 $/h" in str(answer["notices"]) or world.living == []


# ── what is said, and asked again ──────────────────────────────────────────────────────────────


async def test_the_same_wish_is_told_of_its_end_before_it_rents_again(
    world: World, settings: Settings, state: Path
) -> None:
    """A retry after an answer that nobody read must not rent the same machine silently; the call
    after that is a new wish.
    """
    offer = dearer(world, 3.0)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        await cancelled(client, world, offer, "look")
        await until_gone(world)
    async with allowing(world, settings, state) as client:
        error = (await rent(client, offer))["error"]
        assert (error["code"], puts(world)) == ("over_limit", 1)
        assert error["results"][0]["outcome"] == "destroyed"
        answer = await rent(client, offer)
        assert "instance_id" in answer
        assert "notices" not in answer
    assert puts(world) == 2


async def test_two_servers_with_one_wish_are_both_told_of_its_end(
    world: World, settings: Settings, state: Path
) -> None:
    """Neither answers with a machine that the other one has ended meanwhile."""
    offer = dearer(world, 3.0)
    answers: list[dict[str, Any]] = []

    async def one(client: Client) -> None:
        answers.append(await rent(client, offer))

    most = cost(offer) * 2
    async with (
        allowing(world, settings, state, max_usd_per_hour=most) as a,
        allowing(world, settings, state, max_usd_per_hour=most) as b,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(one, a)
        tasks.start_soon(one, b)
    told = [answer["error"]["code"] for answer in answers if "error" in answer]
    warned = [answer for answer in answers if "over_limit" in str(answer.get("warnings"))]
    assert (len(world.rentals), world.living) == (1, [])
    assert "over_limit" in told
    assert len(told) + len(warned) == 2


async def test_the_same_wish_of_a_process_that_died_ends_what_it_finds(
    world: World, settings: Settings, state: Path
) -> None:
    """The next server with the same call, whatever its own limits."""
    offer = dearer(world, 3.0)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        world.faults.add("show", "html502", times=None)
        await cancelled(client, world, offer, "rent")
    world.faults.clear()
    async with allowing(world, settings, state) as client:
        error = (await rent(client, offer))["error"]
    assert (error["code"], error["billing_possible"]) == ("over_limit", False)
    assert (world.living, puts(world)) == ([], 1)


@pytest.mark.parametrize("again", ["the same wish", "another"])
async def test_a_create_that_finds_a_lost_machine_ends_it_where_it_is_over(
    world: World, settings: Settings, brief: Settings, state: Path, again: str
) -> None:
    """Settled in the foreground, before anything else is rented."""
    offer = dearer(world, 3.0)
    world.faults.add("create", "drop", when="after")
    world.visible_after_looks = 1000
    most = cost(offer) * 2
    async with allowing(world, brief, state, max_usd_per_hour=most) as client:
        assert (await rent(client, offer))["error"]["code"] == "outcome_unknown"
    for one in world.living:
        one.hidden_looks = 0
    async with allowing(world, settings, state, max_usd_per_hour=most) as client:
        wanted = offer if again == "the same wish" else an_offer(world)
        answer = await rent(client, wanted)
        await until_gone(world)
    said = [answer["error"]["message"], *answer.get("notices", [])]
    assert [one for one in said if "was rented and ended again" in one]
    assert puts(world) == 1


async def test_a_destroy_that_is_not_seen_to_work_says_what_may_bill(
    world: World, settings: Settings, state: Path
) -> None:
    """Accepted is not done (docs/vast-api.md C.7)."""
    offer = dearer(world, 3.0)
    world.faults.add("destroy", "html502", times=None)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer))["error"]
        [made] = world.living
        assert (error["code"], error["billing_possible"]) == ("over_limit", True)
        assert error["results"][0]["outcome"] == "still_there"
        step = error["next_steps"][0]
        assert (step["tool"], step["arguments"]) == (
            "destroy_instance",
            {"instance_ids": [made.id]},
        )
        world.faults.clear()
        again = await rent(client, offer)
        assert (again["instance_id"], again["replayed"]) == (made.id, True)
        assert any(warning.startswith("over_limit") for warning in again["warnings"])
        gone = await call(client, step["tool"], **step["arguments"])
        assert gone["results"][0]["outcome"] == "destroyed"


async def test_a_machine_that_is_born_stopped_costs_its_disk_and_lives(
    world: World, settings: Settings
) -> None:
    """Its start is held to the limits by itself."""
    offer = dearer(world, 3.0)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        answer = await rent(client, offer, target_state="stopped")
        assert "instance_id" in answer
        start = {"instance_id": answer["instance_id"], "action": "start"}
        assert (await call(client, "manage_instance", **start))["error"]["code"] == "over_limit"
    assert len(world.living) == 1


# ── its volume ─────────────────────────────────────────────────────────────────────────────────


def with_volume(world: World, factor: float) -> tuple[dict[str, Any], dict[str, Any], float]:
    """An offer that becomes so much dearer, a wish for a new volume on its machine, and what that
    bills in $/h.
    """
    room = next(iter(world.volumes.rooms.values()))
    offer = dict(an_offer(world, machine_id=room["machine_id"]))
    move = dearer(world, factor) and world.before_rent
    world.before_rent = move
    volume = {"create_new": True, "volume_id": room["id"], "size": 10, "mount_path": "/workspace"}
    return offer, {"volume_info": volume}, room["storage_cost"] * 10 / 720


@pytest.mark.parametrize("lingers", [0, 2])
async def test_the_volume_that_was_made_with_it_goes_with_it(
    world: World, settings: Settings, lingers: int
) -> None:
    """It would bill on after the machine, which lets go of it a moment later (docs/vast-api.md
    A.8). Volumes that were there before stay.
    """
    room = list(world.volumes.rooms.values())[1]
    old = world.volumes.rent(room["id"], 10, "mine", world.now)
    world.volume_lingers_looks = lingers
    offer, more, _ = with_volume(world, 3.0)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer, **more))["error"]
    assert (error["code"], error["billing_possible"]) == ("over_limit", False)
    assert "volume that was made with it is gone too" in error["message"]
    assert (world.living, world.volumes.living) == ([], [old])


async def test_a_volume_that_stays_is_named_with_the_step_that_deletes_it(
    world: World, settings: Settings, state: Path
) -> None:
    """What may bill is said; once that was told, nobody deletes it unasked."""
    offer, more, _ = with_volume(world, 3.0)
    world.faults.add("delete_volume", "html502", times=None)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer, **more))["error"]
        [volume] = world.volumes.living
        assert (error["billing_possible"], world.living) == (True, [])
        assert {"volume_id": volume.id, "outcome": "still_there"} in error["results"]
        step = error["next_steps"][0]
        assert (step["tool"], step["arguments"]) == ("destroy_volume", {"volume_id": volume.id})
        world.faults.clear()
        await call(client, "show_account")
        assert world.volumes.living == [volume]
        gone = await call(client, step["tool"], **step["arguments"])
        assert gone["outcome"] == "destroyed"


async def test_a_volume_that_no_list_has_yet_is_not_called_gone(
    world: World, settings: Settings
) -> None:
    """It was never seen, so that a list lacks it proves nothing: it may bill, and no DELETE was
    sent.
    """
    offer, more, _ = with_volume(world, 3.0)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        world.faults.add("volumes", "status", times=None, status=200, body={"volumes": []})
        error = (await rent(client, offer, **more))["error"]
    assert (len(world.volumes.living), world.asked("delete_volume")) == (1, [])
    assert (error["code"], error["billing_possible"]) == ("over_limit", True)
    assert "is gone too" not in error["message"]
    assert "may bill on" in error["message"]
    assert "show_volumes" in [step["tool"] for step in error["next_steps"]]


@pytest.mark.parametrize("hidden", ["id", "label"])
async def test_a_volume_that_a_list_hides_is_not_called_gone(
    world: World, settings: Settings, state: Path, hidden: str
) -> None:
    """It was seen and its DELETE was accepted: a row without an id may be it, and one with its id
    is, whatever its name.
    """
    offer, more, _ = with_volume(world, 3.0)
    world.faults.add("delete_volume", "status", times=None, status=200, body={"success": True})

    def hide() -> None:
        [volume] = world.volumes.living
        row = {"id": volume.id, "label": volume.name, "instances": [], hidden: None}
        body = {"success": True, "volumes": [row]}
        world.faults.add("volumes", "status", times=None, skip=1, status=200, body=body)

    world.before_show = hide
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        error = (await rent(client, offer, **more))["error"]
    assert len(world.asked("delete_volume")) >= 1
    assert (error["code"], error["billing_possible"]) == ("over_limit", True)
    assert "is gone too" not in error["message"]


async def test_a_volume_that_a_killed_process_left_is_deleted_by_the_next(
    world: World, settings: Settings, state: Path
) -> None:
    """Killed after the machine was seen to be gone, and before its volume was."""
    offer, more, _ = with_volume(world, 3.0)
    world.faults.add("delete_volume", "html502", times=None)
    async with allowing(world, settings, state, max_usd_per_hour=cost(offer) * 2) as client:
        await rent(client, offer, **more)
    world.faults.clear()
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        db.execute("UPDATE intents SET announce = 3")
    async with allowing(world, settings, state) as client:
        await until(lambda: not world.volumes.living)
        [notice] = await first_notices(client)
        assert notice.startswith("over_limit: machine")


async def test_a_volume_counts_in_what_the_machine_turned_out_to_cost(
    world: World, settings: Settings
) -> None:
    """A row's price is that of GPU and disk: with the volume it passes the limit, or does not."""
    for over in (True, False):
        offer, more, volume = with_volume(world, 1.5)
        most = cost(offer, 1.5) + volume + (-0.0001 if over else 0.0001)
        async with allowing(world, settings, max_usd_per_hour=most) as client:
            answer = await rent(client, offer, **more)
        assert ("error" in answer) == over
        assert len(world.living) == len(world.volumes.living) == (0 if over else 1)


async def test_volumes_count_where_a_machine_passes_the_total(
    world: World, settings: Settings
) -> None:
    """Those that exist already take their part of it."""
    room = list(world.volumes.rooms.values())[1]
    old = world.volumes.rent(room["id"], int(room["disk_space"]), "mine", world.now)
    offer = dearer(world, 2.0)
    most = old.usd_per_hour + cost(offer) * 1.1
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        assert (await rent(client, offer))["error"]["code"] == "over_limit"
    assert (world.living, world.volumes.living) == ([], [old])


async def test_a_look_at_a_machine_that_was_left_to_live_names_the_step(
    world: World, settings: Settings
) -> None:
    """Told of before its price could be read: from then on a warning says what ends it."""
    offer = dearer(world, 3.0)
    async with allowing(world, settings, max_usd_per_hour=cost(offer) * 2) as client:
        world.faults.add("show", "html502", times=None)
        made = (await rent(client, offer))["instance_id"]
        world.faults.clear()
        shown = await call(client, "show_instance", instance_id=made)
        assert any("destroy_instance ends it" in warning for warning in shown["warnings"])
