"""What README shows a script to do, done: against a sandbox that loses the reply."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import ROOT, call, served
from running import Scripts, until_there
from served_sandbox import control, served_sandbox
from vast_mcp.commands import demo
from vast_mcp.sandbox.routes import TABLE
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.processes

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    with served_sandbox(tmp_path) as url:
        yield url


def environment(sandbox: str, home: Path) -> dict[str, str]:
    """Where a script runs: our command, a key, the sandbox, and waits made short."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "VAST_URL": sandbox,
        "VAST_API_KEY": "k",
        "VAST_MCP_STATE_DIR": str(home / "state"),
        "VAST_MCP_TIME_SCALE": "0.01",
        "OFFER_ID": "20000001",
    }


def block(language: str) -> str:
    """README's loop in that language."""
    found = [
        text
        for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
        if "create_instance" in text
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("language", ["bash", "python"])
def test_the_unattended_loop_survives_a_lost_reply(
    sandbox: str, tmp_path: Path, language: str, when: str
) -> None:
    """README: repeat the exact command on status 3; one machine, whether or not the lost request
    had arrived.
    """
    control(sandbox, "world", {"rent_again": True})
    control(sandbox, "faults", {"endpoint": "create", "kind": "drop", "when": when})
    interpreter = {"bash": ["bash", "-c"], "python": [sys.executable, "-c"]}[language]
    done = subprocess.run(
        [*interpreter, block(language)],
        check=False,
        env=environment(sandbox, tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    living = control(sandbox, "ledger")["living"]
    assert len(living) == 1
    living_id = living[0]["id"] if isinstance(living[0], dict) else living[0]
    assert str(living_id) in done.stdout
    puts = [r for r in control(sandbox, "requests")["requests"] if r["endpoint"] == "create"]
    assert len(puts) == (1 if when == "after" else 2)


@pytest.mark.thorough
@pytest.mark.timeout(240)
def test_the_nightly_job_is_killed_and_repeated(sandbox: str, tmp_path: Path) -> None:
    """README: the same script goes on with what a killed one left; the job runs once."""
    [script] = re.findall(r"```bash\n(night=.*?)```", README, re.DOTALL)
    scripts = Scripts(tmp_path, sandbox)
    (scripts.work / "src").mkdir()
    job = 'echo begun; mkdir -p "$1"; echo x >>"$1/runs"; sleep 2; echo done; exit 7'
    (scripts.work / "src" / "job.sh").write_text(job, "utf-8")
    env = environment(sandbox, tmp_path) | scripts.env
    env["PATH"] = environment(sandbox, tmp_path)["PATH"]
    shell = ["bash", "-c", script]
    with subprocess.Popen(shell, env=env, cwd=scripts.work, start_new_session=True) as first:
        [log] = until_there(scripts.work, "*.log", b"begun")
        os.killpg(first.pid, signal.SIGKILL)
    done = subprocess.run(shell, check=False, env=env, cwd=scripts.work, timeout=200)
    assert done.returncode == 7
    assert log.read_bytes() == b"begun\ndone\n"
    [runs] = scripts.work.glob("out/*/runs")
    assert runs.read_text("utf-8") == "x\n"
    assert (scripts.living(), len(scripts.rented())) == ([], 1)


@pytest.mark.thorough
def test_the_lines_for_a_script_run(sandbox: str, tmp_path: Path) -> None:
    """README: what is missing, a search, the settling of what is open, and the end of what is past
    its lease.
    """
    [lines] = [
        text
        for text in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
        if "vast-mcp reconcile" in text
    ]
    done = subprocess.run(
        ["bash", "-ec", lines],
        check=False,
        env=environment(sandbox, tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    looked, brace, rest = done.stdout.partition("{\n")
    assert "journal" in looked
    answer, end = json.JSONDecoder().raw_decode(brace + rest)
    assert len(answer["offers"]) == 3
    assert (brace + rest)[end:].strip().startswith("nothing open\n")


@pytest.mark.thorough
def test_the_line_for_cron_runs(sandbox: str, tmp_path: Path) -> None:
    """README: a sweep every ten minutes, with the settings of one file and none of the shell's."""
    [line] = re.findall(r"```\n\*/10 \* \* \* \* (.*?)\n```", README)
    env = environment(sandbox, tmp_path)
    given = tmp_path / ".config" / "vast-mcp.env"
    given.parent.mkdir()
    told = [f"{name}={env.pop(name)}" for name in list(env) if name.startswith("VAST_")]
    given.write_text("\n".join(told), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-ec", line],
        check=False,
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "nothing past its lease"), done.stderr


def test_make_demo_is_the_demo() -> None:
    """README names the command that a newcomer runs first; tests/commands/test_terminal.py plays it
    to its end.
    """
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\t@$(BIN)/vast-mcp demo\n" in makefile


async def test_the_error_shown_is_the_one_that_is_answered(client: Client) -> None:
    """README: the shape of every failure."""
    [shown] = [
        json.loads(text)
        for text in re.findall(r"```json\n(.*?)```", README, re.DOTALL)
        if '"error"' in text
    ]
    answered = await call(client, "create_instance", offer_id=19_999_999)
    assert set(shown["error"]) <= set(answered["error"])
    assert all(
        shown["error"][name] == answered["error"][name]
        for name in ("code", "retryable", "billing_possible")
    )
    assert [step["tool"] for step in shown["error"]["next_steps"]] == [
        step["tool"] for step in answered["error"]["next_steps"]
    ]


def test_every_block_is_run_by_something() -> None:
    """A command that nobody runs is a guess. Generated ones: tests/hosts and tests/project."""
    written = re.sub(r"<!-- generated: .*?<!-- end -->", "", README, flags=re.DOTALL)
    found = [
        text.splitlines()[0] for text in re.findall(r"```[a-z]+\n(.*?)```", written, re.DOTALL)
    ]
    run = [
        "make demo   #",
        '{"error": {"code": "offer_gone"',
        "vast-mcp approve",  # tests/renting/test_confirm.py
        "vast-mcp doctor",
        "vast-mcp offers",  # tests/commands/test_looks.py
        "vastai create api-key",  # its rights, below
        "uv tool install",  # tests/hosts/test_install.py
        "export VAST_API_KEY",  # tests/hosts/test_claude_code.py
        "wish='{",
        "night=",
        "import datetime",
    ]
    assert [first for first in found if not any(first.startswith(known) for known in run)] == []


# ── the key's rights ───────────────────────────────────────────────────────────────────────────


def permissions() -> dict[str, Any]:
    """What README's line asks for a key."""
    found = re.search(r"--permissions '(.+)'", README)
    assert found is not None
    return json.loads(found[1])["api"]


GROUPS = {endpoint.scope for endpoint in TABLE} - {""}


async def test_a_key_with_the_rights_that_are_named_does_everything(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """The demo, on a sandbox that knows rights by route (docs/vast-api.md I)."""
    demo.make_key(tmp_path / ".ssh" / "id_demo.pub")
    world.ssh_banners = True
    world.missing_permissions = GROUPS - set(permissions())
    async with served(world, settings) as client:
        assert await demo.perform(client) == 0


@pytest.mark.parametrize("right", sorted(permissions()))
async def test_no_right_that_is_named_could_be_left_out(
    world: World, settings: Settings, tmp_path: Path, right: str
) -> None:
    """Each is needed by something in the demo."""
    demo.make_key(tmp_path / ".ssh" / "id_demo.pub")
    world.ssh_banners = True
    world.missing_permissions = (GROUPS - set(permissions())) | {right}
    async with served(world, settings) as client:
        assert await demo.perform(client) == 1
