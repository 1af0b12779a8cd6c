"""What the market has instead, where nothing that was asked for fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from vast_mcp.journal.plan_records import Bounds
from vast_mcp.provisioning.candidates import candidates
from vast_mcp.provisioning.instead import Instead, instead
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.settings import Limits, Settings

pytestmark = pytest.mark.anyio

Ask = Callable[..., Any]
CARD = {"gpu_name": ["RTX 4090"]}
UBUNTU = {"image": "ubuntu:22.04"}


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def ask(world: World, settings: Settings, limits: Limits) -> Ask:
    """The changes for a wish, each with how many offers fit once it is made."""
    session = Session(replace(settings, limits=limits), create_app(world))

    async def asked(search: Any, rental: Any = UBUNTU, **bounds: Any) -> Any:
        wanted, call = Requirement(search=search, rental=rental), Call.quiet(session)
        found = await candidates(call, wanted, Bounds(**bounds))
        return await instead(call, wanted, Bounds(**bounds), found)

    async def fit(search: Any, rental: Any = UBUNTU, **bounds: Any) -> int:
        wanted = Requirement(search=search, rental=rental)
        return len((await candidates(Call.quiet(session), wanted, Bounds(**bounds))).offers)

    asked.fit = fit  # type: ignore[attr-defined]
    return asked


def named(changes: list[Instead], name: str) -> Instead:
    return next(one for one in changes if name in one.change)


async def test_the_nearest_price_is_told_with_some_room_and_what_it_finds(ask: Ask) -> None:
    changes = await ask(CARD, max_usd_per_hour=0.05)
    change = named(changes, "max_usd_per_hour")
    [most] = change.change.values()
    assert change.usd_per_hour <= most <= change.usd_per_hour * 1.16
    assert await ask.fit(CARD, max_usd_per_hour=most) == change.offers
    assert f"max_usd_per_hour {most}: {change.offers} offer" in change.said


async def test_a_driver_that_nobody_has_yields_to_the_newest_there_is(ask: Ask) -> None:
    wish = {**CARD, "min_cuda": 14.0}
    change = named(await ask(wish), "min_cuda")
    assert 12 < change.change["min_cuda"] < 14
    assert await ask.fit({**wish, **change.change}) == change.offers


async def test_where_some_fit_only_what_would_fit_more_is_told(ask: Ask) -> None:
    """A plan whose tries failed has seen those that fit."""
    wish = {**CARD, "min_cuda": 12.7}
    fit = await ask.fit(wish)
    assert fit
    change = named(await ask(wish), "min_cuda")
    assert change.change["min_cuda"] < 12.7
    assert await ask.fit({**wish, **change.change}) == fit + change.offers


async def test_the_change_of_a_filter_leaves_the_others(ask: Ask) -> None:
    wish = {**CARD, "filters": {"cpu_cores": {"gte": 100_000}, "inet_up": {"gte": 20}}}
    change = named(await ask(wish), "filters")
    assert "inet_up" in change.change["filters"]
    assert await ask.fit({**CARD, "filters": change.change["filters"]}) == change.offers


async def test_a_lease_that_no_host_keeps_is_shortened_in_whole_hours(
    ask: Ask, world: World
) -> None:
    for offer in world.offers.values():
        offer["end_date"] = world.now + 50.6 * 3600
        offer["duration"] = 50.6 * 3600
    change = named(await ask(CARD, lease_hours=100.0), "lease_hours")
    assert change.change == {"lease_hours": 50}
    assert await ask.fit(CARD, lease_hours=50.0) == change.offers


async def test_the_nearest_lease_is_that_of_a_host_that_the_budget_has_room_for(
    ask: Ask, world: World
) -> None:
    """A host that offers a machine for longer, and whose worst case is over it, helps nobody."""
    rental = {"image": "some/body", "disk": 30}
    cards = [one for one in world.offers.values() if one["gpu_name"] == "RTX 4090"]
    for number, offer in enumerate(cards):
        dear = number % 2
        hours = 50.6 if dear else 20.6
        offer |= {"end_date": world.now + hours * 3600, "duration": hours * 3600}
        offer["inet_down_cost"] = 10.0 if dear else 0.0
    bounds = {"lease_hours": 100.0, "budget_usd": 5.0}
    change = named(await ask(CARD, rental, **bounds), "lease_hours")
    assert change.change == {"lease_hours": 20}
    assert await ask.fit(CARD, rental, **{**bounds, "lease_hours": 20.0}) == change.offers


async def test_a_budget_that_no_try_fits_is_told_with_one_that_some_do(ask: Ask) -> None:
    change = named(await ask(CARD, budget_usd=0.01), "budget_usd")
    assert await ask.fit(CARD, budget_usd=change.change["budget_usd"]) == change.offers


async def test_no_other_card_is_told_that_the_budget_has_no_room_for(ask: Ask) -> None:
    """It would lead from one refusal to the next."""
    changes = await ask(CARD, budget_usd=0.01)
    assert [list(one.change) for one in changes] == [["budget_usd"]]
    for one in await ask(CARD, budget_usd=0.12):
        given = {**CARD, **one.change}
        budget = given.pop("budget_usd", 0.12)
        assert await ask.fit(given, budget_usd=budget), one


async def test_the_disk_is_changed_where_it_was_named(ask: Ask) -> None:
    rental = {**UBUNTU, "disk": 50_000}
    change = named(await ask({**CARD, "min_disk_gb": 50_000}, rental), "disk")
    left = {**rental, "disk": change.change["disk"]}
    assert await ask.fit({**CARD, "min_disk_gb": left["disk"]}, left) == change.offers


async def test_an_argument_that_is_left_out_is_absent_from_the_next_call() -> None:
    change = Instead({"geolocation": None, "min_cuda": 12}, 1, 0.2, "")
    assert change.applied_to({"geolocation": ["SE"], "image": "a"}) == {
        "image": "a",
        "min_cuda": 12,
    }


class TestOfAPersonWithALimit:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(max_usd_per_hour=0.06)

    async def test_no_price_over_the_persons_is_named(self, ask: Ask) -> None:
        changes = await ask(CARD, max_usd_per_hour=0.05)
        assert not any("max_usd_per_hour" in one.change for one in changes)
