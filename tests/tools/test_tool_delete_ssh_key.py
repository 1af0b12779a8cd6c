"""delete_ssh_key, which a person is asked about where this server enters by that key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, a_machine, call, served
from people import DECLINE, Person, confirming, keys_on, two_keys_world
from vast_mcp.machines.keyfiles import fingerprint_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
def world() -> World:
    return two_keys_world()


def put_local(home: Path, line: str) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519.pub").write_text(f"{line}\n", encoding="utf-8")


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


async def test_a_key_that_the_account_has_twice_opens_on_and_that_is_said(
    client: Client, world: World
) -> None:
    first = min(world.keys)
    world.keys[9] = replace(world.keys[first], id=9)
    done = await call(client, "delete_ssh_key", key_id=first)
    assert done["outcome"] == "deleted"
    assert "the same key as 9" in done["warnings"][0]


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
