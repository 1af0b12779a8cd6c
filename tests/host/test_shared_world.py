"""One sandbox a person: every process that is started with --sandbox meets the same world."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from mcp import Client

from house import call
from processes import PATIENCE, command, hello, process, ran, services
from vast_mcp.commands import cli
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.sandbox.keeping import Keeper
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings, SettingsError
from vast_mcp.worlds import record as records
from vast_mcp.worlds.record import Record
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.processes

Called = Callable[..., dict[str, Any]]
OFFER = World().offer(disk_space=lambda gb: gb > 100)["id"]


@pytest.fixture
def folder(state: Path) -> Path:
    """Where the shared world is on record."""
    return state / "sandbox"


@pytest.fixture
def told(state: Path, tmp_path: Path) -> Settings:
    return load({"VAST_MCP_STATE_DIR": str(state)}, home=tmp_path, sandbox=True)


@pytest.fixture
def by_command(state: Path, capsys: pytest.CaptureFixture[str]) -> Called:
    """A call by `vast-mcp --sandbox call`: a process of its own in all that it knows."""

    def called(tool: str, **arguments: Any) -> dict[str, Any]:
        cli.run(["--sandbox", "call", tool, json.dumps(arguments)])
        said = capsys.readouterr()
        return {**json.loads(said.out), "stderr": said.err}

    return called


@pytest.fixture
def on_record(folder: Path) -> Callable[[], Record]:
    def read() -> Record:
        found = records.read(folder)
        assert found is not None
        return found

    return read


def machines(answer: dict[str, Any]) -> list[int]:
    return [row["instance_id"] for row in answer["instances"]]


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


# ── one world ──────────────────────────────────────────────────────────────────────────────────


def test_what_one_process_rents_another_sees_replays_and_destroys(by_command: Called) -> None:
    """A client that starts a process for every call works (README, "The sandbox")."""
    made = by_command("create_instance", offer_id=OFFER, disk=16)
    assert (made["stderr"], made["sandbox"], "notices" in made) == ("", True, False)
    assert machines(by_command("show_instances")) == [made["instance_id"]]
    again = by_command("create_instance", offer_id=OFFER, disk=16)
    assert (again["instance_id"], again["replayed"]) == (made["instance_id"], True)
    ended = by_command("destroy_instance", instance_ids=[made["instance_id"]])
    assert ended["results"][0]["outcome"] == "destroyed"


@pytest.mark.thorough
def test_several_processes_at_once_start_one_service(
    env: dict[str, str], state: Path, tmp_path: Path
) -> None:
    """It is started under a lock."""
    env["VAST_MCP_STATE_DIR"] = str(state)
    line = command("--sandbox", "call", "show_account")
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(line, env=env, cwd=tmp_path, stdout=pipe, stderr=pipe) for _ in range(3)
    ]
    said = [one.communicate(timeout=PATIENCE) for one in started]
    assert [(json.loads(out)["sandbox"], err) for out, err in said] == [(True, b"")] * 3
    assert len(services(state)) == 1


@pytest.mark.thorough
async def test_the_first_call_starts_it_and_no_start_of_a_server_does(
    env: dict[str, str], state: Path, tmp_path: Path
) -> None:
    """A list of tools, and a call that cannot be sent, need no world; where one is, nobody else may
    read of it.
    """
    env["VAST_MCP_STATE_DIR"] = str(state)
    with process("--sandbox", env=env, cwd=tmp_path) as started:
        hello(started)
    status, _, _ = ran("--sandbox", "call", "show_instance", "{}", env=env, cwd=tmp_path)
    assert (status, state.exists()) == (2, False)
    status, out, _ = ran("--sandbox", "call", "show_instances", env=env, cwd=tmp_path)
    made = state / "sandbox" / records.NAME
    token = json.loads(made.read_text())["token"]
    assert (status, made.stat().st_mode & 0o777, token in out) == (0, 0o600, False)
    # The journal of the real rentals will lie there.
    assert [one.stat().st_mode & 0o777 for one in (state, made.parent)] == [0o700, 0o700]


@pytest.mark.thorough
def test_no_end_of_a_client_ends_it(env: dict[str, str], state: Path, tmp_path: Path) -> None:
    """A host may kill a server with all that it started, by group or by parents, and closes its
    pipes.
    """
    env["VAST_MCP_STATE_DIR"] = str(state)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command("--sandbox"),
        env=env,
        cwd=tmp_path,
        stdin=pipe,
        stdout=pipe,
        bufsize=0,
        start_new_session=True,
    ) as server:
        hello(server)
        assert server.stdin is not None
        assert server.stdout is not None
        rent = {"name": "create_instance", "arguments": {"offer_id": OFFER, "disk": 16}}
        message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": rent}
        server.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        server.stdin.write(json.dumps(message).encode() + b"\n")
        made = json.loads(server.stdout.readline())["result"]["structuredContent"]
        [service] = services(state)
        stat = Path(f"/proc/{service}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        assert server.pid not in {
            int(stat[1]),
            int(stat[2]),
            int(stat[3]),
        }  # parent, group, session
        os.killpg(server.pid, signal.SIGKILL)
    _, out, _ = ran("--sandbox", "call", "show_instances", env=env, cwd=tmp_path)
    assert machines(json.loads(out)) == [made["instance_id"]]


def test_another_key_opens_neither_the_world_nor_its_control(
    by_command: Called, on_record: Callable[[], Record]
) -> None:
    """Another user of the computer may find the port."""
    by_command("show_account")
    with httpx.Client(base_url=on_record().url, trust_env=False) as http:
        for path in ("/api/v0/users/current/", "/_sandbox/ledger"):
            refused = http.get(path, headers={"Authorization": "Bearer guessed"})
            assert refused.status_code >= 400
        assert http.post("/_sandbox/end", json={"why": "told"}).status_code == 401
        key = {"Authorization": f"Bearer {on_record().token}"}
        assert http.get("/_sandbox/ledger", headers=key).status_code == 200


def test_a_code_of_the_sandbox_is_approved_in_a_shell(
    by_command: Called, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its journal is on disk, so the command that the error names works."""
    monkeypatch.setenv("VAST_MCP_CONFIRM", "always")
    asked = by_command("create_instance", offer_id=OFFER, disk=16)["error"]["message"]
    words = asked.split("`")[1].split()
    assert words[:3] == ["vast-mcp", "--sandbox", "approve"]
    assert cli.run([*words[1:], "--yes"]) == 0
    capsys.readouterr()
    assert by_command("create_instance", offer_id=OFFER, disk=16)["instance_id"]


