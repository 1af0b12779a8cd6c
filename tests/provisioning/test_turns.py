"""One process drives a plan at a time; another goes on from wherever it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from wishing import TOOLS, account_in, ask, doom, hurried, journal_in, living, until, until_over

from house import puts, served
from vast_mcp import errors
from vast_mcp.journal import Journal
from vast_mcp.journal.plan_records import Bounds, Plan, PlanWish, TryOf
from vast_mcp.journal.records import Intent, Wish
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

ACCOUNT = "http://somewhere#1"


def a_plan(journal: Journal, **bounds: float) -> Plan:
    """A plan that this journal drives."""
    wish = PlanWish(ACCOUNT, "key", "digest", derived=False)
    made = journal.plans.opened(wish, {}, Bounds(**bounds), None)  # type: ignore[arg-type]
    journal.take_ownership()
    taken = journal.plans.take(ACCOUNT, made.name)
    assert taken is not None
    return taken


def begin(journal: Journal, plan: Plan, number: int = 1, usd_per_hour: float = 1.0) -> Intent:
    """A try that is announced."""
    attempted = TryOf(plan.name, number, 1, plan.turn)
    key = attempted.request_key
    wish = Wish(ACCOUNT, key, key, 5, "running", derived=False, allow_unresolved=False)
    with journal.alone():
        return journal.intend(wish, "x", usd_per_hour=usd_per_hour, try_of=attempted)


def test_who_lost_its_turn_writes_nothing(tmp_path: Path) -> None:
    """A process that stood still wakes up, and another one drives its plan."""
    first, second = Journal(tmp_path, driver_s=0.0), Journal(tmp_path, driver_s=0.0)
    plan = a_plan(first)
    begin(first, plan)
    taken = second.plans.take(ACCOUNT, plan.name)
    assert taken is not None
    [one] = first.plans.tries(plan.name)
    writes: list[Callable[[], object]] = [
        lambda: first.plans.move(plan, one, "failed"),
        lambda: first.plans.raise_worst(plan, one, 9.0),
        lambda: first.plans.settle_for(plan, 1),
        lambda: first.plans.give_up(plan, "no_offer"),
        lambda: begin(first, plan, 2),
    ]
    for write in writes:
        with pytest.raises(errors.NotRented):
            write()
    assert not first.plans.keep(plan)
    assert not first.plans.mark_over(plan, "ready")
    assert second.plans.tries(plan.name) == [one]
    assert second.plans.by_name(ACCOUNT, plan.name) == taken


def test_nobody_takes_a_plan_whose_driver_shows_signs(tmp_path: Path) -> None:
    """Two drivers would rent twice."""
    first, second = Journal(tmp_path, driver_s=60.0), Journal(tmp_path, driver_s=60.0)
    plan = a_plan(first)
    assert second.plans.take(ACCOUNT, plan.name) is None
    first.plans.let_go(plan)
    assert second.plans.take(ACCOUNT, plan.name) is not None


def test_a_dead_driver_loses_its_turn_at_once(tmp_path: Path) -> None:
    """Its lock is free: nobody waits for it to show a sign of itself."""
    first, second = Journal(tmp_path, driver_s=60.0), Journal(tmp_path, driver_s=60.0)
    plan = a_plan(first)
    first.close()
    assert second.plans.take(ACCOUNT, plan.name) is not None


def test_what_failed_is_never_handed_over(tmp_path: Path) -> None:
    """Its end may have been sent already."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    begin(journal, plan)
    [one] = journal.plans.tries(plan.name)
    assert journal.plans.move(plan, one, "failed")
    assert not journal.plans.move(plan, one, "ready")
    assert not journal.plans.move(plan, one, "handed")
    assert [one.state for one in journal.plans.tries(plan.name)] == ["failed"]


def test_nothing_is_rented_beside_a_try_in_doubt(tmp_path: Path) -> None:
    """Whatever else asks for it."""
    journal = Journal(tmp_path)
    plan = a_plan(journal, count=2)
    begin(journal, plan)
    with pytest.raises(errors.NotRented):
        begin(journal, plan, 2)
    assert len(journal.plans.tries(plan.name)) == 1


@pytest.mark.parametrize(
    ("bounds", "refused"),
    [
        ({"budget_usd": 0.9, "count": 2}, errors.OverLimit),
        ({"max_attempts": 1}, errors.OverLimit),
        ({"max_total_usd_per_hour": 1.5, "count": 2}, errors.OverLimit),
        ({}, errors.NotRented),
    ],
    ids=["budget", "attempts", "all together", "the one before still bills"],
)
def test_the_claim_counts_what_is_there(
    tmp_path: Path, bounds: dict[str, float], refused: type[errors.VastMcpError]
) -> None:
    """In the transaction that announces a request, so that nobody rents on an old count."""
    journal = Journal(tmp_path)
    plan = a_plan(journal, **bounds)
    intent = begin(journal, plan)
    journal.mark_sending(intent)
    journal.mark_confirmed(intent, 77)
    with pytest.raises(refused):
        begin(journal, plan, 2)
    assert len(journal.plans.tries(plan.name)) == 1
    assert journal.by_token(intent.token) is not None


