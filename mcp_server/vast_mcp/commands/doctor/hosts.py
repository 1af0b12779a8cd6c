"""Which hosts on this computer start vast-mcp, by their configuration files."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.commands.doctor.findings import Finding, quoted
from vast_mcp.commands.doctor.servers import Server, servers_of, table_of
from vast_mcp.errors import clean

FILE_BYTES = 20_000_000  # ~/.claude.json grows large
PLUGIN = "vast-mcp@"  # what Claude Code calls it, before the marketplace
NAMED = re.compile(r"vast.?mcp|\bvast\b")

YAML_STARTS = re.compile(
    r"^\s*(?:-\s*)?cmd:\s*[\"']?(?:\S*[/\\])?vast-mcp(?:\.exe)?\b", re.MULTILINE
)
YAML_KEY = re.compile(r"^\s*VAST_API_KEY:\s*[\"']?[^\s\"'$%{<#]", re.MULTILINE)
CLINE = "User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"

# Where each host keeps its servers, relative to the home folder.
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
    ("Gemini CLI", ".gemini/settings.json"),
    ("OpenCode", ".config/opencode/opencode.json"),
    ("OpenCode", ".config/opencode/opencode.jsonc"),
    ("Windsurf", ".codeium/windsurf/mcp_config.json"),
    ("Cline", ".cline/data/settings/cline_mcp_settings.json"),
    ("Cline", f".config/Code/{CLINE}"),
    ("Cline", f"Library/Application Support/Code/{CLINE}"),
    ("Cline", f"AppData/Roaming/Code/{CLINE}"),
    ("Zed", ".config/zed/settings.json"),
    ("Zed", "AppData/Roaming/Zed/settings.json"),
    ("Goose", ".config/goose/config.yaml"),
    ("Goose", "AppData/Roaming/Block/goose/config/config.yaml"),
)
# The same, relative to the folder that one is in. The files are read, not run.
FOLDER_FILES = (
    ("Claude Code", ".mcp.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", ".vscode/mcp.json"),
    ("Gemini CLI", ".gemini/settings.json"),
    ("OpenCode", "opencode.json"),
    ("OpenCode", "opencode.jsonc"),
    ("Zed", ".zed/settings.json"),
)


def hosts(home: Path, folder: Path) -> list[Finding]:
    """Which hosts start vast-mcp. Values of their environment are never shown; that a key is among
    them is.
    """
    found = [finding for file in _files(home, folder) if (finding := file.look()) is not None]
    none = "no known host's configuration starts vast-mcp; README shows how to add it"
    return found or [Finding("hosts", "ok", none)]


def _files(home: Path, folder: Path) -> list[HostFile]:
    """Every file once: one may be in the home folder."""
    places = {home / name: host for host, name in HOME_FILES}
    places |= {folder / name: host for host, name in FOLDER_FILES}
    return [HostFile(host, path) for path, host in places.items()]


@dataclass(frozen=True)
class HostFile:
    """A configuration file of a host."""

    host: str
    path: Path

    def look(self) -> Finding | None:
        """What the file says of vast-mcp; None where it does not exist or says nothing."""
        try:
            text = self._text()
        except (OSError, UnicodeDecodeError) as exc:
            problem = f"cannot be read ({type(exc).__name__})"
            return self._finding(problem, fix=f"chmod u+r {quoted(self.path)}")
        if not NAMED.search(text):
            return None
        if self.path.suffix == ".yaml":
            return self._of_lines(text)
        try:
            told = self._parsed(text)
        except (ValueError, RecursionError):
            kind = self.path.suffix[1:].upper()
            problem = f"names vast-mcp and is no plain {kind}"
            return self._finding(problem, fix=f"see whether {self.host} lists its tools")
        return self._of_servers(told) or self._of_plugins(told)

    def _text(self) -> str:
        """The file's text; empty where there is none, or too much."""
        if not self.path.is_file() or self.path.stat().st_size > FILE_BYTES:
            return ""
        return self.path.read_text(encoding="utf-8")

    def _parsed(self, text: str) -> object:
        if self.path.suffix == ".toml":
            return tomllib.loads(text)
        return json.loads(text)

    def _of_servers(self, told: object) -> Finding | None:
        """The servers among it that are ours."""
        ours = [server for server in servers_of(told) if server.is_ours()]
        if not ours:
            return None
        clear = any(server.has_clear_secret() for server in ours)
        return self._starts(f"as {_names(ours)}", clear=clear)

    def _of_lines(self, text: str) -> Finding | None:
        """The same of a YAML file, which is not parsed: the lines of one that starts vast-mcp."""
        if not YAML_STARTS.search(text):
            return None
        return self._starts("as an extension", clear=YAML_KEY.search(text) is not None)

    def _starts(self, named: str, *, clear: bool) -> Finding:
        said = f"starts vast-mcp {named}"
        if not clear:
            return self._finding(said)
        instead = "or keep the key in ~/.config/vastai/vast_api_key"
        fix = f"chmod 600 {quoted(self.path)}   # {instead}"
        return self._finding(f"{said}, with a key written in it", fix=fix)

    def _of_plugins(self, told: object) -> Finding | None:
        """Plugins of ours that are switched on (Claude Code's settings)."""
        names = _plugins_on(told)
        if not names:
            return None
        return self._finding(f"turns the plugin {names} on")

    def _finding(self, said: str, fix: str | None = None) -> Finding:
        said = f"{self.host}: {self.path} {said}"
        if fix is None:
            return Finding("hosts", "ok", said)
        return Finding("hosts", "warn", said, fix)


def _names(servers: list[Server]) -> str:
    return ", ".join(clean(server.name, 40) for server in servers)


def _plugins_on(told: object) -> str:
    plugins = table_of(told, "enabledPlugins")
    ours = [name for name, value in plugins.items() if value and name.startswith(PLUGIN)]
    return ", ".join(clean(name, 60) for name in ours)
