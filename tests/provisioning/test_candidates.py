"""Which offers a plan may try, in which order, and what each may cost at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vast_mcp.journal.met import Event
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.provisioning.candidates import Candidates, candidates
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

Look = Callable[..., Any]
CARD = {"gpu_name": ["RTX 4090"]}
UBUNTU = {"image": "ubuntu:22.04"}


@pytest.fixture
def session(world: World, settings: Settings) -> Session:
    return Session(settings, create_app(world))


@pytest.fixture
def look(session: Session) -> Look:
    """Candidates for a search and a rental, within bounds."""

    async def found(
        search: Any = CARD, rental: Any = UBUNTU, without: Any = (), ports: int = 0, **bounds: Any
    ) -> Candidates:
        wanted = Requirement(search=search, rental=rental, ports=ports)
        call = Call.quiet(session)
        return await candidates(call, wanted, Bounds(**bounds), without_machines=without)

    return found


async def test_every_candidate_is_what_was_asked_for(look: Look) -> None:
    found = await look({**CARD, "min_cuda": 12.4, "max_usd_per_hour": 0.6, "min_disk_gb": 40})
    assert found.offers
    for one in found.offers:
        assert one.offer.gpu_name == "RTX 4090"
        assert one.offer.cuda_max_good >= 12.4
        assert one.usd_per_hour <= 0.6
        assert one.rental == {"offer_id": one.offer.ask_contract_id, "disk": 40}


async def test_the_strictest_price_holds(look: Look) -> None:
    loose = await look({**CARD, "max_usd_per_hour": 0.6})
    most = sorted(one.usd_per_hour for one in loose.offers)[1]
    strict = await look({**CARD, "max_usd_per_hour": 0.6}, max_usd_per_hour=most)
    assert len(strict.offers) == 2


async def test_the_worst_case_is_the_whole_try_and_its_whole_pull(look: Look) -> None:
    [first, *_] = (await look(give_up_s=1200.0, to_end_s=600.0)).offers
    traffic = 0.1 * first.offer.inet_down_cost
    assert first.worst_usd == pytest.approx(first.usd_per_hour / 2 + traffic)


async def test_an_image_that_nobody_knows_may_fill_the_disk(look: Look) -> None:
    [first, *_] = (await look(rental={"image": "some/body", "disk": 30})).offers
    assert first.pull_usd == pytest.approx(30 * first.offer.inet_down_cost)
    assert first.pull_gb < 30


async def test_a_worst_case_that_no_budget_has_room_for_is_named_apart(look: Look) -> None:
    all_of_them = (await look()).offers
    worst = sorted(one.worst_usd for one in all_of_them)
    found = await look(budget_usd=worst[1])
    assert {one.worst_usd for one in found.offers} == set(worst[:2])
    assert len(found.over_budget) == len(worst) - 2


async def test_machines_that_were_tried_are_left_out(look: Look) -> None:
    [first, *_] = (await look()).offers
    left = await look(without=[first.offer.machine_id])
    assert left.offers
    assert first.offer.machine_id not in {one.offer.machine_id for one in left.offers}


async def test_the_host_keeps_the_machine_as_long_as_the_lease_lasts(
    look: Look, world: World
) -> None:
    for number, offer in enumerate(world.offers.values()):
        offer["duration"] = 3600.0 * (1 + number % 48)
    found = await look(lease_hours=24.0)
    assert found.offers
    assert all(one.offer.duration >= 24.5 * 3600 for one in found.offers)


async def test_the_ports_of_env_and_of_direct_ssh_are_there(look: Look) -> None:
    found = await look(rental={**UBUNTU, "runtype": "ssh_direct"}, ports=16)
    assert found.offers
    assert all(one.offer.direct_port_count >= 17 for one in found.offers)


async def test_a_machine_that_failed_here_comes_after_its_like(
    look: Look, session: Session
) -> None:
    [first, second, *_] = (await look()).offers
    machine_id = first.offer.machine_id
    failures = [Event(machine_id, 900 + number, "failed", "no_progress") for number in range(3)]
    session.journal.met.keep(session.service(), failures)
    ranked = [one.offer.ask_contract_id for one in (await look()).offers]
    assert ranked.index(second.offer.ask_contract_id) < ranked.index(first.offer.ask_contract_id)
