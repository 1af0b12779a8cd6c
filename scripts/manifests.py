"""What hosts and registries read, written from pyproject.toml, the version, SKILL.md and the
catalogue.

`python scripts/manifests.py` writes; `--check` says which files are stale and exits 1. No key is
ever written: each manifest names the place where its host keeps one, and a key that a host
leaves out is looked for by the server itself.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from vast_mcp import __version__, errors
from vast_mcp.commands.doctor.keeping import KEEP_KEY
from vast_mcp.settings import Limits, Settings
from vast_mcp_tools import CATALOGUE

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, OURS = PYPROJECT["project"], PYPROJECT["tool"]["vast-mcp"]
NAME: str = PROJECT["name"]
AUTHOR: Json = {"name": PROJECT["authors"][0]["name"]}
OWNER: str = OURS["github-owner"]
REPOSITORY = (
    f"https://github.com/{OWNER}/{NAME}" if OWNER != "OWNER" else None
)  # no address that nobody owns
REGISTRY_NAME = f"io.github.{OWNER}/{NAME}"

SERVER = "vast"  # the key in every host's configuration; tools are mcp__vast__<tool>
TITLE = "Vast.ai"
# Not `uvx vast-mcp`: until the name on the index is ours, that runs whoever takes it, with the
# person's key.
COMMAND = NAME
KEY = "VAST_API_KEY"
KEYS_PAGE = "https://cloud.vast.ai/manage-keys/"
ASKED: Json = {
    "type": "string",
    "title": "Vast.ai API key",
    "description": f"From {KEYS_PAGE}. Empty: {KEY} of the environment, or the official "
    f"client's "
    f"key file.",
    "sensitive": True,
    "required": False,
}
SUMMARY = PROJECT["description"]


# ── What hosts read ────────────────────────────────────────────────────────────────────────────


def identity() -> Json:
    """What every manifest says of the project."""
    known = {"name": NAME, "version": __version__, "description": SUMMARY, "author": AUTHOR}
    return known | {"license": PROJECT["license"], "keywords": PROJECT["keywords"]}


def claude_plugin() -> Json:
    """The repository is the plugin: SKILL.md and .mcp.json beside it are found by their names."""
    where = {"homepage": REPOSITORY, "repository": REPOSITORY} if REPOSITORY else {}
    return identity() | where | {"userConfig": {"api_key": ASKED}}


def claude_marketplace() -> Json:
    entry = {"name": NAME, "source": "./", "description": SUMMARY}
    return {"name": NAME, "description": SUMMARY, "owner": AUTHOR, "plugins": [entry]}


def claude_servers() -> Json:
    """Runs the plugin's own copy of the code on the pins beside it, so that what was reviewed is
    what runs.
    """
    root = "${CLAUDE_PLUGIN_ROOT}"
    args = ["--from", root, "--constraints", f"{root}/constraints.txt", NAME]
    run = {"command": "uvx", "args": args}
    return {"mcpServers": {SERVER: run | {"env": {KEY: "${user_config.api_key}"}}}}


def cursor_plugin() -> Json:
    where = {"homepage": REPOSITORY, "repository": REPOSITORY} if REPOSITORY else {}
    return (
        identity()
        | where
        | {"displayName": TITLE, "skills": "./SKILL.md", "mcpServers": "./mcp.json"}
    )


def cursor_servers() -> Json:
    return {"mcpServers": {SERVER: {"command": COMMAND, "env": {KEY: f"${{env:{KEY}}}"}}}}


def vscode_server() -> Json:
    """For `code --add-mcp`: VS Code asks once and keeps the key in its secret storage."""
    asked = {
        "type": "promptString",
        "id": "vast_api_key",
        "description": ASKED["title"],
        "password": True,
    }
    return {
        "name": SERVER,
        "command": COMMAND,
        "env": {KEY: "${input:vast_api_key}"},
        "inputs": [asked],
    }


def desktop_bundle() -> Json:
    """MCPB 0.4, the first version with type `uv`: the host brings Python and the dependencies."""
    run = {"command": "uv", "args": ["run", "--no-dev", "--directory", "${__dirname}", NAME]}
    server = {"type": "uv", "entry_point": "mcp_server/vast_mcp/__main__.py"}
    tools = [{"name": spec.name, "description": spec.title} for spec in CATALOGUE]
    where = {"repository": {"type": "git", "url": REPOSITORY}} if REPOSITORY else {}
    return (
        {"manifest_version": "0.4", "display_name": TITLE}
        | identity()
        | where
        | {
            "server": server | {"mcp_config": run | {"env": {KEY: "${user_config.api_key}"}}},
            "tools": tools,
        }
        | {
            "compatibility": {"runtimes": {"python": PROJECT["requires-python"]}},
            "user_config": {"api_key": ASKED},
        }
    )


def registry_server() -> Json:
    """What the MCP registry lists once the package is on PyPI; it checks the name against
    `mcp-name:` in README.
    """
    variable = {
        "name": KEY,
        "description": ASKED["description"],
        "isRequired": False,
        "isSecret": True,
    }
    package = {
        "registryType": "pypi",
        "identifier": NAME,
        "version": __version__,
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "environmentVariables": [variable],
    }
    where = {"repository": {"url": REPOSITORY, "source": "github"}} if REPOSITORY else {}
    return (
        {
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": REGISTRY_NAME,
            "title": TITLE,
            "description": SUMMARY,
            "version": __version__,
        }
        | where
        | {"packages": [package]}
    )


def manifests() -> dict[str, Json]:
    return {
        ".claude-plugin/plugin.json": claude_plugin(),
        ".claude-plugin/marketplace.json": claude_marketplace(),
        ".mcp.json": claude_servers(),
        ".cursor-plugin/plugin.json": cursor_plugin(),
        "mcp.json": cursor_servers(),
        "mcpb/manifest.json": desktop_bundle(),
        "server.json": registry_server(),
    }


# ── What people read ───────────────────────────────────────────────────────────────────────────


def in_lines(parts: Sequence[str], in_a_line: int, indent: int) -> str:
    """Members of a JSON list or table, so many on a line."""
    starts = range(0, len(parts), in_a_line)
    return (",\n" + " " * indent).join(", ".join(parts[at : at + in_a_line]) for at in starts)


def permissions(tools: Sequence[str]) -> str:
    """Claude Code's settings that allow these tools, two on a line."""
    listed = in_lines([f'"mcp__{SERVER}__{name}"' for name in tools], 2, 6)
    return f'{{\n  "permissions": {{\n    "allow": [\n      {listed}\n    ]\n  }}\n}}'


