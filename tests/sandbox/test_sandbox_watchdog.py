"""A start script may carry a watchdog: its lines, its files, and the end of its machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from house import an_offer
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.world import World

TOKEN = "#0123456789abcdef"


def guarded(world: World, ahead_s: float = 600) -> Instance:
    """A machine that runs, whose watchdog ends it so many seconds from now."""
    until = int(time.time() + ahead_s)
    script = f'(w=...&&sh -c "$w" vast-mcp {until} http://x||echo vast-mcp: no watchdog)'
    body = {"image": "a/b", "disk": 16, "label": f"x{TOKEN}", "onstart": script}
    made = world.rent(an_offer(world)["id"], body)
    world.show(made.id)
    return made


def inside(world: World, made: Instance) -> Any:
    """The machine as somebody finds it who enters."""
    return world.machines.inside(made, ())


def text_of(machine: Any, name: str) -> str:
    return machine.tree.find(f"/var/tmp/vast-mcp/{name}").read(0, 4096).decode()


def test_a_later_end_in_the_label_is_taken_and_told() -> None:
    """In the log, and in the files of its machine, where a process has the number that stands
    there.
    """
    world = World(looks_per_step=0)
    made = guarded(world)
    machine = inside(world, made)
    assert [line for line in made.log.lines if "log /var/tmp" in line]
    pid = int(text_of(machine, f"pid-{made.id}"))
    assert machine.processes.get(pid) is not None
    later = int(time.time() + 7200)
    world.set_label(made.id, f"x lease-until={later}{TOKEN}")
    world.show(made.id)
    assert "vast-mcp: label extends, until " in made.log.lines[-1]
    assert text_of(machine, f"lease-until-{made.id}") == f"{later}\n"
    assert text_of(machine, "watchdog.log").splitlines()[-1] == made.log.lines[-1]
    world.set_label(made.id, f"x lease-until={later - 60}{TOKEN}")
    world.show(made.id)
    assert made.watchdog is not None
    assert made.watchdog.until == later


def test_a_later_end_in_its_file_is_taken() -> None:
    """By one that may not read labels too."""
    world = World(looks_per_step=0, watchdog="deaf")
    made = guarded(world)
    later = int(time.time() + 7200)
    world.set_label(made.id, f"x lease-until={later}{TOKEN}")
    world.show(made.id)
    assert made.watchdog is not None
    assert made.watchdog.until < later
    node = inside(world, made).tree.open(f"/var/tmp/vast-mcp/lease-until-{made.id}", make=0o600)
    node.write(0, f"{later}\n".encode())
    world.show(made.id)
    assert made.watchdog.until == later
    assert "vast-mcp: file extends" in made.log.lines[-1]


def test_between_two_looks_of_it_nothing_is_taken() -> None:
    """The real one looks every ten minutes."""
    world = World(looks_per_step=0, watchdog_look_s=600)
    made = guarded(world, ahead_s=1000)
    later = int(time.time() + 7200)
    world.set_label(made.id, f"x lease-until={later}{TOKEN}")
    world.show(made.id)
    assert made.watchdog is not None
    assert made.watchdog.until < later
    world.clock = lambda: time.time() + 700
    world.show(made.id)
    assert made.watchdog.until == later


@pytest.mark.parametrize(("ends", "lives"), [(True, False), (False, True)])
def test_one_whose_time_has_come_ends_its_machine_where_that_is_asked_for(
    ends: bool, lives: bool
) -> None:
    """At the next look; one that was moved meanwhile goes on."""
    world = World(looks_per_step=0, watchdogs_end=ends)
    made, other = guarded(world), guarded(world)
    world.set_label(other.id, f"x lease-until={int(time.time() + 7200)}{TOKEN}")
    world.clock = lambda: time.time() + 700
    for one in (made, other):
        world.show(one.id)
    assert (made.alive, other.alive) == (lives, True)


def test_a_machine_whose_start_script_left_none_goes_on() -> None:
    """Nothing inside ends it, and its log says nothing."""
    world = World(looks_per_step=0, watchdogs_end=True, watchdog="absent")
    made = guarded(world)
    world.clock = lambda: time.time() + 700
    world.show(made.id)
    assert made.alive
    assert not any("vast-mcp" in line for line in made.log.lines)
