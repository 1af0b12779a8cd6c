"""The places that settings come from: the environment, and one named env file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from vast_mcp.settings import SETTINGS

T = TypeVar("T")

NAMES = frozenset(one.name for one in SETTINGS)

# A `${NAME}` of a host that fills it in itself. Another program's value may be any of the others.
_EXPANDED = re.compile(r"\$\{[^}]*\}")
# What else stands where a value of ours is to come: `$NAME`, `$env:NAME`, `$(cat key)`, `%NAME%`,
# `{env:NAME}`, `{{NAME}}`, `<your-key>`, `[your key]`, your-api-key, xxxx.
_UNFILLED = re.compile(
    r"\$\{[^}]*\}|\$(?:env:)?[a-z_]\w*|\$\([^)]*\)|%\w+%|\{(?:env|file|input|secret)[:.][^}]*\}"
    r"|\$?\{\{[^}]*\}\}|<[^>]*>|\[[^\]]*\]"
    r"|(?:your|insert|paste|enter|put|add)[-_ ](?:\w+[-_ ])*(?:key|token)(?:[-_ ]here)?"
    r"|x{3,}|\*{3,}|\.{3,}|…|change[-_ ]?me|replace[-_ ]?me",
    re.IGNORECASE | re.ASCII,
)
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”"}


@dataclass(frozen=True)
class Source:
    """One place that settings come from: its texts by name, without those that are absent."""

    texts: Mapping[str, str]
    file: Path | None = None  # None: the environment
    unfilled: frozenset[str] = frozenset()  # names whose value is a placeholder

    @classmethod
    def of(cls, texts: Mapping[str, str | None], file: Path | None = None) -> Source:
        """A source without its absent texts."""
        unfilled = {name for name, text in texts.items() if is_placeholder(text or "", name)}
        given_texts = set_of({name: given(text, name) for name, text in texts.items()})
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


def is_placeholder(text: str, name: str) -> bool:
    """Whether nobody filled a value in. Of what is no setting only `${NAME}` is known to be one."""
    form = _UNFILLED if name in NAMES else _EXPANDED
    return form.fullmatch(_bare(text, name)) is not None


def given(text: str | None, name: str) -> str | None:
    """A value that is really there: not empty, and no placeholder."""
    bare = _bare(text or "", name)
    if not bare or is_placeholder(bare, name):
        return None
    return bare


def _bare(text: str, name: str) -> str:
    """A value without blanks around it, and one of ours without the quotes that some files and
    hosts leave there.
    """
    bare = text.strip()
    if name in NAMES and len(bare) > 1 and _QUOTES.get(bare[0]) == bare[-1]:
        return bare[1:-1].strip()
    return bare


def set_of(found: Mapping[str, T | None]) -> dict[str, T]:
    """What is set, of all that was looked for."""
    return {name: value for name, value in found.items() if value is not None}
