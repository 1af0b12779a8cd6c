"""A name that is misspelt is refused, with the nearest that exists; and so is a limit that nobody
filled in.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from vast_mcp.environment.sources import Source
from vast_mcp.settings import SETTINGS, SettingsError

NAMES = frozenset(one.name for one in SETTINGS)
# What forbids something: without it, more is allowed.
LIMITS = frozenset(one.name for one in SETTINGS if one.stricter is not None)
_OURS = re.compile(r"\W*(?:vast[-_. ]?mcp[-_.]|vast_url\W*\Z)", re.IGNORECASE)


def check_names(sources: Sequence[Source]) -> None:
    """Refuse a name that is misspelt, or in other letters: a person's limit must not vanish."""
    for name in sorted({name for source in sources for name in source.texts}):
        if _OURS.match(name) and name not in NAMES:
            raise _misspelt(name)


def check_filled(sources: Sequence[Source]) -> None:
    """Refuse a limit whose value is a placeholder: what it was to be, nobody knows."""
    for source in sources:
        for name in sorted(source.unfilled):
            if name in LIMITS or (_OURS.match(name) and name not in NAMES):
                raise SettingsError(
                    f"{source.named(name)} is a placeholder that nobody filled in. Set or unset it."
                )


def _misspelt(name: str) -> SettingsError:
    near = difflib.get_close_matches(name.upper(), NAMES, n=1)
    shown = name.encode("ascii", "backslashreplace").decode()[:100]
    if not near:
        return SettingsError(f"{shown} is no setting. Rename or unset it.")
    return SettingsError(f"{shown} is no setting; the nearest is {near[0]}. Rename or unset it.")
