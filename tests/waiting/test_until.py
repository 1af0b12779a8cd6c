"""A wait ends when what was waited for is there, and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mcp import Client

from house import served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from waits import problem, rent, rent_bare, wait

# ── ways in that a machine does not have ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("port:8001", "port 8001 is not mapped; these are: 22, 8000"),
        ("port:9000", "mapped for UDP"),
        ("jupyter", "not made with Jupyter"),
    ],
)
async def test_a_way_in_that_a_machine_does_not_have_is_refused_with_those_that_it_has(
    client: Client, world: World, until: str, why: str
) -> None:
    """It would be waited for in vain; the same call without it waits for what was rented."""
    made = rent(world, env={"-p 8000:8000": "1", "-p 9000:9000/udp": "1"})
    done = await wait(client, made, until=until)
    assert why in problem(done)
    [again] = done["error"]["next_steps"]
    assert again["arguments"] == {"instance_id": made, "timeout_s": 5}
    assert (await wait(client, **again["arguments"]))["state"] == "ready"


async def test_no_ssh_is_waited_for_where_an_image_runs_its_own_command(
    client: Client, world: World
) -> None:
    """Vast puts no SSH server there (docs/vast-api.md A.3)."""
    assert "no SSH server" in problem(await wait(client, rent_bare(world), until="ssh"))


# ── an image's own command ────────────────────────────────────────────────────────────────────────


async def test_a_rental_without_any_way_in_is_ready_when_it_runs_and_says_so(
    client: Client, world: World
) -> None:
    """Its log is all that it tells."""
    made = rent_bare(world)
    world.set_logs(made, "loading\nserving\n")
    done = await wait(client, made)
    assert (done["state"], done["untrusted_line"]) == ("ready", "serving")
    assert "no way in" in done["message"]


# ── a line of its log ─────────────────────────────────────────────────────────────────────────────


async def test_a_text_is_waited_for_in_the_log_as_it_stands_there(
    client: Client, world: World
) -> None:
    """Letter by letter, and what is found is shown where strangers' words are."""
    made = rent_bare(world)
    world.set_logs(made, "epoch 1\n\x1b[32mUvicorn running on 0.0.0.0\x1b[0m\nGET /\n")
    done = await wait(client, made, until="log:Uvicorn running")
    assert (done["state"], done["untrusted_line"]) == ("ready", "Uvicorn running on 0.0.0.0")
    assert "Uvicorn" not in done["message"]
    other = await wait(client, made, timeout_s=1, until="log:uvicorn running")
    assert (other["state"], other["untrusted_line"]) == ("still_starting", "GET /")
    assert other["next_steps"][0]["arguments"]["until"] == "log:uvicorn running"


async def test_no_pattern_is_looked_for(client: Client, world: World) -> None:
    """A dot is a dot."""
    made = rent_bare(world)
    world.set_logs(made, "step 1x5 done\n")
    assert (await wait(client, made, timeout_s=1, until="log:1.5"))["state"] == "still_starting"


async def test_what_a_container_that_is_down_has_said_counts(client: Client, world: World) -> None:
    """A job that prints its last line and ends is done, and not failed."""
    made = rent_bare(world, ("running", "exited"))
    world.set_logs(made, "all done\n")
    done = await wait(client, made, until="log:all done")
    assert done["state"] == "ready"


async def test_a_log_is_asked_for_no_faster_than_machines_are(
    world: World, settings: Settings
) -> None:
    """Each look at it is a request, an upload and a fetch (docs/vast-api.md C.7, H)."""
    slow = replace(settings, times=replace(settings.times, look_s=0.05, budget_s=0.5))
    made = rent_bare(world)
    async with served(world, slow) as client:
        await wait(client, made, until="log:never")
    assert 0 < len(world.asked("logs")) < len(world.asked("show"))


async def test_a_log_that_cannot_be_read_says_so(client: Client, world: World) -> None:
    """Silence is not an answer."""
    world.faults.add("logs", "html502", times=None)
    done = await wait(client, rent_bare(world), timeout_s=1, until="log:x")
    assert done["state"] == "still_starting"
    assert "could not be read (vast_unavailable)" in done["message"]
