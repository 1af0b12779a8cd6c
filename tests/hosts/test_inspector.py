"""The Inspector's command line, a client of other people's, over stdio in both eras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trial import a_program
from vast_mcp_tools import CATALOGUE

TOOL_IS_ERROR = 5  # its exit status for a result that says isError


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


def inspect(folder: Path, era: str, *words: str, status: int = 0) -> Any:
    """One request's result, as JSON."""
    config = folder / "servers.json"
    entry = {"command": "vast-mcp", "args": ["--sandbox"]}
    config.write_text(json.dumps({"mcpServers": {"vast": entry}}), encoding="utf-8")
    options = [
        "--cli",
        "-q",
        "--format",
        "json",
        "--config",
        str(config),
        "--server",
        "vast",
        "--protocol-era",
        era,
    ]
    said = a_program(folder, "inspector", *options, *words, status=status)
    return json.loads(said.splitlines()[0])["result"]


def test_every_schema_is_portable(tmp_path: Path, era: str) -> None:
    """`--strict` fails on a schema that some host cannot read (docs/hosts.md)."""
    result = inspect(tmp_path, era, "--method", "tools/list", "--strict")
    assert [tool["name"] for tool in result["tools"]] == [spec.name for spec in CATALOGUE]


def test_a_success_is_taken_with_its_structure(tmp_path: Path, era: str) -> None:
    """A client that validates results against the output schema accepts ours (docs/hosts.md)."""
    result = inspect(
        tmp_path,
        era,
        "--method",
        "tools/call",
        "--tool-name",
        "search_offers",
        "--tool-args-json",
        '{"gpu_name": "4090", "limit": 1}',
    )
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert result["structuredContent"]["offers"][0]["offer_id"]


def test_an_error_is_taken_with_its_structure(tmp_path: Path, era: str) -> None:
    """This client rejects an error whose structure breaks the output schema; ours never
    does (docs/hosts.md).
    """
    result = inspect(
        tmp_path,
        era,
        "--method",
        "tools/call",
        "--tool-name",
        "create_instance",
        "--tool-args-json",
        '{"offer_id": 1, "dsik": 3}',
        status=TOOL_IS_ERROR,
    )
    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "bad_arguments"
