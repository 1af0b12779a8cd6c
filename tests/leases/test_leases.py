"""Leases from outside: whose lease is over is read again, destroyed, and seen to be gone; nobody
else is touched.

Times are set by writing labels and the journal, and by setting the world's clock: nothing here
waits for an hour.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from house import WHOLE, call, notices, served
from vast_mcp.commands.cli import run
from vast_mcp.journal import Journal
from vast_mcp.journal.records import Notice, Wish, token_of
from vast_mcp.leases.labels import ends_at, lease_of, leased
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings
from vast_mcp.vast.models import Instance

TOKEN = "0123456789abcdef"
HOUR = 3600.0


def ago(hours: float) -> float:
    return float(int(time.time() - hours * HOUR))


# ── the label ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("label", "until"),
    [
        (f"train lease-until=1795000000#{TOKEN}", 1795000000),
        ("train lease-until=1795000000", 1795000000),
        (f"a lease-until=5 lease-until=1795000000#{TOKEN}", 1795000000),
        (f"train lease-until=1795000000 #{TOKEN}", None),
        (f"train lease-until=17950000001#{TOKEN}", None),
        (f"train lease-until=-5#{TOKEN}", None),
        (f"train lease-until=#{TOKEN}", None),
        (f"train-lease-until=1795000000#{TOKEN}", None),
        (f"train#{TOKEN} lease-until=1795000000", 1795000000),
        (f"train lease-until=1795000000\n#{TOKEN}", None),
        ("", None),
        (None, None),
    ],
)
def test_a_lease_is_read_strictly_from_the_end_of_a_label(
    label: str | None, until: float | None
) -> None:
    """The watchdog inside reads by the same rule, and a half-read lease would be a wrong one."""
    assert lease_of(label) == until


@given(st.text(max_size=80), st.integers(0, 9_999_999_999), st.booleans())
def test_a_lease_that_is_written_is_read_and_leaves_name_and_token(
    name: str, until: int, ours: bool
) -> None:
    """Our own label writes keep the token (docs/protocol.md)."""
    label = f"{name}#{TOKEN}" if ours else name
    once = leased(label, until)
    assert lease_of(once) == until
    assert token_of(once) == token_of(label)
    assert leased(leased(once, 5), until) == once


@pytest.mark.parametrize(
    ("label", "journalled", "until"),
    [
        (f"x lease-until=200#{TOKEN}", None, 200),
        (f"x lease-until=200#{TOKEN}", 100.0, 200),
        (f"x lease-until=200#{TOKEN}", 300.0, 300),
        ("edited by hand", 300.0, 300),
        (None, 300.0, 300),
        ("x lease-until=400", 300.0, 400),
        ("x lease-until=400", None, None),
        (f"x#{TOKEN}", None, None),
    ],
)
def test_the_later_of_label_and_journal_counts(
    label: str | None, journalled: float | None, until: float | None
) -> None:
    """By the later of journal and label; a label without a token is a stranger's text."""
    assert ends_at(Instance(id=1, label=label), journalled) == until


