"""What became of a machine's rentals stands beside its offers, and may be searched by."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from house import an_offer, call, served, whole_rows
from vast_mcp.account.before import Before
from vast_mcp.journal.met import Event, What
from vast_mcp.sandbox.world import World
from vast_mcp.session import Session
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


def event(rental: int, what: What, detail: str = "", seconds: float | None = None) -> Event:
    """What a rental came to; one follows the other by a second."""
    return Event(7, rental, what, detail, seconds, at=next(SECONDS))


SECONDS = map(float, itertools.count(1))

# What was seen, the words for it, whether it failed by itself, and whether it worked.
SEEN: list[tuple[list[Event], str, bool, bool]] = [
    ([event(1, "rented")], "rented once", False, False),
    ([event(1, "rented"), event(2, "rented"), event(3, "rented")], "rented 3 times", False, False),
    ([event(1, "rented"), event(1, "ready")], "ready once", False, True),
    ([event(1, "ready", seconds=93.6)], "ready once in 94 s", False, True),
    (
        [event(1, "ready", seconds=120.0), event(2, "ready", seconds=80.2), event(3, "ready")],
        "ready 3 times in 80 to 120 s",
        False,
        True,
    ),
    ([event(1, "failed", "image")], "failed once (image)", False, False),
    ([event(1, "failed", "no_progress")], "failed once (no_progress)", True, False),
    (
        [event(1, "failed", "image"), event(2, "failed", "image"), event(3, "ready", "", 94.0)],
        "failed twice (image), ready once in 94 s",
        False,
        True,
    ),
    (
        [event(1, "failed", "image"), event(2, "failed", "offline"), event(3, "failed", "image")],
        "failed 3 times (image, offline)",
        True,
        False,
    ),
    # It passed, and then it did not.
    ([event(1, "failed", "host_network"), event(1, "ready")], "ready once", False, True),
    (
        [event(1, "ready"), event(1, "failed", "offline")],
        "failed once (offline), ready once",
        True,
        False,
    ),
    (
        [event(1, "failed", "offline"), event(2, "ready")],
        "failed once (offline), ready once",
        True,
        True,
    ),
    ([event(1, "failed", "unused")], "given back unused once", False, False),
    ([event(1, "failed", "never_ran")], "failed once (never_ran)", True, False),
    ([event(1, "check_passed")], "check passed", False, True),
    # Of checks the newest counts.
    (
        [event(1, "ready"), event(1, "check_failed", "gpu_count, memory")],
        "ready once, check failed (gpu_count, memory)",
        True,
        False,
    ),
    (
        [event(1, "ready"), event(1, "check_failed", "disk"), event(2, "check_passed")],
        "ready once, check passed",
        False,
        True,
    ),
    ([event(1, "failed"), event(2, "check_failed")], "failed once, check failed", True, False),
]


@pytest.mark.parametrize(("seen", "words", "failed", "worked"), SEEN)
def test_what_was_seen_is_told_in_a_few_words(
    seen: list[Event], words: str, failed: bool, worked: bool
) -> None:
    """What was asked for is to blame for an image that does not exist, and no machine is left out
    for it.
    """
    before = Before(seen)
    assert (before.words, before.failed, before.worked) == (words, failed, worked)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, state_dir=tmp_path / "state")


def remember(settings: Settings, machine_id: int, *seen: tuple[What, str]) -> None:
    """Let the journal have this of a machine, as another process of ours left it."""
    session = Session(settings)
    rental = len(session.journal.met.of(session.service())) + 1
    for what, detail in seen:
        session.journal.met.keep(session.service(), [Event(machine_id, rental, what, detail)])
    session.journal.close()


async def searched(world: World, settings: Settings, **asked: Any) -> dict[str, Any]:
    async with served(world, settings) as client:
        return await call(client, "search_offers", **asked)


async def test_an_offer_says_what_became_of_its_machine_and_others_say_nothing(
    world: World, settings: Settings
) -> None:
    first = (await searched(world, settings))["offers"][0]["machine_id"]
    remember(settings, first, ("failed", "no_progress"))
    remember(settings, first, ("failed", "no_progress"))
    found = whole_rows(await searched(world, settings, limit=50))
    told = {row["machine_id"]: row.get("before") for row in found}
    assert told.pop(first) == "failed twice (no_progress)"
    assert set(told.values()) == {None}


async def test_the_next_step_rents_no_machine_that_failed_here_while_another_fits(
    world: World, settings: Settings
) -> None:
    """Whoever follows the first step blindly would pay for the same failure twice."""
    rows = whole_rows(await searched(world, settings))
    remember(settings, rows[0]["machine_id"], ("failed", "host_gpu"))
    found = await searched(world, settings)
    rented = found["next_steps"][0]["arguments"]["offer_id"]
    machines = {row["offer_id"]: row["machine_id"] for row in whole_rows(found)}
    assert machines[rented] != rows[0]["machine_id"]
    assert "did not fail here" in found["next_steps"][0]["why"]
    # One that has what was asked for to thank for it is as good as before.
    assert whole_rows(found)[0]["machine_id"] == rows[0]["machine_id"]
    lone = await searched(
        world, settings, filters={"machine_id": {"eq": rows[0]["machine_id"]}}, limit=1
    )
    assert "failed here before" in lone["next_steps"][0]["why"]


async def test_machines_that_failed_are_left_out_where_that_is_asked_and_named(
    world: World, settings: Settings
) -> None:
    """Nothing is left out silently."""
    rows = whole_rows(await searched(world, settings, limit=50))
    bad, by_request, good = list(dict.fromkeys(row["machine_id"] for row in rows))[:3]
    remember(settings, bad, ("failed", "offline"))
    remember(settings, by_request, ("failed", "image"))
    remember(settings, good, ("ready", ""))
    found = await searched(world, settings, before="not_failed", limit=50)
    machines = {row["machine_id"] for row in whole_rows(found)}
    assert bad not in machines
    assert {by_request, good} <= machines
    assert any(f"machine {bad}" in warning for warning in found["warnings"])
    assert world.asked("search")[-1].body["machine_id"] == {"notin": [bad]}
    beside = await searched(
        world, settings, before="not_failed", exclude_machine_ids=[good], limit=50
    )
    assert not {bad, good} & {row["machine_id"] for row in whole_rows(beside)}
    assert world.asked("search")[-1].body["machine_id"] == {"notin": [good, bad]}
    proven = await searched(world, settings, before="worked", limit=50)
    assert {row["machine_id"] for row in whole_rows(proven)} == {good}
    assert "before" not in (await searched(world, settings)).get("usual", {})


async def test_a_search_for_what_worked_says_so_where_nothing_has(
    world: World, settings: Settings
) -> None:
    """No machine is asked for at Vast, whose empty list might mean any."""
    found = await searched(world, settings, before="worked", gpu_name="RTX 4090")
    assert found["offers"] == []
    assert "is known to have worked" in found["warnings"][0]
    assert found["next_steps"][0]["arguments"] == {"gpu_name": ["RTX 4090"]}
    assert world.asked("search") == []
    assert (await searched(world, settings, before="not_failed"))["offers"]
    assert (await searched(world, settings, before="any"))["offers"]


async def test_a_filter_that_finds_nothing_is_named_as_what_to_loosen(
    world: World, settings: Settings
) -> None:
    first = (await searched(world, settings))["offers"][0]["machine_id"]
    remember(settings, first, ("failed", "offline"))
    only = {"machine_id": {"eq": first}}
    found = await searched(world, settings, before="not_failed", filters=only)
    assert found["offers"] == []
    assert "before" in [one["argument"] for one in found["relax"]]
    assert any("before" not in one["arguments"] for one in found["next_steps"])


def spoil(state: Path) -> None:
    """The table is gone, and what stands in its place is none."""
    with closing(sqlite3.connect(state / "journal.db")) as db:
        db.execute("DROP TABLE met")
        db.execute("CREATE VIEW met AS SELECT 1 AS spoilt")
        db.commit()


async def test_a_memory_that_cannot_be_read_is_said_and_no_search_rests_on_it(
    world: World, settings: Settings
) -> None:
    """What cannot be read is unknown. Searching goes on without it."""
    remember(settings, 1, ("failed", "offline"))
    assert settings.state_dir is not None
    spoil(settings.state_dir)
    found = await searched(world, settings)
    assert found["offers"]
    assert any("could not be read" in warning for warning in found["warnings"])
    async with served(world, settings) as client:
        refused = await call(client, "search_offers", before="not_failed", limit=3)
        assert refused["error"]["code"] == "journal_unavailable"
        [again] = refused["error"]["next_steps"]
        assert again["arguments"] == {"limit": 3}


async def test_who_rents_a_machine_that_failed_here_is_told(
    world: World, settings: Settings
) -> None:
    """In the answer, in a dry run, and in the question to the person."""
    offer = an_offer(world)
    remember(settings, offer["machine_id"], ("failed", "no_progress"))
    asked = {"offer_id": offer["id"], "disk": 20, "image": "pytorch/pytorch"}
    async with served(world, settings) as client:
        dry = await call(client, "create_instance", **asked, dry_run=True)
        made = await call(client, "create_instance", **asked)
    for answer in (dry, made):
        assert any("failed once (no_progress)" in warning for warning in answer["warnings"])


async def test_the_person_is_asked_with_what_became_of_the_machine(
    world: World, settings: Settings
) -> None:
    offer = an_offer(world)
    remember(settings, offer["machine_id"], ("failed", "no_progress"))
    asked = {"offer_id": offer["id"], "disk": 20, "image": "pytorch/pytorch"}
    async with served(world, replace(settings, confirm_above=0.0)) as client:
        refused = await call(client, "create_instance", **asked)
    assert settings.state_dir is not None
    with closing(sqlite3.connect(settings.state_dir / "journal.db")) as db:
        [(question,)] = db.execute("SELECT said FROM approvals").fetchall()
    for said in (question, refused["error"]["message"]):
        assert said.count("rented here before: failed once (no_progress).") == 1


async def test_who_rents_a_machine_that_only_met_a_bad_request_is_told_nothing(
    world: World, settings: Settings
) -> None:
    offer = an_offer(world)
    remember(settings, offer["machine_id"], ("failed", "image"))
    async with served(world, settings) as client:
        made = await call(
            client, "create_instance", offer_id=offer["id"], disk=20, image="pytorch/pytorch"
        )
    assert "rented here before" not in str(made)


async def test_a_machine_that_fails_again_is_said_to_have_failed_before(
    world: World, settings: Settings
) -> None:
    """The rental that is told of is not counted as one before it."""
    offer = an_offer(world)
    world.set_fate(offer["id"], ["loading"], "nvidia-container-cli: initialization error")
    times = replace(settings.times, young_s=2.0, look_s=0.005, pace=0.0)
    asked = {"offer_id": offer["id"], "disk": 20, "image": "pytorch/pytorch"}
    async with served(world, replace(settings, times=times)) as client:
        made = (await call(client, "create_instance", **asked))["instance_id"]
        alone = await call(client, "wait_for_instance", instance_id=made)
        remember(settings, offer["machine_id"], ("failed", "offline"))
        again = await call(client, "wait_for_instance", instance_id=made)
    assert alone["reason"] == again["reason"] == "host_gpu"
    assert "Another rental" not in str(alone)
    assert "Another rental of this machine: failed once (offline)." in again["warnings"]
