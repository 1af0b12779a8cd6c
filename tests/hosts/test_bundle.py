"""The bundle for Claude Desktop: made, checked, unpacked, and started by its own command."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from trial import a_checkout, a_program, assert_pinned, the_environment, the_path
from vast_mcp import __version__
from vast_mcp_tools import CATALOGUE


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """What `make mcpb` makes."""
    checkout = a_checkout(tmp_path)
    a_program(tmp_path, "sh", str(checkout / "scripts/mcpb"))
    return checkout / f"dist/vast-mcp-{__version__}.mcpb"


def test_the_bundle_holds_the_code_and_nothing_else_of_the_repository(bundle: Path) -> None:
    """The code, and what is needed to build it (docs/hosts.md)."""
    with zipfile.ZipFile(bundle) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert not [name for name in archive.namelist() if "__pycache__" in name]
    assert tops == {
        "manifest.json",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "SKILL.md",
        "mcp_server",
        "tools",
    }


async def test_the_unpacked_bundle_serves_the_tools_by_its_own_command(
    bundle: Path, tmp_path: Path
) -> None:
    """As Claude Desktop fills the manifest in, with the question for the key unanswered
    (docs/hosts.md).
    """
    unpacked = tmp_path / "unpacked"
    a_program(tmp_path, "mcpb", "unpack", str(bundle), str(unpacked))
    run = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))["server"][
        "mcp_config"
    ]
    command = shutil.which(run["command"], path=the_path())
    assert command is not None
    words = [word.replace("${__dirname}", str(unpacked)) for word in run["args"]]
    env = the_environment(tmp_path) | run["env"]
    async with Client(
        StdioServerParameters(command=command, args=words, env=env, cwd=tmp_path)
    ) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            spec.name for spec in CATALOGUE
        ]
        answer = await client.call_tool("show_account", {})
    assert_pinned(unpacked / ".venv")
    assert answer.structured_content is not None
    assert answer.structured_content["error"]["code"] == "no_api_key"