def test_a_machine_that_is_found_late_is_its_plans_to_end(tmp_path: Path) -> None:
    """It was proven absent, and its plan is over: that begins anew, to end it."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    intent = begin(journal, plan)
    journal.mark_sending(intent)
    journal.mark_unknown(intent)
    journal.mark_absent(intent)
    [one] = journal.plans.tries(plan.name)
    assert journal.plans.move(plan, one, "void", "absent")
    journal.plans.give_up(plan, "no_offer")
    assert journal.plans.mark_over(plan, "no_offer")
    journal.plans.reopen(ACCOUNT)
    assert journal.plans.not_over(ACCOUNT) == []
    journal.mark_confirmed(intent, 77)
    journal.plans.reopen(ACCOUNT)
    [again], [one] = journal.plans.not_over(ACCOUNT), journal.plans.tries(plan.name)
    assert (again.state, again.outcome) == ("ending", "no_offer")
    assert one.bills
    assert one.is_condemned


# ── through servers ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shared(settings: Settings, state: Path) -> Settings:
    """Of servers that share a journal."""
    return replace(hurried(settings, budget_s=0.5), state_dir=state)


async def test_another_process_goes_on_with_what_it_was_not_asked_for(
    world: World, shared: Settings, state: Path
) -> None:
    """The first one ended while its machine started, and its caller may never come back."""
    doom(world, ["loading"] * 30 + ["running"])
    async with served(world, shared, TOOLS) as client:
        begun = await ask(client)
    assert begun["state"] == "seeking"
    plans = journal_in(state).plans
    async with served(world, shared, TOOLS):
        await until(lambda: plans.tries(begun["plan"])[0].state != "begun")
    [one] = plans.tries(begun["plan"])
    assert (one.state, one.instance_id) == ("ready", living(world)[0])
    assert puts(world) == 1


async def test_who_does_not_know_the_secrets_ends_and_rents_nothing(
    world: World, shared: Settings, state: Path
) -> None:
    """Values of env are in no journal: what failed is ended, and the next waits for the caller."""
    rental = {"env": {"TOKEN": "hush-hush-value"}}
    doom(world, ["loading"] * 30 + ["exited"])
    async with served(world, shared, TOOLS) as client:
        begun = await ask(client, rental=rental)
    assert begun["state"] == "seeking"
    account, plans = account_in(state), journal_in(state).plans
    async with served(world, shared, TOOLS):
        await until(lambda: plans.not_over(account)[0].detail == "values")
    assert puts(world) == 1
    assert b"hush-hush" not in (state / "journal.db").read_bytes()
    doom(world, "runs")
    async with served(world, shared, TOOLS) as client:
        done = await until_over(client, rental=rental)
    assert done["outcome"] == "ready"
    assert puts(world) == 2


def test_who_is_late_to_open_a_plan_finds_the_one_that_is_over(tmp_path: Path) -> None:
    """A process stood still where it found none, and another one brought the plan to its end: the
    same wish is no second machine.
    """
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    journal.plans.mark_over(plan, "ready")
    wish = PlanWish(ACCOUNT, "key", "digest", derived=False)
    assert journal.plans.opened(wish, {}, Bounds(), None).name == plan.name
    after = journal.plans.opened(wish, {}, Bounds(), None, instead_of=plan)
    assert after.name != plan.name
    assert journal.plans.opened(wish, {}, Bounds(), None, instead_of=plan).name == after.name


async def test_who_lost_its_turn_goes_on_once_the_other_can_do_no_more(
    world: World, settings: Settings, state: Path
) -> None:
    """It stood still for a while, and nobody asks again: the other one does not know what it was
    called with.
    """
    doom(world, "pulls")
    shared = replace(hurried(settings, budget_s=0.5, driver_s=0.6), state_dir=state)
    async with served(world, shared, TOOLS) as client:
        await ask(client)
        other = Journal(state, driver_s=0.0)
        other.take_ownership()
        [plan] = other.plans.not_over(account_in(state))
        taken = other.plans.take(plan.account, plan.name)
        assert taken is not None

        def turn() -> int:
            now = other.plans.by_name(plan.account, plan.name)
            return 0 if now is None else now.turn

        other.plans.let_go(taken)
        await until(lambda: turn() > taken.turn)
