"""Behind the doors of the sandbox's machines stand an SSH server, HTTP and TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest

from sandbox_wire import Wire, a_world
from vast_mcp.sandbox.world import World

MINE, STRANGE = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
NOTEBOOK = {"runtype": "jupyter_direct", "env": {"-p 8000:8000": "1", "-p 9000:9000/udp": "1"}}
PORT = {"runtype": "args", "env": {"-p 8000:8000": "1"}}


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = a_world(ssh_banners=True, looks_per_step=0)
    made.set_keys([public(MINE), "no key at all"])
    yield made
    made.close()


def rented(world: World, **body: Any) -> int:
    offer = world.offer(ports=True)
    return world.rent(offer["id"], {"image": "a/b", "runtype": "ssh_direct", **body}).id


def row_of(world: World, machine: int) -> dict[str, Any]:
    return world.show(machine) or {}


def outside(world: World, machine: int, way: str) -> int:
    """The number of a door by its way in."""
    row = row_of(world, machine)
    if way == "proxy":
        return row["ssh_port"] + ("jupyter" in row["image_runtype"])
    return int(row["ports"]["22/tcp" if way == "direct" else way][0]["HostPort"])


async def entered(
    port: int, key: asyncssh.SSHKey = MINE, user: str = "root"
) -> asyncssh.SSHKey | None:
    """Log in; the host key of whoever let us in."""
    options = {"known_hosts": None, "config": None, "agent_path": None}
    async with asyncssh.connect(
        "127.0.0.1", port, username=user, client_keys=[key], login_timeout=10, **options
    ) as line:
        return line.get_server_host_key()


async def test_who_has_a_key_of_the_machines_is_let_in_by_both_ways(world: World) -> None:
    """The account's keys are in a machine from its birth (docs/vast-api.md D)."""
    machine = rented(world)
    for way in ("direct", "proxy"):
        assert await entered(outside(world, machine, way)) is not None


async def test_a_strange_key_and_another_user_are_refused(world: World) -> None:
    """Only root exists, and only the machine's keys count."""
    port = outside(world, rented(world), "direct")
    for key, user in ((STRANGE, "root"), (MINE, "ubuntu")):
        with pytest.raises(asyncssh.PermissionDenied):
            await entered(port, key, user)


async def test_a_key_that_is_attached_later_opens_and_one_that_is_detached_does_not(
    world: World,
) -> None:
    """Keys are read when somebody knocks."""
    machine = rented(world)
    wire, port = Wire(world), outside(world, machine, "direct")
    await wire.ask("POST", f"/api/v0/instances/{machine}/ssh/", {"ssh_key": public(STRANGE)})
    assert await entered(port, STRANGE) is not None
    [mine, *_] = world.instances[machine].keys
    await wire.ask("DELETE", f"/api/v0/instances/{machine}/ssh/{mine}/", {})
    with pytest.raises(asyncssh.PermissionDenied):
        await entered(port)


async def test_a_host_key_lasts_through_stops_and_changes_with_the_container(world: World) -> None:
    """A recycled machine is a new container, which makes new keys."""
    machine = rented(world)
    seen = [await entered(outside(world, machine, "direct"))]
    for act in (
        lambda: (world.set_state(machine, "stopped"), world.set_state(machine, "running")),
        lambda: world.change_host_key(machine, "proxy"),
        lambda: world.change_host_key(machine, "direct"),
    ):
        act()
        seen.append(await entered(outside(world, machine, "direct")))
    await Wire(world).ask("PUT", f"/api/v0/instances/recycle/{machine}/")
    seen.append(await entered(outside(world, machine, "direct")))
    datas = [key and key.public_data for key in seen]
    assert datas[0] == datas[1] == datas[2]
    assert len(set(datas)) == 3


async def test_no_key_is_made_before_somebody_knocks(world: World) -> None:
    """A thousand machines are a thousand sockets, and nothing else."""
    machine = rented(world)
    outside(world, machine, "direct")
    assert world.doors.host_keys == {}


async def test_keys_can_be_refused_at_one_way_alone(world: World) -> None:
    """The proxy refuses what the machine takes (docs/vast-api.md C.6)."""
    machine = rented(world)
    world.set_door(machine, "proxy", "refuses_keys")
    with pytest.raises(asyncssh.PermissionDenied):
        await entered(outside(world, machine, "proxy"))
    assert await entered(outside(world, machine, "direct")) is not None


async def said(port: int, hello: bytes = b"", tls: ssl.SSLContext | None = None) -> bytes:
    """The first line that is said at a port; b"" from one that hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(hello)
    try:
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize("way", ["direct", "proxy", "8000/tcp"])
async def test_a_door_can_be_shut_and_opened_again_under_its_number(world: World, way: str) -> None:
    """A shut door refuses, and is nobody else's."""
    machine = rented(world, env={"-p 8000:8000": "1"})
    port = outside(world, machine, way)
    world.set_door(machine, way, "closed")
    with pytest.raises(ConnectionRefusedError):
        await said(port)
    world.set_door(machine, way, "usual")
    assert await said(port, b"GET / HTTP/1.1\r\n\r\n") != b""
    assert outside(world, machine, way) == port


