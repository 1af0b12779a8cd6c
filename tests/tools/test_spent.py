"""spent_usd: what a machine has cost so far, by Vast's charges or by what looks have told.

Hours pass by making a machine older, in the world and in the journal: the world's meter is the
oracle, second by second (docs/vast-api.md C.8).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

SHUT: dict[str, Any] = {"status": 403, "body": {"error": "forbidden", "msg": "no"}}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def at_once(world: World) -> None:
    """Machines do at once what is asked of them."""
    world.looks_per_step = 0


def shut(world: World) -> None:
    """The key may not read charges."""
    world.faults.add("charges", "status", times=None, **SHUT)


def billed(world: World, machine: int) -> float:
    """What the world's meter has entered for a machine."""
    instance = world.instances[machine]
    instance.tick(world.now)
    return sum(span.usd for span in instance.meter.spans)


@contextlib.contextmanager
def journal(state: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
        yield db


def hours_pass(world: World, state: Path, machine: int, hours: float) -> None:
    """Everything known of a machine was so many hours earlier."""
    seconds = hours * 3600
    world.age(machine, hours)
    with journal(state) as db:
        db.execute("UPDATE intents SET sent_at = sent_at - ?, made_at = made_at - ?", [seconds] * 2)
        for key, seen in db.execute("SELECT instance_id, seen FROM metered").fetchall():
            meter = json.loads(seen)
            for name in ("born", "last", "kept"):
                meter[name] -= seconds
            meter["spans"] = [[a - seconds, b - seconds, *rest] for a, b, *rest in meter["spans"]]
            db.execute(
                "UPDATE metered SET seen = ? WHERE instance_id = ?", [json.dumps(meter), key]
            )


@contextlib.asynccontextmanager
async def later(world: World, settings: Settings, state: Path) -> AsyncIterator[Client]:
    """The next process of the same person."""
    async with served(world, replace(settings, state_dir=state)) as client:
        yield client


async def rented(world: World, settings: Settings, state: Path, **more: Any) -> int:
    async with later(world, settings, state) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], **more)
        machine = made["instance_id"]
        await call(client, "show_instance", instance_id=machine)
    return machine


async def manage(world: World, settings: Settings, state: Path, machine: int, action: str) -> None:
    async with later(world, settings, state) as client:
        await call(client, "manage_instance", instance_id=machine, action=action)
        await call(client, "show_instance", instance_id=machine)


async def shown(world: World, settings: Settings, state: Path, machine: int) -> tuple[Any, Any]:
    async with later(world, settings, state) as client:
        answer = await call(client, "show_instance", instance_id=machine)
    return answer.get("spent_usd"), answer.get("spent_is")


# ── by looks ───────────────────────────────────────────────────────────────────────────────────


async def test_a_machine_that_we_stopped_and_started_costs_what_it_was_billed(
    world: World, settings: Settings, state: Path
) -> None:
    """Stopped hours at its disk's price; no hour of it at the wrong one."""
    shut(world)
    machine = await rented(world, settings, state)
    hours_pass(world, state, machine, 2)
    await manage(world, settings, state, machine, "stop")
    hours_pass(world, state, machine, 30)
    await manage(world, settings, state, machine, "start")
    hours_pass(world, state, machine, 1)
    usd, by = await shown(world, settings, state, machine)
    whole = world.instances[machine].dph_total
    assert (usd, by) == (pytest.approx(billed(world, machine), abs=0.002), "estimate")
    assert usd == pytest.approx(3 * whole + 30 * world.instances[machine].disk_rate, abs=0.002)


async def test_a_machine_that_was_rented_stopped_costs_its_disk(
    world: World, settings: Settings, state: Path
) -> None:
    shut(world)
    machine = await rented(world, settings, state, target_state="stopped")
    hours_pass(world, state, machine, 50)
    usd, by = await shown(world, settings, state, machine)
    assert (usd, by) == (pytest.approx(billed(world, machine), abs=0.002), "estimate")


