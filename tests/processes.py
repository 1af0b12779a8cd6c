"""Real processes for tests: the command, its lines, and the sandbox's control routes from
outside.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import anyio

from house import COVERED
from vast_mcp.commands.shared_sandbox import reset
from vast_mcp.environment import load
from vast_mcp.sandbox.world import World
from vast_mcp.worlds.record import NAME

PATIENCE = 90.0  # seconds for anything that a loaded machine may be slow at


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vast_mcp", *arguments]


@contextmanager
def process(*arguments: str, env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    command_line = command(*arguments)
    # Unbuffered: what one readline took too much, no select would see again.
    with subprocess.Popen(
        command_line, stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=cwd, bufsize=0
    ) as started:
        try:
            yield started
        finally:
            if COVERED:  # what is killed says nothing of what it ran
                started.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    started.wait(PATIENCE)
            started.kill()


def line_of(started: subprocess.Popen[bytes]) -> bytes:
    """The next line of stdout, within bounds."""
    return next_line(started.stdout)


def next_line(stream: IO[bytes] | None) -> bytes:
    """The next line of either output, within bounds."""
    assert stream is not None
    assert select.select([stream], [], [], PATIENCE)[0], "nothing was printed"
    return stream.readline()


def hello(started: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Open the protocol by hand; the answer proves that the server is up."""
    params = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    }
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    assert started.stdin is not None
    started.stdin.write(json.dumps(ask).encode() + b"\n")
    started.stdin.flush()
    return json.loads(line_of(started))


def post(url: str, **body: Any) -> Any:
    """A control route of the sandbox, past every proxy."""
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=PATIENCE
    ) as reply:
        return json.load(reply)


def ledger(url: str) -> Any:
    return _get(f"{url}/_sandbox/ledger")


def asked(url: str) -> list[str]:
    """The endpoints that were asked, in order."""
    return [one["endpoint"] for one in _get(f"{url}/_sandbox/requests")["requests"]]


def _get(url: str) -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        url, timeout=PATIENCE
    ) as reply:
        return json.load(reply)


def ran(*arguments: str, env: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    done = subprocess.run(
        command(*arguments),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def end_worlds(under: Path) -> None:
    """End the sandboxes whose state folders are below a folder, each through its own door."""
    for record in under.rglob(f"sandbox/{NAME}"):
        told = load({"VAST_MCP_STATE_DIR": str(record.parents[1])}, home=under, sandbox=True)
        # Apart from the loop that runs the tests.
        ending = threading.Thread(target=anyio.run, args=(reset, told))
        ending.start()
        ending.join()


def services(under: Path) -> list[int]:
    """The processes that serve a world below a folder, by their command lines."""
    found: list[int] = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (one / "cmdline").read_bytes().split(b"\0")
            if b"--shared" in words and any(word.startswith(bytes(under)) for word in words):
                found.append(int(one.name))
    return found


def an_offer() -> int:
    """An offer of the world that `--sandbox` makes: the same seed gives the same offers."""
    return World().offer()["id"]
