"""Commands that look, in this process and in a person's environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from house import KEY_LINE
from served_sandbox import control, served_sandbox
from vast_mcp.commands import cli


@pytest.fixture(scope="module")
def pretended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pretended Vast.ai that a module's tests share."""
    with served_sandbox(tmp_path_factory.mktemp("pretended")) as at:
        control(at, "world", {"keys": [KEY_LINE], "looks_per_step": 0})
        yield at


@pytest.fixture
def at_home(env: dict[str, str], pretended: str) -> dict[str, str]:
    """A person's environment."""
    return env | {"VAST_URL": pretended, "VAST_API_KEY": "a-planted-key", "TERM": "xterm-256color"}


@pytest.fixture
def run(
    at_home: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """A command in this process: its status, what it prints and what it says beside that."""
    for name, value in at_home.items():
        monkeypatch.setenv(name, value)

    def done(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = cli.run(words)
        except SystemExit as exc:
            status = int(exc.code or 0)
        return status, *capfd.readouterr()

    return done
