"""What a person at a terminal sees, what a pipe gets, and help that fits 80 columns."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from rich.console import Console

from house import COVERED, DEAD
from processes import PATIENCE, command, hello, line_of, process
from vast_mcp.commands import demo
from vast_mcp.commands.cli import parser
from vast_mcp.commands.demo import stage
from vast_mcp.commands.doctor.findings import Finding, print_table
from vast_mcp.commands.terminal import Progressing, print_rows, show_rows
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.processes

pty = pytest.importorskip("pty", reason="POSIX only")


def at_terminal(
    *arguments: str, env: dict[str, str], cwd: Path, out: bool = False
) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command whose stderr (with `out`: stdout) is a
    terminal.
    """
    ours, theirs = pty.openpty()
    stdout, stderr = (theirs, subprocess.PIPE) if out else (subprocess.PIPE, theirs)
    with subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
    ) as started:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError as exc:  # Linux says so when nobody has the other end any more
            assert exc.errno == errno.EIO  # noqa: PT017
        finally:
            os.close(ours)
        piped = started.stderr if out else started.stdout
        assert piped is not None
        other = piped.read().decode()
        status = started.wait(PATIENCE)
    return (status, seen.decode(), other) if out else (status, other, seen.decode())


def screen(width: int = 80, **options: Any) -> Console:
    """A terminal that writes into memory."""
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        color_system="standard",
        highlight=False,
        markup=False,
        legacy_windows=False,
        **options,
    )


