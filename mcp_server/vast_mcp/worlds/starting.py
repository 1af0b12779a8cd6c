"""How the service of the sandbox's shared world is started: by whoever needs it first, and apart
from them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from vast_mcp import signals

LOG = "service.log"
# What Python needs to start. The rest of the environment holds keys that a sandbox has no use for.
_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE"}
)
_KEPT_KINDS = ("PYTHON", "COVERAGE_", "LC_", "LD_", "DYLD_")


def start(folder: Path) -> None:
    """Start the service. Returns before it serves. Raises OSError."""
    # -P: nothing is imported from where it is started.
    command = [sys.executable, "-P", "-m", "vast_mcp", "sandbox", "--shared", str(folder)]
    environ = {name: value for name, value in os.environ.items() if _is_kept(name)}
    signals.start_apart(command, environ, log=folder / LOG)


def _is_kept(name: str) -> bool:
    return name.upper() in _KEPT or name.upper().startswith(_KEPT_KINDS)
