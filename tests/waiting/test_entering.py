"""A machine with SSH is ready when it lets this computer in, and says what each way answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.ssh.tried import Answer
from vast_mcp.waiting.leads import is_our_network
from waits import hurried, rent, rent_ours, wait


@pytest.fixture
async def ours(world: World, settings: Settings) -> AsyncIterator[Client]:
    """A server that sees its machines while they are young."""
    async with served(world, hurried(settings, young_s=3.0)) as client:
        yield client


def let_nobody_in(world: World, machine: int) -> None:
    """The machine's own port is closed, and Vast's proxy takes connections for nobody."""
    world.set_door(machine, "direct", "closed")
    world.set_door(machine, "proxy", "not_ssh")


@pytest.mark.usefixtures("key")
async def test_who_is_let_in_is_in(client: Client, world: World) -> None:
    """An SSH server that answers and one that lets you in are two things."""
    done = await wait(client, rent(world))
    assert (done["state"], done["via"]) == ("ready", "direct")
    assert done["seen"] == {"ssh direct": "entered"}
    assert "lets you in" in done["message"]


async def test_without_a_key_it_answers_and_nobody_is_in(client: Client, world: World) -> None:
    """Ready, and the difference is said."""
    done = await wait(client, rent(world))
    assert (done["state"], done["seen"]) == ("ready", {"ssh direct": "answers"})
    assert "nobody logged in" in done["message"]


@pytest.mark.usefixtures("key")
async def test_a_key_that_is_refused_is_attached_before_anything_else(
    client: Client, world: World
) -> None:
    """The machine is sound; who destroys it gains nothing (docs/vast-api.md C.6)."""
    made = await rent_ours(client, world)
    for way in ("direct", "proxy"):
        world.set_door(made, way, "refuses_keys")
    done = await wait(client, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert done["seen"] == {"ssh direct": "key refused", "ssh proxy": "key refused"}
    tools = [step["tool"] for step in done["next_steps"]]
    assert tools == ["attach_ssh_key", "manage_instance", "show_logs"]
    key_id = next(iter(world.keys))
    assert done["next_steps"][0]["arguments"] == {"instance_id": made, "key_id": key_id}


async def test_a_fresh_machine_of_ours_that_nobody_can_enter_is_ended_and_replaced(
    ours: Client, world: World
) -> None:
    """Nothing can be in it; the other machine is searched for without this one."""
    made = await rent_ours(ours, world)
    let_nobody_in(world, made)
    done = await wait(ours, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert done["seen"] == {"ssh direct": "refused", "ssh proxy": "no ssh"}
    destroy, search = done["next_steps"]
    assert destroy["arguments"] == {"instance_ids": [made]}
    row = world.show(made) or {}
    assert search["arguments"]["exclude_machine_ids"] == [row["machine_id"]]


@pytest.mark.parametrize(
    "more", [{"onstart": "python train.py"}, {"lease_hours": 2.0, "onstart": "python train.py"}]
)
async def test_what_may_hold_something_is_not_destroyed(
    ours: Client, world: World, more: dict[str, Any]
) -> None:
    """Its script works by itself, whoever can get in."""
    made = await rent_ours(ours, world, **more)
    let_nobody_in(world, made)
    done = await wait(ours, made)
    assert [step["tool"] for step in done["next_steps"]] == ["show_logs", "wait_for_instance"]


async def test_a_machine_that_may_be_entered_from_elsewhere_is_not_destroyed(
    ours: Client, world: World
) -> None:
    """A firewall around this computer refuses too, Vast's proxy with it."""
    world.ssh_direct = world.ssh_proxy = False
    done = await wait(ours, await rent_ours(ours, world))
    assert done["seen"] == {"ssh direct": "refused", "ssh proxy": "refused"}
    assert [step["tool"] for step in done["next_steps"]] == ["show_logs", "wait_for_instance"]


