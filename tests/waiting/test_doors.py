"""What a machine was rented for is tried: a login, a notebook, the ports that it maps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from mcp import Client

from house import served
from vast_mcp.machines.knocking import Knock
from vast_mcp.machines.ways import Address
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.waiting.wanted import Door
from waits import rent, rent_bare, rent_ours, wait

PORTS = {"-p 8000:8000": "1", "-p 9000:9000/udp": "1"}


@pytest.fixture
async def soon(world: World, settings: Settings) -> AsyncIterator[Client]:
    """Fifteen minutes for a program to begin are a fifth of a second here."""
    hurried = replace(settings, times=replace(settings.times, stuck_s=0.2))
    async with served(world, hurried) as client:
        yield client


# ── ports ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_image_that_serves_is_ready_when_its_ports_answer(
    client: Client, world: World
) -> None:
    """Its own command runs, and what it maps for TCP is what it was rented for."""
    done = await wait(client, rent_bare(world, env=PORTS))
    assert (done["state"], done["seen"]) == ("ready", {"port 8000": "HTTP 200"})
    assert done["message"] == "Port 8000: HTTP 200."
    assert done["access"]["ports"]["8000/tcp"].startswith("http://127.0.0.1:")


async def test_ports_that_a_row_does_not_show_yet_are_waited_for(
    soon: Client, world: World
) -> None:
    """A machine that was made to serve is not ready because nothing is known to answer; it has its
    time, and then that is said.
    """
    made = await rent_ours(
        soon, world, runtype="args", image="a/b:1", args_str="serve", env="-p 8000:8000"
    )
    world.odd.add("instance", "ports", None)
    done = await wait(soon, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert [step["tool"] for step in done["next_steps"]] == ["show_logs", "wait_for_instance"]
    world.odd.clear()
    assert (await wait(soon, made))["state"] == "ready"


@pytest.mark.parametrize(
    ("manner", "said"), [("closed", "refused"), (503, "HTTP 503"), (502, "HTTP 502")]
)
async def test_a_port_that_does_not_serve_yet_is_waited_for_and_never_the_machines_end(
    soon: Client, world: World, manner: str | int, said: str
) -> None:
    """A model may load for long: what ends the wait destroys nothing."""
    made = rent_bare(world, env=PORTS)
    first = await wait(soon, made, until="running")
    assert first["state"] == "ready"
    world.set_door(made, "8000/tcp", manner)
    done = await wait(soon, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert done["seen"] == {"port 8000": said}
    assert f"port 8000: {said}" in done["message"]
    assert [step["tool"] for step in done["next_steps"]] == ["show_logs", "wait_for_instance"]


async def test_a_port_that_takes_connections_and_is_silent_answers(
    client: Client, world: World
) -> None:
    """Not everything speaks HTTP."""
    made = rent(world, env=PORTS)
    world.set_door(made, "8000/tcp", "silent")
    done = await wait(client, made, until="port:8000")
    assert (done["state"], done["seen"]) == ("ready", {"port 8000": "TCP answers, no HTTP"})


async def test_where_one_port_serves_and_another_does_not_both_are_said(
    client: Client, world: World
) -> None:
    """An image maps more than it uses; after minutes one that serves is of use."""
    made = rent_bare(world, env={**PORTS, "-p 8001:8001": "1"})
    world.set_door(made, "8001/tcp", "closed")
    done = await wait(client, made)
    assert done["state"] == "ready"
    assert done["seen"] == {"port 8000": "HTTP 200", "port 8001": "refused"}
    assert "Nothing answers at port 8001" in done["message"]


async def test_the_ports_of_a_machine_with_ssh_are_not_waited_for(
    client: Client, world: World
) -> None:
    """Somebody enters it and starts what will answer there."""
    made = rent(world, env=PORTS)
    world.set_door(made, "8000/tcp", "closed")
    done = await wait(client, made)
    assert (done["state"], done["via"]) == ("ready", "direct")
    assert "port 8000" not in done["seen"]


# ── notebooks ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("until", ["ready", "jupyter", "port:8080"])
async def test_a_notebook_is_ready_when_it_answers_by_tls(
    client: Client, world: World, until: str
) -> None:
    """On its mapped port, with a certificate that nobody signed (docs/vast-api.md C.6)."""
    made = rent(world, runtype="jupyter_direct")
    done = await wait(client, made, until=until)
    assert (done["state"], done["seen"]["jupyter"]) == ("ready", "HTTP 200")
    assert done["access"]["jupyter_url"].startswith("https://127.0.0.1:")
    assert "token" not in json.dumps(done["access"])


async def test_a_notebook_that_does_not_answer_says_that_ssh_does(
    soon: Client, world: World
) -> None:
    """It was rented for the notebook; SSH is there to look why, and nothing ends it."""
    made = await rent_ours(soon, world, runtype="jupyter_direct")
    world.set_door(made, "8080/tcp", "closed")
    done = await wait(soon, made)
    assert done["state"] == "running_not_reachable_from_here"
    assert (done["seen"]["jupyter"], done["seen"]["ssh direct"]) == ("refused", "answers")
    assert done["access"]["ssh"].startswith("ssh ")
    assert done["next_steps"][0]["tool"] == "show_logs"


async def test_a_notebook_behind_the_proxy_alone_is_ready_when_ssh_answers(
    client: Client, world: World
) -> None:
    """Where the proxy has it is not known for sure (docs/vast-api.md C.6)."""
    world.ssh_direct = False
    done = await wait(client, rent(world, runtype="jupyter_proxy"))
    assert (done["state"], done["via"]) == ("ready", "proxy_only")


def test_a_notebook_that_takes_a_connection_and_is_silent_is_not_served() -> None:
    """What listens there may still be starting; of other ports that is all that is known."""
    to, silent = Address("127.0.0.1", 9), Knock("open")
    assert not Door("jupyter", to, tls=True).is_served(silent)
    assert Door("jupyter", to, tls=True).is_served(Knock("http", 302))
    assert Door("port 5432", to).is_served(silent)