async def test_a_machine_that_somebody_else_stopped_has_cost_at_most_so_much(
    world: World, settings: Settings, state: Path
) -> None:
    """Nobody here knows when; never less than was billed."""
    shut(world)
    machine = await rented(world, settings, state)
    hours_pass(world, state, machine, 1)
    world.set_state(machine, "stopped")
    hours_pass(world, state, machine, 9)
    usd, by = await shown(world, settings, state, machine)
    assert (usd, by) == (
        pytest.approx(10 * world.instances[machine].dph_total, abs=0.01),
        "at_most",
    )
    assert usd > billed(world, machine)


async def test_a_machine_that_loads_for_long_costs_its_disk(
    world: World, settings: Settings, state: Path
) -> None:
    """Loading is not billed (docs/vast-api.md C.4)."""
    shut(world)
    world.looks_per_step = 1
    world.set_fate(an_offer(world)["id"], "stuck_loading")
    machine = await rented(world, settings, state)
    hours_pass(world, state, machine, 3)
    usd, by = await shown(world, settings, state, machine)
    assert (usd, by) == (pytest.approx(billed(world, machine), abs=0.002), "estimate")


async def test_a_machine_whose_host_went_offline_costs_nothing_on(
    world: World, settings: Settings, state: Path
) -> None:
    shut(world)
    world.set_fate(an_offer(world)["id"], ["offline"])
    machine = await rented(world, settings, state)
    hours_pass(world, state, machine, 3)
    usd, by = await shown(world, settings, state, machine)
    assert (usd, by) == (pytest.approx(0, abs=0.002), "estimate")


async def test_a_machine_of_which_this_computer_knows_nothing_has_cost_at_most_its_whole_price(
    client: Client, world: World
) -> None:
    """Since its birth by its row."""
    shut(world)
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.set_state(made.id, "stopped")
    world.age(made.id, 4)
    answer = await call(client, "show_instance", instance_id=made.id)
    assert answer["spent_usd"] == pytest.approx(4 * made.dph_total, abs=0.001)
    assert answer["spent_is"] == "at_most"


async def test_without_a_price_or_a_birth_nothing_is_told(client: Client, world: World) -> None:
    """What cannot be read is unknown, and not nothing."""
    shut(world)
    for cell in ("dph_total", "start_date"):
        made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
        world.odd.add("instance", cell, "NaN", row=made.id)
        answer = await call(client, "show_instance", instance_id=made.id)
        assert {"spent_usd", "spent_is"}.isdisjoint(answer), cell


# ── by charges ─────────────────────────────────────────────────────────────────────────────────


def a_charged_one(world: World, hours: float = 6) -> int:
    """A machine that ran for some hours, and rests since as many."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.age(made.id, hours)
    world.set_state(made.id, "stopped")
    world.age(made.id, hours)
    return made.id


async def test_charges_are_what_vast_says_whatever_was_seen(client: Client, world: World) -> None:
    """To the third digit, as Vast rounds (docs/vast-api.md G); one request a call."""
    machine = a_charged_one(world)
    answer = await call(client, "show_instance", instance_id=machine)
    assert answer["spent_usd"] == pytest.approx(billed(world, machine), abs=0.0006)
    assert answer["spent_is"] == "charges"
    [asked] = world.asked("charges")
    assert "instance" in asked.query["select_filters"]


async def test_what_charges_do_not_reach_yet_is_estimated_and_added(
    client: Client, world: World
) -> None:
    """They lag by hours."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.show(made.id)
    world.age(made.id, 10)
    world.charges_lag_s = 2 * 3600
    answer = await call(client, "show_instance", instance_id=made.id)
    assert answer["spent_usd"] == pytest.approx(billed(world, made.id), abs=0.002)
    assert answer["spent_is"] in {"estimate", "at_most"}


async def test_the_last_day_of_charges_is_not_counted_twice(client: Client, world: World) -> None:
    """Their end is that day's midnight, not a moment: without hours nobody knows how much of that
    day they hold. So it is what was charged, or what looks told, and never both (docs/vast-api.md
    G).
    """
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.age(made.id, 40)
    usd = 40 * made.dph_total
    day = world.now // 86_400 * 86_400
    row = {"source": f"instance-{made.id}", "start": day - 86_400, "end": day, "amount": usd}
    body = {"success": True, "results": [row | {"items": []}], "next_token": None}
    world.faults.add("charges", "status", times=None, status=200, body=body)
    answer = await call(client, "show_instance", instance_id=made.id)
    assert answer["spent_usd"] == pytest.approx(usd, abs=0.01)


