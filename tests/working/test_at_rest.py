"""run_command on a stopped machine: Vast lists, sizes and removes on its disk (docs/vast-api.md
C.7).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, served
from vast_mcp.sandbox.machine import furnishing
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
async def stopped(client: Client, world: World) -> int:
    """A machine that stands still, with a folder on its disk."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    inside = world.machines.inside(made, ())
    inside.tree.make_folder("/root/runs")
    furnishing.write(inside, "/root/runs/loss.txt", "0.1\n")
    world.set_state(made.id, "stopped")
    await call(client, "manage_instance", instance_id=made.id, action="stop")
    return made.id


async def ran(client: Client, machine: int, command: str, **more: Any) -> Any:
    return await call(client, "run_command", instance_id=machine, command=command, **more)


async def test_a_stopped_disk_is_listed_sized_and_cleared(
    client: Client, world: World, stopped: int
) -> None:
    """Without renting its GPU again; a path as Vast has it, from the root."""
    found = await ran(client, stopped, "ls /root/runs")
    assert (found["state"], found["untrusted_stdout"]) == ("ended", "loss.txt")
    assert "exit_status" not in found
    assert "root/runs" in (await ran(client, stopped, "du -s root/runs"))["untrusted_stdout"]
    assert (await ran(client, stopped, "rm -r /root/runs"))["state"] == "ended"
    assert "loss" not in (await ran(client, stopped, "ls root/runs"))["untrusted_stdout"]
    sent = [one.body["command"] for one in world.asked("execute")]
    assert sent == ["ls root/runs", "du -s root/runs", "rm -r root/runs", "ls root/runs"]
    assert "job" not in found


async def test_a_path_never_becomes_an_option(client: Client, world: World, stopped: int) -> None:
    """A name that begins with a dash stays one without its slash."""
    await ran(client, stopped, "ls /-a /root")
    assert [one.body["command"] for one in world.asked("execute")] == ["ls ./-a root"]


@pytest.mark.parametrize(
    "command",
    [
        "cat root/x",
        "ls; reboot",
        "ls $(id)",
        "ls ../x",
        "rm -rf /",
        "rm -rf .",
        "rm",
        "ls " + "x" * 512,
        "ls\nreboot",
    ],
)
async def test_anything_else_is_refused_with_what_may_run(
    client: Client, world: World, stopped: int, command: str
) -> None:
    """One plain command, and never the whole disk."""
    error = (await ran(client, stopped, command))["error"]
    assert (error["code"], world.asked("execute")) == ("not_entered", [])
    assert "`ls`, `du` or `rm`" in error["message"]
    assert any(step["arguments"].get("action") == "start" for step in error["next_steps"])


async def test_a_machine_that_runs_is_entered_as_ever(client: Client, world: World) -> None:
    """The route is of disks at rest alone."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS}).id
    error = (await ran(client, made, "ls"))["error"]
    assert error["code"] in {"no_ssh_key", "not_entered"}
    assert world.asked("execute") == []


async def test_an_output_that_does_not_come_is_unknown(
    client: Client, world: World, stopped: int
) -> None:
    """Taken, and not known to have run."""
    world.log_looks = 10_000
    found = await ran(client, stopped, "rm -r root/runs", timeout_s=1)
    assert found["state"] == "unknown"
    assert "not known" in found["message"]
    assert found["next_steps"][0]["arguments"]["command"] == "rm -r root/runs"


async def test_a_lost_rm_is_unknown_and_not_repeated_by_itself(
    client: Client, world: World, stopped: int
) -> None:
    """Silence is never failure (docs/protocol.md)."""
    world.faults.add("execute", "drop", times=None, when="after")
    error = (await ran(client, stopped, "rm -r root/runs"))["error"]
    assert error["message"].startswith("It was sent, and what came of it is not known")
    assert len(world.asked("execute")) == 1


async def test_a_key_that_may_not_is_told_which_permission_it_lacks(
    client: Client, world: World, stopped: int
) -> None:
    """Refused, so that nothing was run (docs/vast-api.md I)."""
    world.missing_permissions = {"instance_write"}
    error = (await ran(client, stopped, "ls"))["error"]
    assert error["message"].startswith("Vast refused it: nothing was run.")
    assert "instance_write" in str(error)


async def test_a_container_that_is_not_ready_leads_to_the_same_call(
    client: Client, world: World, stopped: int
) -> None:
    """It was stopped a moment ago (docs/vast-api.md C.7)."""
    busy = {"success": False, "error": "invalid_args", "msg": "Container not ready"}
    world.faults.add("execute", "status", status=400, body=busy)
    error = (await ran(client, stopped, "ls"))["error"]
    assert (error["code"], error["next_steps"][0]["tool"]) == ("not_entered", "run_command")
    assert (await ran(client, stopped, "ls"))["state"] == "ended"


@pytest.mark.parametrize("commands", [False, True])
async def test_a_person_is_asked_before_something_is_removed(
    world: World, settings: Settings, stopped: int, tmp_path: Path, commands: bool
) -> None:
    """As before what destroys, and before every command where they want that alone; else looking
    asks nobody.
    """
    wants: dict[str, Any] = {"confirm_commands": True} if commands else {"confirm_above": 0.0}
    async with served(world, replace(settings, state_dir=tmp_path, **wants)) as client:
        looked = await ran(client, stopped, "ls")
        assert looked.get("error", {}).get("code") == ("needs_confirmation" if commands else None)
        error = (await ran(client, stopped, "rm -r root/runs"))["error"]
    assert error["code"] == "needs_confirmation"
    assert len(world.asked("execute")) == (not commands)
