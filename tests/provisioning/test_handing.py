"""A machine that works is handed over: its short lease becomes the one that was asked for, outside
and inside.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from wishing import hurried

from house import KEY_LINE, an_offer, call, lenient_world, served
from people import DECLINE, Person, confirming, with_a_key
from vast_mcp.account.sweep import sweep
from vast_mcp.account.whose import account_of
from vast_mcp.journal.plan_records import Bounds, Plan, PlanWish, Try, TryOf, told_of
from vast_mcp.leases import lifetimes
from vast_mcp.leases.labels import ENDLESS, lease_of, leased
from vast_mcp.provisioning.handing import (
    ends_sentence,
    hand_over,
    keep_short,
    short_lease_hours,
    unguarded,
)
from vast_mcp.renting.order import order_of
from vast_mcp.renting.rent import rent
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.settings import Settings

HOUR = 3600


@dataclass
class Tried:
    """A plan with one try, whose machine works."""

    world: World
    session: Session
    bounds: Bounds
    name: str = ""

    @property
    def call(self) -> Call:
        return Call.quiet(self.session)

    @property
    def plan(self) -> Plan:
        plan = self.session.journal.plans.by_name(self.session.account or "", self.name)
        assert plan is not None
        return plan

    @property
    def one(self) -> Try:
        [one] = self.session.journal.plans.tries(self.name)
        return one

    @property
    def machine(self) -> Any:
        return self.world.instances[self.one.instance_id or 0]

    async def begin(self, **given: Any) -> None:
        call, plans = self.call, self.session.journal.plans
        account = await account_of(call)
        self.session.journal.take_ownership()
        opened = plans.opened(PlanWish(account, "w", "d", derived=True), {}, self.bounds, None)
        self.name = opened.name
        plan = plans.take(account, self.name)
        assert plan is not None
        attempted = TryOf(plan.name, 1, 1, plan.turn)
        order = {
            "offer_id": an_offer(self.world)["id"],
            "image": "x",
            "disk": 16,
            "request_key": attempted.request_key,
            "lease_hours": short_lease_hours(self.bounds),
            **given,
        }
        await rent(call, replace(order_of(order, self.session.settings), try_of=attempted))
        for _ in range(4):
            self.world.show(self.one.instance_id or 0)
        plans.move(plan, self.one, "ready")

    async def handed(self) -> bool:
        self.session.watchdogs_asked.clear()
        return await hand_over(self.call, self.plan, self.one)

    def ends(self) -> str | None:
        return ends_sentence(self.call, self.plan, self.one)

    async def later(self, hours: float) -> None:
        """Let the service's clock be so much later from now on, which a look tells."""
        self.world.clock = lambda: time.time() + hours * HOUR
        await self.call.vast.show_instance(self.machine.id)

    def told(self) -> None:
        self.session.journal.plans.mark_told(told_of(self.plan, [self.one]))


@asynccontextmanager
async def tried(
    world: World, settings: Settings, bounds: Bounds, **given: Any
) -> AsyncIterator[Tried]:
    made = Tried(world, Session(settings, create_app(world)), bounds)
    try:
        if not world.keys:
            world.set_keys([KEY_LINE])
        await made.begin(**given)
        yield made
    finally:
        await made.session.close()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, state_dir=tmp_path / "state", ssh_dir=tmp_path / ".ssh")


async def test_a_machine_gets_the_lease_that_was_asked_for(
    world: World, settings: Settings
) -> None:
    """Its label, the journal and its watchdog have the new end, which the log says."""
    async with tried(world, settings, Bounds(lease_hours=6)) as one:
        before = lease_of(one.machine.label)
        assert before is not None
        assert before < time.time() + HOUR
        one.told()
        assert await one.handed()
        end = lease_of(one.machine.label)
        assert end is not None
        assert abs(end - time.time() - 6 * HOUR) < 60
        assert one.one.state == "handed"
        assert one.machine.watchdog.until == end
        assert one.session.journal.lease_ends(one.session.account or "") == {one.machine.id: end}
        assert one.ends() is None


async def test_no_lease_calls_the_watchdog_off(world: World, settings: Settings) -> None:
    """The far end is read as none by everything."""
    async with tried(world, settings, Bounds()) as one:
        one.told()
        assert await one.handed()
        assert one.machine.watchdog.until == ENDLESS
        assert lease_of(one.machine.label) == ENDLESS
        leases = lifetimes.known(one.call)
        assert leases.end_of(one.machine.id, None) is None
        world.set_label(one.machine.id, "edited by hand")
        row = await one.call.vast.show_instance(one.machine.id)
        assert row is not None
        assert leases.end_of(row.id, row) is None
        assert await sweep(one.call) == []