def gemini_rule(*, reading: bool) -> str:
    """A rule of Gemini CLI's policy that allows what only looks, or everything."""
    only = "toolAnnotations = { readOnlyHint = true }\n" if reading else ""
    return (
        f'[[rule]]\nmcpName = "{SERVER}"\ntoolName = "*"\n{only}decision = "allow"\npriority = 100'
    )


def opencode_server() -> str:
    """OpenCode's settings. It passes its whole environment on, so that no key is named."""
    server = {"type": "local", "command": [COMMAND], "timeout": 60_000}
    return f'{{\n  "mcp": {{ "{SERVER}": {json.dumps(server)} }}\n}}'


def opencode_permissions(tools: Sequence[str]) -> str:
    """OpenCode's settings that ask for all but these tools: the last rule that fits holds."""
    rules = [f'"{SERVER}_{name}": "allow"' for name in tools]
    listed = in_lines([f'"{SERVER}_*": "ask"', *rules], 2, 4)
    return f'{{\n  "permission": {{\n    {listed}\n  }}\n}}'


def windsurf_servers() -> str:
    return json.dumps(cursor_servers())


def cline_servers(tools: Sequence[str]) -> str:
    """Cline's settings, with the tools that it may call unasked."""
    allowed = in_lines([f'"{name}"' for name in tools], 4, 4)
    return (
        f'{{\n  "mcpServers": {{ "{SERVER}": {{ "command": "{COMMAND}", "autoApprove": [\n'
        f"    {allowed}\n  ] }} }}\n}}"
    )


def zed_settings(tools: Sequence[str]) -> str:
    """Zed's settings: the server, and which of its tools may be called unasked."""
    rules = [f'"mcp:{SERVER}:{name}": {{ "default": "allow" }}' for name in tools]
    listed = in_lines(rules, 2, 4)
    return (
        f'{{\n  "context_servers": {{ "{SERVER}": {{ "command": "{COMMAND}", "args": [] }} }},\n'
        f'  "agent": {{ "tool_permissions": {{ "default": "confirm", "tools": {{\n'
        f"    {listed}\n  }} }} }}\n}}"
    )


