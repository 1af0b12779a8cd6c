"""A machine that is worse than promised is proposed to be destroyed first only where nothing of
anybody's can be in it (docs/checks.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, call, served
from people import with_a_key
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
def world() -> Iterator[World]:
    made = World(ssh_banners=True, looks_per_step=0, rent_again=True)
    yield made
    made.close()


@pytest.fixture
def kept(world: World, settings: Settings, tmp_path: Path) -> Settings:
    assert settings.ssh_dir is not None
    with_a_key(world, settings.ssh_dir)
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("a", encoding="utf-8")
    patient = replace(settings.times, budget_s=50.0)  # a busy machine is slow
    return replace(settings, state_dir=tmp_path / "state", files=(work,), times=patient)


@pytest.fixture
async def client(world: World, kept: Settings) -> AsyncIterator[Client]:
    async with served(world, kept) as made:
        yield made


async def rented(client: Client, world: World, **more: Any) -> int:
    offer = an_offer(world, ports=True)["id"]
    made = await call(client, "create_instance", offer_id=offer, image="a/b", **more)
    world.lie(made["instance_id"], "less_memory")
    return made["instance_id"]


async def steps(client: Client, machine: int) -> list[str]:
    told = await call(client, "check_machine", instance_id=machine)
    assert told["verdict"] == "worse", told
    end = next(one for one in told["next_steps"] if one["tool"] == "destroy_instance")
    assert "what is on its disk is lost" in end["why"]
    return [one["tool"] for one in told["next_steps"]]


async def test_a_bare_fresh_machine_is_ended_first(client: Client, world: World) -> None:
    machine = await rented(client, world)
    assert await steps(client, machine) == ["destroy_instance", "search_offers"]


@pytest.mark.parametrize(
    "more", [{"onstart": "train &"}, {"runtype": "jupyter_direct"}], ids=["script", "notebook"]
)
async def test_where_something_may_work_the_search_leads(
    more: dict[str, Any], client: Client, world: World
) -> None:
    machine = await rented(client, world, **more)
    assert await steps(client, machine) == ["search_offers", "destroy_instance"]


async def test_a_template_brings_what_nobody_here_knows(client: Client, world: World) -> None:
    brought = world.add_template({"name": "t", "image": "x", "runtype": "ssh_direct"})
    machine = await rented(client, world, template_hash_id=brought["hash_id"])
    assert await steps(client, machine) == ["search_offers", "destroy_instance"]


@pytest.mark.parametrize("work", ["job", "copy"])
async def test_what_any_server_of_this_person_left_there_is_known(
    work: str, client: Client, world: World, kept: Settings
) -> None:
    """Another process checks it than the one that worked there."""
    machine = await rented(client, world)
    if work == "job":
        await call(client, "run_command", instance_id=machine, command="echo a > /root/a")
    else:
        given = {"local": str(kept.files[0] / "a.txt"), "remote": "/root/a.txt"}
        told = await call(client, "copy_files", instance_id=machine, direction="up", **given)
        assert told["state"] == "copied"
    async with served(world, kept) as other:
        assert await steps(other, machine) == ["search_offers", "destroy_instance"]


async def test_the_journal_has_to_say_that_nothing_is_there(
    client: Client, world: World, kept: Settings
) -> None:
    machine = await rented(client, world)
    async with served(world, replace(kept, state_dir=kept.files[0].parent / "other")) as other:
        assert await steps(other, machine) == ["search_offers", "destroy_instance"]
