"""show_jobs through MCP, where nothing was begun; with jobs, in tests/ssh/test_jobs.py."""

from __future__ import annotations

import pytest
from mcp import Client

from house import a_machine, call, lenient_world
from vast_mcp.sandbox.world import World


@pytest.fixture
def world() -> World:
    return lenient_world()


async def test_without_jobs_nothing_is_entered_and_nothing_is_asked_of_machines(
    client: Client, world: World
) -> None:
    a_machine(world)
    found = await call(client, "show_jobs")
    assert (found["count"], found["jobs"], found["next_steps"]) == (0, [], [])


async def test_a_job_that_never_left_is_not_started_and_leads_nowhere(
    client: Client, world: World
) -> None:
    """The journal names a job before anything of it is sent."""
    machine = a_machine(world)
    await call(client, "run_command", instance_id=machine, command="true")
    [job] = (await call(client, "show_jobs"))["jobs"]
    assert (job["instance_id"], job["state"]) == (machine, "not_started")


async def test_of_a_machine_that_is_gone_the_journals_jobs_are_told(
    client: Client, world: World
) -> None:
    machine = a_machine(world)
    await call(client, "run_command", instance_id=machine, command="true")
    world.destroy(machine)
    [job] = (await call(client, "show_jobs", instance_id=machine))["jobs"]
    assert job["machine_gone"] is True
