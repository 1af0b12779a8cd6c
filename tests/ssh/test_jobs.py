"""A command in a machine is begun once, survives whoever began it, and is followed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitResult
from openssh import Sshd, keygen, needs_openssh, needs_root_to_serve, public_line
from places import Places
from pydantic import SecretStr

from house import call, sampled
from vast_mcp.host.server import build
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.settings import Settings
from vast_mcp.ssh.entering import entered
from vast_mcp.vast.models import Instance
from vast_mcp_tools import CATALOGUE

pytestmark = [needs_openssh, needs_root_to_serve]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(looks_per_step=0, rent_again=True)
    yield made
    made.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A call has the time that it has elsewhere: the machine of the test may be busy."""
    return replace(settings, times=replace(settings.times, budget_s=50.0, pace=0.0))


@pytest.fixture
def places(world: World, settings: Settings, workplace: Sshd) -> Places:
    """A person whose key every machine has."""
    assert settings.ssh_dir is not None
    settings.ssh_dir.mkdir(mode=0o700)
    line = public_line(keygen(settings.ssh_dir / "id_ed25519"))
    world.set_keys([line])
    workplace.authorize(line)
    return Places(world)


@pytest.fixture
async def client(places: Places, settings: Settings) -> AsyncIterator[Client]:
    async with Client(build(settings, CATALOGUE, places.app())) as made:
        yield made


COUNTED = "echo x >>runs; wc -l <runs"  # how often it ran


def runs(workplace: Sshd) -> int:
    """How often the counted command ran."""
    path = workplace.folder / "home" / "runs"
    return len(path.read_text("utf-8").splitlines()) if path.exists() else 0


def jobs_in(workplace: Sshd) -> Path:
    return workplace.folder / "home" / ".vast-mcp" / "jobs"


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    while not true():  # noqa: ASYNC110  the machine tells nobody
        await asyncio.sleep(0.02)


async def run(client: Client, machine: int, command: str | None = None, **more: Any) -> Any:
    given = more if command is None else more | {"command": command}
    return await call(client, "run_command", instance_id=machine, **given)


async def test_a_command_runs(client: Client, places: Places, workplace: Sshd) -> None:
    """Both streams, its status, and how long it took; no terminal, no input."""
    machine = places.machine(workplace)
    said = "printf 'hi\\000\\377\\r\\033[1mthere\\n'; echo oops >&2; cat; tty; exit 3"
    ran = await run(client, machine, said)
    assert (ran["state"], ran["exit_status"], ran["job_was"]) == ("ended", 3, "started")
    assert ran["untrusted_stdout"] == "there\nnot a tty"
    assert ran["untrusted_stderr"] == "oops"
    assert 0 <= ran["duration_s"] < 60


