"""Would the storm notice? Each safeguard is removed from the running server, and the figures must
not stay at zero.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ssh.openssh import needs_root_to_serve
from storm import once
from storm.job_faults import killed_at
from storm.job_judge import Figures as JobFigures
from storm.job_judge import Wish as JobWish
from storm.job_judge import judge as judge_job
from storm.judge import Figures
from storm.rows import ALL
from storm.run import Outcome, Storm
from storm.spending import keep_volumes, race
from storm.workplace import Workplace

pytestmark = pytest.mark.timeout(150)


async def a_small_storm(folder: Path, only: str, mutation: str | None, creates: int = 2) -> Outcome:
    chosen = [one for one in ALL if only in f"{one.row} / {one.name}"]
    assert chosen
    return await Storm(
        folder, chosen, creates, lanes=1, mutation=mutation, say=lambda _: None
    ).run()


WITHOUT: list[tuple[str, str, tuple[str, ...]]] = [
    ("token", "200 page, after the rent committed", ("two_machines", "unnamed")),
    ("owner lock", "stands still", ("two_machines", "extra_puts")),
    ("fresh connection", "pooled connection", ("extra_puts",)),
]


@pytest.mark.parametrize(("mutation", "only", "figures"), WITHOUT, ids=[one[0] for one in WITHOUT])
async def test_removing_a_safeguard_makes_the_storm_fail(
    tmp_path: Path, mutation: str, only: str, figures: tuple[str, ...]
) -> None:
    """A token in each label, a lock for each owner, a fresh connection for each PUT
    (docs/protocol.md).
    """
    outcome = await a_small_storm(tmp_path / "mutated", only, mutation, creates=1)
    assert not outcome.broken
    assert not outcome.good
    assert all(getattr(outcome.total, name) for name in figures), outcome.total


async def test_a_payment_that_leaves_however_late_is_paid_twice(tmp_path: Path) -> None:
    """Its server stood still until another one had proven it absent, and had paid."""
    late = [row for row in once.rows() if row.goes_on and row.wish is once.Payment]
    tally = await once.storm(late, tmp_path, mutation="owner lock")
    assert (tally.wishes, tally.twice) == (1, 1)


async def test_counting_before_the_announcement_and_not_with_it_breaks_a_limit(
    tmp_path: Path,
) -> None:
    """Limits: two callers each see room for the same machine. It is a race, so it is run until it
    is lost.
    """
    for attempt in range(10):
        if await race(tmp_path / str(attempt), "count") > 1:
            return
    pytest.fail("without the count in the transaction, nothing happened")


async def test_with_the_count_in_the_transaction_one_machine_is_rented(tmp_path: Path) -> None:
    """The control."""
    assert await race(tmp_path, None) == 1


async def test_without_the_volumes_in_the_count_a_total_is_passed(tmp_path: Path) -> None:
    """Rent with a new volume, destroy, repeat (docs/spending.md)."""
    assert await keep_volumes(tmp_path, "volumes") > 1


async def test_with_the_volumes_in_the_count_the_total_holds(tmp_path: Path) -> None:
    """The control, which comes near it."""
    assert 0.5 < await keep_volumes(tmp_path, None) <= 1


@needs_root_to_serve
@pytest.mark.parametrize("mutation", ["claim", "job's name"])
async def test_without_its_safeguards_a_job_begins_twice(tmp_path: Path, mutation: str) -> None:
    """A server dies after a job began and before the journal knows: the machine's claim decides
    for the next one, which the journal leads to it.
    """
    assert (await begin_and_die(tmp_path, mutation)).twice == 1


@needs_root_to_serve
async def test_with_its_safeguards_the_same_job_begins_once(tmp_path: Path) -> None:
    """The control."""
    figures = await begin_and_die(tmp_path, None)
    assert (figures.started, figures.bad) == (1, 0)


async def begin_and_die(folder: Path, mutation: str | None) -> JobFigures:
    """One such job, and what came of it."""
    place = Workplace(folder / "place", mutation=mutation)
    await place.open()
    try:
        wish = JobWish(1, place.home, random.Random(0))
        assert await killed_at("job begun:before")(place, wish)
        return await judge_job(place, wish)
    finally:
        await place.close()


@pytest.mark.slow
async def test_with_every_safeguard_the_same_scenarios_are_all_zeros(tmp_path: Path) -> None:
    """The control: what fails above fails for want of the safeguard."""
    total = Figures()
    for number, (_, only, _) in enumerate(WITHOUT):
        outcome = await a_small_storm(tmp_path / str(number), only, None)
        assert outcome.good, (outcome.total, outcome.broken)
        total += outcome.total
    assert total.bad == 0