@pytest.mark.parametrize("amount", ["NaN", "a lot", None, True, -5])
async def test_an_amount_that_is_none_leaves_the_estimate(
    client: Client, world: World, amount: Any
) -> None:
    machine = a_charged_one(world)
    row = {"source": f"instance-{machine}", "start": world.now - 9e3, "end": world.now}
    body = {"success": True, "results": [row | {"amount": amount}], "next_token": None}
    text = json.dumps(body).replace('"NaN"', "NaN")
    world.faults.add("charges", "status", times=None, status=200, body=json.loads(text))
    answer = await call(client, "show_instance", instance_id=machine)
    assert answer["spent_is"] == "at_most"
    assert answer["spent_usd"] > billed(world, machine)


async def test_rows_of_a_machine_add_up_exactly_and_others_are_not_counted(
    client: Client, world: World
) -> None:
    """Ten times 0.1 is one dollar."""
    machine = a_charged_one(world)
    row = {"source": f"instance-{machine}", "start": world.now - 9e3, "end": world.now}
    rows = [row | {"amount": 0.1}] * 9 + [row | {"amount": "0.100"}]
    rows += [row | {"source": f"instance-{machine}0", "amount": 7}]
    body = {"success": True, "results": rows, "next_token": None}
    world.faults.add("charges", "status", times=None, status=200, body=body)
    answer = await call(client, "show_instance", instance_id=machine)
    assert (answer["spent_usd"], answer["spent_is"]) == (1.0, "charges")


async def test_charges_of_several_pages_are_not_half_told(client: Client, world: World) -> None:
    """Half a list is no list, and a call asks once."""
    machine = a_charged_one(world)
    row = {"source": f"instance-{machine}", "start": world.now - 9e3, "end": world.now}
    body = {"success": True, "results": [row | {"amount": 0.1}], "next_token": "1"}
    world.faults.add("charges", "status", times=None, status=200, body=body)
    answer = await call(client, "show_instance", instance_id=machine)
    assert answer["spent_is"] == "at_most"
    assert len(world.asked("charges")) == 1


async def test_a_key_that_may_not_read_charges_is_told_so_once(
    client: Client, world: World
) -> None:
    machine = a_charged_one(world)
    world.missing_permissions = {"billing_read"}
    for _ in range(2):
        answer = await call(client, "show_instance", instance_id=machine)
        assert answer["spent_is"] == "at_most"
    assert len(world.asked("charges")) == 1


async def test_a_list_and_a_young_machine_ask_for_no_charges(client: Client, world: World) -> None:
    """A list is many machines, and what was rented just now has none yet."""
    a_charged_one(world)
    await call(client, "show_instances")
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    await call(client, "show_instance", instance_id=made.id)
    assert not world.asked("charges")


async def test_a_wait_says_what_its_machines_have_cost(client: Client, world: World) -> None:
    """Several by one request."""
    machines = [a_charged_one(world), a_charged_one(world, hours=3)]
    told = await call(client, "wait_for_instance", instance_ids=machines, timeout_s=1)
    assert [one["spent_is"] for one in told["machines"]] == ["charges", "charges"]
    assert len(world.asked("charges")) == 1
    [one, _] = machines
    told = await call(client, "wait_for_instance", instance_id=one, timeout_s=1)
    assert told["spent_usd"] == pytest.approx(billed(world, one), abs=0.0006)


async def test_a_destroy_says_what_each_cost_in_the_end(client: Client, world: World) -> None:
    machines = [a_charged_one(world), a_charged_one(world, hours=3)]
    done = await call(client, "destroy_instance", instance_ids=machines)
    for told, machine in zip(done["results"], machines, strict=True):
        assert told["spent_usd"] == pytest.approx(billed(world, machine), abs=0.0006)
        assert told["spent_is"] == "charges"
    assert len(world.asked("charges")) == 1