GOOSE = f"""GOOSE_MODE: approve
extensions:
  {SERVER}:
    enabled: true
    type: stdio
    name: {SERVER}
    cmd: {COMMAND}
    args: []
    timeout: 60"""


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def pretty(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def kinds(branch: type[errors.VastMcpError]) -> list[type[errors.VastMcpError]]:
    """A branch of the error tree in the order of its definition."""
    found = [branch] if branch.code else []
    for below in branch.__subclasses__():
        found += kinds(below)
    return found


def error_table(branches: list[type[errors.VastMcpError]]) -> str:
    """One row an error: its class says when one meets it."""
    head = [
        row("code", "when you meet it", "retryable", "billing_possible"),
        row("---", "---", "---", "---"),
    ]
    words = {False: "", True: "yes"}
    for error in (error for branch in branches for error in kinds(branch)):
        met = " ".join((error.__doc__ or "").split())
        head.append(
            row(f"`{error.code}`", met, words[error.retryable], words[error.billing_possible])
        )
    return "\n".join(head)


def error_tables() -> dict[str, str]:
    rest = [
        cls
        for cls in errors.VastMcpError.__subclasses__()
        if cls not in {errors.Refused, errors.Rejected}
    ]
    return {
        "errors-refused": error_table([errors.Refused]),
        "errors-rejected": error_table([errors.Rejected]),
        "errors-other": error_table(rest),
    }


def default_of(default: object) -> str:
    """A default as the table shows it; nothing where there is none."""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default}`" if isinstance(default, str) else ""


def setting_table() -> str:
    """One row a variable, as its field describes it (vast_mcp.settings)."""
    table = [row("name", "meaning", "default", "of two values"), row("---", "---", "---", "---")]
    for one in [*fields(Settings), *fields(Limits)]:
        if "setting" not in one.metadata:
            continue
        said = one.metadata["setting"]
        holds = "the environment's" if said.stricter is None else "the stricter"
        table.append(row(f"`{said.name}`", said.meaning, default_of(one.default), holds))
    return "\n".join(table)


def lines() -> dict[str, str]:
    """One block a host: the line that makes the server known to it."""
    reading = [spec.name for spec in CATALOGUE if spec.read_only]
    return {
        "key-file": fenced("sh", KEEP_KEY),
        "claude-code": fenced("sh", f"claude mcp add --scope user {SERVER} -- {COMMAND}"),
        "claude-plugin": fenced(
            "sh", f"claude plugin marketplace add ./ && claude plugin install {NAME}@{NAME}"
        ),
        "claude-permissions": fenced("json", permissions(reading)),
        "cursor": fenced("json", pretty(cursor_servers())),
        "vscode": fenced("sh", f"code --add-mcp '{json.dumps(vscode_server())}'"),
        "codex": fenced("sh", f"codex mcp add {SERVER} -- {COMMAND}"),
        "codex-env": fenced(
            "toml", f'[mcp_servers.{SERVER}]\ncommand = "{COMMAND}"\nenv_vars = ["{KEY}"]'
        ),
        "codex-unattended": fenced(
            "toml", 'required = true\ndefault_tools_approval_mode = "approve"'
        ),
        "gemini": fenced("sh", f"gemini mcp add --scope user {SERVER} {COMMAND}"),
        "gemini-env": fenced(
            "sh", f"gemini mcp add --scope user -e '{KEY}=${KEY}' {SERVER} {COMMAND}"
        ),
        "gemini-policy": fenced("toml", gemini_rule(reading=True)),
        "gemini-unattended": fenced("toml", gemini_rule(reading=False)),
        "opencode": fenced("json", opencode_server()),
        "opencode-permissions": fenced("json", opencode_permissions(reading)),
        "windsurf": fenced("json", windsurf_servers()),
        "cline": fenced("json", cline_servers(reading)),
        "zed": fenced("json", zed_settings(reading)),
        "goose": fenced("yaml", GOOSE),
        "http-behind-proxy": fenced(
            "sh",
            f"{COMMAND} serve --http 127.0.0.1:8000 --behind-proxy --allowed-host gpu.example.org",
        ),
        "desktop": fenced("sh", f"make mcpb   # writes dist/{NAME}-{__version__}.mcpb"),
        "skills": fenced("sh", "npx skills add ./"),
        "registry-name": f"<!-- mcp-name: {REGISTRY_NAME} -->",
    }


PAGES = ("README.md", "docs/hosts.md", "docs/hosts-more.md", "docs/errors.md", "docs/settings.md")
MARKED = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """A page with every marked block as it must be. Raises KeyError for a mark that names no
    block.
    """
    blocks = lines() | error_tables() | {"settings": setting_table()}
    return MARKED.sub(lambda found: f"{found[1]}{blocks[found[2]]}\n{found[3]}", page)


def files() -> dict[Path, str]:
    """Every generated file and its text."""
    written = {ROOT / name: pretty(content) + "\n" for name, content in manifests().items()}
    return written | {
        ROOT / name: filled((ROOT / name).read_text(encoding="utf-8")) for name in PAGES
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a file is stale"
    )
    check = parser.parse_args().check
    stale = [
        path
        for path, text in files().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is stale: make manifests")
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(files()[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
