"""What README shows a script to do, done: against a sandbox that loses the reply."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    """The address of a `vast-mcp sandbox` process."""
    command = [sys.executable, "-m", "vast_mcp", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found is not None
        yield found.group()
        process.terminate()


def control(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{url}/_sandbox/{path}", data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
        return json.load(reply)


def block(language: str) -> str:
    """README's loop in that language."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if "create_instance" in text]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("language", ["bash", "python"])
def test_the_unattended_loop_survives_a_lost_reply(sandbox: str, tmp_path: Path, language: str, when: str) -> None:
    """README: repeat the exact command on status 3; one machine, whether or not the lost request had arrived."""
    control(sandbox, "world", {"rent_again": True})
    control(sandbox, "faults", {"endpoint": "create", "kind": "drop", "when": when})
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "VAST_URL": sandbox,
        "VAST_API_KEY": "k",
        "VAST_MCP_STATE_DIR": str(tmp_path / "state"),
        "VAST_MCP_TIME_SCALE": "0.01",
        "OFFER_ID": "20000001",
    }
    interpreter = {"bash": ["bash", "-c"], "python": [sys.executable, "-c"]}[language]
    done = subprocess.run(
        [*interpreter, block(language)],
        check=False,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    living = control(sandbox, "ledger")["living"]
    assert len(living) == 1
    living_id = living[0]["id"] if isinstance(living[0], dict) else living[0]
    assert str(living_id) in done.stdout
    puts = [r for r in control(sandbox, "requests")["requests"] if r["endpoint"] == "create"]
    assert len(puts) == (1 if when == "after" else 2)
