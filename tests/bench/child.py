"""A server over stdio as a child: one line out, one line in, nothing in between that would be
measured with it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

KEY = "bench-account-key"


def env_of(home: Path, **more: str) -> dict[str, str]:
    """What a process needs and nothing of the person's own."""
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PATH": os.environ["PATH"], **more}


class Child:
    """Newline-delimited JSON-RPC with a process."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=cwd
        )
        self._ids = itertools.count(1)
        self._answers: dict[Any, dict[str, Any]] = {}  # that came before they were waited for

    def ask(self, method: str, **params: Any) -> Any:
        """The result of one request. Raises RuntimeError where there is none."""
        return self._answer(self._send(method, params), method)

    def _send(self, method: str, params: dict[str, Any]) -> int:
        number = next(self._ids)
        self._say({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def _answer(self, number: int, method: str) -> Any:
        assert self._process.stdout is not None
        while number not in self._answers:
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError(f"{method}: the server ended")
            message = json.loads(line)
            self._answers[message.get("id")] = message
        message = self._answers.pop(number)
        if "result" not in message:
            raise RuntimeError(f"{method}: {message}")
        return message["result"]

    def greet(self) -> None:
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "0"},
        }
        self.ask("initialize", **hello)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: Any) -> Any:
        """A tool's JSON. Raises RuntimeError for an error: a figure of a failure says nothing."""
        return _of(tool, self.ask("tools/call", name=tool, arguments=arguments))

    def at_once(self, count: int, tool: str) -> list[Any]:
        """The same for so many calls that are all sent before the first is answered."""
        asked = {"name": tool, "arguments": {}}
        sent = [self._send("tools/call", asked) for _ in range(count)]
        return [_of(tool, self._answer(number, tool)) for number in sent]

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def peak_mib(self) -> float:
        """The most memory it has held so far.

        Not wait4's figure: that is never below what this process held as it forked.
        """
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        [kib] = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kib) / 1024

    def busy_s(self) -> float:
        """How long its threads have run on a processor so far."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text(encoding="ascii").split()[0]) for one in threads) / 1e9

    def end(self) -> None:
        """Close its stdin, and wait."""
        with self._process:
            pass


def _of(tool: str, result: Any) -> Any:
    if result.get("isError"):
        raise RuntimeError(f"{tool}: {result['structuredContent']}")
    return result["structuredContent"]


@contextlib.contextmanager
def child(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Generator[Child]:
    made = Child(command, env, cwd)
    try:
        yield made
    finally:
        made.end()