def shown_on(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def without_codes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


# ── progress ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
def test_at_a_terminal_progress_comes_and_goes_and_stdout_is_json(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Progress on a terminal; stdout has the result alone."""
    arguments = ("--sandbox", "call", "show_account")
    status, out, err = at_terminal(*arguments, env=env | {"TERM": "xterm"}, cwd=tmp_path)
    assert status == 0
    assert json.loads(out)
    assert "show_account" in err
    assert err.rstrip().endswith(("\x1b[2K", "\x1b[1A")), "the line is still there"


async def test_progress_says_what_the_tool_says() -> None:
    """A wait of minutes says what it waits for; a stranger's control characters are dropped."""
    console = screen()
    with Progressing("wait_for_instance", console) as progressing:
        heard = progressing.callback()
        assert heard is not None
        await heard(1.0, 50.0, "its host \x1b[2Jpulls [red]the image")
    text = shown_on(console)
    assert "wait_for_instance: its host [2Jpulls [red]the image" in without_codes(text)
    assert "\x1b[2J" not in text


def test_who_is_asked_sees_the_question_and_no_progress() -> None:
    """A line that is rewritten would write over the question."""
    console = screen()
    with Progressing("create_instance", console) as progressing:
        before = len(shown_on(console))
        with progressing.hidden():
            erased = shown_on(console)[before:]
            console.print("Yes? [y/N]")
            asked = shown_on(console)[before + len(erased) :]
    assert "\x1b[2K" in erased
    assert asked == "Yes? [y/N]\n"


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_rewrite_is_left_alone(term: str) -> None:
    """TERM=dumb, as inside editors."""
    console = screen(_environ={"TERM": term})
    with Progressing("show_account", console) as progressing:
        progressing.say("looking")
        assert progressing.callback() is None
    assert shown_on(console) == ""


# ── tables ─────────────────────────────────────────────────────────────────────────────────────

FIX = "vast-mcp call create_ssh_key '" + json.dumps({"public_key": "~/.ssh/" + "x" * 60}) + "'"
FINDINGS = [
    Finding("versions", "ok", "vast-mcp 0.1.0"),
    Finding("ssh_keys", "warn", "0 registered; " + "ssh from here would be refused; " * 5, FIX),
    Finding("key", "fail", "none is set [bold]"),
]


@pytest.mark.parametrize("width", [80, 160])
def test_a_doctors_table_fits_and_its_fixes_can_be_copied(width: int) -> None:
    """A person reads it; a command that a cell breaks cannot be run."""
    console = screen(width)
    print_table(console, FINDINGS)
    lines = without_codes(shown_on(console)).splitlines()
    assert f"  {FIX}" in lines
    assert max(len(line) for line in lines if FIX not in line) <= width
    assert [name for name in ("versions", "ssh_keys", "key") if name in "\n".join(lines)]
    assert "none is set [bold]" in "\n".join(lines)


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """no-color.org: any value that is not empty means none."""
    for set_, coloured in ((None, True), ("1", False)):
        console = screen(no_color=None, _environ={"NO_COLOR": set_} if set_ else {})
        print_table(console, FINDINGS)
        assert ("\x1b[33mwarn" in shown_on(console)) == coloured


def test_rows_are_a_table_whose_values_are_whole() -> None:
    """Machine and outcome stand in columns; a row may lack one; control characters are dropped."""
    console = screen()
    rows = [
        {"instance_id": 30000001, "outcome": "destroyed"},
        {"instance_id": 30000002, "lease_until": "2026-11-29T01:00:00Z", "outcome": "\x1b[2Jgone"},
    ]
    print_rows(console, rows)
    text = without_codes(shown_on(console))
    assert [line.split() for line in text.splitlines() if line.strip() and "─" not in line] == [
        ["instance_id", "outcome", "lease_until"],
        ["30000001", "destroyed"],
        ["30000002", "[2Jgone", "2026-11-29T01:00:00Z"],
    ]


@pytest.mark.thorough
def test_a_doctor_at_a_terminal_shows_a_table(env: dict[str, str], tmp_path: Path) -> None:
    """A terminal gets the table, and not the lines that a log gets."""
    terminal = env | {"TERM": "xterm", "VAST_MCP_TIME_SCALE": ""}
    status, out, err = at_terminal("doctor", env=terminal, cwd=tmp_path, out=True)
    assert (status, err) == (1, "")
    assert "check" in out
    assert "\x1b[31mfail" in out
    assert "\r\n  mkdir -p ~/.config/vastai" in out


# ── pipes ──────────────────────────────────────────────────────────────────────────────────────


def test_in_a_pipe_rows_are_lines_of_names_and_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Scripts read them."""
    show_rows([{"instance_id": 1, "outcome": "destroyed", "more": 2}], ["instance_id", "outcome"])
    assert capsys.readouterr().out == "instance_id=1  outcome=destroyed\n"


async def test_the_demo_goes_as_it_must(
    world: World, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The story of the README, act by act, on a server in this process."""
    demo.make_key(tmp_path / ".ssh" / "id_demo.pub")
    world.ssh_banners = True
    async with Client(build(settings, CATALOGUE, create_app(world))) as client:
        assert await demo.perform(client) == 0
    out, err = capsys.readouterr()
    assert out.rstrip().endswith("nothing runs, nothing is in doubt")
    assert err == ""


async def test_a_demo_that_goes_otherwise_says_so_and_ends_with_1(
    client: Client, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is shown a success that there was none of."""
    world.missing_permissions = {"misc"}
    assert await demo.perform(client) == 1
    assert "The demo did not go as it must: search_offers: " in capsys.readouterr().out


@pytest.mark.thorough
def test_a_server_that_a_person_started_says_what_it_waits_for(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Nothing else would happen at all; Ctrl-D ends it. A host's pipe hears nothing."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("--sandbox"),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=tmp_path,
    ) as started:
        os.close(theirs)
        assert started.stderr is not None
        assert "waits for a host" in started.stderr.readline().decode()
        os.write(ours, b"\x04")
        out, err = started.communicate(timeout=PATIENCE)
        os.close(ours)
    assert (started.returncode, out) == (0, b"")
    assert "Traceback" not in err.decode()
    piped = subprocess.run(
        command("--sandbox"),
        input=b"",
        capture_output=True,
        env=env,
        cwd=tmp_path,
        timeout=PATIENCE,
        check=True,
    )
    assert (piped.stdout, piped.stderr) == (b"", b"")


async def test_a_demo_in_a_pipe_is_never_silent_for_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever an act waits for, a line says that it goes on."""
    monkeypatch.setattr(stage, "SILENT_S", 0.01)
    async with anyio.create_task_group() as talking:
        talking.start_soon(stage.keep_talking)
        out = ""
        while out.count("…") < 3:
            await anyio.lowlevel.checkpoint()
            out += capsys.readouterr().out
        talking.cancel_scope.cancel()
    assert set(out.splitlines()) == {"    …"}


# ── help ───────────────────────────────────────────────────────────────────────────────────────


def subparsers(top: argparse.ArgumentParser) -> Any:
    """argparse's own, which it offers no other way to."""
    [found] = [action for action in top._actions if action.metavar == "COMMAND"]
    return found


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command's own parser, and the one above them."""
    return {"": top, **subparsers(top).choices}


@pytest.mark.parametrize("name", commands(parser()))
def test_help_fits_eighty_columns_and_explains_every_option(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Help that reads well at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    one = commands(parser())[name]
    text = one.format_help()
    assert max(len(line) for line in text.splitlines()) <= 80
    for action in one._actions:
        if action.metavar != "COMMAND":
            assert action.help, action.dest
            assert action.help is not argparse.SUPPRESS
            assert (action.option_strings or [action.dest])[-1] in text


def test_every_command_is_in_the_first_help_with_what_it_does() -> None:
    """A command that nobody can find is not there."""
    found = subparsers(parser())
    assert {one.dest for one in found._choices_actions if one.help} == set(found.choices)


def test_a_list_of_tools_is_served_without_what_only_a_call_needs(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Start-up is measured, since a host waits for it each time (docs/hosts.md)."""
    # Starlette, uvicorn and httpx2 are not among them: the SDK loads those itself. It would load
    # rich too, for its log; httpx does, with the first call.
    for_calls = {
        "httpx",
        "sqlite3",
        "filelock",
        "dotenv",
        "rich.text",
        "vast_mcp.vast.client",
        "vast_mcp.host.serving",
        "vast_mcp.commands.doctor.checkup",
        "vast_mcp.commands.looks.asking",
        "vast_mcp.commands.looks.pages",
        "vast_mcp.sandbox",
        "vast_mcp.sandbox.world",
    }
    # Measured too, it would load what coverage needs.
    env = {name: value for name, value in env.items() if name not in COVERED}
    env |= {"PYTHONPROFILEIMPORTTIME": "1", "VAST_API_KEY": "planted-key", "VAST_URL": DEAD}
    with process(env=env, cwd=tmp_path) as server, ThreadPoolExecutor() as reading:
        assert server.stdin is not None
        assert server.stderr is not None
        heard = reading.submit(server.stderr.read)
        hello(server)
        for line in (
            '"method": "notifications/initialized"',
            '"id": 2, "method": "tools/list", "params": {}',
        ):
            server.stdin.write(f'{{"jsonrpc": "2.0", {line}}}\n'.encode())
        assert len(json.loads(line_of(server))["result"]["tools"]) == len(CATALOGUE)
        server.stdin.close()
        loaded = {
            line.rpartition("|")[2].strip() for line in heard.result(PATIENCE).decode().splitlines()
        }
    assert "vast_mcp_tools" in loaded
    assert not for_calls & loaded


@pytest.mark.parametrize(
    "arguments", [[], ["call", "show_instances"]], ids=["serving", "another command"]
)
@pytest.mark.thorough
def test_what_runs_collects_its_garbage(
    arguments: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    """Collection is off while the program loads, and a server may run for weeks."""
    program = (
        "import atexit, gc, sys; from vast_mcp.__main__ import main; "
        "atexit.register(lambda: print(gc.isenabled(), file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--sandbox", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        env=env,
        cwd=tmp_path,
    )
    assert done.stderr.splitlines()[-1] == "True"
