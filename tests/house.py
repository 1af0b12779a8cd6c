"""What the tests share: where things are, two public keys, a call, a process's environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mcp import Client

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"

KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)
OTHER_KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4u other@example"
)

DEAD = "http://127.0.0.1:9"  # nobody listens there


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool; its JSON, which is the same on both channels."""
    result = await client.call_tool(tool, arguments)
    payload = result.structured_content
    assert payload is not None
    assert bool(result.is_error) == ("error" in payload)
    return payload


def env_of(folder: Path) -> dict[str, str]:
    """The same for a process that several tests share."""
    home = folder / "home"
    home.mkdir()
    proxies = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), DEAD
    )
    return {"HOME": str(home), "PATH": os.environ["PATH"], "VAST_MCP_TIME_SCALE": "0.01", **proxies}
