"""README's ways to install, run as they stand there, where the system manages Python (PEP 668)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trial import ROOT, a_checkout, a_program
from vast_mcp import __version__

README = (ROOT / "README.md").read_text(encoding="utf-8")
VERSION = f"vast-mcp {__version__}\n"


def managed_by_the_system() -> str | None:
    """The system's own Python, where pip refuses to install into it."""
    python = "/usr/bin/python3"
    if not Path(python).exists():
        return None
    told = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    marked = Path(told.stdout.strip(), "EXTERNALLY-MANAGED").exists()
    return python if marked else None


def a_python() -> str:
    """An interpreter to install with: a managed one where there is one."""
    return managed_by_the_system() or sys.executable


def line(first: str) -> str:
    """README's command that begins so."""
    [found] = re.findall(rf"^{re.escape(first)}.*$", README, re.MULTILINE)
    return found


@pytest.mark.parametrize("tool", ["uv tool install", "pipx install"])
def test_a_line_of_the_readme_puts_the_command_on_the_path(tool: str, tmp_path: Path) -> None:
    """Into an environment of its own, so that it does not matter who manages Python."""
    checkout = a_checkout(tmp_path)
    env = {"UV_PYTHON": a_python(), "PIPX_DEFAULT_PYTHON": a_python()}
    a_program(tmp_path, "sh", "-c", line(tool), cwd=checkout, **env)
    installed = tmp_path / "home/.local/bin/vast-mcp"
    assert a_program(tmp_path, str(installed), "--version") == VERSION
    said = a_program(tmp_path, str(installed), "--sandbox", "call", "search_offers", '{"limit": 1}')
    assert '"offer_id"' in said


@pytest.mark.parametrize("source", [".", "git+file://{checkout}"])
def test_uvx_runs_a_checkout_and_a_git_address(source: str, tmp_path: Path) -> None:
    """Nothing is installed for it."""
    checkout = a_checkout(tmp_path)
    for command in (
        ["git", "init", "-q"],
        ["git", "add", "-A"],
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"],
    ):
        subprocess.run(command, cwd=checkout, check=True)
    words = ["uvx", "--from", source.format(checkout=checkout), "vast-mcp", "--version"]
    assert VERSION in a_program(tmp_path, *words, cwd=checkout, UV_PYTHON=a_python())
    assert all(f"uvx --from {shown} vast-mcp" in README for shown in (".", "git+ADDRESS"))


@pytest.mark.skipif(managed_by_the_system() is None, reason="no Python that the system manages")
def test_pip_alone_is_refused_there_as_the_readme_says(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path)
    words = [a_python(), "-m", "pip", "install", "--no-deps", "."]
    done = subprocess.run(
        words,
        cwd=checkout,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "externally-managed" in done.stderr or "No module named pip" in done.stderr
