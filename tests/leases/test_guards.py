"""The watchdog of a lease is looked for: an onstart may be dropped, and then the lease ends from
outside alone, which the answers say (docs/vast-api.md A.10).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import allowing, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

ALONE = "from outside alone"


async def leased(client: Client, world: World, **more: Any) -> dict[str, Any]:
    """A rental with a lease of an hour."""
    wish = {"offer_id": an_offer(world)["id"], "image": "x", "disk": 16, "lease_hours": 1, **more}
    return await call(client, "create_instance", **wish)


async def warned(client: Client, tool: str, machine: int, **more: Any) -> list[str]:
    """What an answer warns of leases that end from outside alone."""
    shown = await call(client, tool, instance_id=machine, **more)
    return [warning for warning in shown["warnings"] if ALONE in warning]


def spoil_rows(world: World, machine: int, onstart: Any) -> None:
    """Let the machine's launch hold another start script, or none."""
    world.instances[machine].launch.onstart = onstart


async def test_a_dropped_start_script_is_said_by_every_answer(client: Client, world: World) -> None:
    """An instance created with one was reported back without (docs/vast-api.md A.10)."""
    world.drops_onstart = True
    made = await leased(client, world)
    machine = made["instance_id"]
    assert ALONE in made["lease"]
    assert "by itself" not in made["lease"]
    for tool in ("show_instance", "wait_for_instance"):
        [warning] = await warned(client, tool, machine)
        assert "vast-mcp sweep" in warning
    [row] = (await call(client, "show_instances"))["instances"]
    assert row["watchdog"] == "lacking"


async def test_a_start_script_that_is_stored_is_promised(client: Client, world: World) -> None:
    """The legal neighbour: nothing is said where the watchdog is."""
    made = await leased(client, world, onstart="echo hello")
    assert "by itself" in made["lease"]
    machine = made["instance_id"]
    for tool in ("show_instance", "wait_for_instance", "show_logs"):
        assert await warned(client, tool, machine) == []
    [row] = (await call(client, "show_instances"))["instances"]
    assert row["watchdog"] == "seen"  # by the log that was just read


async def test_a_machine_without_a_lease_wants_no_watchdog(client: Client, world: World) -> None:
    """Nothing ends it, which is no fault of its start script."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], image="x", disk=16)
    assert await warned(client, "show_instance", made["instance_id"]) == []
    assert await warned(client, "show_logs", made["instance_id"]) == []


@pytest.mark.parametrize("onstart", [None, "", "echo mine", "#!/bin/sh\nsleep 1"])
async def test_a_row_whose_start_script_lacks_the_watchdog_is_no_promise(
    client: Client, world: World, onstart: Any
) -> None:
    """The person's own script may be all that was kept."""
    machine = (await leased(client, world))["instance_id"]
    spoil_rows(world, machine, onstart)
    assert len(await warned(client, "show_instance", machine)) == 1


@pytest.mark.parametrize("onstart", [7, [], {"a": 1}, True])
async def test_a_start_script_that_cannot_be_read_is_no_proof(
    client: Client, world: World, onstart: Any
) -> None:
    """Unknown is not "lacks"."""
    machine = (await leased(client, world))["instance_id"]
    spoil_rows(world, machine, onstart)
    assert await warned(client, "show_instance", machine) == []


async def test_a_row_that_does_not_say_is_no_proof(client: Client, world: World) -> None:
    """`onstart` is always there where it is read (docs/vast-api.md A.10)."""
    machine = (await leased(client, world))["instance_id"]
    bare = {"id": machine, "actual_status": "running", "label": world.instances[machine].label}
    world.faults.add("show", "status", status=200, body={"instances": bare})
    assert await warned(client, "show_instance", machine) == []


async def test_a_row_that_cannot_be_read_after_the_rent_is_no_proof(
    client: Client, world: World
) -> None:
    """The promise stands, and the machine is told."""
    world.drops_onstart = True
    world.visible_after_looks = 1_000
    made = await leased(client, world)
    assert made["instance_id"] == world.rentals[0].id
    assert ALONE not in made["lease"]


async def test_a_replay_says_it_too(world: World, settings: Settings, tmp_path: Any) -> None:
    """By another process: what the row shows is asked every time."""
    kept = replace(settings, state_dir=tmp_path / "state")
    async with served(world, kept) as client:
        made = await leased(client, world)
        assert ALONE not in made["lease"]
    spoil_rows(world, made["instance_id"], None)
    async with served(world, kept) as client:
        offer = made["offer_id"]
        wish = {"offer_id": offer, "image": "x", "disk": 16, "lease_hours": 1}
        again = await call(client, "create_instance", **wish)
    assert (again["replayed"], again["instance_id"]) == (True, made["instance_id"])
    assert ALONE in again["lease"]


async def test_a_lease_that_was_moved_says_it_too(client: Client, world: World) -> None:
    """Whoever asks again is told of both."""
    world.drops_onstart = True
    made = await leased(client, world)
    machine = made["instance_id"]
    moved = {"action": "extend_lease", "lease_hours": 3, "instance_id": machine}
    assert "error" not in await call(client, "manage_instance", **moved)
    assert len(await warned(client, "show_instance", machine)) == 1


async def test_a_recovered_rental_says_it_too(client: Client, world: World) -> None:
    """Its answer was lost, and its row is there."""
    world.drops_onstart = True
    world.faults.add("create", "drop", when="after")
    made = await leased(client, world)
    assert made["recovered"] is True
    assert ALONE in made["lease"]


async def test_under_a_limit_it_is_said_as_well(world: World, settings: Settings) -> None:
    """The longest life is a lease of its own."""
    world.drops_onstart = True
    async with allowing(world, settings, max_lease_hours=2.0) as client:
        made = await leased(client, world)
    assert ALONE in made["lease"]


# ── the log ────────────────────────────────────────────────────────────────────────────────────


async def running(client: Client, world: World) -> int:
    """A leased machine that runs, its log without the watchdog's line."""
    machine = (await leased(client, world))["instance_id"]
    await call(client, "wait_for_instance", instance_id=machine)
    log = world.instances[machine].log
    log.lines = [line for line in log.lines if "vast-mcp" not in line]
    return machine


async def test_a_log_that_lacks_the_line_is_said(client: Client, world: World) -> None:
    """The whole log of a machine that runs; and the answers after it say so too."""
    machine = await running(client, world)
    [warning] = await warned(client, "show_logs", machine)
    assert "log lacks" in warning
    assert len(await warned(client, "show_instance", machine)) == 1


@pytest.mark.parametrize("asked", [{"filter": "running"}, {"tail": 1}, {"daemon": True}])
async def test_a_part_of_a_log_proves_nothing(
    client: Client, world: World, asked: dict[str, Any]
) -> None:
    """The line may be in another part of it."""
    machine = await running(client, world)
    assert await warned(client, "show_logs", machine, **asked) == []


async def test_the_log_of_a_machine_that_does_not_run_yet_proves_nothing(
    client: Client, world: World
) -> None:
    """Its start script has not begun."""
    world.looks_per_step = 1_000
    machine = (await leased(client, world))["instance_id"]
    world.set_logs(machine, "pulling")
    assert await warned(client, "show_logs", machine) == []


async def test_an_empty_log_proves_nothing(client: Client, world: World) -> None:
    """Hosts upload empty ones."""
    machine = await running(client, world)
    world.instances[machine].log.lines = []
    assert await warned(client, "show_logs", machine) == []


async def test_a_line_that_comes_later_takes_it_back(client: Client, world: World) -> None:
    """What a log lacked a moment ago may stand in the next."""
    machine = await running(client, world)
    assert len(await warned(client, "show_logs", machine)) == 1
    line = "Sun Nov 29 10:00:00 UTC 2026 vast-mcp: log /var/tmp/vast-mcp, until later"
    world.instances[machine].log.lines.append(line)
    assert await warned(client, "show_logs", machine) == []
    assert await warned(client, "show_instance", machine) == []


@pytest.mark.parametrize("words", ["vast-mcp: no watchdog", "x vast-mcp: no id or key, until y"])
async def test_a_watchdog_that_gave_up_is_said(client: Client, world: World, words: str) -> None:
    """Its own words, in whatever part of the log (leases/watchdog.sh)."""
    machine = await running(client, world)
    world.instances[machine].log.lines += ["x vast-mcp: log /tmp, until y", words]
    assert len(await warned(client, "show_logs", machine, filter="vast-mcp")) == 1
