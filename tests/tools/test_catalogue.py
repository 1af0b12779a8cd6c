"""One name for one tool, wherever it is written; one version; imports that go one way."""

import ast
import importlib.metadata
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import vast_mcp
from house import ROOT
from vast_mcp.errors import leaves
from vast_mcp.host.schema import input_schema, output_schema
from vast_mcp_tools import CATALOGUE

NAMES = [spec.name for spec in CATALOGUE]
HTTP_CLIENTS = {"httpx", "httpx2", "requests", "urllib3", "aiohttp"}
ELSEWHERE = (
    "create|show|search|destroy|start|stop|list|label|get|wait|delete|reboot|attach|change|rent"
)


def read(*parts: Any) -> Any:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def python_files(*folders: Any) -> Any:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert found
    return sorted(found)


def imported(path: Any) -> Any:
    """The top-level names of what a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


# ── One name ──────────────────────────────────────────────────────────────────────────────────────


def test_no_two_tools_share_a_name() -> None:
    """The SDK keeps the first and warns."""
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("spec", CATALOGUE, ids=NAMES)
def test_a_tools_name_is_its_functions_its_files_its_snapshots_and_its_tests(spec: Any) -> None:
    """A tool has one name: function, file, snapshot and test are called alike."""
    assert spec.fn.__name__ == spec.name
    assert Path(inspect.getfile(spec.fn)) == ROOT / "tools" / "vast_mcp_tools" / f"{spec.name}.py"
    assert (ROOT / "tools" / "vast_mcp_tools" / "published" / f"{spec.name}.json").is_file()
    assert (ROOT / "tests" / "tools" / f"test_tool_{spec.name}.py").is_file()


def test_every_tool_file_is_in_the_catalogue_and_every_tool_test_has_a_tool() -> None:
    """CATALOGUE is the list of them (docs/architecture.md)."""
    files = {path.stem for path in (ROOT / "tools" / "vast_mcp_tools").glob("*.py")} - {"__init__"}
    tests = {
        path.stem.removeprefix("test_tool_")
        for path in (ROOT / "tests" / "tools").glob("test_tool_*.py")
    }
    assert files == tests == set(NAMES)


def other_words() -> Any:
    """Words of the same form that are no tools: arguments, result fields, error codes."""

    def names(schema: Any) -> Any:
        for key, part in schema.get("properties", {}).items():
            yield key
            yield from part.get("enum", [])
            yield from names(part)
        if isinstance(schema.get("items"), dict):
            yield from names(schema["items"])

    schemas = [make(spec) for spec in CATALOGUE for make in (input_schema, output_schema)]
    return {name for schema in schemas for name in names(schema)} | set(leaves())


@pytest.mark.parametrize("page", ["README.md", "SKILL.md"])
def test_a_page_names_every_tool_and_none_that_is_not_there(page: str) -> None:
    """Kept true by tests, not goodwill."""
    words = set(re.findall(r"(?<![\w/.\-])[a-z]+(?:_[a-z]+)+(?![\w(])|`provision`", read(page)))
    words = {word.strip("`") for word in words}
    assert set(NAMES) <= words
    looks_like_a_tool = re.compile(rf"(?:{ELSEWHERE})_")
    assert {word for word in words if looks_like_a_tool.match(word)} - other_words() - set(
        NAMES
    ) == set()


def test_every_next_step_in_the_code_names_a_tool() -> None:
    """Next steps name real tools (docs/architecture.md)."""
    named = set()
    for path in python_files("mcp_server/vast_mcp", "tools/vast_mcp_tools"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"NextStep", "step"}
            ):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    named.add(first.value)
    assert named
    assert named <= set(NAMES)


# ── One direction ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
def test_only_the_one_room_knows_http() -> None:
    """Only vast/ imports httpx; no other client is imported anywhere (docs/architecture.md)."""
    importers = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in python_files("mcp_server", "tools")
        for name in set(imported(path)) & HTTP_CLIENTS
    }
    assert {name for _, name in importers} == {"httpx"}
    assert {path.rpartition("/")[0] for path, _ in importers} == {"mcp_server/vast_mcp/vast"}


def test_only_the_composition_root_imports_the_catalogue() -> None:
    """The machine does not know its tools (docs/architecture.md)."""
    importers = [
        path.name for path in python_files("mcp_server") if "vast_mcp_tools" in set(imported(path))
    ]
    assert set(importers) == {"composing.py"}


def test_the_environment_is_read_in_one_place() -> None:
    """Settings; the command line hands them the environment (`run` with the
    values that its line names), and the demo and the shared sandbox
    hand their children a part of it (docs/architecture.md).
    """
    readers = {
        "commands" if path.parent.name in {"commands", "run"} else path.name
        for path in python_files("mcp_server", "tools")
        if re.search(r"\bos\.(environ|getenv)\b|\bload_dotenv\b", path.read_text(encoding="utf-8"))
    }
    assert readers <= {"commands", "home.py", "starting.py"}


# ── One version ───────────────────────────────────────────────────────────────────────────────────


def test_there_is_one_version() -> None:
    """The package states it, everything else follows."""
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" in project["project"]["dynamic"]
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "mcp_server/vast_mcp/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", vast_mcp.__version__)
    assert importlib.metadata.version("vast-mcp") == vast_mcp.__version__


def test_the_changelog_begins_with_the_version_that_this_is() -> None:
    """A release without its notes is none."""
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)\b", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest.group(1) == vast_mcp.__version__
