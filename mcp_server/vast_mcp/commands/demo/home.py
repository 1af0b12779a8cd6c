"""A server for the demo, with a home of its own: nothing of the person's is found from there."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

from vast_mcp import environment


def server_in(folder: str) -> Any:
    """How the client starts the server: with a home of its own."""
    from mcp import StdioServerParameters

    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "vast_mcp", "--sandbox"],
        env=environment_in(folder),
        cwd=folder,
    )


def environment_in(folder: str) -> dict[str, str]:
    """An environment whose home is a folder: nothing of the person's own is found from there."""
    return {
        "HOME": folder,
        "XDG_CONFIG_HOME": folder,
        "VAST_MCP_STATE_DIR": str(Path(folder) / "state"),
        "PATH": os.environ.get("PATH", ""),
    }


async def end_world_in(folder: str) -> None:
    """End the sandbox that the server started for its calls."""
    from vast_mcp.commands.shared_sandbox import reset

    await reset(environment.load(environment_in(folder), home=Path(folder), sandbox=True))


def make_key(path: Path) -> None:
    """Write a public key of the right form; nobody holds its private half, and the sandbox needs
    none.
    """
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + os.urandom(32)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()} demo\n", encoding="utf-8")
