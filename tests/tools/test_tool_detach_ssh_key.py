"""detach_ssh_key: one key off one machine, looked up again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import OTHER_KEY_LINE, a_machine, an_offer, call
from people import keys_on, two_keys_world
from vast_mcp.sandbox.world import World


@pytest.fixture
def world() -> World:
    return two_keys_world()


async def test_a_key_is_taken_off_one_machine_and_stays_the_accounts(
    client: Client, world: World
) -> None:
    """And the next call puts it back (docs/vast-api.md D)."""
    machine, other = a_machine(world), a_machine(world)
    first, second = world.keys
    done = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert done["outcome"] == "detached"
    assert (keys_on(world, machine), len(keys_on(world, other))) == ([OTHER_KEY_LINE], 2)
    assert list(world.keys) == [first, second]
    again = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert again["outcome"] == "not_attached"
    assert len(world.asked("detach_key")) == 1
    [step] = done["next_steps"]
    assert "error" not in await call(client, step["tool"], **step["arguments"])
    assert len(keys_on(world, machine)) == 2


async def test_a_machines_own_number_for_a_key_is_found_by_the_key(
    client: Client, world: World
) -> None:
    """Where a machine lists the same key under another id, it is that id that is sent."""
    machine, first = a_machine(world), min(world.keys)
    held = world.instances[machine].keys
    held[9] = replace(held.pop(first), id=9)
    done = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert (done["outcome"], keys_on(world, machine)) == ("detached", [OTHER_KEY_LINE])


async def test_a_machines_number_for_another_key_is_not_taken_for_it(
    client: Client, world: World
) -> None:
    """The account's id of one key is the machine's of the other: that one was taken off."""
    machine, (first, second) = a_machine(world), world.keys
    held = world.instances[machine].keys
    one, other = held[first], held[second]
    held.clear()
    held.update({first: replace(other, id=first), 9: replace(one, id=9)})
    done = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert (done["outcome"], keys_on(world, machine)) == ("detached", [OTHER_KEY_LINE])
    assert done["next_steps"][0]["arguments"] == {"instance_id": machine, "key_id": first}


async def test_a_key_that_a_machine_has_twice_is_not_told_as_gone(
    client: Client, world: World
) -> None:
    """Whoever has it enters on, until the same call has taken off the other too."""
    machine, first = a_machine(world), min(world.keys)
    held = world.instances[machine].keys
    held[9] = replace(held[first], id=9)
    once = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert once["outcome"] == "accepted"
    assert "the same key once more" in once["warnings"][0]
    twice = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert (twice["outcome"], keys_on(world, machine)) == ("detached", [OTHER_KEY_LINE])


async def test_a_key_that_the_account_has_no_more_can_be_taken_off(
    client: Client, world: World
) -> None:
    """It opens the machine on, and so it must be possible to end that."""
    machine, first = a_machine(world), min(world.keys)
    del world.keys[first]
    error = (await call(client, "detach_ssh_key", instance_id=machine, key_id=1))["error"]
    assert f"on the machine: {first}, " in error["problems"][0]["problem"]
    done = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert (done["outcome"], keys_on(world, machine)) == ("detached", [OTHER_KEY_LINE])
    assert [step["tool"] for step in done["next_steps"]] == ["show_ssh_keys"]  # none to attach


async def test_the_last_key_is_told(client: Client, world: World) -> None:
    """Then nobody can enter."""
    machine = a_machine(world)
    for key in list(world.keys):
        done = await call(client, "detach_ssh_key", instance_id=machine, key_id=key)
    assert any("nobody can enter" in warning for warning in done["warnings"])


async def test_a_machine_of_another_or_a_vm_is_not_touched(client: Client, world: World) -> None:
    """Somebody would be locked out, of a VM for good (docs/vast-api.md D)."""
    theirs = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20}).id
    given: dict[str, Any] = {"instance_id": theirs, "key_id": min(world.keys)}
    error = (await call(client, "detach_ssh_key", **given))["error"]
    assert error["code"] == "not_ours"
    done = await call(client, "detach_ssh_key", **given, not_ours=True)
    assert done["outcome"] == "detached"
    offer = world.offer(vm=True, ports=True, disk_space=lambda free: free > 40)
    body = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "disk": 20, "vm": True}
    made = world.rent(offer["id"], body).id
    given = {"instance_id": made, "key_id": min(world.keys), "not_ours": True}
    assert (await call(client, "detach_ssh_key", **given))["error"]["code"] == "vm_not_possible"
    assert len(world.asked("detach_key")) == 1


async def test_a_lost_reply_to_a_detach_is_settled_by_the_machines_list(
    client: Client, world: World
) -> None:
    """The second request is told that the machine has no such key."""
    machine, first = a_machine(world), min(world.keys)
    world.faults.add("detach_key", "drop", when="after")
    done = await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
    assert (done["outcome"], keys_on(world, machine)) == ("detached", [OTHER_KEY_LINE])
