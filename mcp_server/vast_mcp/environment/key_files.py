"""The key that the official client keeps in a file (docs/vast-api.md J)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vast_mcp.environment.sources import Source, given, is_placeholder
from vast_mcp.environment.values import read
from vast_mcp.settings import Settings, kinds, settings_of

KEY = settings_of(Settings)["api_key"]
# Names under which other programs keep the same key (docs/vast-api.md J), or people do.
_MEANT = re.compile(r"VAST_?(?:AI)?_?(?:API)?_?(?:KEY|TOKEN)")


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
    passed over: the next may hold the key. So is a placeholder, which is noted.
    """
    notes = list(told.key_notes)
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        if is_placeholder(text, KEY.name):
            notes.append(unfilled_key(str(path)))
        key = given(text, KEY.name)
        if key is not None:
            read_key = read(kinds.KEY, key, f"The key in {path}")
            found = replace(told, api_key=read_key, key_source=str(path))
            return replace(found, key_notes=tuple(notes))
    return replace(told, key_notes=tuple(notes))


def unfilled_key(where: str) -> str:
    """What is said of a placeholder where a key was to be."""
    return f"{where} holds a placeholder that nobody filled in, which counts as no key."


def unfilled_keys(sources: Sequence[Source]) -> tuple[str, ...]:
    """What is said of placeholders in place of the key."""
    return tuple(
        unfilled_key(source.named(KEY.name)) for source in sources if KEY.name in source.unfilled
    )


def with_names_meant(told: Settings, sources: Sequence[Source]) -> Settings:
    """The settings with a note of each name that was meant for the key, where there is no key."""
    if told.api_key is not None:
        return told
    meant = [
        f"{source.named(name)} is not read: the name is {KEY.name}."
        for source in sources
        for name in sorted(source.texts)
        if _MEANT.fullmatch(name)
    ]
    return replace(told, key_notes=(*told.key_notes, *meant))
