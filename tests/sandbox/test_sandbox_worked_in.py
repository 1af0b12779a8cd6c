"""The tools work in the sandbox's machines as in real ones: what they send runs there unchanged."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, sampled, served
from people import with_a_key
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
def world() -> Iterator[World]:
    made = World(ssh_banners=True, looks_per_step=0, rent_again=True)
    yield made
    assert [fault for one in made.machines.insides.values() for fault in one.faults] == []
    made.close()


@pytest.fixture
async def client(world: World, settings: Settings, tmp_path: Path) -> AsyncIterator[Client]:
    """A person whose key the account has, and who allows one folder."""
    assert settings.ssh_dir is not None
    with_a_key(world, settings.ssh_dir)
    work = tmp_path / "work"
    work.mkdir()
    patient = replace(settings.times, budget_s=50.0)  # a busy machine is slow
    kept = replace(settings, files=(work,), check_url="https://a.example/file", times=patient)
    async with served(world, kept) as made:
        yield made


def rented(world: World, *lies: str) -> int:
    """A machine of ours that runs, and tells these lies."""
    body = {"image": "a/b", "disk": 20, "label": OURS, "runtype": "ssh_direct"}
    made = world.rent(an_offer(world, ports=True, num_gpus=2)["id"], body).id
    world.lie(made, *lies)
    return made


# What is worse along with it.
ALONG = {"no_gpu": {"nvidia_smi"}, "driver_fails": {"gpu_count"}, "old_driver": {"cuda"}}


async def run(client: Client, machine: int, command: str, **more: Any) -> dict[str, Any]:
    return await call(client, "run_command", instance_id=machine, command=command, **more)


@pytest.mark.parametrize("lie", ["", "no_detach", "no_bash", "noisy", "no_timeout", "no_digest"])
async def test_a_command_runs_in_any_machine(client: Client, world: World, lie: str) -> None:
    """A machine may lack what others have, and greet whoever comes."""
    ran = await run(client, rented(world, *filter(None, [lie])), "echo out; echo err >&2; exit 3")
    assert (ran["state"], ran["exit_status"], ran["job_was"]) == ("ended", 3, "started")
    assert (ran["untrusted_stdout"], ran["untrusted_stderr"]) == ("out", "err")


async def test_a_job_goes_on_and_is_followed_to_its_end(client: Client, world: World) -> None:
    """The same call follows, and begins nothing."""
    machine = rented(world)
    command = "echo began >>/root/times; until [ -e /root/go ]; do sleep 0.05; done; exit 7"
    first = await run(client, machine, command, timeout_s=1)
    assert (first["state"], first["job_was"]) == ("running", "started")
    listed = await call(client, "show_jobs", instance_id=machine)
    assert listed["count"] == 1
    assert (await run(client, machine, "touch /root/go"))["exit_status"] == 0
    again = await run(client, machine, command)
    assert (again["state"], again["exit_status"]) == ("ended", 7)
    assert (again["job_was"], again["job"]) == ("followed", first["job"])
    assert (await run(client, machine, "cat /root/times"))["untrusted_stdout"] == "began"


@pytest.mark.parametrize("lie", ["", "no_detach"])
@pytest.mark.thorough
async def test_a_job_is_stopped_with_all_that_it_began(
    client: Client, world: World, lie: str
) -> None:
    """With a session of its own, and where setsid is missing."""
    machine = rented(world, *filter(None, [lie]))
    command = "sleep 600 & sleep 601 & wait"
    assert (await run(client, machine, command, timeout_s=1))["state"] == "running"
    assert (await run(client, machine, command, stop=True))["state"] == "stopped"
    words = [process.words for process in world.machines.insides[machine].processes]
    assert [one for one in words if one[0] == "sleep"] == []


@pytest.mark.parametrize(("empties", "state"), [(False, "interrupted"), (True, "lost")])
@pytest.mark.thorough
async def test_what_ran_in_a_machine_that_began_anew_is_told(
    client: Client, world: World, empties: bool, state: str
) -> None:
    """A restart ends what runs, and its disk tells of it; a recycle leaves nothing to tell."""
    machine = rented(world)
    assert (await run(client, machine, "sleep 600", timeout_s=1))["state"] == "running"
    if empties:
        world.machines.empty(machine)
    else:
        world.machines.halt(machine)
    assert (await run(client, machine, "sleep 600"))["state"] == state


async def test_a_full_disk_begins_no_job(client: Client, world: World) -> None:
    """What could not be put down is said not to have begun."""
    ran = await run(client, rented(world, "full_disk"), "echo x")
    assert ran["state"] == "not_started"
    assert not ran.get("untrusted_stdout")


# What a check finds where a machine lies so: the item that is worse.
FOUND = {
    "fewer_gpus": "gpu_count",
    "no_gpu": "gpu_count",
    "driver_fails": "nvidia_smi",
    "other_gpu": "gpu_name",
    "less_gpu_memory": "gpu_memory",
    "old_driver": "driver",
    "narrow_link": "pcie_width",
    "throttled": "throttling",
    "ecc_errors": "ecc_errors",
    "xid": "xid_errors",
    "less_memory": "memory",
    "fewer_cores": "cpu_cores",
    "small_disk": "disk",
    "slow_disk": "disk_write",
    "slow_download": "download",
}


@pytest.mark.parametrize(("lie", "item"), FOUND.items())
async def test_a_check_finds_every_lie(client: Client, world: World, lie: str, item: str) -> None:
    """A machine that is less than its offer says is found to be, in that and nothing beside it."""
    checked = await call(client, "check_machine", instance_id=rented(world, lie))
    worse = {one["item"] for one in checked["items"] if one["verdict"] == "worse"}
    assert checked["verdict"] == "worse", checked
    assert item in worse
    assert worse - {item} <= ALONG.get(lie, set())


@pytest.mark.parametrize("offer", sampled(range(44), every=11))
async def test_a_check_finds_nothing_where_a_machine_is_what_it_says(
    client: Client, world: World, offer: int
) -> None:
    """Cards of every model, whatever they are called."""
    rows = sorted(world.offers.values(), key=lambda row: row["id"])[offer::44]
    row = next(row for row in rows if row["direct_port_count"] > 0)
    world.offers[row["id"]] |= {"rentable": True, "rented": False}
    machine = world.rent(row["id"], {"image": "a/b", "label": OURS, "runtype": "ssh_direct"}).id
    checked = await call(client, "check_machine", instance_id=machine)
    assert checked["verdict"] == "as_promised", checked["said"]


@pytest.mark.parametrize("lie", ["full_disk", "no_timeout", "no_bash", "noisy", "no_digest"])
async def test_a_check_is_made_in_a_machine_that_lacks_something(
    client: Client, world: World, lie: str
) -> None:
    """What a machine has not is no lie about its cards."""
    checked = await call(client, "check_machine", instance_id=rented(world, lie))
    assert checked["verdict"] == "as_promised", checked["said"]


@pytest.mark.parametrize("lie", ["", "no_digest", "noisy"])
async def test_a_folder_goes_up_and_comes_back(
    client: Client, world: World, tmp_path: Path, lie: str
) -> None:
    """By SHA-256, or by size where the machine has nothing that tells digests."""
    machine = rented(world, *filter(None, [lie]))
    source = tmp_path / "work" / "a"
    (source / "deep").mkdir(parents=True)
    for name in ("small", "deep/other", "odd $name", "new\nline"):
        (source / name).write_bytes(os.urandom(5_000))
    (source / "big").write_bytes(os.urandom(3_000_000))
    both = {"instance_id": machine, "remote": "copied"}
    up = await call(client, "copy_files", direction="up", local=str(source), **both)
    assert (up["state"], up["there"]) == ("copied", 5)
    assert ("size only" in up["compared_by"]) == (lie == "no_digest")
    back = tmp_path / "work" / "b"
    down = await call(client, "copy_files", direction="down", local=str(back), **both)
    assert (down["state"], down["there"]) == ("copied", 5)
    for path in source.rglob("*"):
        if path.is_file():
            assert (back / path.relative_to(source)).read_bytes() == path.read_bytes()
