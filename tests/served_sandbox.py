"""A sandbox in a process of its own, and what it lets a test see and change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def served_sandbox(folder: Path) -> Iterator[str]:
    """The address of a `vast-mcp sandbox` process."""
    command = [sys.executable, "-m", "vast_mcp", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found is not None
        try:
            yield found.group()
        finally:
            process.terminate()


def control(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """What the sandbox's control answers: `ledger` and `requests` are read, `world` and `faults`
    take a body.
    """
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(  # noqa: S310
        f"{url}/_sandbox/{path}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=10
    ) as reply:
        return json.load(reply)
