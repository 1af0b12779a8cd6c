"""A server in a host's configuration: whether it is ours, and whether a key is written in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import cast

from vast_mcp.errors import Json
from vast_mcp.vast.replies import as_object

SERVER_TABLES = ("mcpServers", "servers", "mcp_servers", "mcp", "context_servers")
URLS = ("url", "httpUrl", "serverUrl")  # Gemini CLI's and Windsurf's last
PROGRAMS = frozenset({"vast-mcp", "vast-mcp.exe", "vast_mcp"})
# A name that a host fills in: $NAME, ${NAME}, %NAME%, {env:NAME}.
FILLED_IN = re.compile(r"\$\{|^(?:Bearer )?(?:\$\w+|%\w+%|\{(?:env|file):[^}]*\})$")
SECRET_NAMES = frozenset({"VAST_API_KEY", "VAST_MCP_HTTP_TOKEN"})


def table_of(value: object, name: str) -> Json:
    """A table inside another; empty where either is no table."""
    outer = as_object(value) or {}
    return as_object(outer.get(name)) or {}


@dataclass(frozen=True)
class Server:
    """A named server, as a host's file has it."""

    name: str
    entry: Json

    def arguments(self) -> list[object]:
        """What its program is started with, and in OpenCode's file the program too."""
        found: list[object] = []
        for place in ("args", "command"):
            words = self.entry.get(place)
            found += cast("list[object]", words) if isinstance(words, list) else []
        return found

    def is_ours(self) -> bool:
        """Whether it starts vast-mcp, or reaches one."""
        return self._runs_us() or self._reaches_us()

    def _runs_us(self) -> bool:
        said = [self.entry.get("command"), *self.arguments()]
        words = [word for word in said if isinstance(word, str)]
        if any("${CLAUDE_PLUGIN_ROOT}" in word for word in words):
            return False  # the plugin's own file, in its checkout: it starts nothing from here
        posix = {PurePosixPath(word).name for word in words}
        windows = {PureWindowsPath(word).name for word in words}
        return bool((posix | windows) & PROGRAMS)

    def _reaches_us(self) -> bool:
        """A server over HTTP says nothing of its program: it is taken for ours by its name and
        path.
        """
        url = next(filter(None, map(self.entry.get, URLS)), None)
        if not isinstance(url, str) or not url.rstrip("/").endswith("/mcp"):
            return False
        return re.search(r"\bvast\b", self.name) is not None

    def has_clear_secret(self) -> bool:
        """Whether a key is written there itself, not as a `${NAME}` that the host fills in: as a
        variable, an argument that sets one, or a header.
        """
        return any(map(_is_clear, self._secrets()))

    def _secrets(self) -> Iterator[object]:
        """What stands wherever a secret may be given."""
        yield from self._variables()
        yield from self._headers()
        yield from self._set_by_arguments()

    @property
    def _env(self) -> Json:
        return table_of(self.entry, "env") | table_of(self.entry, "environment")

    def _secret_names(self) -> frozenset[str]:
        """Variables that hold a secret, those to be passed on among them."""
        passed = str(self._env.get("VAST_MCP_ENV_PASS", ""))
        return SECRET_NAMES | {name.strip() for name in passed.split(",")}

    def _variables(self) -> Iterator[object]:
        secret = self._secret_names()
        for name, value in self._env.items():
            if name in secret:
                yield value

    def _headers(self) -> Iterator[object]:
        for name, value in table_of(self.entry, "headers").items():
            if name.lower() == "authorization":
                yield value

    def _set_by_arguments(self) -> Iterator[object]:
        secret = self._secret_names()
        for word in self.arguments():
            name, equals, value = str(word).partition("=")
            if equals and name.rpartition(" ")[2] in secret:
                yield value


def _is_clear(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not FILLED_IN.search(value)


def servers_of(told: object) -> Iterator[Server]:
    """Every named server of a file, of its projects too (Claude Code)."""
    for place in SERVER_TABLES:
        for name, entry in table_of(told, place).items():
            if isinstance(entry, dict):
                yield Server(name, cast("Json", entry))
    for project in table_of(told, "projects").values():
        yield from servers_of(project)
