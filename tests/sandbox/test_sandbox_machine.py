"""Behind the SSH door of the sandbox stands a pretended machine: commands, files, processes."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import pytest
from inside import entered, ran, rented

from sandbox_wire import Wire, a_world
from vast_mcp.sandbox.machine.sftp import Sftp
from vast_mcp.sandbox.world import World

HARMLESS = {"channel", "connection", "convert_attrs", "env", "logger"}  # touch no disk


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = a_world(ssh_banners=True, looks_per_step=0)
    yield made
    assert [fault for one in made.machines.insides.values() for fault in one.faults] == []
    made.close()


async def test_a_command_says_something_and_ends_with_a_status(world: World) -> None:
    """Both outputs and the status come over the wire (RFC 4254, 6.10)."""
    async with entered(world, rented(world)) as line:
        done = await line.run("echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_status) == ("out\n", "err\n", 7)


async def test_a_script_is_read_from_standard_input(world: World) -> None:
    """`sh` runs what is sent, and what it starts reads the rest."""
    script = 'f() { echo hello; }\nf\nread x\nthe rest\necho "<$x>"\nexit 3\n'
    assert await ran(world, rented(world), "sh", input=script) == ("hello\n<the rest>\n", 3)


async def test_a_script_that_was_cut_runs_nothing_of_what_it_defines(world: World) -> None:
    """A function that is not whole is no function."""
    out, status = await ran(world, rented(world), "sh", input="f() {\n echo no\n}\nmain() {\n f\n")
    assert (out, status) == ("", 2)


async def test_who_is_killed_ends_by_that_signal(world: World) -> None:
    """A client is told the signal's name (RFC 4254, 6.10)."""
    async with entered(world, rented(world)) as line:
        done = await line.run("kill -9 $$")
        assert done.exit_signal is not None
        assert (done.exit_status, done.exit_signal[0]) == (-1, "KILL")


async def test_the_card_is_what_the_offer_says(world: World) -> None:
    """nvidia-smi answers from the offer (docs/vast-api.md B.4)."""
    machine = rented(world)
    offer = world.instances[machine].offer
    asked = "nvidia-smi --format=csv,noheader,nounits --query-gpu=name,memory.total,driver_version"
    out, _ = await ran(world, machine, asked)
    rows = [row.split(", ") for row in out.splitlines()]
    assert len(rows) == offer["num_gpus"]
    assert rows[0][0].endswith(offer["gpu_name"])
    assert rows[0][1:] == [str(offer["gpu_ram"]), offer["driver_version"]]


async def test_files_come_and_go_by_sftp(world: World) -> None:
    """What SFTP writes a command reads, and the other way round."""
    async with entered(world, rented(world)) as line, line.start_sftp_client() as files:
        await files.makedirs("a/b")
        async with files.open("a/b/f", "wb") as one:
            await one.write(b"x" * 100_000)
        await files.chmod("a/b/f", 0o755)
        await files.symlink("f", "a/b/l")
        done = await line.run("stat -c '%a %s' a/b/f; readlink a/b/l; echo more >>a/b/f")
        assert done.stdout == "755 100000\nf\n"
        assert (await files.stat("a/b/l")).size == 100_005
        assert sorted(await files.listdir("a/b")) == [".", "..", "f", "l"]
        await files.rename("a/b/f", "a/g")
        assert await files.exists("/root/a/g")
        assert not await files.exists("a/b/l")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await files.stat("a/b/f")
        with pytest.raises(asyncssh.SFTPError):
            await files.mkdir("a/b")
        assert await files.realpath("a/../a/b") == "/root/a/b"


async def test_a_file_that_is_written_backwards_is_whole(world: World) -> None:
    """Parts come in any order."""
    async with entered(world, rented(world)) as line, line.start_sftp_client() as files:
        async with files.open("f", "wb") as one:
            for part in reversed(range(5)):
                await one.write(bytes([part]) * 1000, part * 1000)
        done = await line.run("sha256sum f; wc -c <f; head -c 1001 f | tail -c 1 | od -An -tx1")
        assert str(done.stdout).splitlines()[1:] == ["5000", " 01"]


def test_no_method_of_sftp_touches_a_disk_of_the_persons() -> None:
    """Whatever asyncssh's server would open, list or change is replaced."""
    usual = {name for name, _ in inspect.getmembers(asyncssh.SFTPServer, callable)}
    public = {name for name in usual if not name.startswith("_")}
    assert public - HARMLESS <= set(vars(Sftp))


