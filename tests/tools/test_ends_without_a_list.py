"""Ending a machine never needs the list: destroy, stop and the sweep act on an id, and read that
one machine by itself where the list is broken, forbidden, or not to be had.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr

from house import OURS, allowing, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

FORBIDDEN = {"success": False, "error": "forbidden", "msg": "needs instance_read"}
GONE: list[dict[str, Any]] = [
    {"kind": "html503"},
    {"kind": "status", "status": 403, "body": FORBIDDEN},
    {"kind": "status", "status": 200, "body": {"success": True, "instances": None}},
    {"kind": "status", "status": 200, "body": {"instances": [], "total_instances": 3}},
    {"kind": "too_many_plain"},
]


@pytest.fixture
def patient(settings: Settings) -> Settings:
    """Time enough to look again and again."""
    return replace(settings, times=replace(settings.times, budget_s=20.0))


def a_machine(world: World, label: str | None) -> int:
    made = world.rent(an_offer(world)["id"], {"image": "x", "disk": 20, "label": label})
    made.set_course(("running",), world.now)
    return made.id


@pytest.mark.parametrize("fault", GONE, ids=lambda fault: fault["kind"])
async def test_a_machine_of_ours_is_destroyed_without_the_list(
    world: World, patient: Settings, fault: dict[str, Any]
) -> None:
    """Its label says whose it is; three reads in a row say that it is gone."""
    machine = a_machine(world, OURS)
    world.faults.add("list", times=None, **fault)
    async with served(world, patient) as client:
        gone = await call(client, "destroy_instance", instance_ids=[machine])
    assert [one["outcome"] for one in gone["results"]] == ["destroyed"]
    assert world.living == []


async def test_a_machine_of_the_journal_is_destroyed_where_nothing_can_be_read_before(
    world: World, patient: Settings, state: Path
) -> None:
    """The journal knows it; that it is gone is seen once reads answer again."""
    async with served(world, replace(patient, state_dir=state)) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        world.faults.add("list", "html503", times=None)
        world.faults.add("show", "html503", times=4)
        await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
    assert world.living == []


@pytest.mark.parametrize("hidden", ["read", "label"])
async def test_a_machine_whose_owner_cannot_be_read_wants_the_flag(
    world: World, patient: Settings, hidden: str
) -> None:
    machine = a_machine(world, OURS)
    world.faults.add("list", "html503", times=None)
    if hidden == "label":
        world.odd.add("instance", "label", 7)
    else:
        world.faults.add("show", "html503", times=4)
    async with served(world, patient) as client:
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
        assert error["code"] == "not_ours"
        assert "could not be read" in error["message"]
        assert world.asked("destroy") == []
        await call(client, "destroy_instance", instance_ids=[machine], not_ours=True)
    assert world.living == []


async def test_a_strangers_machine_and_a_wrong_id_are_refused_without_the_list_too(
    world: World, patient: Settings
) -> None:
    machine = a_machine(world, "somebody's")
    world.faults.add("list", "html503", times=None)
    async with served(world, patient) as client:
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
        assert error["code"] == "not_ours"
        error = (await call(client, "destroy_instance", instance_ids=[machine + 9]))["error"]
        assert error["code"] == "no_such_instance"
    assert world.asked("destroy") == []


async def test_one_null_is_no_proof_that_a_machine_is_gone(world: World, patient: Settings) -> None:
    """A living one was null once (docs/vast-api.md C.1)."""
    machine = a_machine(world, OURS)
    world.faults.add("list", "html503", times=None)
    world.faults.add("destroy", "status", times=None, status=200, body={"success": True})
    nothing = {"instances": None}
    world.faults.add("show", "status", times=2, skip=1, status=200, body=nothing)
    async with served(world, patient) as client:
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
    assert error["code"] == "destroy_unverified"


async def test_a_machine_that_a_list_names_is_not_gone_whatever_else_the_list_hides(
    world: World, patient: Settings
) -> None:
    """Three nulls prove nothing beside a row that has its id."""
    machine, other = a_machine(world, OURS), a_machine(world, None)
    world.odd.add("instance", "id", None, row=other, only="list")
    world.faults.add("destroy", "status", times=None, status=200, body={"success": True})
    world.faults.add("show", "status", times=None, status=200, body={"instances": None})
    async with served(world, patient) as client:
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
    assert error["code"] == "destroy_unverified"


@pytest.mark.parametrize("body", [{"detail": "Not Found"}, {"error": "not_found", "msg": "no"}])
async def test_who_knows_no_list_knows_of_no_machine_that_it_is_gone(
    world: World, patient: Settings, state: Path, body: dict[str, Any]
) -> None:
    """A gateway, or another service, answers 404 to everything."""
    times = replace(patient.times, young_s=0.0)
    async with served(world, replace(patient, state_dir=state, times=times)) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        for endpoint in ("list", "show", "destroy"):
            world.faults.add(endpoint, "status", times=None, status=404, body=body)
        machine = made["instance_id"]
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
        assert error["code"] == "destroy_unverified"
        world.faults.clear()
        gone = await call(client, "destroy_instance", instance_ids=[machine])
    assert [one["outcome"] for one in gone["results"]] == ["destroyed"]


async def test_another_accounts_machine_is_not_told_as_gone_without_the_list(
    world: World, patient: Settings, state: Path
) -> None:
    """The journal has it, and this key has never shown it."""
    patient = replace(patient, state_dir=state, times=replace(patient.times, young_s=0.0))
    async with served(world, patient) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    machine = made["instance_id"]
    world.odd.add("account", "id", 4711)
    world.faults.add("list", "html503", times=None)
    world.faults.add("show", "status", times=None, status=200, body={"instances": None})
    async with served(world, replace(patient, api_key=SecretStr("another"))) as client:
        error = (await call(client, "destroy_instance", instance_ids=[machine]))["error"]
        assert error["code"] == "no_such_instance"
        error = (await call(client, "manage_instance", instance_id=machine, action="stop"))["error"]
        assert error["code"] == "no_such_instance"
    assert world.asked("destroy") == world.asked("stop") == []


@pytest.mark.parametrize("fault", GONE[:3], ids=lambda fault: fault["kind"])
async def test_a_machine_is_stopped_without_the_list(
    world: World, patient: Settings, fault: dict[str, Any]
) -> None:
    machine = a_machine(world, OURS)
    world.faults.add("list", times=None, **fault)
    async with served(world, patient) as client:
        done = await call(client, "manage_instance", instance_id=machine, action="stop")
    assert (done["seen"], world.instances[machine].intended) == (True, "stopped")


async def test_a_machine_whose_row_has_no_id_in_the_list_is_ended(
    client: Client, world: World
) -> None:
    machine = a_machine(world, OURS)
    world.odd.add("instance", "id", None, only="list")
    gone = await call(client, "destroy_instance", instance_ids=[machine])
    assert [one["outcome"] for one in gone["results"]] == ["destroyed"]


async def test_a_volume_is_deleted_without_the_list_of_machines(
    world: World, patient: Settings
) -> None:
    room = next(room for room in world.volumes.rooms.values() if room["disk_space"] > 10)
    volume = world.volumes.rent(room["id"], 10, None, world.now)
    world.faults.add("list", "html503", times=None)
    async with served(world, patient) as client:
        gone = await call(client, "destroy_volume", volume_id=volume.id, not_ours=True)
    assert gone["outcome"] == "destroyed"


async def test_a_machine_past_its_lease_that_reads_lack_is_swept_once_it_shows(
    world: World, settings: Settings, state: Path
) -> None:
    """Nulls alone do not make it gone, where nobody has asked for its end."""
    from vast_mcp.account.sweep import sweep
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.session import Call, Session

    async with allowing(world, settings, state, lease_hours=1.0, read_only=False) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    world.faults.add("list", "html503", times=None)
    world.faults.add("show", "status", times=None, status=200, body={"instances": None})
    session = Session(replace(settings, state_dir=state), create_app(world))
    session.link.now = lambda: time.time() + 7200  # type: ignore[method-assign]
    try:
        before = await sweep(Call.quiet(session))
        world.faults.clear()
        after = await sweep(Call.quiet(session))
    finally:
        await session.close()
    outcomes = [(one.instance_id, one.outcome) for one in (*before, *after)]
    assert outcomes == [(made["instance_id"], "still_there"), (made["instance_id"], "destroyed")]
    assert world.living == []


async def test_a_lease_that_is_over_ends_its_machine_without_the_list(
    world: World, settings: Settings, state: Path
) -> None:
    """The journal has it, and the label is read once more before the end."""
    from vast_mcp.account.sweep import sweep
    from vast_mcp.sandbox.routes import create_app
    from vast_mcp.session import Call, Session

    async with allowing(world, settings, state, lease_hours=1.0, read_only=False) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    world.faults.add("list", "html503", times=None)
    session = Session(replace(settings, state_dir=state), create_app(world))
    session.link.now = lambda: time.time() + 7200  # type: ignore[method-assign]
    try:
        swept = await sweep(Call.quiet(session))
    finally:
        await session.close()
    assert [(one.instance_id, one.outcome) for one in swept] == [(made["instance_id"], "destroyed")]
    assert swept.trouble is not None
    assert world.living == []