async def test_with_a_key_the_same_call_follows_for_good(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine = places.machine(workplace)
    for was in ("started", "followed", "followed"):
        ran = await run(client, machine, COUNTED, request_key="once")
        assert (ran["job_was"], ran["state"], ran["untrusted_stdout"]) == (was, "ended", "1")
    assert (await run(client, machine, COUNTED, request_key="twice"))["untrusted_stdout"] == "2"


async def test_two_servers_with_one_wish_have_one_job(
    client: Client, places: Places, workplace: Sshd, settings: Settings, tmp_path: Path
) -> None:
    machine = places.machine(workplace)
    shared = replace(settings, state_dir=tmp_path / "state")
    servers = [Client(build(shared, CATALOGUE, places.app())) for _ in range(2)]
    async with servers[0] as one, servers[1] as other:
        both = await asyncio.gather(*(run(who, machine, COUNTED) for who in (one, other)))
    assert sorted(ran["job_was"] for ran in both) == ["followed", "started"]
    assert (both[0]["job"], runs(workplace)) == (both[1]["job"], 1)


async def test_a_connection_that_breaks_is_made_again_and_the_job_is_followed(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine, home = places.machine(workplace), workplace.folder / "home"
    command = f"{COUNTED}; until [ -e go ]; do sleep 0.05; done; exit 5"
    following = asyncio.create_task(run(client, machine, command))
    await until(lambda: runs(workplace) == 1)
    for child in workplace._children:
        child.kill()
    (home / "go").touch()
    ran = await following
    assert (ran["state"], ran["exit_status"], ran["job_was"]) == ("ended", 5, "started")
    assert runs(workplace) == 1


# ── a server that died between two steps ───────────────────────────────────────────────────────


@pytest.fixture
async def session(places: Places, settings: Settings, tmp_path: Path) -> AsyncIterator[Session]:
    """A server that dies: its journal is all that is left."""
    made = Session(replace(settings, state_dir=tmp_path / "state"), places.app())
    yield made
    await made.close()


async def died_after(step: str, session: Session, machine: int) -> None:
    """Do what a server does for the counted command, up to a step."""
    from vast_mcp.account.whose import account_of
    from vast_mcp.working.jobs import far
    from vast_mcp.working.jobs.order import Order

    call = Call.quiet(session)
    jobs = session.journal.jobs
    wish = Order({}, command=COUNTED).wish(call, await account_of(call), machine)
    job, ticket = jobs.named(wish), "0123456789ab"
    if step == "named":
        return
    rows: list[Instance] = list(await call.vast.list_instances())
    async with entered(call, rows[0]) as line:
        assert await far.prepare(line, job.name, ticket, COUNTED, within_s=60) == "ready"
        if step == "ticket":
            return
        assert jobs.mark_sent(job, ticket)
        if step == "sent":
            return
        seen = await far.on_job(line, far.Act("start", job.name, ticket, most=99), within_s=60)
        assert seen.was == "started"
        again = await far.on_job(line, far.Act("start", job.name, ticket, most=99), within_s=60)
        assert again.was == "followed"


@pytest.mark.parametrize(
    ("step", "was"),
    [("named", "started"), ("ticket", "started"), ("sent", "started"), ("begun", "followed")],
)
async def test_a_server_that_died_after_a_step_is_gone_on_with_and_nothing_runs_twice(
    session: Session, places: Places, workplace: Sshd, step: str, was: str
) -> None:
    machine = places.machine(workplace)
    await died_after(step, session, machine)
    async with Client(build(session.settings, CATALOGUE, places.app())) as client:
        ran = await run(client, machine, COUNTED)
    assert (ran["job_was"], ran["state"], ran["exit_status"]) == (was, "ended", 0)
    assert runs(workplace) == 1


@pytest.mark.parametrize("step", ["sent", "begun"])
async def test_what_left_no_trace_on_the_disk_is_lost_and_begun_by_another_key_alone(
    session: Session, places: Places, workplace: Sshd, step: str
) -> None:
    """The container was recycled, or somebody deleted it: whether it ran, nobody can say."""
    machine = places.machine(workplace)
    await died_after(step, session, machine)
    await until(lambda: step == "sent" or runs(workplace) == 1)
    shutil.rmtree(jobs_in(workplace))
    async with Client(build(session.settings, CATALOGUE, places.app())) as client:
        for _ in range(3):  # told, and not begun again by itself
            lost = await run(client, machine, COUNTED)
            assert lost["state"] == "lost"
        assert runs(workplace) == (step == "begun")
        [step_on] = lost["next_steps"]
        anew = await call(client, step_on["tool"], **step_on["arguments"])
    assert (anew["job_was"], anew["state"]) == ("started", "ended")


async def test_what_is_lost_on_one_of_several_machines_is_begun_anew_there_alone(
    client: Client, places: Places, workplace: Sshd
) -> None:
    both = [places.machine(workplace), places.machine(workplace)]
    command = "[ -e go ] || exec sleep 600"
    first = await run(client, both[1], command, timeout_s=1)
    folder = jobs_in(workplace) / first["job"]
    os.kill(int((folder / "pid").read_text("utf-8").split()[0]), 9)
    shutil.rmtree(folder)
    (workplace.folder / "home" / "go").touch()
    wish = {"instance_ids": both, "command": command}
    found = await call(client, "run_command", **wish)
    assert [one["state"] for one in found["machines"]] == ["ended", "lost"]
    [step] = found["next_steps"]
    assert step["arguments"]["instance_ids"] == [both[1]]
    assert step["arguments"]["request_key"] == f"again-{first['job']}"
    stopped = await call(client, "run_command", **wish, stop=True)
    assert stopped["next_steps"] == []


async def test_an_end_that_was_read_stays_known_when_its_folder_is_gone(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine = places.machine(workplace)
    await run(client, machine, "exit 9", request_key="once")
    shutil.rmtree(jobs_in(workplace))
    ran = await run(client, machine, "exit 9", request_key="once")
    assert (ran["state"], ran["exit_status"]) == ("ended", 9)
    assert "folder in the machine is gone" in ran["message"]


@pytest.mark.parametrize("how", ["killed", "restarted"])
async def test_a_job_whose_end_nobody_saw_is_interrupted_and_not_begun_again(
    client: Client, places: Places, workplace: Sshd, how: str
) -> None:
    machine = places.machine(workplace)
    first = await run(client, machine, f"{COUNTED}; sleep 600", timeout_s=1)
    job = jobs_in(workplace) / first["job"]
    pid, keeper = ((job / name).read_text("utf-8").split() for name in ("pid", "keeper"))
    for one in (keeper, pid):
        os.kill(int(one[0]), 9)
    if how == "restarted":
        (job / "pid").write_text(" ".join([*pid[:2], "another-boot", *pid[3:]]) + "\n", "utf-8")
    for _ in range(2):
        ran = await run(client, machine, f"{COUNTED}; sleep 600", timeout_s=1)
        assert (ran["state"], ran["job"]) == ("interrupted", first["job"])
    assert ("started anew" in ran["message"]) == (how == "restarted")
    assert runs(workplace) == 1


async def test_a_machine_that_is_gone_took_its_job_along(
    client: Client, places: Places, workplace: Sshd, world: World
) -> None:
    machine = places.machine(workplace)
    first = await run(client, machine, "sleep 600", timeout_s=1)
    await run(client, machine, "sleep 600", stop=True)
    other = await run(client, machine, "sleep 601", timeout_s=1)
    world.destroy(machine)
    stopped = await run(client, machine, job=first["job"])
    assert (stopped["state"], stopped["exit_status"]) == ("stopped", 143)
    lost = await run(client, machine, "sleep 601", timeout_s=1)
    assert (lost["state"], lost["job"]) == ("lost", other["job"])
    assert f"Machine {machine} is gone" in lost["message"]
    os.kill(int((jobs_in(workplace) / other["job"] / "pid").read_text("utf-8").split()[0]), 9)


async def test_a_server_that_may_only_look_lists_what_runs_and_leads_to_no_act(
    client: Client, places: Places, workplace: Sshd, settings: Settings, tmp_path: Path
) -> None:
    machine, state = places.machine(workplace), tmp_path / "state"
    ran = await run(client, machine, "sleep 600", timeout_s=1)
    looks = replace(settings.limits, read_only=True)
    for limits, tools in ((settings.limits, ["run_command"]), (looks, [])):
        kept = replace(settings, limits=limits, state_dir=state)
        async with Client(build(kept, CATALOGUE, places.app())) as other:
            found = await call(other, "show_jobs", instance_id=machine)
        assert [(one["job"], one["state"]) for one in found["jobs"]] == [(ran["job"], "running")]
        assert [step["tool"] for step in found["next_steps"]] == tools
    await run(client, machine, job=ran["job"], stop=True)


# ── what the machine is like ───────────────────────────────────────────────────────────────────


def programs_without(folder: Path, *names: str) -> str:
    """A PATH that has everything but these."""
    bare = folder / "bare"
    bare.mkdir(mode=0o755)
    for program in Path("/usr/bin").iterdir():
        if program.name not in names:
            (bare / program.name).symlink_to(program)
    return str(bare)


@pytest.mark.parametrize("shell", sampled(["dash", "bash", "busybox", "mksh", "ksh"], 5))
@pytest.mark.parametrize("has_setsid", [True, False])
async def test_a_stop_ends_all_that_the_job_started_with_setsid_and_without(
    client: Client, places: Places, workplace: Sshd, shell: str, has_setsid: bool
) -> None:
    """Also what detached itself, and what threw its environment away."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not here")
    missing = ("sh", "nohup", *(() if has_setsid else ("setsid",)))
    path = programs_without(workplace.folder, *missing)
    (Path(path) / "sh").symlink_to(found)
    entry = workplace.folder / "at_home"
    text = entry.read_text("utf-8").replace(
        "exec sh -c", f"PATH={path}; export PATH; exec {found} -c"
    )
    if shell == "busybox":
        text = text.replace(f"exec {found} -c", f"exec {found} sh -c")
    entry.write_text(text, "utf-8")
    machine, home = places.machine(workplace), workplace.folder / "home"
    command = (
        "(/usr/bin/setsid sleep 7001 & echo $! >a) & env -i /bin/sleep 7002 & echo $! >b\n"
        "sleep 7003 & echo $! >c; touch up; sleep 7004"
    )
    running = await run(client, machine, command, timeout_s=1)
    assert running["state"] == "running"
    await until((home / "up").exists)
    stopped = await run(client, machine, command, stop=True)
    assert (stopped["state"], stopped["exit_status"]) == ("stopped", 143)
    for name in "abc":
        pid = (home / name).read_text("utf-8").strip()
        assert is_dead(pid), name


async def test_a_stop_of_what_is_over_ends_what_it_left_running(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine, home = places.machine(workplace), workplace.folder / "home"
    command = "sleep 7005 & echo $! >left"
    for said in ("It was over before; what it had left running was ended now.", None):
        ran = await run(client, machine, command, request_key="once", stop=said is None)
        assert not (said and is_dead((home / "left").read_text("utf-8").strip()))
        stopped = await run(client, machine, job=ran["job"], stop=True)
        assert (stopped["state"], stopped["exit_status"]) == ("ended", 0)
        assert stopped.get("message") == said
        assert is_dead((home / "left").read_text("utf-8").strip())


def is_dead(pid: str) -> bool:
    """Whether a process is none any more, or nobody buried it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2][0] in "ZX"
    except OSError:
        return True


async def test_values_that_the_person_keeps_reach_the_job_and_nothing_else(
    places: Places, workplace: Sshd, settings: Settings, tmp_path: Path
) -> None:
    secret = "hf_Planted'In\nTheJob0123"
    kept = replace(settings, env_pass={"TOKEN": SecretStr(secret)}, state_dir=tmp_path / "state")
    machine, home = places.machine(workplace), workplace.folder / "home"
    command = 'printf "%s" "$TOKEN" | wc -c; echo "got $TOKEN"; touch up; sleep 600'
    async with Client(build(kept, CATALOGUE, places.app())) as client:
        ran = await run(client, machine, command, env_from=["TOKEN"], timeout_s=1)
        await until((home / "up").exists)
        ran = await run(client, machine, command, env_from=["TOKEN"], timeout_s=1)
        assert ran["untrusted_stdout"].split()[0] == str(len(secret))
        assert "Planted" not in str(ran)
        assert "***" in ran["untrusted_stdout"]
        pid = (jobs_in(workplace) / ran["job"] / "pid").read_text("utf-8").split()[0]
        assert secret.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        holders = {one.parent.name for one in Path("/proc").glob("[0-9]*/environ") if _has(one)}
        assert pid in holders
        keeper = (jobs_in(workplace) / ran["job"] / "keeper").read_text("utf-8").split()[0]
        assert keeper not in holders
        assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if _has(one)]
        for folder in (home, tmp_path / "state"):
            files = [one for one in folder.rglob("*") if one.is_file() and one.name != "out"]
            assert not [one for one in files if _has(one)]
        await run(client, machine, command, env_from=["TOKEN"], stop=True)


def _has(path: Path) -> bool:
    """Whether a file has a part of the planted value."""
    try:
        return b"TheJob0123" in path.read_bytes() or b"hf_Planted" in path.read_bytes()
    except OSError:
        return False


async def test_of_much_output_the_end_is_shown_and_how_much_there_is(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine = places.machine(workplace)
    ran = await run(client, machine, "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo end >&2")
    assert (ran["state"], ran["stdout_bytes"]) == ("ended", 100_000_001)
    assert ran["untrusted_stdout"].endswith("xxx")
    assert len(str(ran)) < 10_000
    assert ran["untrusted_stderr"] == "end"


async def test_a_shell_that_talks_before_and_after_is_understood(
    client: Client, places: Places, workplace: Sshd
) -> None:
    entry = workplace.folder / "at_home"
    text = entry.read_text("utf-8")
    noisy = text.replace("exec sh -c", "printf 'Welcome!'; echo motd >&2; sh -c")
    entry.write_text(f"{noisy}echo '@@ bye'\n", "utf-8")
    ran = await run(client, places.machine(workplace), "echo hi; echo oops >&2; exit 3")
    assert (ran["untrusted_stdout"], ran["untrusted_stderr"], ran["exit_status"]) == (
        "hi",
        "oops",
        3,
    )


async def test_what_is_no_shell_runs_nothing_and_is_said_to_have_run_nothing(
    client: Client, places: Places, workplace: Sshd
) -> None:
    entry = workplace.folder / "at_home"
    entry.write_text("#!/bin/sh\necho This account is not available\n", "utf-8")
    error = (await run(client, places.machine(workplace), "true"))["error"]
    assert (error["code"], error["retryable"]) == ("not_entered", True)
    assert error["message"].startswith("Nothing was sent. ")
    assert "before anything was begun" in error["message"]


async def test_where_no_file_can_be_written_nothing_is_run_and_the_same_call_tries_again(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine, home = places.machine(workplace), workplace.folder / "home"
    (home / ".vast-mcp").write_text("in the way", "utf-8")
    ran = await run(client, machine, COUNTED)
    assert (ran["state"], runs(workplace)) == ("not_started", 0)
    (home / ".vast-mcp").unlink()
    [step] = ran["next_steps"]
    assert (await call(client, step["tool"], **step["arguments"]))["state"] == "ended"
    assert runs(workplace) == 1


async def test_a_script_is_run_by_its_first_line_and_several_machines_at_once(
    client: Client, places: Places, workplace: Sshd
) -> None:
    both = [places.machine(workplace), places.machine(workplace)]
    script = "#!/usr/bin/env python3\nimport sys\nprint(f'{6 * 7}')\nsys.exit(2)\n"
    ran = await call(client, "run_command", instance_ids=both, command=script)
    assert [one["untrusted_stdout"] for one in ran["machines"]] == ["42", "42"]
    assert "2 ended" in ran["message"]
    assert "Exit status not 0" in ran["message"]
    listed = await call(client, "show_jobs", instance_id=both[0])
    assert listed["jobs"][0]["untrusted_command"].startswith("#!/usr/bin/env python3 import sys")


async def test_a_host_that_hears_of_progress_waits_to_the_end_where_that_is_asked_for(
    places: Places, workplace: Sshd, settings: Settings
) -> None:
    """Its budget is one second here, of the fifty that hosts allow."""
    machine, home = places.machine(workplace), workplace.folder / "home"
    short = replace(settings, times=replace(settings.times, budget_s=1.0))
    heard: list[str | None] = []

    async def hear(_done: float, _total: float | None, said: str | None) -> None:
        heard.append(said)
        if "line 1" in heard:
            (home / "go").touch()

    wish = {"command": "echo line 1; until [ -e go ]; do sleep 0.05; done"}
    wish |= {"instance_id": machine, "until_done": True}
    async with Client(build(short, CATALOGUE, places.app()), mode="legacy") as client:
        unheard = await client.call_tool("run_command", wish)
        assert unheard.structured_content["state"] == "running"
        ended = await client.call_tool("run_command", wish, progress_callback=hear)
    assert ended.structured_content["state"] == "ended"
    assert "line 1" in heard


@pytest.mark.thorough
async def test_of_several_machines_an_end_is_told_with_the_last_of_them(
    client: Client, places: Places, workplace: Sshd
) -> None:
    """The same call goes on with those that run, and begins those that are over no second time."""
    home = workplace.folder / "home"
    both = [places.machine(workplace), places.machine(workplace)]
    command = "echo x >>runs; if mkdir first; then exit; fi; until [ -e go ]; do sleep 0.05; done"
    wish = {"instance_ids": both, "command": command, "timeout_s": 1}
    first = await call(client, "run_command", **wish)
    assert sorted(one["state"] for one in first["machines"]) == ["ended", "running"]
    [step] = first["next_steps"]
    assert step["arguments"] == wish
    again = await call(client, step["tool"], **step["arguments"])
    assert [one["job"] for one in again["machines"]] == [one["job"] for one in first["machines"]]
    (home / "go").touch()
    over = await call(client, "run_command", **wish | {"timeout_s": 50})
    assert [one["state"] for one in over["machines"]] == ["ended"] * 2
    assert runs(workplace) == 2


async def test_a_stop_on_several_machines_stops_it_where_it_was_begun(
    client: Client, places: Places, workplace: Sshd
) -> None:
    """One was never reached: it keeps no other from being stopped, and nothing there is lost."""
    first, command = places.machine(workplace), "[ -e go ] || exec sleep 600"
    begun = await run(client, first, command, timeout_s=1)
    other, third = places.machine(workplace), places.machine(workplace)
    places.ports[third] = 1  # nobody is there
    error = (await run(client, third, command))["error"]
    assert error["code"] == "not_entered"
    wish = {"instance_ids": [first, other, third], "command": command}
    stopped = await call(client, "run_command", **wish, stop=True)
    states = [one["state"] for one in stopped["machines"]]
    assert states == ["stopped", "not_started", "not_started"]
    assert (stopped["machines"][0]["job"], stopped["next_steps"]) == (begun["job"], [])
    places.ports[third] = workplace.port
    never = await run(client, third, job=stopped["machines"][2]["job"])
    assert (never["state"], never["next_steps"]) == ("not_started", [])
    (workplace.folder / "home" / "go").touch()
    ran = await run(client, third, command)
    assert (ran["state"], ran["job_was"]) == ("ended", "started")


async def test_a_name_that_nobody_gave_is_no_job_of_a_machine_that_never_was(
    client: Client, places: Places, workplace: Sshd
) -> None:
    machine = places.machine(workplace)
    error = (await run(client, machine + 9_000, job="0123456789ab"))["error"]
    assert error["code"] == "no_such_instance"
    unknown = await run(client, machine, job="0123456789ab")
    assert unknown["state"] == "lost"
    assert "no job of this name" in unknown["message"]
    assert [one["tool"] for one in unknown["next_steps"]] == ["show_jobs"]


async def test_an_end_that_is_told_as_the_same_call_comes_in_begins_nothing_unasked(
    places: Places, workplace: Sshd, settings: Settings, tmp_path: Path
) -> None:
    """The job that a call found when it came in is the one that it follows."""
    machine = places.machine(workplace)
    asks = replace(settings, confirm_commands=True, state_dir=tmp_path / "state")
    session = Session(replace(asks, confirm_commands=False), places.app())
    app, tells = places.app(), list[str]()

    async def tells_meanwhile(scope: Any, receive: Any, send: Any) -> None:
        if tells and "/instances" in scope.get("path", ""):
            session.journal.jobs.mark_told(tells.pop())
        await app(scope, receive, send)

    free = Client(build(session.settings, CATALOGUE, app))
    async with Client(build(asks, CATALOGUE, tells_meanwhile)) as client, free:
        ran = await run(free, machine, COUNTED)
        await call(client, "show_jobs")  # whose the account is, it knows from here on
        tells.append(ran["job"])
        again = await run(client, machine, COUNTED)
    await session.close()
    assert not tells
    assert (again["job_was"], again["job"], runs(workplace)) == ("followed", ran["job"], 1)


async def test_a_person_who_wants_to_be_asked_is_asked_of_new_commands_alone(
    places: Places, workplace: Sshd, settings: Settings, tmp_path: Path
) -> None:
    machine = places.machine(workplace)
    asks = replace(settings, confirm_commands=True, state_dir=tmp_path / "state")
    async with Client(build(settings, CATALOGUE, places.app())) as free:
        assert (await run(free, machine, COUNTED))["state"] == "ended"
    async with Client(build(asks, CATALOGUE, places.app())) as client:
        error = (await run(client, machine, COUNTED, request_key="asked"))["error"]
        assert error["code"] == "needs_confirmation"
        assert "VAST_MCP_CONFIRM_COMMANDS" in error["message"]
        assert runs(workplace) == 1


async def test_a_person_reads_what_a_terminal_would_hide_and_both_ends_of_what_is_long(
    places: Places, workplace: Sshd, settings: Settings
) -> None:
    machine = places.machine(workplace)
    asked: list[str] = []

    async def says(_context: Any, question: Any) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action="decline")

    asks = replace(settings, confirm_commands=True)
    async with Client(build(asks, CATALOGUE, places.app()), elicitation_callback=says) as client:
        await run(client, machine, "rm -rf /\r\x1b[2K\u202eécho\tfine\n")
        await run(client, machine, f"echo fine\n{'#' * 5000}\nrm -rf /")
    assert "?\nrm -rf /\\r\\x1b[2K\\u202eécho\tfine" in asked[0]
    assert "?\necho fine\n###" in asked[1]
    assert "3019 characters are not shown" in asked[1]
    assert asked[1].endswith("###\nrm -rf /")


async def test_a_yes_runs_the_command_once_and_following_needs_none(
    places: Places, workplace: Sshd, settings: Settings
) -> None:
    machine = places.machine(workplace)
    asks = replace(settings, confirm_commands=True)
    asked: list[str] = []

    async def says(_context: Any, question: Any) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action="accept", content={"yes": len(asked) == 1})

    async with Client(build(asks, CATALOGUE, places.app()), elicitation_callback=says) as client:
        for was in ("started", "followed"):
            ran = await run(client, machine, COUNTED, request_key="once")
            assert (ran["job_was"], ran["exit_status"]) == (was, 0)
        assert len(asked) == 1
        assert f"machine {machine}?\n{COUNTED}" in asked[0]
        error = (await run(client, machine, COUNTED, request_key="other"))["error"]
    assert error["code"] == "declined"
    assert runs(workplace) == 1
