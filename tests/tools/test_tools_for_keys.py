"""delete_ssh_key, detach_ssh_key, and the line of show_ssh_keys that says what opens what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, a_machine, an_offer, call, lenient_world, served
from people import DECLINE, Person, confirming
from vast_mcp.machines.keyfiles import fingerprint_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
def world() -> World:
    made = lenient_world()
    made.set_keys([KEY_LINE, OTHER_KEY_LINE])
    return made


def keys_on(world: World, machine: int) -> list[str]:
    return [key.public_key for key in world.instances[machine].keys.values()]


def put_local(home: Path, line: str) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519.pub").write_text(f"{line}\n", encoding="utf-8")


# ── what opens what ────────────────────────────────────────────────────────────────────────────


async def test_one_line_says_which_keys_open_which_machines(client: Client, world: World) -> None:
    """By the id of the account's key; one that it has no more is a fingerprint, and opens on."""
    both = a_machine(world)
    gone, kept = world.keys
    del world.keys[gone]
    one = a_machine(world)
    shown = await call(client, "show_ssh_keys")
    fingerprint = fingerprint_of(KEY_LINE.split()[1])
    assert shown["opens"] == (
        f"machine {one}: key {kept}; machine {both}: {fingerprint} (not registered), key {kept}"
    )
    assert KEY_LINE.split()[1] not in json.dumps(shown)


async def test_of_machines_that_are_not_asked_or_do_not_say_it_is_not_known(
    client: Client, world: World
) -> None:
    """Five are asked, since each costs a request that keeps 2 s to the next (docs/vast-api.md H).
    What cannot be read is never told as none.
    """
    made = [a_machine(world) for _ in range(7)]
    world.faults.add("attached_keys", "no_id")
    shown = await call(client, "show_ssh_keys")
    assert len(world.asked("attached_keys")) == 5
    newest, first, second = made[-1], made[1], made[0]
    assert shown["opens"].endswith(f"; not known of {newest}, {first}, {second}")
    world.faults.add("list", "html503", times=None)
    shown = await call(client, "show_ssh_keys")
    assert shown["count"] == 2
    assert shown["opens"].startswith("not known: the machines could not be read (")


async def test_without_machines_nothing_more_is_asked(client: Client, world: World) -> None:
    """The line costs nothing where there is nothing to open."""
    assert (await call(client, "show_ssh_keys"))["opens"] == "no machine"
    assert world.asked("attached_keys") == []


# ── delete ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_deleted_key_is_looked_up_and_gone_and_machines_keep_it(
    client: Client, world: World
) -> None:
    """The account's keys go to new machines; those that have one keep it (docs/vast-api.md D)."""
    machine = a_machine(world)
    first, second = world.keys
    done = await call(client, "delete_ssh_key", key_id=first)
    assert (done["key_id"], done["outcome"]) == (first, "deleted")
    assert done["fingerprint"] == fingerprint_of(KEY_LINE.split()[1])
    assert "detach_ssh_key" in done["warnings"][0]
    assert list(world.keys) == [second]
    assert keys_on(world, machine) == [KEY_LINE, OTHER_KEY_LINE]
    assert (await call(client, "delete_ssh_key", key_id=first))["outcome"] == "already_gone"
    last = await call(client, "delete_ssh_key", key_id=second)
    assert any("no SSH key now" in warning for warning in last["warnings"])


async def test_an_unknown_key_is_refused_and_nothing_is_sent(client: Client, world: World) -> None:
    """Vast says of a foreign key and of none the same (docs/vast-api.md D)."""
    error = (await call(client, "delete_ssh_key", key_id=1))["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", "key_id")
    assert [step["tool"] for step in error["next_steps"]] == ["show_ssh_keys"]
    assert world.asked("delete_key") == []


async def test_a_lost_reply_to_a_delete_is_settled_by_the_list(
    client: Client, world: World
) -> None:
    """The second request is told that there is no such key (docs/vast-api.md D)."""
    first = min(world.keys)
    world.faults.add("delete_key", "drop", when="after")
    assert (await call(client, "delete_ssh_key", key_id=first))["outcome"] == "deleted"
    assert first not in world.keys


async def test_the_key_that_this_server_enters_by_is_deleted_by_a_person_alone(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """That is said first, whatever the settings ask about."""
    put_local(tmp_path, OTHER_KEY_LINE)
    own = max(world.keys)
    async with served(world, settings) as client:
        error = (await call(client, "delete_ssh_key", key_id=own))["error"]
        assert error["code"] == "needs_confirmation"
    assert world.asked("delete_key") == []
    for answer, left in ((DECLINE, True), (None, False)):
        person = Person() if answer is None else Person(answer)
        async with served(world, settings, elicitation_callback=person) as client:
            await call(client, "delete_ssh_key", key_id=own)
        assert "This server itself enters machines by it" in person.questions[0]
        assert (own in world.keys) is left


async def test_the_key_of_vast_mcp_ssh_key_is_this_servers_own(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Its public half is read from the private file; where that does not tell, it may be any."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    file = tmp_path / "named"
    key.write_private_key(file)
    world.set_keys([key.export_public_key().decode(), KEY_LINE])
    own, other = world.keys
    named = replace(settings, ssh_key=file)
    async with served(world, named) as client:
        error = (await call(client, "delete_ssh_key", key_id=own))["error"]
        assert error["code"] == "needs_confirmation"
        assert (await call(client, "delete_ssh_key", key_id=other))["outcome"] == "deleted"
    file.write_text("nothing", encoding="utf-8")
    person = Person()
    async with served(world, named, elicitation_callback=person) as client:
        await call(client, "delete_ssh_key", key_id=own)
    assert "may be this one" in person.questions[0]


async def test_a_person_who_is_asked_is_asked_about_every_key(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """VAST_MCP_CONFIRM: who may enter is the person's to say."""
    machine, first = a_machine(world), min(world.keys)
    person = Person()
    async with confirming(world, settings, person, state=tmp_path / "state") as client:
        await call(client, "detach_ssh_key", instance_id=machine, key_id=first)
        await call(client, "delete_ssh_key", key_id=first)
    assert f"off machine {machine}?" in person.questions[0]
    assert f"Delete the SSH key {fingerprint_of(KEY_LINE.split()[1])} " in person.questions[1]
    assert not any("AAAA" in question for question in person.questions)


async def test_a_key_without_the_scope_is_told_so(client: Client, world: World) -> None:
    """Changes of keys need user_write (docs/vast-api.md I)."""
    world.missing_permissions = {"user_write"}
    error = (await call(client, "delete_ssh_key", key_id=min(world.keys)))["error"]
    assert error["code"] == "forbidden"
    assert "user_write" in error["untrusted_vast_message"]


# ── detach ─────────────────────────────────────────────────────────────────────────────────────


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