async def test_a_watchdog_that_reads_no_label_is_told_inside(
    settings: Settings, tmp_path: Path
) -> None:
    """Its file says it, written over SSH."""
    world = World(ssh_banners=True, watchdog="deaf", looks_per_step=0)
    with_a_key(world, tmp_path / ".ssh")
    try:
        async with tried(world, settings, Bounds(lease_hours=2)) as one:
            one.told()
            assert await one.handed()
            end = lease_of(one.machine.label)
            assert world.machines.told(one.machine.id) == end
            world.show(one.machine.id)
            assert one.machine.watchdog.until == end
    finally:
        world.close()


async def test_until_its_watchdog_was_seen_nothing_is_handed_over(
    world: World, settings: Settings
) -> None:
    """It may still end the machine at the short lease's end, and the first sentence says so."""
    world.watchdog = "deaf"
    async with tried(world, settings, Bounds(lease_hours=2)) as one:
        before = lease_of(one.machine.label)
        first = one.ends()
        assert first is not None
        assert "ends by itself in 30 min" in first
        assert "moves that to 2 h" in first
        one.told()
        assert not await one.handed()
        assert (one.one.state, one.machine.watchdog.until) == ("ready", before)
        said = one.ends()
        assert said is not None
        assert "unless its watchdog takes its new end" in said
        moved = lease_of(one.machine.label)
        assert not await one.handed()  # the end that was announced first counts
        assert lease_of(one.machine.label) == moved
        world.watchdog = "usual"
        assert await one.handed()


async def test_a_machine_that_outlived_its_short_lease_is_handed_over(
    settings: Settings,
) -> None:
    """Whatever is inside, it would have ended it by now."""
    world = World(watchdog="deaf")
    async with tried(world, settings, Bounds()) as one:
        one.told()
        assert not await one.handed()
        await one.later(0.8)
        assert not await one.handed()
        await one.later(1.0)
        assert await one.handed()


async def test_under_a_longest_life_no_end_is_that(world: World, settings: Settings) -> None:
    """The stricter of the plan's and of whoever hands over."""
    limits = replace(settings.limits, max_lease_hours=3.0)
    async with tried(world, settings, Bounds()) as one:
        one.session.settings = replace(settings, limits=limits)
        one.told()
        assert await one.handed()
        end = lease_of(one.machine.label)
        assert end is not None
        assert abs(end - one.machine.born - 3 * HOUR) < 60


async def test_an_end_that_the_agent_moved_meanwhile_stays(
    world: World, settings: Settings
) -> None:
    """A watchdog takes later ends alone, and so does a label."""
    async with tried(world, settings, Bounds(lease_hours=1)) as one:
        later = int(time.time() + 9 * HOUR)
        label = leased(one.machine.label, later)
        world.set_label(one.machine.id, label)
        one.told()
        assert await one.handed()
        assert one.machine.label == label


async def test_a_machine_without_a_watchdog_is_handed_over_by_its_label(
    world: World, settings: Settings
) -> None:
    """With runtype args nothing can be put in front; the server ends it."""
    async with tried(world, settings, Bounds(lease_hours=2), runtype="args", args=["serve"]) as one:
        first = one.ends()
        assert first is not None
        assert "is ended in 30 min" in first
        assert "by a running vast-mcp server" in first
        one.told()
        assert await one.handed()


async def test_a_machine_that_has_died_since_it_worked_is_not_handed_over(
    world: World, settings: Settings
) -> None:
    """The look that moves its lease shows it; what it came to, later looks say."""
    async with tried(world, settings, Bounds(lease_hours=2), runtype="args", args=["serve"]) as one:
        one.told()
        one.machine.set_course(("exited",), world.clock())
        assert not await one.handed()
        assert one.one.state == "ready"
        one.machine.set_course(("running",), world.clock())
        assert await one.handed()


@pytest.mark.parametrize(
    ("rental", "words"),
    [
        ({"image": "x"}, None),
        ({"image": "x", "onstart": "echo"}, None),
        ({"image": "x", "runtype": "args", "args": ["serve"]}, "onstart is the entrypoint"),
        ({"image": "docker.io/vastai/kvm:ubuntu", "vm": True, "onstart": "echo"}, "shebang"),
        ({"image": "ubuntu:24.04"}, "once onstart has installed curl"),
    ],
)
async def test_what_no_watchdog_can_guard_is_said_before_it_is_rented(
    world: World, settings: Settings, rental: dict[str, Any], words: str | None
) -> None:
    """Nothing inside it would end it."""
    session = Session(settings, create_app(world))
    said = await unguarded(Call.quiet(session), {**rental, "disk": 16}, Bounds())
    await session.close()
    assert (said is None) == (words is None)
    assert words is None or words in (said or "")


