"""What a person at a terminal sees, what a pipe gets, and help that fits 80 columns."""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from house import DEAD
from processes import PATIENCE, command, hello, line_of, process
from vast_mcp.commands.parser import parser
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
    streams = (
        {"stdout": theirs, "stderr": subprocess.PIPE}
        if out
        else {"stdout": subprocess.PIPE, "stderr": theirs}
    )
    with subprocess.Popen(
        command(*arguments), stdin=subprocess.DEVNULL, env=env, cwd=cwd, **streams
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


def left_on_screen(text: str) -> str:
    """What a terminal shows after it: each carriage return writes over the line."""
    shown: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        row = ""
        for part in line.split("\r"):
            row = part + row[len(part) :]
        shown.append(row.rstrip())
    return "\n".join(shown).strip()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("--sandbox", "call", "show_account"), "show_account"),
        (("--sandbox", "doctor", "--json"), "looking at"),
    ],
)
def test_at_a_terminal_one_line_is_rewritten_and_nothing_of_it_stays(
    env: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], shown: str
) -> None:
    """Progress on a terminal; stdout has the result alone."""
    status, out, err = at_terminal(*arguments, env=env | {"TERM": "xterm"}, cwd=tmp_path)
    assert status == 0
    assert json.loads(out)
    assert shown in err
    assert "\n" not in err
    assert left_on_screen(err) == ""


def test_the_tools_own_progress_is_in_the_line(env: dict[str, str], tmp_path: Path) -> None:
    """A wait of minutes says what it waits for; the demo shows every call so, and its
    story stays on stdout.
    """
    status, out, err = at_terminal("demo", env=env | {"TERM": "xterm"}, cwd=tmp_path)
    assert status == 0, out + err
    assert out.rstrip().endswith("nothing runs, nothing is in doubt")
    assert "wait_for_instance: " in err
    assert left_on_screen(err) == ""
    assert "… " not in out


@pytest.mark.parametrize(
    "arguments", [("--sandbox", "call", "show_account"), ("--sandbox", "doctor", "--json")]
)
def test_a_terminal_that_cannot_rewrite_is_left_alone(
    env: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """TERM=dumb, as inside editors."""
    _, _, err = at_terminal(*arguments, env=env | {"TERM": "dumb"}, cwd=tmp_path)
    assert err == ""


def test_colours_are_for_terminals_that_want_them(env: dict[str, str], tmp_path: Path) -> None:
    """no-color.org: any value that is not empty means none."""
    terminal = env | {"TERM": "xterm"}
    assert (
        "\x1b[33mwarn"
        in at_terminal("--sandbox", "doctor", env=terminal, cwd=tmp_path, out=True)[1]
    )
    assert (
        "\x1b"
        not in at_terminal(
            "--sandbox", "doctor", env=terminal | {"NO_COLOR": "1"}, cwd=tmp_path, out=True
        )[1]
    )


def test_an_error_at_a_terminal_is_the_same_as_anywhere(
    env: dict[str, str], tmp_path: Path
) -> None:
    """The line wraps what runs, and must not wrap what it raises."""
    env |= {"VAST_MCP_TIME_SCALE": ""}
    status, out, err = at_terminal("sweep", "--json", env=env | {"TERM": "xterm"}, cwd=tmp_path)
    assert (status, json.loads(out)["error"]["code"]) == (1, "no_api_key")
    assert left_on_screen(err) == ""


# ── help ───────────────────────────────────────────────────────────────────────────────────────


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command's own parser, and the one above them."""
    [found] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    return {"": top, **found.choices}


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
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, action.dest
            assert action.help is not argparse.SUPPRESS
            assert (action.option_strings or [action.dest])[-1] in text


def test_every_command_is_in_the_first_help_with_what_it_does() -> None:
    """A command that nobody can find is not there."""
    [found] = [
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    assert {one.dest for one in found._choices_actions if one.help} == set(found.choices)


def test_a_list_of_tools_is_served_without_what_only_a_call_needs(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Start-up is measured, since a host waits for it each time (docs/hosts.md)."""
    # Starlette, uvicorn and httpx2 are not among them: the SDK loads those itself.
    for_calls = {
        "httpx",
        "sqlite3",
        "filelock",
        "dotenv",
        "vast_mcp.vast.client",
        "vast_mcp.serving",
        "vast_mcp.doctor",
        "vast_mcp.sandbox",
        "vast_mcp.sandbox.world",
    }
    env = {**env, "PYTHONPROFILEIMPORTTIME": "1", "VAST_API_KEY": "planted-key", "VAST_URL": DEAD}
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
