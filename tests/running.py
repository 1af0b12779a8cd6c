"""`vast-mcp run` as a script starts it: a home with a key, a pretended Vast.ai, and its lines."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from house import COVERED, DEAD
from processes import PATIENCE
from served_sandbox import control

LOOK_S = 0.02


@dataclass
class Scripts:
    """Where lines are run: `work` is their folder. `url`: the pretended Vast.ai."""

    home: Path
    url: str
    program: tuple[str, ...] = ("-m", "vast_mcp")
    more: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.work = self.home / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        ssh = self.home / ".ssh"
        if not ssh.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            ssh.mkdir(mode=0o700)
            key.write_private_key(ssh / "id_ed25519")
            (ssh / "id_ed25519").chmod(0o600)
            key.write_public_key(ssh / "id_ed25519.pub")
            control(self.url, "world", {"keys": [key.export_public_key().decode()]})

    @property
    def env(self) -> dict[str, str]:
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), DEAD)
        least = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "VAST_URL": self.url,
            "VAST_API_KEY": "a-key-of-the-sandbox",  # which no file that goes up may hold
            "VAST_MCP_STATE_DIR": str(self.home / "state"),
            "VAST_MCP_TIME_SCALE": "0.2",  # a busy computer is slow at what a machine has time for
        }
        return least | proxies | COVERED | self.more

    @contextlib.contextmanager
    def begun(self, *words: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
        """The line, running; killed in the end where it still does."""
        asked = [sys.executable, *self.program, "run", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        with subprocess.Popen(asked, env=self.env, cwd=self.work, bufsize=0, **pipes) as started:
            try:
                yield started
            finally:
                started.send_signal(signal.SIGKILL)

    def done(self, *words: str, **more: str) -> tuple[int, bytes, str]:
        """The line to its end: status, output, and what was said beside it."""
        env = self.env | more
        asked = [sys.executable, *self.program, "run", *words]
        ran = subprocess.run(
            asked,
            env=env,
            cwd=self.work,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=8 * PATIENCE,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr.decode()

    def living(self) -> list[Any]:
        return control(self.url, "ledger")["living"]

    def rented(self) -> list[Any]:
        return control(self.url, "ledger")["rentals"]


def until_said(started: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    """What a line has printed once this is among it."""
    assert started.stdout is not None
    heard = b""
    give_up_at = time.monotonic() + 4 * PATIENCE
    while wanted not in heard:
        assert time.monotonic() < give_up_at, heard
        more = os.read(started.stdout.fileno(), 65_536)
        assert more, f"it ended: {heard!r}"
        heard += more
    return heard


def until_there(folder: Path, pattern: str, words: bytes) -> list[Path]:
    """The files of this name, once the first of them holds these words."""
    give_up_at = time.monotonic() + 4 * PATIENCE
    while True:
        found = sorted(folder.glob(pattern))
        if found and words in found[0].read_bytes():
            return found
        assert time.monotonic() < give_up_at, f"no {words!r} in {found}"
        time.sleep(LOOK_S)
