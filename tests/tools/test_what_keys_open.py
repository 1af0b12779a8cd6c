"""The line of show_ssh_keys that says what opens what."""

from __future__ import annotations

import json

import pytest
from mcp import Client

from house import KEY_LINE, a_machine, call
from people import two_keys_world
from vast_mcp.machines.keyfiles import fingerprint_of
from vast_mcp.sandbox.world import World


@pytest.fixture
def world() -> World:
    return two_keys_world()


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
