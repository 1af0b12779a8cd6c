"""The places that settings come from: the environment, and one named env file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Source:
    """One place that settings come from: its texts by name, without those that are absent."""

    texts: Mapping[str, str]
    file: Path | None = None  # None: the environment
    unfilled: frozenset[str] = frozenset()  # names whose value is a placeholder

    @classmethod
    def of(cls, texts: Mapping[str, str | None], file: Path | None = None) -> Source:
        """A source without its absent texts."""
        unfilled = {name for name, text in texts.items() if is_placeholder(text or "")}
        given_texts = set_of({name: given(text) for name, text in texts.items()})
        return cls(given_texts, file, frozenset(unfilled))

    def without(self, names: frozenset[str]) -> Source:
        """The same source, as if it did not have these names."""
        kept = {name: text for name, text in self.texts.items() if name not in names}
        return replace(self, texts=kept)

    def named(self, name: str) -> str:
        """What an error calls a variable of this source."""
        if self.file is None:
            return name
        return f"{name} in {self.file}"


def is_placeholder(text: str) -> bool:
    """Whether a value is a `${NAME}` that nobody filled in."""
    return PLACEHOLDER.fullmatch(text.strip()) is not None


def given(text: str | None) -> str | None:
    """A value that is really there: not empty, and not an unexpanded `${NAME}`."""
    stripped = (text or "").strip()
    if not stripped or is_placeholder(stripped):
        return None
    return stripped


def set_of(found: Mapping[str, T | None]) -> dict[str, T]:
    """What is set, of all that was looked for."""
    return {name: value for name, value in found.items() if value is not None}
