"""The places that settings come from: the environment, and one named env file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from vast_mcp.settings import SettingsError

T = TypeVar("T")

PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Source:
    """One place that settings come from: its texts by name, without those that are absent."""

    texts: Mapping[str, str]
    file: Path | None = None  # None: the environment

    @classmethod
    def of(cls, texts: Mapping[str, str | None], file: Path | None = None) -> Source:
        """A source without its absent texts."""
        return cls(set_of({name: given(text) for name, text in texts.items()}), file)

    def without(self, names: frozenset[str]) -> Source:
        """The same source, as if it did not have these names."""
        kept = {name: text for name, text in self.texts.items() if name not in names}
        return replace(self, texts=kept)

    def named(self, name: str) -> str:
        """What an error calls a variable of this source."""
        if self.file is None:
            return name
        return f"{name} in {self.file}"


def given(text: str | None) -> str | None:
    """A value that is really there: not empty, and not an unexpanded `${NAME}`."""
    stripped = (text or "").strip()
    if not stripped or PLACEHOLDER.fullmatch(stripped):
        return None
    return stripped


def set_of(found: Mapping[str, T | None]) -> dict[str, T]:
    """What is set, of all that was looked for."""
    return {name: value for name, value in found.items() if value is not None}


def texts_of(path: Path) -> dict[str, str | None]:
    """Everything in an env file."""
    from dotenv import dotenv_values

    if not path.exists():
        raise _no_env_file(path, "does not exist")
    if not path.is_file():
        raise _no_env_file(path, "is no file")
    # interpolate=False: a `${OTHER}` in the file must not pull values out of the environment.
    try:
        return dict(dotenv_values(path, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The env file {path} cannot be read as text.") from None


def _no_env_file(path: Path, what: str) -> SettingsError:
    return SettingsError(
        f"The env file {path} {what}; create it or drop --env-file / VAST_MCP_ENV_FILE."
    )