async def test_a_notebook_behind_vasts_proxy_is_not_destroyed(ours: Client, world: World) -> None:
    """A browser needs no SSH to be in it."""
    made = await rent_ours(ours, world, runtype="jupyter_proxy")
    let_nobody_in(world, made)
    done = await wait(ours, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert "destroy_instance" not in [step["tool"] for step in done["next_steps"]]


async def test_a_leased_machine_without_a_script_is_as_empty(ours: Client, world: World) -> None:
    """Its start script is the watchdog and nothing else."""
    made = await rent_ours(ours, world, lease_hours=2.0)
    let_nobody_in(world, made)
    done = await wait(ours, made)
    assert done["next_steps"][0]["tool"] == "destroy_instance"


async def test_that_it_runs_is_not_that_it_answers(client: Client, world: World) -> None:
    """Nothing was tried, so that the wait for what it was made with comes next."""
    done = await wait(client, rent(world), until="running")
    [again] = done["next_steps"]
    assert again["tool"] == "wait_for_instance"
    assert (await wait(client, **again["arguments"]))["next_steps"][0]["tool"] == "show_logs"


async def test_a_machine_that_was_started_before_is_not_destroyed(
    ours: Client, world: World
) -> None:
    """Its person may have worked in it."""
    made = await rent_ours(ours, world)
    for action in ("stop", "start"):
        await call(ours, "manage_instance", instance_id=made, action=action)
    let_nobody_in(world, made)
    done = await wait(ours, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert "destroy_instance" not in [step["tool"] for step in done["next_steps"]]


async def test_somebody_elses_machine_is_not_destroyed(client: Client, world: World) -> None:
    """What is in it nobody here knows."""
    world.ssh_direct = world.ssh_proxy = False
    done = await wait(client, rent(world))
    assert "destroy_instance" not in [step["tool"] for step in done["next_steps"]]


@pytest.mark.usefixtures("key")
async def test_a_machine_that_was_entered_before_is_rebooted(client: Client, world: World) -> None:
    """Its disk stays."""
    made = await rent_ours(client, world)
    assert (await wait(client, made))["state"] == "ready"
    for way in ("direct", "proxy"):
        world.set_door(made, way, "closed")
    done = await wait(client, made)
    assert done["state"] == "running_not_reachable_from_here"
    reboot = done["next_steps"][0]
    assert reboot["arguments"] == {"instance_id": made, "action": "reboot"}


async def test_what_this_computer_keeps_from_a_machine_is_no_reason_to_touch_it(
    client: Client, world: World, key: Path
) -> None:
    """A jump host that is down, or an agent that asks its person: a reboot would end what runs
    there, and no firewall is to blame.
    """
    made = await rent_ours(client, world)
    assert (await wait(client, made))["state"] == "ready"
    config = "Host *\n ProxyJump gate\nHost gate\n HostName 127.0.0.1\n Port 1\n User you\n"
    (key.parent / "config").write_text(config, "utf-8")
    done = await wait(client, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert "the jump host gate is not reached (connection refused)" in done["message"]
    assert "firewall" not in done["message"]
    tools = [step["tool"] for step in done["next_steps"]]
    assert tools == ["wait_for_instance", "show_logs"]


@pytest.mark.usefixtures("key")
async def test_another_host_key_ends_the_wait_at_once_and_a_person_decides(
    client: Client, world: World
) -> None:
    """Somebody may sit between: nothing logs in, and both fingerprints are shown."""
    made = await rent_ours(client, world)
    assert (await wait(client, made))["state"] == "ready"
    world.change_host_key(made)
    done = await wait(client, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert done["seen"]["ssh direct"] == "host key changed"
    assert f"vast-mcp trust {made}" in done["message"]
    assert done["message"].count("SHA256:") == 2
    assert [step["tool"] for step in done["next_steps"]] == ["wait_for_instance"]


@pytest.mark.parametrize(
    ("answers", "ours"),
    [
        ({"timed_out"}, True),
        ({"timed_out", "name_not_found"}, True),
        ({"timed_out", "refused"}, True),
        ({"no_ssh"}, False),
        ({"refused", "no_ssh"}, False),
    ],
)
def test_silence_everywhere_is_this_computers_network(answers: set[Answer], ours: bool) -> None:
    """Another machine would be as far away, so that none is ended for it."""
    assert is_our_network(answers) is ours