# ── another world ──────────────────────────────────────────────────────────────────────────────


def gone(answer: dict[str, Any]) -> str:
    """What an answer says of the world before."""
    [notice] = answer["notices"]
    assert notice.startswith("A new sandbox world: ")
    return notice


@pytest.mark.thorough
async def test_a_reset_takes_machines_and_journal_and_running_servers_notice(
    told: Settings, state: Path, by_command: Called, capsys: pytest.CaptureFixture[str]
) -> None:
    """`vast-mcp sandbox --reset`. The same wish is another one in another world."""
    async with Client(build(told, CATALOGUE)) as running:
        made = await call(running, "create_instance", offer_id=OFFER, disk=16)
        process = subprocess.run(  # noqa: ASYNC221  nothing else goes on
            command("sandbox", "--reset"), capture_output=True, text=True, check=True
        )
        assert "1 machine(s)" in process.stdout
        assert [one for one in state.rglob("*") if "journal" in one.name] == []
        shown = await call(running, "show_instances")
        assert (machines(shown), "gone with it" in gone(shown)) == ([], True)
        again = await call(running, "create_instance", offer_id=OFFER, disk=16)
        assert (again.get("replayed", False), "notices" in again) == (False, False)
        lost = await call(running, "show_instance", instance_id=made["instance_id"] + 10**6)
        assert lost["error"]["code"] == "no_such_instance"


