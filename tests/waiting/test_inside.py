"""What is known of the inside of a machine that is ready: its start script and its watchdog, by the
lines that they write in its log.
"""

from __future__ import annotations

import pytest
from mcp import Client

from vast_mcp.sandbox.world import World
from waits import rent, rent_ours, wait

LONG = "#!/bin/sh\n" + "\n".join(f"echo step {step}" for step in range(1000))


async def test_the_watchdog_of_a_lease_is_seen_armed(client: Client, world: World) -> None:
    """A promise that it ends by itself is worth what was seen (docs/spending.md)."""
    done = await wait(client, await rent_ours(client, world, lease_hours=2.0))
    assert (done["state"], done["watchdog"]) == ("ready", "seen")
    assert done["lease_left_hours"] > 1.9
    assert not [words for words in done["warnings"] if "watchdog" in words]
    assert len(world.asked("logs")) == 1


async def test_a_watchdog_that_was_not_seen_yet_is_a_warning(client: Client, world: World) -> None:
    """Its line may come a moment later; what is not seen is not promised."""
    made = await rent_ours(client, world, lease_hours=2.0)
    world.faults.add("logs", "html502", times=None)
    done = await wait(client, made, timeout_s=2)
    assert (done["state"], done["watchdog"]) == ("ready", "not_seen")
    assert "not seen yet" in " ".join(done["warnings"])


async def test_a_watchdog_that_gave_up_is_lacking(client: Client, world: World) -> None:
    """Then the lease ends from outside alone."""
    made = await rent_ours(client, world, lease_hours=2.0)
    world.set_logs(made, "vast-mcp: no watchdog\n")
    done = await wait(client, made)
    assert (done["state"], done["watchdog"]) == ("ready", "lacking")
    assert "ends from outside alone" in " ".join(done["warnings"])


async def test_a_machine_without_a_lease_is_not_asked_for_its_log(
    client: Client, world: World
) -> None:
    """There is nothing to see."""
    done = await wait(client, await rent_ours(client, world))
    assert not {"watchdog", "onstart"} & done.keys()
    assert world.asked("logs") == []


@pytest.mark.parametrize(("status", "onstart"), [(0, "done"), (None, "running"), (3, "failed")])
async def test_a_start_script_that_we_wrapped_says_how_far_it_is(
    client: Client, world: World, status: int | None, onstart: str
) -> None:
    """Its begin and its end stand in the log, and of one that failed what it said before."""
    world.onstart_status = status
    made = await rent_ours(client, world, onstart=LONG)
    world.set_logs(made, "")
    done = await wait(client, made)
    assert (done["state"], done["onstart"]) == ("ready", onstart)
    assert ("untrusted_log" in done) == (onstart == "failed")
    if onstart == "failed":
        assert done["untrusted_log"][-1].endswith("vast-mcp: onstart ended, status 3")
        assert "failed" in done["warnings"][0]


async def test_of_a_script_that_is_sent_as_it_is_nothing_is_known(
    client: Client, world: World
) -> None:
    """What is not known is said to be."""
    done = await wait(client, rent(world, onstart="python train.py"))
    assert (done["state"], done["onstart"]) == ("ready", "unknown")
    assert world.asked("logs") == []