# ── the command ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """The world of this test, served on a port."""
    options: dict[str, Any] = {
        "lifespan": "off",
        "ws": "none",
        "log_config": None,
        "date_header": False,
    }
    server = uvicorn.Server(uvicorn.Config(create_app(world), **options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=server.run, args=([listener],))
        serving.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        serving.join()


Sweep = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def sweep(
    url: str, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sweep:
    """`vast-mcp sweep --json`: exit status and output."""
    for name, value in {
        "VAST_URL": url,
        "VAST_API_KEY": "planted-key",
        "VAST_MCP_STATE_DIR": str(state),
        "VAST_MCP_TIME_SCALE": "0.001",
    }.items():
        monkeypatch.setenv(name, value)

    def swept(*options: str) -> tuple[int, dict[str, Any]]:
        status = run(["sweep", "--json", *options])
        out, err = capsys.readouterr()
        assert (err, "planted-key" in out) == ("", False)
        return status, json.loads(out)

    return swept


def rent(world: World, label: str | None) -> int:
    """A machine that another client of the account made: what its label says is all that is
    known of it.
    """
    offer = world.offer(verified=None, disk_space=lambda free: free > 40)
    return world.rent(offer["id"], {"image": "x", "disk": 8, "label": label}).id


def marked(world: World, hours: float, token: str = TOKEN) -> int:
    """A machine with a token, whose lease ended so many hours ago."""
    return rent(world, f"train lease-until={int(ago(hours))}#{token}")


def outcomes(said: dict[str, Any]) -> dict[int, str]:
    return {row["instance_id"]: row["outcome"] for row in said["swept"]}


@contextmanager
def journal_of(state: Path) -> Iterator[Journal]:
    journal = Journal(state)
    try:
        yield journal
    finally:
        journal.close()


def journalled(state: Path, account: str, instance_id: int, until: float | None) -> str:
    """A rental as the journal would have it; its token."""
    with journal_of(state) as journal:
        wish = Wish(
            account, f"k{instance_id}", "d", 1, "running", derived=False, allow_unresolved=False
        )
        intent = journal.intend(wish, "vast-mcp", lease_until=until)
        journal.mark_sending(intent)
        journal.mark_confirmed(intent, instance_id)
        journal.mark_told([(intent.token, Notice.RENTED)])
        return intent.token


def test_a_sweep_destroys_what_is_past_its_lease_and_nothing_else(
    world: World, sweep: Sweep
) -> None:
    """Destroyed by the label's lease, of whichever computer's vast-mcp it is; a
    stranger's is left alone.
    """
    over, running = marked(world, 1), marked(world, -1)
    lasting, foreign = (
        rent(world, f"no lease#{TOKEN}"),
        rent(world, f"theirs lease-until={int(ago(5))}"),
    )
    status, said = sweep()
    assert (status, said["past_lease"]) == (0, 0)
    assert outcomes(said) == {over: "destroyed"}
    assert {machine.id for machine in world.living} == {running, lasting, foreign}
    assert sweep() == (0, {"swept": [], "past_lease": 0})


def test_a_sweep_says_in_plain_words_what_it_did(world: World, sweep: Sweep, capsys: Any) -> None:
    """README: for a log that cron keeps."""
    over = rent(world, f"x lease-until=1795000000#{TOKEN}")
    world.clock = lambda: 1795000100.0
    assert run(["sweep"]) == 0
    assert capsys.readouterr().out == (
        f"instance_id={over}  lease_until=2026-11-18T11:06:40Z  outcome=destroyed\nnothing past "
        f"its lease\n"
    )


@pytest.mark.parametrize("how", ["stopped", "outbid"])
def test_a_machine_whose_watchdog_does_not_run_is_destroyed(
    world: World, sweep: Sweep, how: str
) -> None:
    """Stopped and outbid machines are the outer half's."""
    offer = world.offer(disk_space=lambda free: free > 40)
    label = f"x lease-until={int(ago(1))}#{TOKEN}"
    over = world.rent(
        offer["id"], {"image": "x", "disk": 8, "price": offer["min_bid"] * 2, "label": label}
    ).id
    if how == "stopped":
        world.set_state(over, "stopped")
    else:
        world.outbid(over)
    status, said = sweep()
    assert (status, outcomes(said), world.living) == (0, {over: "destroyed"}, [])


def test_the_journal_ends_a_machine_whose_label_was_edited_by_hand(
    world: World, sweep: Sweep, state: Path, url: str
) -> None:
    """By the later of journal and label; a label edited by hand takes no lease away."""
    over, lasting = rent(world, "thesis"), marked(world, 1)
    journalled(state, f"{url}#{world.user_id}", over, ago(1))
    journalled(state, f"{url}#{world.user_id}", lasting, ago(-1))
    status, said = sweep()
    assert (status, outcomes(said)) == (0, {over: "destroyed"})
    assert [machine.id for machine in world.living] == [lasting]


def test_a_later_label_counts_and_is_learned(
    world: World, sweep: Sweep, state: Path, url: str
) -> None:
    """The later of both; another computer may have extended it."""
    account = f"{url}#{world.user_id}"
    lasting = marked(world, -2)
    journalled(state, account, lasting, ago(1))
    assert sweep() == (0, {"swept": [], "past_lease": 0})
    with journal_of(state) as journal:
        assert journal.lease_ends(account) == {lasting: lease_of(world.instances[lasting].label)}


def test_another_accounts_machine_in_the_same_journal_is_never_touched(
    world: World, sweep: Sweep, state: Path, url: str
) -> None:
    """The journal's ids are an account's own: this account's machine of the same number is
    somebody else's.
    """
    foreign = rent(world, "theirs")
    journalled(state, f"{url}#1", foreign, ago(1))
    assert sweep() == (0, {"swept": [], "past_lease": 0})
    assert [machine.id for machine in world.living] == [foreign]


def test_a_label_extended_between_list_and_destroy_keeps_its_machine(
    world: World, sweep: Sweep
) -> None:
    """After reading the label again."""
    made = marked(world, 1)
    later = leased(world.instances[made].label or "", ago(-1))
    world.before_show = lambda: world.set_label(made, later)
    status, said = sweep()
    assert (status, outcomes(said), world.asked("destroy")) == (0, {made: "extended"}, [])
    assert said["swept"][0]["lease_until"] > "2026"


def test_a_journal_extended_between_list_and_destroy_keeps_its_machine(
    world: World, sweep: Sweep, state: Path, url: str
) -> None:
    """Another process extends, and a list shows the old label still."""
    account, made = f"{url}#{world.user_id}", marked(world, 1)
    journalled(state, account, made, ago(1))

    def extend() -> None:
        with journal_of(state) as journal:
            assert journal.set_lease(account, made, ago(-1))

    world.before_show = extend
    status, said = sweep()
    assert (status, outcomes(said), world.asked("destroy")) == (0, {made: "extended"}, [])


def test_a_machine_that_ends_by_itself_meanwhile_is_seen_to_be_gone(
    world: World, sweep: Sweep
) -> None:
    """Its own watchdog may be faster: nothing is left to destroy, and nothing was."""
    made = marked(world, 1)
    world.before_show = lambda: world.cancel_rental(made)
    status, said = sweep()
    assert (status, outcomes(said), world.asked("destroy")) == (0, {made: "already_gone"}, [])


@pytest.mark.parametrize(
    "fault",
    [
        {
            "kind": "status",
            "status": 200,
            "body": {"success": True, "instances": [], "total_instances": 3},
        },
        {"kind": "html503"},
        {
            "kind": "status",
            "status": 404,
            "body": {"success": False, "error": "auth_error", "msg": "Invalid user key"},
        },
    ],
    ids=["incomplete", "failing", "key"],
)
def test_without_a_whole_list_nothing_is_destroyed(
    world: World, sweep: Sweep, fault: dict[str, Any]
) -> None:
    """Half a list is no list; the exit status says that it did not happen."""
    made = marked(world, 1)
    world.faults.add("list", times=None, **fault)
    status, said = sweep()
    assert (status, world.asked("destroy"), [m.id for m in world.living]) == (1, [], [made])
    assert said["error"]["code"] in {"incomplete_list", "vast_unavailable", "auth_failed"}


def test_without_the_journal_that_there_is_nothing_is_destroyed(
    world: World, sweep: Sweep, state: Path
) -> None:
    """It may know of an extension: half of what is known is not enough to delete by."""
    made = marked(world, 1)
    state.mkdir()
    (state / "journal.db").write_bytes(b"no database" * 500)
    status, said = sweep()
    assert (status, said["error"]["code"], world.asked("destroy")) == (1, "journal_unavailable", [])
    assert [machine.id for machine in world.living] == [made]


def test_a_destroy_that_is_not_seen_to_work_is_named_and_status_3(
    world: World, sweep: Sweep
) -> None:
    """Accepting is not doing; what may still bill is never reported as gone
    (docs/vast-api.md C.7).
    """
    world.gone_after_looks = 1000
    made = marked(world, 1)
    status, said = sweep()
    assert (status, outcomes(said), said["past_lease"]) == (3, {made: "still_there"}, 1)


def test_a_destroy_that_is_refused_is_named_and_keeps_nobody_else_alive(
    world: World, sweep: Sweep
) -> None:
    """A scoped key; one machine's failure ends no sweep (docs/vast-api.md I)."""
    first, second = marked(world, 1), marked(world, 2, "fedcba9876543210")
    world.faults.add(
        "destroy", "status", status=403, body={"error": "forbidden", "msg": "needs instance_write"}
    )
    status, said = sweep()
    assert (status, said["past_lease"]) == (3, 1)
    assert sorted(outcomes(said).values()) == ["destroyed", "forbidden"]
    assert [machine.id for machine in world.living] == [
        i for i in (first, second) if outcomes(said)[i] == "forbidden"
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_destroy_without_an_answer_is_repeated_only_after_another_look(
    world: World, sweep: Sweep, when: str
) -> None:
    """An extension may come between two tries as well as before the first."""
    made = marked(world, 1)
    world.faults.add("destroy", "html502", when=when)
    status, said = sweep()
    assert (status, outcomes(said), world.living) == (0, {made: "destroyed"}, [])
    asked = [one.endpoint for one in world.requests if one.endpoint in {"destroy", "show"}]
    assert asked[:3] == ["show", "destroy", "show"]
    assert len(world.asked("destroy")) == (2 if when == "before" else 1)


def test_a_label_that_cannot_be_read_again_keeps_its_machine(world: World, sweep: Sweep) -> None:
    """Not knowing is no leave to delete."""
    made = marked(world, 1)
    world.faults.add("show", "html502", times=None)
    status, said = sweep()
    assert (status, outcomes(said), world.asked("destroy")) == (3, {made: "vast_unavailable"}, [])


@pytest.mark.parametrize(("ahead", "outcome"), [(1, None), (-1, "destroyed")], ids=["fast", "slow"])
def test_a_clock_an_hour_wrong_on_this_computer_changes_nothing(
    world: World, sweep: Sweep, ahead: int, outcome: str | None
) -> None:
    """Vast's Date counts: a lease with half an hour left by it lives, whatever this computer
    believes.
    """
    world.clock = lambda: time.time() - ahead * HOUR
    made = marked(world, ahead / 2)
    status, said = sweep()
    assert (status, outcomes(said).get(made)) == (0, outcome)
    assert len(world.living) == (1 if outcome is None else 0)


async def test_a_date_that_comes_with_a_failure_is_nobodys_clock(
    client: Client, world: World
) -> None:
    """A gateway has a clock of its own, and its page is no word of Vast's."""
    made = await rented(client, world, lease_hours=1)
    date = {"Date": "Fri, 31 Dec 2038 10:00:00 GMT"}
    world.looks_per_step = None
    world.faults.add("show", "status", times=None, skip=1, status=503, text="busy", headers=date)
    shown = await call(client, "wait_for_instance", instance_id=made, timeout_s=1)
    assert shown["lease_left_hours"] == pytest.approx(1, abs=0.02)


def test_a_person_who_allows_looking_only_gets_no_sweep(
    world: World, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off when read-only; said, not passed over in silence. A dry run looks only."""
    made = marked(world, 1)
    monkeypatch.setenv("VAST_MCP_READ_ONLY", "1")
    status, said = sweep()
    assert (status, said["error"]["code"], world.requests) == (1, "read_only", [])
    status, said = sweep("--dry-run")
    assert (status, outcomes(said)) == (3, {made: "would_destroy"})
    assert world.asked("destroy") == []


def test_a_sweep_without_a_key_is_an_error(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron line without its settings must not look like a clean account."""
    monkeypatch.delenv("VAST_API_KEY")
    status, said = sweep()
    assert (status, said["error"]["code"]) == (1, "no_api_key")


def test_what_a_sweep_from_cron_ended_is_told_by_the_agents_next_call(
    world: World, sweep: Sweep, state: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent must not wonder where its machine is, nor rent another for one that it takes for
    lost.
    """
    over = rent(world, "edited")
    journalled(state, f"{url}#{world.user_id}", over, 1795000000.0)
    assert outcomes(sweep()[1]) == {over: "destroyed"}
    told: list[Any] = []
    for _ in range(2):
        assert run(["call", "show_account"]) == 0
        told.append(json.loads(capsys.readouterr().out).get("notices"))
    assert told == [
        [f"Machine {over} was destroyed: its lease ended at 2026-11-18T11:06:40Z."],
        None,
    ]


# ── a server's background task ─────────────────────────────────────────────────────────────────


@asynccontextmanager
async def sweeping(world: World, settings: Settings, **changed: Any) -> AsyncIterator[Client]:
    quick = replace(settings.times, lease_margin_s=0.0)
    async with served(world, replace(settings, times=quick, **changed)) as client:
        yield client


async def rented(client: Client, world: World, **more: Any) -> int:
    offer = world.offer(disk_space=lambda free: free > 40)
    return (await call(client, "create_instance", offer_id=offer["id"], disk=16, **more))[
        "instance_id"
    ]


async def until_told(client: Client) -> list[str]:
    """Look until an answer has notices."""
    with anyio.fail_after(100):
        while True:
            if told := notices(await call(client, "show_instances")):
                return told


async def test_a_server_destroys_what_is_past_its_lease_and_says_so_once(
    world: World, settings: Settings
) -> None:
    """A server's background task; the next call of any tool tells of it."""
    async with sweeping(world, settings) as client:
        over, lasting = (
            await rented(client, world, lease_hours=1),
            await rented(client, world, lease_hours=9),
        )
        world.clock = lambda: time.time() + 2 * HOUR
        [said] = await until_told(client)
        assert said.startswith(f"Machine {over} was destroyed: its lease ended at 20")
        assert [machine.id for machine in world.living] == [lasting]
        assert notices(await call(client, "show_instances")) == []
        gone = (await call(client, "show_instance", instance_id=over))["error"]
        assert gone["code"] == "no_such_instance"


async def test_a_server_ends_a_machine_of_another_computer_and_says_so(
    world: World, settings: Settings
) -> None:
    """The label is enough, and a machine that no journal knows is told of all the same."""
    async with sweeping(world, settings) as client:
        await rented(client, world, lease_hours=1)
        foreign = marked(world, 1)
        world.clock = lambda: time.time() + 2 * HOUR
        told = await until_told(client)
        while not any(str(foreign) in said for said in told):
            told += await until_told(client)
        with anyio.fail_after(100):
            while world.living:  # noqa: ASYNC110  each is told of once it has ended
                await anyio.sleep(0.02)


async def test_a_server_ends_what_a_list_shows_to_be_past_its_lease_by_its_label_alone(
    world: World, settings: Settings
) -> None:
    """The later of journal and label; a new computer's journal has neither machine nor lease."""
    machine = marked(world, 1)
    async with served(world, settings) as client:
        [row] = (await call(client, "show_instances"))["instances"]
        assert row["past_lease"] is True
        with anyio.fail_after(100):
            while any(one.id == machine for one in world.living):  # noqa: ASYNC110
                await anyio.sleep(0.02)


async def test_a_lease_is_not_ended_while_another_process_moves_it(
    world: World, sweep: Sweep, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label that was read must still be so when the machine goes."""
    monkeypatch.setenv("VAST_MCP_TIME_SCALE", "1")  # it waits as long as it would
    machine = marked(world, 1)
    said: dict[str, Any] = {}

    async def sweeping() -> None:
        said.update((await anyio.to_thread.run_sync(sweep))[1])

    async with anyio.create_task_group() as tasks, Journal(state).lease_lock():
        tasks.start_soon(sweeping)
        while not world.asked("list"):  # noqa: ASYNC110
            await anyio.sleep(0.02)
        world.set_label(machine, leased(world.instances[machine].label or "", time.time() + 3600))
    assert outcomes(said)[machine] == "extended"
    assert [one.id for one in world.living] == [machine]


LEASE_LOCK = """
import anyio, pathlib, sys
from vast_mcp.journal import Journal
async def main():
    async with Journal(pathlib.Path(sys.argv[1])).lease_lock():
        print("held", flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""
WRITERS_TURN = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/journal.db", isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def stopped(program: str, state: Path) -> Iterator[None]:
    """Another process that holds something of this folder's and is stopped with it."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program, str(state)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            holder.send_signal(signal.SIGSTOP)
            os.waitpid(holder.pid, os.WUNTRACED)
            yield
        finally:
            holder.kill()


needs_sigstop = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="nothing stops a process so on Windows"
)


@needs_sigstop
@pytest.mark.processes
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(LEASE_LOCK, id="lease lock"),
        pytest.param(
            WRITERS_TURN,
            id="journal",
            marks=pytest.mark.skipif(not WHOLE, reason="SQLite waits 5 s for each write"),
        ),
    ],
)
def test_a_stopped_process_that_holds_what_a_sweep_needs_keeps_no_machine_alive(
    world: World, sweep: Sweep, state: Path, url: str, program: str
) -> None:
    """It may be stopped for days: what is past its lease ends all the same, and nothing else."""
    over, second, lasting = marked(world, 1), marked(world, 2), marked(world, -1)
    for machine in (over, second, lasting):
        journalled(state, f"{url}#{world.user_id}", machine, ago(3))
    with stopped(program, state):
        status, said = sweep()
    assert (status, outcomes(said)) == (0, {over: "destroyed", second: "destroyed"})
    assert [machine.id for machine in world.living] == [lasting]


@needs_sigstop
@pytest.mark.processes
def test_what_a_stopped_process_had_moved_to_later_is_kept(
    world: World, sweep: Sweep, state: Path, url: str
) -> None:
    """The last look, at label and journal, comes right before the end, lock or no lock."""
    by_label, by_journal = marked(world, 1), marked(world, 1)
    account = f"{url}#{world.user_id}"
    later = leased(world.instances[by_label].label or "", ago(-1))

    def extend() -> None:
        world.set_label(by_label, later)
        with journal_of(state) as journal:
            assert journal.set_lease(account, by_journal, ago(-1))

    journalled(state, account, by_journal, ago(1))
    with stopped(LEASE_LOCK, state):
        world.before_show = extend
        status, said = sweep()
    assert (status, set(outcomes(said).values())) == (0, {"extended"})
    assert world.asked("destroy") == []


@needs_sigstop
@pytest.mark.processes
async def test_a_server_ends_what_is_past_its_lease_beside_a_stopped_one(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """The background sweep waits no longer than the command."""
    state = tmp_path / "state"
    async with sweeping(world, settings, state_dir=state) as client:
        over = await rented(client, world, lease_hours=1)
        with stopped(LEASE_LOCK, state):
            world.clock = lambda: time.time() + 2 * HOUR
            [said] = await until_told(client)
    assert (f"Machine {over}" in said, world.living) == (True, [])


def test_a_sweep_that_was_stopped_after_its_look_looks_again(world: World, sweep: Sweep) -> None:
    """What it saw an hour ago is no reason to destroy: the lease may have been moved since."""
    made = marked(world, 1)
    later = leased(world.instances[made].label or "", time.time() + 9 * HOUR)

    def an_hour_later() -> None:
        world.clock = lambda: time.time() + HOUR
        world.before_show = lambda: world.set_label(made, later)

    world.before_show = an_hour_later
    status, said = sweep()
    assert (status, outcomes(said), world.asked("destroy")) == (0, {made: "extended"}, [])


async def test_a_server_that_starts_after_the_lease_ended_destroys_it(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Whatever became of agent, editor or laptop."""
    state = tmp_path / "state"
    async with sweeping(world, settings, state_dir=state) as client:
        over = await rented(client, world, lease_hours=1)
        world.set_state(over, "stopped")
    world.clock = lambda: time.time() + 2 * HOUR
    async with sweeping(world, settings, state_dir=state) as client:
        [said] = await until_told(client)
    assert (f"Machine {over}" in said, world.living) == (True, [])


async def test_a_server_asks_nothing_while_no_lease_runs(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """No request at the start and none afterwards, with a journal or without."""
    state = tmp_path / "state"
    async with sweeping(world, settings, state_dir=state) as client:
        await anyio.wait_all_tasks_blocked()
        assert world.requests == []
        await rented(client, world)
        asked = len(world.requests)
        await call(client, "show_ssh_keys", nothing=True)
        await anyio.wait_all_tasks_blocked()
        assert len(world.requests) == asked
    async with sweeping(world, settings, state_dir=state):
        await anyio.wait_all_tasks_blocked()
        assert len(world.requests) == asked


async def test_a_server_for_looking_only_destroys_nothing_and_marks(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Off when read-only; listing only marks."""
    state = tmp_path / "state"
    async with sweeping(world, settings, state_dir=state) as client:
        over = await rented(client, world, lease_hours=1)
    world.clock = lambda: time.time() + 2 * HOUR
    async with sweeping(world, settings, state_dir=state, limits=Limits(read_only=True)) as client:
        await call(client, "show_account")
        await anyio.wait_all_tasks_blocked()
        [row] = (await call(client, "show_instances"))["instances"]
    assert (row["instance_id"], row["lease_left_hours"], row["past_lease"]) == (over, 0, True)
    assert world.asked("destroy") == []


@pytest.mark.thorough
async def test_errors_of_vast_only_make_a_server_wait(world: World, settings: Settings) -> None:
    """What could not be done is tried again, less and less often."""
    async with sweeping(world, settings) as client:
        over = await rented(client, world, lease_hours=1)
        world.faults.add(
            "destroy",
            "status",
            status=403,
            body={"error": "forbidden", "msg": "needs instance_write"},
        )
        world.faults.add("destroy", "html503", times=4)
        world.clock = lambda: time.time() + 2 * HOUR
        [said] = await until_told(client)
    assert (f"Machine {over}" in said, world.living) == (True, [])


async def test_a_machine_extended_in_time_is_kept_by_a_server(
    world: World, settings: Settings
) -> None:
    """extend_lease moves label and journal, which the background task reads again."""
    async with sweeping(world, settings) as client:
        over, kept = (
            await rented(client, world, lease_hours=1),
            await rented(client, world, lease_hours=1),
        )
        await call(
            client, "manage_instance", instance_id=kept, action="extend_lease", lease_hours=5
        )
        world.clock = lambda: time.time() + 2 * HOUR
        [said] = await until_told(client)
        assert f"Machine {over}" in said
        assert [machine.id for machine in world.living] == [kept]
