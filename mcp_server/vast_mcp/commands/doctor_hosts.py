"""TODO: one line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import cast

from vast_mcp.commands.doctor_rows import Row, quoted
from vast_mcp.errors import Json, clean

FILE_BYTES = 20_000_000  # ~/.claude.json grows large


PLUGIN = "vast-mcp@"  # what Claude Code calls it, before the marketplace


# Where each host keeps its servers: relative to the home folder, then to the folder that one is
# in (read, not run).
HOME_FILES = (
    ("Claude Code", ".claude.json"),
    ("Claude Code", ".claude/settings.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("Codex", ".codex/config.toml"),
    ("Claude Desktop", ".config/Claude/claude_desktop_config.json"),
    ("Claude Desktop", "Library/Application Support/Claude/claude_desktop_config.json"),
    ("Claude Desktop", "AppData/Roaming/Claude/claude_desktop_config.json"),
    ("VS Code", ".config/Code/User/mcp.json"),
    ("VS Code", "Library/Application Support/Code/User/mcp.json"),
    ("VS Code", "AppData/Roaming/Code/User/mcp.json"),
)


FOLDER_FILES = (
    ("Claude Code", ".mcp.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", ".vscode/mcp.json"),
)


SECRET_NAMES = frozenset({"VAST_API_KEY", "VAST_MCP_HTTP_TOKEN"})


def hosts(home: Path, folder: Path) -> list[Row]:
    """Which hosts start vast-mcp. Values of their environment are never shown; a key among them
    is.
    """
    places = {home / name: host for host, name in HOME_FILES} | {
        folder / name: host for host, name in FOLDER_FILES
    }
    rows = [row for path, host in places.items() if (row := _host(host, path)) is not None]
    none = Row(
        "hosts", "ok", "no known host's configuration starts vast-mcp; README shows how to add it"
    )
    return rows or [none]


def _host(host: str, path: Path) -> Row | None:
    """What one file says of vast-mcp; None where it does not exist or says nothing."""
    try:
        if not path.is_file() or path.stat().st_size > FILE_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        said = f"{host}: {path} cannot be read ({type(exc).__name__})"
        return Row("hosts", "warn", said, f"chmod u+r {quoted(path)}")
    if not re.search(r"vast.?mcp|\bvast\b", text):
        return None
    try:
        told: object = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError):
        return Row(
            "hosts",
            "warn",
            f"{host}: {path} names vast-mcp and is no plain {path.suffix[1:].upper()}",
            f"see whether {host} lists its tools",
        )
    found = [
        (name, server)
        for name, server in _servers(told)
        if _runs_us(server) or _reaches_us(name, server)
    ]
    if not found and PLUGIN not in text:
        return None
    if not found:
        on = _plugins(told)
        return (
            Row("hosts", "ok", f"{host}: {path} turns the plugin {', '.join(on)} on")
            if on
            else None
        )
    named = ", ".join(clean(name, 40) for name, _ in found)
    if any(_clear_secret(server) for _, server in found):
        said = f"{host}: {path} starts vast-mcp as {named}, with a key written in it"
        return Row(
            "hosts",
            "warn",
            said,
            f"chmod 600 {quoted(path)}   # or keep the key in ~/.config/vastai/vast_api_key",
        )
    return Row("hosts", "ok", f"{host}: {path} starts vast-mcp as {named}")


def _servers(told: object) -> Iterator[tuple[str, Json]]:
    """Every named server of a file, of its projects too (Claude Code)."""
    if not isinstance(told, dict):
        return
    table = cast("Json", told)
    for key_ in ("mcpServers", "servers", "mcp_servers"):
        servers = table.get(key_)
        if isinstance(servers, dict):
            for name, server in cast("Json", servers).items():
                if isinstance(server, dict):
                    yield name, cast("Json", server)
    projects = table.get("projects")
    for project in cast("Json", projects).values() if isinstance(projects, dict) else ():
        yield from _servers(project)


def _plugins(told: object) -> list[str]:
    """Plugins of ours that are switched on (Claude Code's settings)."""
    on: object = cast("Json", told).get("enabledPlugins") if isinstance(told, dict) else None
    on = cast("Json", on) if isinstance(on, dict) else {}
    return [clean(name, 60) for name, value in on.items() if value and name.startswith(PLUGIN)]


def _reaches_us(name: str, server: Json) -> bool:
    """A server over HTTP says nothing of its program: it is taken for ours by its name and path."""
    url = server.get("url")
    return (
        isinstance(url, str)
        and url.rstrip("/").endswith("/mcp")
        and re.search(r"\bvast\b", name) is not None
    )


def _runs_us(server: Json) -> bool:
    said: list[object] = [server.get("command")]
    arguments = server.get("args")
    said += cast("list[object]", arguments) if isinstance(arguments, list) else []
    words = [word for word in said if isinstance(word, str)]
    if any("${CLAUDE_PLUGIN_ROOT}" in word for word in words):
        return False  # the plugin's own file, in its checkout: it starts nothing from here
    names = {
        name for word in words for name in (PurePosixPath(word).name, PureWindowsPath(word).name)
    }
    return bool(names & {"vast-mcp", "vast-mcp.exe", "vast_mcp"})


def _clear_secret(server: Json) -> bool:
    """Whether a key is written there itself, not as a `${NAME}` that the host fills in: as a
    variable, an argument that sets one, or a header.
    """
    tables = {
        name: cast("Json", server[name])
        for name in ("env", "headers")
        if isinstance(server.get(name), dict)
    }
    env, arguments = tables.get("env", {}), server.get("args")
    secret = SECRET_NAMES | {
        name.strip() for name in str(env.get("VAST_MCP_ENV_PASS", "")).split(",")
    }
    values: list[object] = [value for name, value in env.items() if name in secret]
    values += [
        value
        for name, value in tables.get("headers", {}).items()
        if name.lower() == "authorization"
    ]
    for word in cast("list[object]", arguments) if isinstance(arguments, list) else []:
        name, equals, value = str(word).partition("=")
        if equals and name.rpartition(" ")[2] in secret:
            values.append(value)
    return any(isinstance(value, str) and value.strip() and "${" not in value for value in values)
