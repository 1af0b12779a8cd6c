"""The first release, from its commit: what may still run in another editor."""

from __future__ import annotations

import contextlib
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST_RELEASE = "61dae93"  # the last commit of 0.1.0


def has_first_release() -> bool:
    command = ["git", "-C", str(ROOT), "cat-file", "-e", f"{FIRST_RELEASE}^{{commit}}"]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


@functools.cache
def first_release(folder: Path) -> Path:
    """The sources of 0.1.0, unpacked there."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = ["git", "-C", str(ROOT), "archive", FIRST_RELEASE, "mcp_server", "tools"]
    packed = subprocess.run(archive, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder
