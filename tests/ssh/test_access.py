"""The lines of `access`: for a person and for scripts, by which way and why, and what is open."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import asyncssh
import pytest
from mcp import Client

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

SCRIPT = "-o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World(ssh_banners=True, looks_per_step=0)
    yield made
    made.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Looks cost little."""
    times = replace(settings.times, look_s=0.005, verify_s=0.005, young_s=3.0, pace=0.0)
    return replace(settings, times=replace(times, budget_s=5.0))


@pytest.fixture
async def client(world: World, settings: Settings, tmp_path: Path) -> AsyncIterator[Client]:
    """A server on the computer of a person whose key the account has."""
    folder = tmp_path / ".ssh"
    folder.mkdir(mode=0o700)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "id_ed25519")
    key.write_public_key(folder / "id_ed25519.pub")
    world.set_keys([key.export_public_key().decode()])
    async with served(world, settings) as made:
        yield made


def rent(world: World, **body: Any) -> int:
    offer = world.offer(ports=True, disk_space=lambda free: free > 40)
    return world.rent(offer["id"], {"image": "a/b", "disk": 16, "runtype": "ssh_direct"} | body).id


async def wait(client: Client, machine: int) -> dict[str, Any]:
    return await call(client, "wait_for_instance", instance_id=machine, timeout_s=4)


async def test_a_person_gets_a_line_that_asks_and_a_script_one_that_does_not(
    client: Client, world: World
) -> None:
    """BatchMode hides the question that a person would answer."""
    machine = rent(world)
    access = (await call(client, "show_instance", instance_id=machine))["access"]
    port = world.show(machine)["ports"]["22/tcp"][0]["HostPort"]
    assert access["ssh"] == f"ssh -i ~/.ssh/id_ed25519 -p {port} root@127.0.0.1"
    unasked = f"ssh -i ~/.ssh/id_ed25519 -p {port} {SCRIPT} root@127.0.0.1"
    assert access["ssh_for_scripts"] == unasked
    assert access["ssh_way"] == "direct: the machine's own address"
    assert "host_key" not in access, "nobody has logged in yet"


async def test_the_line_has_the_key_that_was_let_in(
    client: Client, world: World, tmp_path: Path
) -> None:
    """The account has several keys of this computer, and a machine those of its birth or later."""
    keys: list[str] = []
    for name in ("a first", "z last"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(tmp_path / ".ssh" / name)
        key.write_public_key(tmp_path / ".ssh" / f"{name}.pub")
        keys.append(key.export_public_key().decode())
    world.set_keys(keys[1:])
    machine = rent(world)
    world.set_keys(keys)
    shown = (await call(client, "show_instance", instance_id=machine))["access"]
    assert shown["ssh"].startswith("ssh -i ~/.ssh/'a first' ")
    while (done := await wait(client, machine))["state"] == "still_starting":
        pass
    assert done["message"].endswith("lets you in with ~/.ssh/z last.")
    for line in ("ssh", "ssh_for_scripts"):
        assert shlex.split(done["access"][line])[:3] == ["ssh", "-i", "~/.ssh/z last"]


async def test_the_proxy_is_named_with_the_reason(client: Client, world: World) -> None:
    """Without a mapped port, or where the direct way does not let in (docs/vast-api.md C.6)."""
    no_port = rent(world, runtype="ssh_proxy")
    shown = (await call(client, "show_instance", instance_id=no_port))["access"]
    assert shown["ssh_way"] == "proxy: Vast's, since no port leads to the machine's own SSH"
    world.ssh_direct = False
    machine = rent(world)
    while (done := await wait(client, machine))["state"] == "still_starting":
        pass
    assert done["access"]["ssh_way"] == "proxy: Vast's, since the direct way did not let in"
    assert f"-p {world.show(machine)['ssh_port']} " in done["access"]["ssh"]


async def test_after_a_login_the_host_key_is_shown_and_a_recycle_forgets_it(
    client: Client, world: World
) -> None:
    """Who logs in for the first time compares it; a container that we made anew is no alarm."""
    machine = rent(world)
    first = await wait(client, machine)
    assert first["access"]["host_key"].startswith("SHA256:")
    await call(client, "recycle_instance", instance_id=machine, not_ours=True)
    shown = await call(client, "show_instance", instance_id=machine)
    assert "host_key" not in shown["access"]
    assert (await wait(client, machine))["seen"] == {"ssh direct": "entered"}
    world.change_host_key(machine)
    assert (await wait(client, machine))["state"] == "ready", "not kept within two minutes of it"


async def test_ports_that_are_open_to_everybody_are_warned_of(client: Client, world: World) -> None:
    """What listens there may have no login of its own."""
    machine = rent(world, env={"-p 8000:8000": "1", "-p 9000:9000": "1"})
    shown = await call(client, "show_instance", instance_id=machine)
    assert (
        "Ports 8000/tcp, 9000/tcp are open to everybody on the internet: what serves there has to "
        "ask for a login itself."
    ) in shown["warnings"]


async def test_a_notebooks_certificate_is_said_to_be_self_signed(
    client: Client, world: World
) -> None:
    """A browser warns, and nobody told why (docs/vast-api.md C.6)."""
    machine = rent(world, runtype="jupyter_direct")
    access = (await call(client, "show_instance", instance_id=machine))["access"]
    assert access["jupyter_certificate"].startswith("self-signed")


async def test_a_key_that_was_named_is_the_one_in_the_lines(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """VAST_MCP_SSH_KEY is for this computer; over HTTP the caller is on another."""
    machine = rent(world)
    named = replace(settings, ssh_key=tmp_path / "a key")
    async with served(world, named) as here:
        shown = await call(here, "show_instance", instance_id=machine)
        assert shown["access"]["ssh"].startswith(f"ssh -i '{tmp_path}/a key' -p ")
    async with served(world, replace(named, ssh_dir=None)) as over_http:
        shown = await call(over_http, "show_instance", instance_id=machine)
        assert "-i" not in shown["access"]["ssh"].split()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
async def test_what_is_no_key_file_in_the_folder_is_passed_over(
    client: Client, world: World, tmp_path: Path
) -> None:
    """A pipe would be waited for, and a device has no end."""
    os.mkfifo(tmp_path / ".ssh" / "a pipe.pub")
    (tmp_path / ".ssh" / "b.pub").symlink_to("/dev/zero")
    (tmp_path / ".ssh" / "c.pub").write_bytes(b"\xff\xfe\0")
    machine = rent(world)
    with anyio.fail_after(100):
        shown = (await call(client, "show_instance", instance_id=machine))["access"]
    assert shown["ssh"].startswith("ssh -i ~/.ssh/id_ed25519 ")
