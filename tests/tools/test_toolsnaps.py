"""One recorded schema per tool: no change to what hosts see goes unnoticed, and a server that is
asked for its list reads it and loads no tool.

`make snapshots` accepts the schemas as they are now; a review sees the difference in published/.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client

from house import ROOT
from vast_mcp.host.schema import published
from vast_mcp_tools import CATALOGUE

SNAPS = ROOT / "tools" / "vast_mcp_tools" / "published"
SHOWN = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
UPDATING = os.environ.get("UPDATE_TOOLSNAPS") == "1"
ACCEPT = "If that is meant, run `make snapshots` and commit what it wrote."
ABSENT = "(absent)"


@pytest.fixture(scope="module")
def listed() -> Any:
    """What a client is to be shown of each tool, by name, built of the tools as they are."""
    tools = [published(spec).model_dump(mode="json", by_alias=True) for spec in CATALOGUE]
    return {tool["name"]: {key: tool[key] for key in SHOWN} for tool in tools}


def differences(recorded: Any, shown: Any, path: Any = "") -> Any:
    """One line for each thing that differs, wherever it stands; the order of keys is none."""
    if isinstance(recorded, dict) and isinstance(shown, dict):
        for key in sorted(recorded.keys() | shown.keys()):
            yield from differences(
                recorded.get(key, ABSENT), shown.get(key, ABSENT), f"{path}.{key}".lstrip(".")
            )
    elif recorded != shown:
        was, now = (json.dumps(part, ensure_ascii=False) for part in (recorded, shown))
        yield f"{path}:\n    recorded {was}\n    now      {now}"


def as_text(shown: Any) -> Any:
    return json.dumps(shown, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("name", [spec.name for spec in CATALOGUE])
def test_a_tool_is_shown_as_it_was_recorded(listed: Any, name: Any) -> None:
    """Names, words and schemas are what an agent works with; a change of them is a
    change of behaviour.
    """
    path = SNAPS / f"{name}.json"
    if UPDATING:
        path.parent.mkdir(exist_ok=True)
        path.write_text(as_text(listed[name]), encoding="utf-8")
    if not path.exists():
        pytest.fail(f"{name} has no snapshot. {ACCEPT}", pytrace=False)
    if found := list(differences(json.loads(path.read_text(encoding="utf-8")), listed[name])):
        pytest.fail(
            "\n".join([f"{name} is not shown as it was recorded.", *found, ACCEPT]), pytrace=False
        )


def test_arguments_stand_in_the_order_in_which_they_were_declared() -> None:
    """What is recorded is what is answered: what matters most is read first."""
    for spec in CATALOGUE:
        shown = json.loads((SNAPS / f"{spec.name}.json").read_text(encoding="utf-8"))
        order = list(shown["inputSchema"].get("properties", {}))
        assert order == [*spec.arguments.model_fields], spec.name


def test_no_snapshot_outlives_its_tool(listed: Any) -> None:
    """A renamed tool leaves nothing behind."""
    stale = [path for path in sorted(SNAPS.glob("*.json")) if path.stem not in listed]
    if UPDATING:
        for path in stale:
            path.unlink()
        stale = []
    if stale:
        names = ", ".join(path.name for path in stale)
        pytest.fail(f"No tool goes by {names} any more. {ACCEPT}", pytrace=False)


async def test_a_client_is_shown_what_was_recorded(client: Client, listed: Any) -> None:
    shown = [
        one.model_dump(mode="json", by_alias=True) for one in (await client.list_tools()).tools
    ]
    assert [{key: tool[key] for key in SHOWN} for tool in shown] == list(listed.values())


def test_a_list_of_tools_loads_no_tool() -> None:
    """Which a start would pay for, tool by tool."""
    code = (
        "import sys; from vast_mcp.host.schema import shown; from vast_mcp_tools import CATALOGUE;"
        "assert len(shown(CATALOGUE)) > 10;"
        "print([name for name in sys.modules if name.startswith('vast_mcp_tools.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_difference_is_told_by_its_place() -> None:
    """A reviewer reads what changed, not two whole schemas; the order of keys does not matter."""
    recorded = {
        "inputSchema": {"properties": {"disk": {"minimum": 8, "type": "number"}, "vm": {}}},
        "name": "x",
    }
    shown = {"name": "x", "inputSchema": {"properties": {"disk": {"type": "number", "minimum": 9}}}}
    disk, vm = differences(recorded, shown)
    assert disk == "inputSchema.properties.disk.minimum:\n    recorded 8\n    now      9"
    assert vm == 'inputSchema.properties.vm:\n    recorded {}\n    now      "(absent)"'
    assert list(differences(recorded, json.loads(as_text(recorded)))) == []
