"""Under VAST_MCP_MAX_LEASE_HOURS a lease ends within that time of the machine's earliest birth,
whatever the machine writes into its label and wherever its `start_date` moves (docs/spending.md).

Times are set by the world's clock, and births by its rows: nothing here waits for an hour.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import allowing, an_offer, call
from vast_mcp.leases.ends import Leases
from vast_mcp.leases.labels import leased
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.vast import models

pytestmark = pytest.mark.anyio

HOUR = 3600.0
TOKEN = "0123456789abcdef"


@asynccontextmanager
async def sweeping(
    world: World, settings: Settings, state: Path, **limits: Any
) -> AsyncIterator[Client]:
    """A server that sweeps as soon as a lease is over."""
    quick = replace(settings.times, lease_margin_s=0.0)
    async with allowing(world, replace(settings, times=quick), state, **limits) as client:
        yield client


async def rented(client: Client, world: World, **more: Any) -> Instance:
    offer = an_offer(world)
    made = await call(client, "create_instance", offer_id=offer["id"], disk=16, **more)
    return world.instances[made["instance_id"]]


def of_another_computer(world: World, until: float | None) -> Instance:
    """A machine with a token that no journal here knows."""
    label = leased(f"theirs#{TOKEN}", until)
    return world.rent(an_offer(world)["id"], {"image": "x", "disk": 8, "label": label})


def label_itself(machine: Instance, hours: float) -> None:
    """What a machine can do with the key that it has."""
    machine.label = leased(machine.label or "", time.time() + hours * HOUR)


def later(world: World, hours: float) -> None:
    world.clock = lambda: time.time() + hours * HOUR


async def left(client: Client, machine: Instance) -> float:
    """Its lease_left_hours, which every tool that shows it agrees on."""
    listed = await call(client, "show_instances")
    [row] = [one for one in listed["instances"] if one["instance_id"] == machine.id]
    shown = await call(client, "show_instance", instance_id=machine.id)
    assert shown["lease_left_hours"] == pytest.approx(row["lease_left_hours"], abs=0.02)
    return row["lease_left_hours"]


async def until_ended(client: Client, machine: Instance) -> None:
    with anyio.fail_after(100):
        while True:
            if not machine.alive:
                return
            await call(client, "show_instances")


async def test_a_machine_that_labels_itself_for_a_month_ends_with_its_longest_life(
    world: World, settings: Settings, state: Path
) -> None:
    """The later of label and journal counts, and not beyond birth and limit; also where the row's
    start_date moves along.
    """
    async with sweeping(world, settings, state, max_lease_hours=3.0) as client:
        machine = await rented(client, world, lease_hours=1)
        label_itself(machine, 30 * 24)
        machine.born += 48 * HOUR
        assert await left(client, machine) == pytest.approx(3, abs=0.05)
        later(world, 2)
        assert await left(client, machine) == pytest.approx(1, abs=0.05)
        assert machine.alive
        later(world, 4)
        await until_ended(client, machine)


async def test_without_the_limit_the_later_of_both_counts(
    world: World, settings: Settings, state: Path
) -> None:
    """Another computer may have extended the lease."""
    async with sweeping(world, settings, state) as client:
        machine = await rented(client, world, lease_hours=1)
        label_itself(machine, 30)
        assert await left(client, machine) == pytest.approx(30, abs=0.05)
        later(world, 4)
        assert await left(client, machine) == pytest.approx(26, abs=0.05)


async def test_a_label_takes_nothing_of_the_journals_time(
    world: World, settings: Settings, state: Path
) -> None:
    """No label ends a lease before the journal does."""
    async with sweeping(world, settings, state, max_lease_hours=5.0) as client:
        machine = await rented(client, world, lease_hours=3)
        label_itself(machine, 0.001)
        later(world, 1)
        assert await left(client, machine) == pytest.approx(2, abs=0.05)
        assert machine.alive


async def test_a_start_date_that_moves_later_moves_no_end(
    world: World, settings: Settings, state: Path
) -> None:
    """A machine that no journal knows is bounded by its row's birth: the earliest that any server
    of this journal has seen.
    """
    async with sweeping(world, settings, state, max_lease_hours=3.0) as client:
        await rented(client, world, lease_hours=2)  # begins a journal
        machine = of_another_computer(world, time.time() + 99 * HOUR)
        assert await left(client, machine) == pytest.approx(3, abs=0.05)
    machine.born += 48 * HOUR
    later(world, 2)
    async with sweeping(world, settings, state, max_lease_hours=3.0) as client:
        assert await left(client, machine) == pytest.approx(1, abs=0.05)
        later(world, 4)
        await until_ended(client, machine)


async def test_without_a_journal_a_server_remembers_what_it_saw(
    world: World, settings: Settings, state: Path
) -> None:
    """Nothing was ever rented from this computer."""
    async with sweeping(world, settings, state, max_lease_hours=3.0) as client:
        machine = of_another_computer(world, time.time() + 99 * HOUR)
        assert await left(client, machine) == pytest.approx(3, abs=0.05)
        machine.born += 48 * HOUR
        later(world, 2)
        assert await left(client, machine) == pytest.approx(1, abs=0.05)
        later(world, 4)
        await until_ended(client, machine)
    assert not (state / "journal.db").exists()


@pytest.mark.parametrize("born", [0.0, -5.0, 4.0e12, 1.0])
async def test_a_start_date_that_is_no_time_counts_from_the_first_sight(
    world: World, settings: Settings, state: Path, born: float
) -> None:
    """Unknown is neither "just now" at every look, nor long ago."""
    async with sweeping(world, settings, state, max_lease_hours=3.0) as client:
        await rented(client, world, lease_hours=2)
        machine = of_another_computer(world, time.time() + 99 * HOUR)
        machine.born = born
        assert await left(client, machine) == pytest.approx(3, abs=0.05)
        later(world, 2)
        assert await left(client, machine) == pytest.approx(1, abs=0.05)
        assert machine.alive
        later(world, 4)
        await until_ended(client, machine)


async def test_a_machine_without_a_lease_is_given_none(
    world: World, settings: Settings, state: Path
) -> None:
    """The limit cuts leases; what another computer rents without one is not ours to end."""
    async with sweeping(world, settings, state, max_lease_hours=1.0) as client:
        await rented(client, world, lease_hours=1)
        machine = of_another_computer(world, None)
        await call(client, "show_instances")
        later(world, 9)
        [row] = [
            row
            for row in (await call(client, "show_instances"))["instances"]
            if row["instance_id"] == machine.id
        ]
        assert "lease_left_hours" not in row
    assert machine.alive


async def test_an_extension_counts_from_the_earliest_birth(
    world: World, settings: Settings, state: Path
) -> None:
    """And one within the limit is made."""
    async with allowing(world, settings, state, max_lease_hours=3.0) as client:
        machine = await rented(client, world, lease_hours=1)
        machine.born += 48 * HOUR
        extend = {"instance_id": machine.id, "action": "extend_lease"}
        refused = await call(client, "manage_instance", **extend, lease_hours=3.5)
        assert refused["error"]["code"] == "over_limit"
        assert (await call(client, "manage_instance", **extend, lease_hours=2.9))["seen"] is True


@pytest.mark.parametrize("start_date", [None, 0.0, 4.0e12])
def test_a_birth_that_nothing_names_is_now(start_date: float | None) -> None:
    """Then the journal's, where it has one."""
    row = models.Instance(id=7, start_date=start_date, label=f"x lease-until=1900000000#{TOKEN}")
    assert Leases(1.8e9, longest_s=60.0).end_of(7, row) == 1.8e9 + 60
    assert Leases(1.8e9, births={7: 1.7e9}, longest_s=60.0).end_of(7, row) == 1.7e9 + 60
