"""A name that is misspelt is refused, with the nearest that exists."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from vast_mcp.environment.sources import Source
from vast_mcp.settings import SETTINGS, SettingsError

NAMES = frozenset(one.name for one in SETTINGS)


def check_names(sources: Sequence[Source]) -> None:
    """Refuse a name that is misspelt: a person's limit must not vanish."""
    for name in sorted({name for source in sources for name in source.texts}):
        if name.startswith("VAST_MCP_") and name not in NAMES:
            raise _misspelt(name)


def _misspelt(name: str) -> SettingsError:
    near = difflib.get_close_matches(name, NAMES, n=1)
    if not near:
        return SettingsError(f"{name} is no setting. Rename or unset it.")
    return SettingsError(f"{name} is no setting; the nearest is {near[0]}. Rename or unset it.")
