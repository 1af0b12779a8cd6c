"""What is installed, what it is allowed to bring along, and that its command runs."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import vast_mcp
from house import ROOT

pytestmark = pytest.mark.processes

TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
REQUIREMENTS = PROJECT["dependencies"] + [
    line for group in PROJECT["optional-dependencies"].values() for line in group
]
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line.strip()
]


def plain(name: Any) -> Any:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: Any) -> Any:
    return plain(re.match(r"[\w.\-]+", requirement).group())


def parts(version: Any) -> Any:
    return [int(part) for part in version.split(".")]


# ── Dependencies ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_a_dependency_has_both_bounds_and_a_reason_beside_it(requirement: Any) -> None:
    """Nobody else's next major version is installed untried, and nothing comes without a why."""
    assert re.fullmatch(r"[\w.\-]+>=[\d.]+,<[\d.]+", requirement)
    lines = TEXT.splitlines()
    [place] = [number for number, line in enumerate(lines) if f'"{requirement}"' in line]
    beside, above = lines[place].partition(f'"{requirement}"')[2], lines[place - 1].strip()
    assert re.search(r"#\s*\w+ \w+", beside) or above.startswith("# ")


@pytest.mark.thorough
def test_what_people_install_is_what_the_code_imports() -> None:
    """Nothing is imported by luck, because something else brings it, and nothing is
    installed for nothing.
    """
    files = [path for folder in ("mcp_server", "tools") for path in (ROOT / folder).rglob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    foreign = (
        {name.partition(".")[0] for name in names}
        - set(sys.stdlib_module_names)
        - {"vast_mcp", "vast_mcp_tools"}
    )
    providers = importlib.metadata.packages_distributions()
    imported = {plain(providers[name][0]) for name in foreign if name in providers}
    # pydantic pins its own core to one version, so the core needs no bound of ours.
    assert imported - {"pydantic-core"} == {
        name_of(requirement) for requirement in PROJECT["dependencies"]
    }
    assert foreign <= set(providers)


@pytest.mark.parametrize("line", PINS)
def test_a_constraint_is_a_name_and_one_version(line: Any) -> None:
    """No index, address or path; where packages come from is the installer's business."""
    assert re.fullmatch(r"[A-Za-z0-9][\w.\-]*==\d[\w.!+]*", line)


def test_every_dependency_is_pinned_once_and_within_its_bounds() -> None:
    """`make test` runs what the constraints say."""
    pinned = dict(line.split("==") for line in PINS)
    versions = {plain(name): version for name, version in pinned.items()}
    assert len(versions) == len(PINS)
    assert {name_of(requirement) for requirement in REQUIREMENTS} <= set(versions)
    for requirement in REQUIREMENTS:
        low, high = re.search(r">=([\d.]+),<([\d.]+)", requirement).groups()
        numbers = [
            [int(part) for part in version.split(".")]
            for version in (low, versions[name_of(requirement)], high)
        ]
        assert numbers[0] <= numbers[1] < numbers[2], requirement


def test_plugin_and_bundle_take_the_same_pins(tmp_path: Path) -> None:
    """Both are resolved anew where they are installed; `make hosts` looks at what came
    (docs/hosts.md).
    """
    plugin = json.loads((ROOT / ".mcp.json").read_text(encoding="utf-8"))["mcpServers"]["vast"]
    at = plugin["args"].index("--constraints")
    assert plugin["args"][at + 1] == "${CLAUDE_PLUGIN_ROOT}/constraints.txt"
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "SKILL.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("mcpb", "mcp_server", "tools", "scripts"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "mcpb/manifest.json", tmp_path / "mcpb")
    shutil.copy(ROOT / "scripts/mcpb", tmp_path / "scripts")
    packer = tmp_path / "bin/mcpb"  # Anthropic's, which comes from npm: what it would pack
    packer.parent.mkdir()
    packer.write_text('#!/bin/sh\n[ "$1" != pack ] || cp -R "$2" "$3"\n', encoding="utf-8")
    packer.chmod(0o700)
    path = f"{packer.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", tmp_path / "scripts/mcpb"], env=os.environ | {"PATH": path}, check=True, timeout=150
    )
    [packed] = (tmp_path / "dist").iterdir()
    text = (packed / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["tool"]["uv"]["constraint-dependencies"] == PINS


# ── What is installed ──────────────────────────────────────────────────────────────────────────


def top_level_packages(distribution: Any) -> Any:
    """What importing gains by the distribution: its own folders, or those on the paths an
    editable install adds.
    """
    found = set()
    for file in distribution.files:
        if file.suffix == ".pth":
            folders = [
                Path(line)
                for line in file.locate().read_text(encoding="utf-8").splitlines()
                if line.strip()
            ]
            found |= {
                path.name
                for folder in folders
                for path in folder.iterdir()
                if not path.name.startswith("__")
            }
        elif not file.parts[0].endswith(".dist-info") and file.parts[0] not in {
            "..",
            "__pycache__",
        }:
            found.add(file.parts[0])
    return found


def test_the_distribution_installs_two_packages_and_nothing_called_tools() -> None:
    """A wheel that installs a package called `tools` overwrites, or is shadowed by, the next one
    (docs/architecture.md).
    """
    assert top_level_packages(importlib.metadata.distribution("vast-mcp")) == {
        "vast_mcp",
        "vast_mcp_tools",
    }
    wheel = tomllib.loads(TEXT)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["mcp_server/vast_mcp", "tools/vast_mcp_tools"]


@pytest.mark.parametrize("package", ["mcp_server/vast_mcp", "tools/vast_mcp_tools"])
def test_a_package_says_that_it_is_typed(package: str) -> None:
    """Type checkers read a package's annotations only beside a py.typed (PEP 561)."""
    assert (ROOT / package / "py.typed").is_file()


def test_the_licence_and_the_readme_that_the_metadata_names_are_there() -> None:
    """A build fails without the licence file that its metadata names (PEP 639)."""
    assert all((ROOT / name).is_file() for name in [PROJECT["readme"], *PROJECT["license-files"]])


# ── The command ────────────────────────────────────────────────────────────────────────────────


def test_the_installed_command_is_the_module() -> None:
    """Hosts start `vast-mcp`; its target must exist."""
    [command] = importlib.metadata.entry_points(group="console_scripts", name="vast-mcp")
    assert command.value == "vast_mcp.__main__:main"
    assert callable(command.load())


@pytest.mark.parametrize(
    "command",
    [[str(Path(sys.executable).parent / "vast-mcp")], [sys.executable, "-m", "vast_mcp"]],
    ids=["vast-mcp", "python -m vast_mcp"],
)
def test_the_command_says_its_version(command: list[Any]) -> None:
    """Both ways of starting it."""
    ran = subprocess.run(
        [*command, "--version"], capture_output=True, encoding="utf-8", timeout=150, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"vast-mcp {vast_mcp.__version__}\n", "")


@pytest.mark.thorough
def test_a_folder_called_tools_where_it_is_started_is_not_run(tmp_path: Path) -> None:
    """Started inside somebody's project, the server must not import their code
    (docs/architecture.md).
    """
    for name in ("tools", "vast_mcp_tools", "mcp_server"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            "raise SystemExit('planted')\n", encoding="utf-8"
        )
    command = [str(Path(sys.executable).parent / "vast-mcp"), "call", "no_such_tool", "--sandbox"]
    ran = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=150, check=False, cwd=tmp_path
    )
    assert ran.returncode == 2
    assert '"unknown_tool"' in ran.stdout
    assert "planted" not in ran.stdout + ran.stderr
