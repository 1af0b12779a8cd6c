"""What hosts and registries are told: never stale, never a key, and the same names everywhere."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client, StdioServerParameters

from house import ROOT
from vast_mcp import __version__
from vast_mcp_tools import CATALOGUE

BLOCK = re.compile(
    r"<!-- generated: ([a-z-]+) -->\n(?:```[a-z]+\n)?(.*?)(?:\n```)?\n<!-- end -->", re.DOTALL
)

# The constraints of cursor/plugins, schemas/plugin.schema.json, in words of ours; `make hosts`
# asks a validator too.
CURSOR: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"},
        "author": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": {"type": "string", "minLength": 1}, "email": {"type": "string"}},
        },
        "keywords": {"type": "array", "items": {"type": "string"}},
    }
    | {
        name: {"type": "string", "minLength": 1}
        for name in (
            "displayName",
            "description",
            "version",
            "homepage",
            "repository",
            "license",
            "skills",
            "mcpServers",
        )
    },
}

# What the registry demands of a server on PyPI, from its schema 2025-12-11; `make hosts` asks
# the schema itself.
REGISTRY: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "name", "description", "version", "packages"],
    "properties": {
        "name": {
            "type": "string",
            "pattern": r"^io\.github\.[A-Za-z0-9-]+/[A-Za-z0-9._-]+$",
            "maxLength": 200,
        },
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "description": {"type": "string", "minLength": 1, "maxLength": 100},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
        "packages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["registryType", "identifier", "version", "transport"],
                "properties": {"version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"}},
            },
        },
    },
}


def read(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def blocks(page: str) -> dict[str, str]:
    return dict(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))


def generator() -> Any:
    """The script as a module: it is nobody's package."""
    spec = importlib.util.spec_from_file_location("manifests", ROOT / "scripts/manifests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MANIFESTS, PAGES = list(generator().manifests()), list(generator().PAGES)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the generator reads and writes, where a test may change it."""
    for name in ["pyproject.toml", "scripts/manifests.py", *MANIFESTS, *PAGES]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(copy / "scripts/manifests.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    return done.returncode, done.stdout + done.stderr


# ── never stale ────────────────────────────────────────────────────────────────────────────────


def test_what_is_committed_is_what_the_generator_writes(copy: Path) -> None:
    """`make check` runs this."""
    assert run(copy, "--check") == (0, "")


@pytest.mark.thorough
def test_stale_files_are_named_and_left_alone_by_the_check_and_mended_without_it(
    copy: Path,
) -> None:
    """One generator, and no file of its that may drift unseen."""
    before = {name: (copy / name).read_text(encoding="utf-8") for name in MANIFESTS + PAGES}
    # In a page only what stands between marks is the generator's.
    wrong = {
        "`key_reused`": "`key_used`",
        "looks, and nothing else": "looks and acts",
        "vast -- vast-mcp": "vast -- vast-pcm",
        '"license"': '"licence"',
        "mcpServers": "servers",
        '"pypi"': '"npm"',
        '"owner"': '"own"',
    }
    stale = {
        name: re.sub("|".join(wrong), lambda found: wrong[found[0]], text)
        for name, text in before.items()
    }
    for name, text in stale.items():
        assert text != before[name]
        (copy / name).write_text(text, encoding="utf-8")
    status, said = run(copy, "--check")
    assert (status, said.splitlines()) == (
        1,
        [f"{name} is stale: make manifests" for name in before],
    )
    assert {name: (copy / name).read_text(encoding="utf-8") for name in before} == stale
    assert run(copy) == (0, "")
    assert {name: (copy / name).read_text(encoding="utf-8") for name in before} == before


@pytest.mark.thorough
def test_an_owner_gives_the_addresses_that_are_left_out_without_one(copy: Path) -> None:
    """No manifest shows an address that nobody owns, and the owner stands in one place."""
    text = (copy / "pyproject.toml").read_text(encoding="utf-8")
    assert not [
        name for name in MANIFESTS if "github.com" in (copy / name).read_text(encoding="utf-8")
    ]
    (copy / "pyproject.toml").write_text(
        text.replace('github-owner = "OWNER"', 'github-owner = "someone"')
    )
    assert run(copy) == (0, "")
    told = {
        name for name in MANIFESTS + PAGES if "someone" in (copy / name).read_text(encoding="utf-8")
    }
    assert told == {
        ".claude-plugin/plugin.json",
        ".cursor-plugin/plugin.json",
        "mcpb/manifest.json",
        "server.json",
        "README.md",
    }


BOOK = ROOT / "docs/vast-api.md"  # a reference: looked things up in, not read


@pytest.mark.parametrize(
    "page", sorted(path.name for path in (ROOT / "docs").glob("*.md") if path != BOOK)
)
def test_a_page_is_short(page: str) -> None:
    """A page is read whole, so it stays below 200 lines."""
    assert len((ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()) < 200


# ── never a key ────────────────────────────────────────────────────────────────────────────────


def values_of(name: str, tree: Any) -> list[str]:
    """Every value that a file gives to a name."""
    if isinstance(tree, list):
        return [found for item in tree for found in values_of(name, item)]
    if isinstance(tree, dict):
        here = [tree[name]] if isinstance(tree.get(name), str) else []
        return here + [found for item in tree.values() for found in values_of(name, item)]
    return []


def test_no_manifest_holds_a_key() -> None:
    """Each names the place where its host keeps one, as a placeholder that counts as
    none if left unfilled.
    """
    vscode = json.loads(shlex.split(blocks("docs/hosts.md")["vscode"])[2])
    trees = [*map(read, MANIFESTS), vscode]
    found = [value for tree in trees for value in values_of("VAST_API_KEY", tree)]
    assert len(found) == 4
    assert all(re.fullmatch(r"\$\{[^}]+\}", value) for value in found)


def test_a_key_that_is_asked_for_is_asked_for_as_a_secret() -> None:
    """Hosts hide and store a key only where a manifest calls it a secret (docs/hosts.md)."""
    assert read(".claude-plugin/plugin.json")["userConfig"]["api_key"]["sensitive"] is True
    assert read("mcpb/manifest.json")["user_config"]["api_key"]["sensitive"] is True
    [package] = read("server.json")["packages"]
    assert [one["isSecret"] for one in package["environmentVariables"]] == [True]
    [asked] = json.loads(shlex.split(blocks("docs/hosts.md")["vscode"])[2])["inputs"]
    assert asked["password"] is True


# ── the same names everywhere ──────────────────────────────────────────────────────────────────


def test_one_name_for_project_plugin_and_skill() -> None:
    """A skill's folder, and so the repository, is called like the skill (docs/hosts.md)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    skill = re.search(
        r"^name: (.+)$", (ROOT / "SKILL.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert skill is not None
    named = [read(f".{host}-plugin/plugin.json")["name"] for host in ("claude", "cursor")]
    assert {skill[1], project["name"], read("mcpb/manifest.json")["name"], *named} == {"vast-mcp"}


def test_one_version_everywhere() -> None:
    """From the package."""
    stated = [value for name in MANIFESTS for value in values_of("version", read(name))]
    assert set(stated) == {__version__}
    assert len(stated) == 5


def test_the_readme_proves_the_registrys_name() -> None:
    """The registry looks for `mcp-name:` in the README on PyPI."""
    assert f"<!-- mcp-name: {read('server.json')['name']} -->" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_bundle_lists_the_catalogue() -> None:
    """The tools that Claude Desktop shows before it starts the server."""
    listed = [(tool["name"], tool["description"]) for tool in read("mcpb/manifest.json")["tools"]]
    assert listed == [(spec.name, spec.title) for spec in CATALOGUE]


def test_only_reading_tools_may_be_used_unasked() -> None:
    """A setting that we show lets nothing be rented, changed or destroyed."""
    reading = [spec.name for spec in CATALOGUE if spec.read_only]
    allowed = json.loads(blocks("docs/hosts.md")["claude-permissions"])["permissions"]["allow"]
    assert allowed == [f"mcp__vast__{name}" for name in reading]
    more = blocks("docs/hosts-more.md")
    rules = json.loads(more["opencode-permissions"])["permission"]
    assert next(iter(rules.items())) == ("vast_*", "ask")  # the last rule that fits holds
    assert rules == {"vast_*": "ask"} | {f"vast_{name}": "allow" for name in reading}
    assert json.loads(more["cline"])["mcpServers"]["vast"]["autoApprove"] == reading
    zed = json.loads(more["zed"])["agent"]["tool_permissions"]
    assert zed["default"] == "confirm"
    assert zed["tools"] == {f"mcp:vast:{name}": {"default": "allow"} for name in reading}
    [rule] = tomllib.loads(more["gemini-policy"])["rule"]
    assert rule["toolAnnotations"] == {"readOnlyHint": True}


def test_names_fit_every_host() -> None:
    """Cursor counts server and tool to 60, model APIs take names of 64 (docs/hosts.md)."""
    for spec in CATALOGUE:
        assert len(f"mcp__plugin_vast-mcp_vast__{spec.name}") <= 64
        assert len(f"vast{spec.name}") <= 60


def test_a_block_says_the_same_wherever_it_stands() -> None:
    """README and docs/hosts.md are filled from one place."""
    readme, page = blocks("README.md"), blocks("docs/hosts.md")
    shared = set(readme) & set(page)
    assert shared == {"key-file", "claude-code", "codex", "vscode", "cursor", "desktop"}
    assert {name: readme[name] for name in shared} == {name: page[name] for name in shared}


# ── what the schemas say, and that the servers start ───────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "schema"), [(".cursor-plugin/plugin.json", CURSOR), ("server.json", REGISTRY)]
)
def test_a_manifest_keeps_to_its_schema(name: str, schema: dict[str, Any]) -> None:
    """The constraints that we know of, where the network is not at hand."""
    jsonschema.Draft202012Validator(schema).validate(read(name))


def test_the_paths_that_manifests_name_exist() -> None:
    """A manifest that names a file which is not there installs nothing."""
    cursor, bundle = read(".cursor-plugin/plugin.json"), read("mcpb/manifest.json")
    named = [
        cursor["skills"],
        cursor["mcpServers"],
        bundle["server"]["entry_point"],
        ".mcp.json",
        "SKILL.md",
    ]
    assert [path for path in named if not (ROOT / path).is_file()] == []


def configured() -> dict[str, dict[str, Any]]:
    """Every server entry whose command is the installed one."""
    entries = {
        "cursor": read("mcp.json")["mcpServers"]["vast"],
        "cursor, on the page": json.loads(blocks("docs/hosts.md")["cursor"])["mcpServers"]["vast"],
        "vscode": json.loads(shlex.split(blocks("docs/hosts.md")["vscode"])[2]),
        "codex": tomllib.loads(blocks("docs/hosts.md")["codex-env"])["mcp_servers"]["vast"],
    }
    for name in ("claude-code", "codex"):
        command, *arguments = shlex.split(blocks("docs/hosts.md")[name].partition(" -- ")[2])
        entries[f"{name}, one line"] = {"command": command, "args": arguments}
    return entries


@pytest.mark.parametrize("name", configured())
@pytest.mark.thorough
async def test_a_configured_server_starts_and_treats_a_placeholder_as_no_key(
    name: str, tmp_path: Path
) -> None:
    """What a host would start, started as it would, with its placeholders left as they are."""
    entry = configured()[name]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    server = StdioServerParameters(
        command=entry["command"],
        args=entry.get("args", []),
        env={"PATH": path, "HOME": str(tmp_path), **entry.get("env", {})},
        cwd=tmp_path,
    )
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            spec.name for spec in CATALOGUE
        ]
        answer = await client.call_tool("show_account", {})
    assert answer.structured_content is not None
    assert answer.structured_content["error"]["code"] == "no_api_key"
