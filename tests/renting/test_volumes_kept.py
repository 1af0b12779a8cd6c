"""A volume that turns out to cost more than a limit that it was sent under is deleted and said so;
one that is merely dearer than expected is a warning (docs/volumes.md).

The ledger says what lives. Whatever is made costs `factor` times what its offer said: the host
raised the price between the last look and the request.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import allowing, call, notices, served
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

GB = 20


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Time enough for looks and an end on a busy machine."""
    return replace(settings, times=replace(settings.times, budget_s=30.0))


def dearer(world: World, factor: float) -> tuple[dict[str, Any], float]:
    """A wish for a volume, and its price; what is made next costs so many times that."""
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 60)
    usd = room["storage_cost"] * GB / 720

    def move() -> None:
        room["storage_cost"] *= factor

    world.before_rent = move
    return {"volume_offer_id": room["id"], "size_gb": GB}, usd


def changed(state: Path, what: str) -> None:
    """The journal, as a server leaves it that was killed just then."""
    with closing(sqlite3.connect(state / "journal.db", isolation_level=None)) as db:
        db.execute(f"UPDATE volumes SET {what}")  # noqa: S608  # of this file's own words


@pytest.mark.parametrize("limit", ["mine", "max_usd_per_hour", "max_total_usd_per_hour"])
async def test_a_volume_that_passes_a_limit_is_deleted_again_and_said_so(
    world: World, settings: Settings, limit: str
) -> None:
    """Whose the limit is makes no difference, nor whether it is of one or of all."""
    wish, usd = dearer(world, 1.5)
    guard = {"max_usd_per_hour": usd * 1.2} if limit == "mine" else {}
    limits = {} if limit == "mine" else {limit: usd * 1.2}
    async with allowing(world, settings, **limits) as client:
        answer = await call(client, "create_volume", **wish, **guard)
        error = answer["error"]
        assert (error["code"], error["billing_possible"]) == ("over_limit", False)
        assert error["results"][0]["outcome"] == "destroyed"
        assert notices(answer) == []
        assert notices(await call(client, "show_account")) == []
    assert world.volumes.living == []
    assert len(world.committed("volume_delete")) == 1


@pytest.mark.parametrize("factor", [1.0, 1.1])
async def test_a_volume_within_its_limits_stays(
    world: World, settings: Settings, factor: float
) -> None:
    """The nearest that is allowed; a moved price is a warning."""
    wish, usd = dearer(world, factor)
    async with allowing(
        world, settings, max_usd_per_hour=usd * 1.2, max_total_usd_per_hour=usd * 1.2
    ) as client:
        made = await call(client, "create_volume", **wish)
    assert [one.id for one in world.volumes.living] == [made["volume_id"]]
    assert [one.split(":")[0] for one in made["warnings"]] == ["price_moved"] * (factor > 1)


async def test_what_others_added_is_theirs_and_a_warning(world: World, settings: Settings) -> None:
    """A total that somebody else passes at this moment deletes nothing."""
    wish, usd = dearer(world, 1.0)
    world.before_rent = lambda: world.volumes.rent(wish["volume_offer_id"], 5, "x", world.clock())
    async with allowing(world, settings, max_total_usd_per_hour=usd * 1.2) as client:
        made = await call(client, "create_volume", **wish)
    assert len(world.volumes.living) == 2
    assert [one.split(":")[0] for one in made["warnings"]] == ["over_limit"]


async def test_the_credit_that_it_leaves_is_looked_at_too(world: World, settings: Settings) -> None:
    """The least hours of credit are a limit as the others."""
    wish, usd = dearer(world, 2.0)
    hours = world.credit / usd * 0.8
    async with allowing(world, settings, min_credit_hours=hours) as client:
        made = await call(client, "create_volume", **wish)
    assert [one.split(":")[0] for one in made["warnings"]] == ["price_moved", "over_limit"]


async def test_one_whose_reply_was_lost_is_looked_at_as_well(
    world: World, settings: Settings
) -> None:
    """Found by its name, it is under the limit that it was sent under."""
    times = replace(settings.times, look_s=0.02, seen_apart_s=0.02)
    wish, usd = dearer(world, 1.5)
    world.faults.add("rent_volume", "drop", when="after")
    async with allowing(
        world, replace(settings, times=times), max_usd_per_hour=usd * 1.2
    ) as client:
        error = (await call(client, "create_volume", **wish))["error"]
    assert (error["code"], world.volumes.living) == ("over_limit", [])


async def test_one_that_stays_is_not_said_to_be_gone(world: World, settings: Settings) -> None:
    """A delete that was accepted is no proof (docs/vast-api.md F)."""
    wish, usd = dearer(world, 1.5)
    world.faults.add("delete_volume", "status", status=200, body={"success": True})
    async with allowing(world, settings, max_usd_per_hour=usd * 1.2) as client:
        error = (await call(client, "create_volume", **wish))["error"]
        assert (error["code"], error["billing_possible"]) == ("over_limit", True)
        assert error["results"][0]["outcome"] == "still_there"
        shown = await call(client, "show_account")
        assert shown["of_which"]["volumes"] > 0
        [step] = error["next_steps"]
        await call(client, step["tool"], **step["arguments"])
    assert world.volumes.living == []


@pytest.mark.parametrize("announce", [1, 2, 0])
async def test_one_that_no_answer_named_is_deleted_by_the_next_server(
    world: World, settings: Settings, state: Path, announce: int
) -> None:
    """Its server was killed before it looked at the price, or its reply was lost: the notices tell
    of it, once. One that an answer has named (0) is somebody's.
    """
    wish, usd = dearer(world, 1.0)
    async with served(world, replace(settings, state_dir=state)) as client:
        await call(client, "create_volume", **wish)
    changed(state, f"announce = {announce}, max_usd_per_hour = {usd * 0.8}, judged_at = NULL")
    async with served(world, replace(settings, state_dir=state)) as client:
        told: list[str] = []
        for _ in range(3):
            told += notices(await call(client, "show_volumes"))
    assert len(told) == (announce > 0)
    assert all(one.startswith("over_limit: volume ") for one in told)
    assert len(world.volumes.living) == (announce == 0)


async def test_a_journal_that_takes_no_verdict_keeps_the_volume_id(
    world: World, settings: Settings, state: Path
) -> None:
    """Money has moved: the id is in the answer, and the same call finds it."""
    server = build(replace(settings, state_dir=state), CATALOGUE, create_app(world))
    wish, _ = dearer(world, 1.0)

    def refuse() -> None:
        server.session.journal._db.open().execute("PRAGMA query_only = 1")

    world.before_rent = refuse
    async with Client(server) as client:
        made = await call(client, "create_volume", **wish)
        [volume] = world.volumes.living
        assert made["volume_id"] == volume.id
        assert "journal could not be written" in made["warnings"][0]
        server.session.journal._db.open().execute("PRAGMA query_only = 0")
        again: dict[str, Any] = {}
        for _ in range(100):
            again = await call(client, "create_volume", **wish)
            if "volume_id" in again:
                break
    assert again["volume_id"] == volume.id
    assert len(world.asked("rent_volume")) == 1


async def test_a_volume_that_somebody_deleted_is_no_news(
    world: World, settings: Settings, state: Path
) -> None:
    """What is gone by their will is not told to exist and bill."""
    wish, _ = dearer(world, 1.0)
    async with served(world, replace(settings, state_dir=state)) as client:
        made = await call(client, "create_volume", **wish)
        await call(client, "destroy_volume", volume_id=made["volume_id"])
        changed(state, "announce = 2")
        assert notices(await call(client, "show_account")) == []
