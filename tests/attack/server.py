"""The real server as a process, over stdio and over HTTP: asked, timed and weighed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWER_S = 70.0  # a tool answers within 50
TOKEN = "a-token-of-sixteen-letters-or-more"
KEY = "planted-key-0123456789"
Json = dict[str, Any]

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "attack", "version": "0"},
}


def message(method: str, number: int = 1, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def env_of(home: Path, **more: str) -> dict[str, str]:
    """What a process needs, and nothing of the person's own."""
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PATH": os.environ["PATH"], **more}


@dataclass
class Watched:
    """A process, whose greatest size is kept when it ends."""

    process: subprocess.Popen[bytes]
    peak_mib: float = 0.0

    def weigh(self) -> float:
        """The most memory that it ever had, in MiB (proc(5), VmHWM)."""
        with contextlib.suppress(OSError, IndexError):
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
            self.peak_mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return self.peak_mib

    def close(self) -> None:
        self.weigh()
        self.process.kill()
        self.process.communicate()


@dataclass
class Stdio(Watched):
    """Over stdio, by hand: lines go out as they are, answers come in as they come."""

    # None at the end of stdout.
    answers: queue.Queue[Json | None] = field(default_factory=queue.Queue["Json | None"])
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1000))

    def send(self, line: bytes) -> None:
        """Send from a thread, since nobody may read what is long."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def answer(self, seconds: float = ANSWER_S) -> Json | None:
        with contextlib.suppress(queue.Empty):
            return self.answers.get(timeout=seconds)
        return None

    def ask(self, line: bytes) -> Json | None:
        """The next answer to a line; None where none comes."""
        sending = threading.Thread(target=self.send, args=(line,), daemon=True)
        sending.start()
        return self.answer()

    def call(self, tool: str, **arguments: Any) -> Json | None:
        number = next(self._numbers)
        return self.ask(message("tools/call", number, name=tool, arguments=arguments))

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            heard = json.loads(line)
            if "id" in heard and "method" not in heard:
                self.answers.put(heard)
        self.answers.put(None)


@contextlib.contextmanager
def over_stdio(home: Path, *arguments: str, **env: str) -> Any:
    made = Stdio(
        subprocess.Popen(
            [sys.executable, "-m", "vast_mcp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env_of(home, **env),
            cwd=home,
        )
    )
    threading.Thread(target=made.read, daemon=True).start()
    try:
        assert made.ask(message("initialize", **_HELLO)), "the server does not start"
        made.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        yield made
    finally:
        made.close()


@dataclass
class Http(Watched):
    """Over HTTP on a port of loopback."""

    port: int = 0

    def head(self, length: int, token: str = TOKEN) -> bytes:
        return (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def call(self, tool: str, **arguments: Any) -> bool:
        """Whether a real client is answered."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/mcp",
            message("tools/call", name=tool, arguments=arguments),
            {
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            },
        )
        try:
            with _DIRECT.open(request, timeout=ANSWER_S) as reply:
                return b'"result"' in reply.read()
        except OSError:
            return False


@contextlib.contextmanager
def over_http(home: Path, files: int) -> Any:
    """With so many files as some systems give a process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vast_mcp", "--sandbox", "serve", "--http", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=env_of(home, VAST_MCP_HTTP_TOKEN=TOKEN),
        cwd=home,
    )
    made = Http(process)
    try:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        made.port = int(said.partition("http://127.0.0.1:")[2].partition("/")[0])
        if sys.platform == "linux":
            import resource

            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, files))
        yield made
    finally:
        made.close()


def timed(ask: Any) -> tuple[bool, float]:
    began = time.monotonic()
    return bool(ask()), time.monotonic() - began
