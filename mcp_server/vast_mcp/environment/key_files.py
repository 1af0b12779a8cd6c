"""The key that the official client keeps in a file (docs/vast-api.md J)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vast_mcp.environment.sources import given
from vast_mcp.environment.values import read
from vast_mcp.settings import Settings, kinds


def key_files_of(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where the official client keeps its key, in its order (docs/vast-api.md J)."""
    config = _config_dir(environ, home) / "vastai"
    return [config / "vast_tfa_key", config / "vast_api_key", home / ".vast_api_key"]


def _config_dir(environ: Mapping[str, str], home: Path) -> Path:
    """Where programs keep their settings (XDG Base Directory). A relative path counts for none,
    or a stranger's repository could hold the key.
    """
    named = Path(environ.get("XDG_CONFIG_HOME") or "")
    return named if named.is_absolute() else home / ".config"


def with_key_of_file(told: Settings, paths: Sequence[Path]) -> Settings:
    """The settings with the key of the first file that holds one. A file that cannot be read is
    passed over: the next may hold the key.
    """
    for path in paths:
        try:
            text = given(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
        if text is not None:
            key = read(kinds.KEY, text, f"The key in {path}")
            return replace(told, api_key=key, key_source=str(path))
    return told