def test_a_reset_where_no_world_is_makes_none(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sandbox", "--reset"]) == 0
    assert "no world was there" in capsys.readouterr().out
    assert not state.exists()


def test_a_world_whose_process_died_is_said_to_be_gone(
    by_command: Called, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the answer and on stderr: an agent remembers machines that are no more."""
    by_command("create_instance", offer_id=OFFER, disk=16)
    [service] = services(state)
    os.kill(service, signal.SIGKILL)
    until(lambda: not services(state))
    shown = by_command("show_instances")
    assert machines(shown) == []
    assert "its process died" in gone(shown)
    assert gone(shown) in caplog.messages  # which go to stderr
    assert "notices" not in by_command("show_instances")


def test_who_asks_whether_a_dead_world_lives_keeps_no_new_one_from_beginning(
    by_command: Called, folder: Path, on_record: Callable[[], Record], state: Path
) -> None:
    """To ask is to hold its lock for a moment, as its own process would."""
    by_command("show_account")
    os.kill(services(state)[0], signal.SIGKILL)
    until(lambda: not services(state))
    with on_record().lock_in(folder):
        shown = by_command("show_instances")
    assert machines(shown) == []
    assert "its process died" in gone(shown)


@pytest.mark.parametrize("wrong", ["--port=abc", "--port=-1", "--port=65536", "--idle-minutes=nan"])
def test_a_number_that_is_none_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    """Minutes that are none would never pass: a service for ever."""
    with pytest.raises(SystemExit) as ended:
        cli.run(["sandbox", wrong])
    assert ended.value.code == 2
    option, said = wrong.partition("=")[0], capsys.readouterr().err
    assert f"argument {option}: " in said
    assert "_" not in said.splitlines()[-1]


def test_a_service_that_nobody_asks_ends_and_that_is_said(
    by_command: Called, folder: Path, on_record: Callable[[], Record]
) -> None:
    folder.mkdir(parents=True)
    subprocess.run(
        command("sandbox", "--shared", str(folder), "--idle-minutes", "0.05"), check=True
    )
    until(lambda: records.is_there(folder))
    until(lambda: on_record().ended == "idle")
    until(lambda: not services(folder))
    assert "ended by itself" in gone(by_command("show_instances"))


def test_a_world_of_another_version_is_replaced_and_that_is_said(
    by_command: Called, folder: Path, on_record: Callable[[], Record], state: Path
) -> None:
    by_command("create_instance", offer_id=OFFER, disk=16)
    records.write(folder, replace(on_record(), version="0.0.9"))
    said = gone(by_command("show_instances"))
    assert len(services(state)) == 1
    assert on_record().version != "0.0.9"
    assert "gone with it" in said


def test_a_record_that_others_may_read_is_not_followed(
    by_command: Called, folder: Path, on_record: Callable[[], Record], state: Path
) -> None:
    """Who reads it has the key; who writes it sends keys elsewhere."""
    by_command("create_instance", offer_id=OFFER, disk=16)
    before = on_record()
    (folder / records.NAME).chmod(0o644)
    assert "not this user's alone" in gone(by_command("show_instances"))
    assert on_record().world != before.world
    until(lambda: len(services(state)) == 1)  # the one that lost its record ends


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"url": 1}', "\x00", "[" * 5000], ids=repr
)
def test_a_record_that_is_none_is_replaced(by_command: Called, folder: Path, text: str) -> None:
    folder.mkdir(parents=True, mode=0o700)
    (folder / records.NAME).write_text(text)
    (folder / records.NAME).chmod(0o600)
    assert by_command("show_account")["sandbox"] is True


def test_a_service_whose_folder_is_gone_ends(by_command: Called, state: Path) -> None:
    """Whoever deletes the state folder means it."""
    by_command("show_account")
    subprocess.run(["rm", "-rf", str(state)], check=True)
    until(lambda: not services(state))


# ── somebody else at its address ───────────────────────────────────────────────────────────────


class Stranger(BaseHTTPRequestHandler):
    """Another program at the address; `heard` is all that it was sent."""

    heard: list[str] = []

    def do_GET(self) -> None:
        self.heard.append(f"{self.path} {self.headers}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"proof": "' + b"0" * 64 + b'"}')

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """stderr is the tests'."""


@contextmanager
def a_stranger() -> Iterator[str]:
    Stranger.heard.clear()
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_program_that_has_the_port_now_is_sent_nothing(by_command: Called, folder: Path) -> None:
    """The process of a stale record is not there, so its address means nothing."""
    folder.mkdir(parents=True, mode=0o700)
    with a_stranger() as url:
        stale = Record.new(url, records.new_token(), "0.1.0")
        stale.place_in(folder).mkdir()
        records.write(folder, stale)
        assert "process died" in gone(by_command("show_account"))
    assert Stranger.heard == []


def test_who_does_not_know_the_token_is_not_sent_it(
    by_command: Called, folder: Path, on_record: Callable[[], Record]
) -> None:
    """While a process lives that the record may mean, whoever answers must prove to be it."""
    by_command("show_account")
    with a_stranger() as url:
        token = on_record().token
        records.write(folder, replace(on_record(), url=url))
        assert "error" in by_command("show_account") or on_record().url != url
    assert all(path.startswith("/_sandbox/hello") for path in Stranger.heard)
    assert token not in "".join(Stranger.heard)


def test_a_proof_is_good_for_one_question_at_one_address() -> None:
    """Who passes a question on to the real service at another address proves nothing."""

    def proof_at(url: str, nonce: str) -> str:
        keeper = Keeper("token", 60, lambda: True)
        keeper.url = url
        return keeper._proof(nonce)

    proofs = {proof_at(url, nonce) for url in ("http://a", "http://b") for nonce in ("1", "2")}
    assert len(proofs) == 4


# ── where no world can be shared ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["a file in the way", "a name too long", "others may write"])
def test_without_a_folder_the_world_is_the_process_own_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_command: Called, kind: str
) -> None:
    """A read-only home: it goes on, alone."""
    (tmp_path / "file").touch()
    open_to_all = tmp_path / "open" / "sandbox"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    places = {
        "a file in the way": tmp_path / "file" / "below",
        "a name too long": tmp_path / ("x" * 300),
        "others may write": open_to_all.parent,
    }
    monkeypatch.setenv("VAST_MCP_STATE_DIR", str(places[kind]))
    made = by_command("create_instance", offer_id=OFFER, disk=16)
    assert made["notices"][0].startswith("The sandbox's world is this process's own")
    assert made["notices"][0] in made["stderr"]
    assert machines(by_command("show_instances")) == []


def test_a_relative_state_folder_stops_the_start_here_too(tmp_path: Path) -> None:
    """Every folder would have a world of its own."""
    with pytest.raises(SettingsError, match="VAST_MCP_STATE_DIR"):
        load({"VAST_MCP_STATE_DIR": "state"}, home=tmp_path, sandbox=True)


def test_a_key_and_an_address_of_the_real_service_are_not_used(
    by_command: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--sandbox means the sandbox, whatever else is set."""
    with a_stranger() as url:
        monkeypatch.setenv("VAST_URL", url)
        monkeypatch.setenv("VAST_API_KEY", "planted-key")
        assert by_command("show_account")["sandbox"] is True
    assert Stranger.heard == []
