"""`vast-mcp serve` as a process, and one request to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from processes import PATIENCE, next_line, process

TOKEN = "a-token-of-sixteen-letters-or-more"
WHO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "0"},
}
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": WHO}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@dataclass
class Serving:
    """A `vast-mcp serve` process: its address, and what it said on stderr while it came up."""

    process: subprocess.Popen[bytes]
    url: str
    said: str = ""

    @property
    def root(self) -> str:
        return self.url.removesuffix("/mcp")


@contextmanager
def serving(*arguments: str, env: dict[str, str], cwd: Path, lines: int = 1) -> Iterator[Serving]:
    """`vast-mcp … serve …` on a free port of loopback."""
    with process(*arguments, env=env, cwd=cwd) as started:
        said = "".join(next_line(started.stderr).decode() for _ in range(lines))
        yield Serving(started, said.partition(" listens on ")[2].split()[0], said)


def ask(serving: Serving, **headers: str) -> httpx.Response:
    """The opening of the protocol with these headers, past every proxy."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        return http.post(serving.url, json=HELLO, headers=ACCEPT | headers)


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
