"""`vast-mcp run`: from a line of a script to the exit status of its command."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from processes import PATIENCE
from running import Scripts, until_said
from served_sandbox import control, served_sandbox
from vast_mcp.commands import cli

# Each line is a process that rents, and a computer may be busy with others.
lines_take_long = pytest.mark.timeout(240)

CARD = ("--gpu", "4090", "--max", "0.60", "--budget", "2")


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    with served_sandbox(tmp_path) as url:
        yield Scripts(tmp_path, url)


@pytest.mark.thorough
@pytest.mark.processes
@lines_take_long
def test_a_line_ends_with_its_commands_status_and_leaves_nothing(scripts: Scripts) -> None:
    """Files go up, output comes as bytes, files come down, the machine is gone."""
    (scripts.work / "src").mkdir()
    (scripts.work / "src" / "in.txt").write_text("up")
    script = (
        "cat src/in.txt; printf '\\001\\377'; mkdir -p out; echo $HOME >out/there; "
        "echo beside >&2; exit 37"
    )
    line = (*CARD, "--up", "src", "--down", "out", "--", script)
    status, out, beside = scripts.done(*line)
    assert (status, out) == (37, b"up\x01\xff"), beside
    assert "beside" in beside.splitlines()
    assert (scripts.work / "out" / "there").read_text() == "/root\n"
    assert scripts.living() == []
    assert len(scripts.rented()) == 1


@pytest.mark.processes
@lines_take_long
@pytest.mark.thorough
def test_a_killed_line_is_taken_up_by_the_same_line(scripts: Scripts) -> None:
    """The job is begun once, and whoever tells its end has all that it said."""
    script = "echo begun; until [ -e ~/go ]; do sleep 0.1; done; echo done; exit 3"
    line = (*CARD, "--", f"echo x >>~/runs; wc -l <~/runs; ( sleep 2; touch ~/go ) & {script}")
    with scripts.begun(*line) as first:
        until_said(first, b"begun\n")
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert len(scripts.living()) == 1
    status, out, beside = scripts.done(*line)
    assert (status, out.split()) == (3, [b"1", b"begun", b"done"]), beside
    assert scripts.living() == []
    assert len(scripts.rented()) == 1


@pytest.mark.thorough
@pytest.mark.processes
@lines_take_long
@pytest.mark.parametrize("stage", ["up", "down"])
def test_a_machine_that_went_while_nobody_was_there_is_not_gone_on_with(
    scripts: Scripts, stage: str
) -> None:
    """A laptop was closed for longer than a lease: before the command there is another machine,
    after it its status is told.
    """
    line = (*CARD, "--down", "out", "--", "exit 3")
    with standing_at(scripts, f"run {stage}:after", *line):
        [living] = scripts.living()
    _end(scripts, living)
    status, _, beside = scripts.done(*line)
    assert status == 3, beside
    assert scripts.living() == []
    assert len(scripts.rented()) == (2 if stage == "up" else 1)


def _end(scripts: Scripts, instance_id: int) -> None:
    """Its own watchdog ends it, of which the journal knows nothing; it was not born just now."""
    aged = "made_at = made_at - 700, sent_at = sent_at - 700, settled_at = settled_at - 700"
    with contextlib.closing(sqlite3.connect(scripts.home / "state" / "journal.db")) as db, db:
        db.execute(f"UPDATE intents SET {aged}")  # noqa: S608
    asked = urllib.request.Request(  # noqa: S310
        f"{scripts.url}/api/v0/instances/{instance_id}/",
        method="DELETE",
        headers={"Authorization": f"Bearer {scripts.env['VAST_API_KEY']}"},
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked).close()


@contextlib.contextmanager
def standing_at(scripts: Scripts, stop: str, *line: str) -> Iterator[None]:
    """While a line stands still at a commit of the journal; then it is killed."""
    with socket.create_server(("127.0.0.1", 0)) as heard:
        heard.settimeout(4 * PATIENCE)
        scripts.program = ("-m", "storm.served")
        scripts.more = {
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "STORM_STOPS": stop,
            "STORM_CONTROL": str(heard.getsockname()[1]),
        }
        with scripts.begun(*line, stderr=subprocess.DEVNULL) as started:
            stands, _ = heard.accept()
            with stands:
                yield
                started.kill()
                started.wait()
    scripts.program, scripts.more = Scripts.program, {}


@pytest.mark.thorough
@pytest.mark.processes
@lines_take_long
def test_without_a_key_nothing_is_rented_and_what_lets_nobody_in_is_ended(scripts: Scripts) -> None:
    """An account without a key is refused; one that has the key of another computer is found out
    by the machine alone, which does not live on for the whole budget then.
    """
    line = (*CARD, "--", "true")
    control(scripts.url, "world", {"keys": []})
    status, _, beside = scripts.done(*line)
    assert (status, scripts.rented()) == (125, []), beside
    assert "create_ssh_key" in beside
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    control(scripts.url, "world", {"keys": [other]})
    status, _, beside = scripts.done(*line)
    assert (status, scripts.living()) == (120, []), beside
    assert len(scripts.rented()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--budget", "-1", "--", "true"),
        ("--budget", "x", "--", "true"),
        ("--budgets", "1", "--", "true"),
        ("--budget", "1"),
        ("--budget", "1", "--want", "[]", "--", "true"),
        ("--budget", "1", "--want", '{"count": 2}', "--", "true"),
        ("--budget", "1", "--up", "nowhere", "--", "true"),
        ("--budget", "1", "--env-from", "NOT_SET", "--", "true"),
    ],
    ids=" ".join,
)
def test_a_line_that_cannot_be_meant_rents_nothing(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wrong usage has a status that no usual program ends with."""
    monkeypatch.chdir(tmp_path)
    try:
        status = cli.run(["--sandbox", "run", *words])
    except SystemExit as exc:
        status = exc.code
    assert status == 125
    assert not (tmp_path / "state").exists()


@pytest.mark.thorough
@pytest.mark.processes
@lines_take_long
@pytest.mark.parametrize(
    ("money", "status"), [(("--max", "0.001", "--budget", "2"), 120), (("--budget", "0.01"), 121)]
)
def test_where_no_machine_is_to_be_had_nothing_is_rented(
    scripts: Scripts, money: tuple[str, ...], status: int
) -> None:
    """The market has none for that price, or no try's worst case fits the budget."""
    found, out, beside = scripts.done("--gpu", "4090", *money, "--", "true")
    assert (found, out) == (status, b""), beside
    assert scripts.rented() == []