async def test_nothing_is_forwarded(world: World) -> None:
    """A machine leads nowhere: no port, no agent, no terminal."""
    async with entered(world, rented(world)) as line:
        with pytest.raises(asyncssh.ChannelOpenError):
            await line.open_connection("127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelOpenError):
            await line.run("true", term_type="xterm")


async def test_a_process_outlives_the_line_and_not_the_stop_of_its_machine(world: World) -> None:
    """A broken connection ends nothing that does not write to it; a stop ends all (C.7)."""
    machine = rented(world)
    await ran(world, machine, "sleep 1000 >/dev/null 2>&1 </dev/null & echo x >/root/f")
    out, _ = await ran(world, machine, "ps")
    assert "sleep 1000" in out
    world.set_state(machine, "stopped")
    world.set_state(machine, "running")
    out, _ = await ran(world, machine, "ps; cat /root/f")
    assert "sleep" not in out
    assert out.endswith("x\n")


async def test_a_line_that_is_cut_leaves_what_ignores_it(world: World) -> None:
    """A shell that ignores HUP and PIPE goes on when nobody hears it."""
    machine = rented(world)
    script = "trap '' HUP PIPE; echo began; read x; echo gone; echo y >/root/went-on"
    async with entered(world, machine) as line:
        process = await line.create_process(script)
        assert await process.stdout.readline() == "began\n"
    came = "until [ -e /root/went-on ]; do sleep 0.01; done; echo came"
    assert await ran(world, machine, came) == ("came\n", 0)


async def test_a_recycled_machine_has_an_empty_disk(world: World) -> None:
    """A new container is made of the image (docs/vast-api.md C.7); a reboot keeps its disk."""
    machine = rented(world)
    first = 'read -r x </proc/1/stat; echo "$x"'
    await ran(world, machine, "echo x >/root/f")
    before, _ = await ran(world, machine, first)
    await Wire(world).ask("PUT", f"/api/v0/instances/reboot/{machine}/")
    after, _ = await ran(world, machine, first)
    assert after != before
    assert await ran(world, machine, "cat /root/f") == ("x\n", 0)
    await Wire(world).ask("PUT", f"/api/v0/instances/recycle/{machine}/")
    assert await ran(world, machine, "cat /root/f 2>&1") == (
        "cat: /root/f: No such file or directory\n",
        1,
    )


async def test_a_destroyed_machine_is_gone_with_all_that_was_in_it(world: World) -> None:
    """A world that lives long holds no dead machine."""
    machine = rented(world)
    await ran(world, machine, "sleep 1000 >/dev/null 2>&1 </dev/null &")
    world.destroy(machine)
    assert world.machines.insides == {}


async def test_what_never_rests_leaves_others_their_turn(world: World) -> None:
    """A loop without end, and programs that start programs, hold up nobody else."""
    machine = rented(world)
    async with entered(world, machine) as line:
        for command in ("while :; do :; done", "f() { f & f & }; f; while :; do sleep 1; done"):
            await line.create_process(command)
        assert (await line.run("echo there")).stdout == "there\n"
    world.set_state(machine, "stopped")
    assert len(list(world.machines.insides[machine].processes)) == 1


async def test_a_machine_is_told_to_lie_from_another_process(world: World) -> None:
    """The control route has the same switch, and a misspelt lie is none."""
    machine = rented(world)
    control = Wire(world, None).http

    async def ask(**wish: Any) -> int:
        return (await control.post("/_sandbox/world", json=wish)).status_code

    assert await ask(lie={"instance_id": machine, "lies": ["no_gpu"]}) == 200
    assert (await ran(world, machine, "nvidia-smi"))[1] == 6
    assert await ask(lie={"instance_id": machine, "lies": []}) == 200
    assert (await ran(world, machine, "nvidia-smi"))[1] == 0
    assert await ask(lie={"instance_id": machine, "lies": ["no_gpus"]}) == 400
    assert await ask(lies=["no_gpus"]) == 400
    assert await ask(lies=["no_nvidia_smi"]) == 200
    assert (await ran(world, rented(world), "nvidia-smi 2>/dev/null"))[1] == 127
    with pytest.raises(ValueError, match="no lie"):
        a_world(lies=["no_gpus"])