async def test_a_short_lease_begins_anew_where_the_budget_has_room(
    world: World, settings: Settings
) -> None:
    """Half of it over, the whole of it again; its worst case is raised first."""
    async with tried(world, settings, Bounds(count=2, budget_usd=100.0)) as one:
        before, worst = lease_of(one.machine.label), one.one.worst_usd
        assert before is not None
        assert await keep_short(one.call, one.plan, one.one)
        assert lease_of(one.machine.label) == before
        await one.later(0.3)
        assert await keep_short(one.call, one.plan, one.one)
        after = lease_of(one.machine.label)
        assert after is not None
        assert after > before + 0.25 * HOUR
        assert one.one.worst_usd > worst
        assert one.one.state == "ready"


async def test_without_room_in_the_budget_a_short_lease_stays(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """The plan decides what becomes of it."""
    async with tried(world, settings, Bounds(count=2)) as one:
        worst = one.one.worst_usd
    bounds = Bounds(count=2, budget_usd=worst * 1.01)
    other = replace(settings, state_dir=tmp_path / "other")
    async with tried(World(), other, bounds) as one:
        before = lease_of(one.machine.label)
        await one.later(0.3)
        assert not await keep_short(one.call, one.plan, one.one)
        assert lease_of(one.machine.label) == before


async def test_a_first_lease_after_none_is_kept_from_outside_and_said(
    world: World, settings: Settings
) -> None:
    """A watchdog that was called off takes no earlier time."""
    async with tried(world, settings, Bounds()) as one:
        one.told()
        assert await one.handed()
        machine = one.machine.id
    async with served(world, settings) as client:
        shown = await call(client, "show_instance", instance_id=machine)
        assert "lease_left_hours" not in shown
        name = {"instance_id": machine, "action": "label", "label": "mine"}
        assert "error" not in await call(client, "manage_instance", **name)
        assert lease_of(world.instances[machine].label) == ENDLESS
        moved = await call(
            client,
            "manage_instance",
            instance_id=machine,
            action="extend_lease",
            lease_hours=3,
        )
        assert moved["lease_left_hours"] == 3.0
        assert "ssh_line" not in moved
        assert any("called off" in warning for warning in moved["warnings"])
        shown = await call(client, "show_instance", instance_id=machine)
        assert (shown["lease_left_hours"], shown["watchdog"]) == (3.0, "lacking")


# ── through the tool ───────────────────────────────────────────────────────────────────────────

WISH = {
    "image": "example/image",
    "ready_when": "running",
    "check": False,
    "max_usd_per_hour": 1.0,
    "request_key": "handed",
}


async def test_the_first_sentence_says_when_it_ends_until_it_is_handed_over(
    settings: Settings,
) -> None:
    """And what moves that; then there is nothing to say any more."""
    world = lenient_world()
    async with served(world, hurried(settings)) as client:
        first = await call(client, "provision", **WISH)
        assert "ends by itself" in first["said"].partition(". ")[0]
        assert "this answer, once it has arrived, takes that end away" in first["said"]
        last = await call(client, "provision", **WISH)
    assert last["machines"][0]["state"] == "yours"
    assert "ends" not in last["said"]
    [machine] = world.living
    assert lease_of(machine.label) == ENDLESS


UNGUARDED = {**WISH, "runtype": "args", "args": ["serve"]}


async def test_a_dry_run_says_that_no_watchdog_can_guard_it(settings: Settings) -> None:
    """Before anything is rented."""
    async with served(lenient_world(), settings) as client:
        said = await call(client, "provision", **UNGUARDED, dry_run=True)
        assert any("No watchdog can guard" in one for one in said["warnings"])
        said = await call(client, "provision", **WISH, dry_run=True)
        assert not any("watchdog" in one for one in said.get("warnings", []))


async def test_a_person_reads_that_no_watchdog_can_guard_it(settings: Settings) -> None:
    """It may bill past the budget, which is what they are asked for."""
    person = Person(DECLINE)
    async with confirming(lenient_world(), settings, person) as client:
        await call(client, "provision", **UNGUARDED)
        await call(client, "provision", **{**WISH, "request_key": "other"})
    guarded = ["No watchdog can guard" in question for question in person.questions]
    assert guarded == [True, False]
