"""What a server may use of the person's to enter machines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.settings import Settings


@dataclass(frozen=True)
class Person:
    """What is theirs: the folder of their keys and their ssh config, the agent's socket, and the
    one key file that they named. A server that others reach has at most the last.
    """

    ssh_dir: Path | None
    agent: str | None
    only_key: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Person:
        """What the settings allow."""
        return cls(settings.ssh_dir, settings.ssh_agent, settings.ssh_key)

    @property
    def home(self) -> Path | None:
        """The folder that `~` means."""
        return None if self.ssh_dir is None else self.ssh_dir.parent

    @property
    def user(self) -> str | None:
        """Who they are on this computer, as a jump host is told that names nobody."""
        try:
            import pwd

            return pwd.getpwuid(os.getuid()).pw_name
        except (ImportError, KeyError):
            return None

    def path_of(self, text: str) -> Path | None:
        """A path as the ssh config writes it; None where it is not under a folder that is known."""
        if text.startswith("~/"):
            return None if self.home is None else self.home / text[2:]
        path = Path(text)
        return path if path.is_absolute() else None

    def words_for(self, path: Path) -> str:
        """A key file as an answer names it: nobody who calls over HTTP learns where it is."""
        if path == self.only_key:
            return "the key file of VAST_MCP_SSH_KEY"
        if self.home is not None and path.is_relative_to(self.home):
            return f"~/{path.relative_to(self.home).as_posix()}"
        return str(path)
