"""This computer: versions, and whether what is installed is compiled."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import sys
from pathlib import Path

from vast_mcp import __version__
from vast_mcp.commands.doctor.findings import Finding

OLDEST_MCP, TOO_NEW_MCP = (2, 3), (3,)


def versions() -> Finding:
    """What runs, for a report."""
    mcp = importlib.metadata.version("mcp")
    said = (
        f"vast-mcp {__version__}, mcp {mcp}, Python {platform.python_version()}, "
        f"{platform.system()}"
    )
    numbers = tuple(int(number) for number in re.findall(r"\d+", mcp)[:2])
    if OLDEST_MCP <= numbers < TOO_NEW_MCP:
        return Finding("versions", "ok", said)
    fix = f"{shlex.quote(sys.executable)} -m pip install 'mcp>=2.3,<3'"
    said = f"{said}; this vast-mcp wants mcp 2.3 or newer and below 3"
    return Finding("versions", "fail", said, fix)


def bytecode() -> Finding:
    """Whether Python keeps what it compiled: without, every start takes twice the time
    (measured).
    """
    spec = importlib.util.find_spec("mcp_types")
    if spec is None or spec.origin is None:
        return Finding("bytecode", "warn", "the installed packages were not found as files")
    package = Path(spec.origin).parent
    if is_compiled(package):
        return Finding("bytecode", "ok", "the installed packages are compiled")
    reason = why_not_compiled(package, cache_of(spec.origin).parent)
    if reason is None:
        return Finding("bytecode", "ok", "compiled at the next start")
    fix = f"{shlex.quote(sys.executable)} -m compileall -q {shlex.quote(str(package.parent))}"
    said = f"missing, so every start takes twice the time: {reason}"
    return Finding("bytecode", "warn", said, fix)


def cache_of(module: str) -> Path:
    """Where Python keeps what it compiled of a file."""
    return Path(importlib.util.cache_from_source(module))


def is_compiled(package: Path) -> bool:
    """Whether every module of a package is compiled."""
    return all(cache_of(str(path)).exists() for path in package.glob("*.py"))


def why_not_compiled(package: Path, cache: Path) -> str | None:
    """What keeps Python from compiling a package at the next start; None: nothing."""
    if sys.dont_write_bytecode:
        return "PYTHONDONTWRITEBYTECODE is set"
    place = next(folder for folder in (cache, package) if folder.exists())
    if os.access(place, os.W_OK):
        return None
    return f"{package} cannot be written"
