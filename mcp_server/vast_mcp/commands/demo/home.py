"""A server for the demo, with a home of its own: nothing of the person's is found from there."""

from __future__ import annotations

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
    """Write the public key of a new pair, and its private half beside it: the machine is entered
    with it.
    """
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"{public.decode()} demo\n", encoding="utf-8")
    half = path.with_suffix("")
    half.touch(mode=0o600)
    half.write_bytes(
        private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption())
    )