async def test_who_is_inside_is_put_out_when_a_door_shuts(world: World) -> None:
    """A line into a machine that is shut is cut."""
    machine = rented(world)
    reader, writer = await asyncio.open_connection("127.0.0.1", outside(world, machine, "direct"))
    await reader.readline()
    world.set_door(machine, "direct", "closed")
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()


@pytest.mark.parametrize("way", ["direct", "proxy", "8000/tcp"])
async def test_a_silent_door_takes_the_line_and_says_nothing(world: World, way: str) -> None:
    """Something listens there, and is not up yet."""
    machine = rented(world, env={"-p 8000:8000": "1"})
    world.set_door(machine, way, "silent")
    with socket.create_connection(("127.0.0.1", outside(world, machine, way)), 5) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        line.shutdown(socket.SHUT_WR)
        assert await asyncio.to_thread(line.recv, 1) == b""


async def test_what_stands_at_the_door_may_be_no_ssh(world: World) -> None:
    """Something else listens at the mapped port."""
    machine = rented(world)
    world.set_door(machine, "direct", "not_ssh")
    assert (await said(outside(world, machine, "direct"))).startswith(b"HTTP/1.1 400")
    assert (await said(outside(world, machine, "proxy"))).startswith(b"SSH-2.0-")


@pytest.mark.parametrize("status", [200, 404, 503])
async def test_a_mapped_port_answers_http_with_the_status_that_was_chosen(
    world: World, status: int
) -> None:
    """A service may be up and unwell."""
    machine = rented(world, **PORT)
    if status != 200:
        world.set_door(machine, "8000/tcp", status)
    answer = await said(outside(world, machine, "8000/tcp"), b"GET /x HTTP/1.1\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_notebook_speaks_tls_with_a_certificate_that_nobody_knows(world: World) -> None:
    """Its certificate is no authority's (docs/vast-api.md C.6); the port beside it speaks HTTP."""
    machine = rented(world, **NOTEBOOK)
    port, hello = outside(world, machine, "8080/tcp"), b"GET / HTTP/1.1\r\n\r\n"
    with pytest.raises(ssl.SSLCertVerificationError):
        await said(port, hello, ssl.create_default_context())
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    assert (await said(port, hello, careless)).startswith(b"HTTP/1.1 200")
    assert (await said(outside(world, machine, "8000/tcp"), hello)).startswith(b"HTTP/1.1 200")
    assert row_of(world, machine)["ports"]["9000/udp"][0]["HostPort"].startswith("4")


async def test_a_port_answers_while_its_machine_runs_and_no_longer(world: World) -> None:
    """What listened is gone with its container."""
    machine = rented(world, **PORT)
    port = outside(world, machine, "8000/tcp")
    world.set_state(machine, "stopped")
    row_of(world, machine)
    with pytest.raises(ConnectionRefusedError):
        await said(port)


@pytest.mark.parametrize(
    ("way", "manner"),
    [("direct", 200), ("8000/tcp", "refuses_keys"), ("8000/tcp", "not_ssh"), ("proxy", "ajar")],
)
async def test_a_manner_that_a_door_cannot_have_is_refused(
    world: World, way: str, manner: Any
) -> None:
    """A misspelt switch would prove nothing."""
    machine = rented(world)
    with pytest.raises(ValueError, match="cannot be"):
        world.set_door(machine, way, manner)


async def test_a_destroyed_machine_leaves_nothing_behind(world: World) -> None:
    """Its number may be another's one day."""
    machine = rented(world)
    await entered(outside(world, machine, "direct"))
    world.set_door(machine, "proxy", "silent")
    world.destroy(machine)
    assert (len(world.doors), world.doors.host_keys, world.doors.manners) == (0, {}, {})


async def test_doors_are_switched_from_another_process(world: World) -> None:
    """The control route has the same switches."""
    machine = rented(world)
    before = await entered(outside(world, machine, "direct"))
    control = Wire(world, None).http

    async def ask(**wish: Any) -> int:
        return (await control.post("/_sandbox/world", json=wish)).status_code

    door = {"instance_id": machine, "way": "direct", "manner": "silent"}
    assert await ask(door=door) == 200
    assert world.doors.manners == {(machine, "direct"): "silent"}
    assert [
        await ask(door=door | {"manner": "ajar"}),
        await ask(door=door | {"instance_id": 1}),
    ] == [
        400,
        400,
    ]
    assert await ask(door=door | {"manner": "usual"}, host_key={"instance_id": machine}) == 200
    after = await entered(outside(world, machine, "direct"))
    assert before is not None
    assert after is not None
    assert before.public_data != after.public_data
