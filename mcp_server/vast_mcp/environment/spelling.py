"""A name that is misspelt is refused, with the nearest that exists; and so is a limit that nobody
filled in.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from vast_mcp.environment.sources import NAMES, Source
from vast_mcp.settings import SETTINGS, SettingsError

# What forbids something: without it, more is allowed.
LIMITS = frozenset(one.name for one in SETTINGS if one.stricter is not None)
_OURS = re.compile(r"(?<!\w)(?:vast[-_. ]*mcp[-_. ]*\w|vast_url\W*\Z)", re.IGNORECASE)
# What Kubernetes and Docker tell containers of a Service of our name.
_OF_A_SERVICE = re.compile(
    r"VAST_?MCP\w*_(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)"
    r"=.*|VAST_?MCP\w*_PORT=(?:tcp|udp|sctp)://.*",
    re.ASCII | re.DOTALL,
)


def folded(text: str) -> str:
    """The text with full-width letters, as some keyboards write them, as plain ones."""
    return unicodedata.normalize("NFKC", text)


def is_unknown(name: str) -> bool:
    """Whether a name is meant for us and is none of ours."""
    return _OURS.search(folded(name)) is not None and name not in NAMES


def check_names(sources: Sequence[Source]) -> None:
    """Refuse a name that is misspelt, or in other letters: a person's limit must not vanish."""
    for source in sources:
        for name, text in sorted(source.texts.items()):
            if is_unknown(name) and not _is_of_a_service(source, name, text):
                raise _misspelt(name)


def _is_of_a_service(source: Source, name: str, text: str) -> bool:
    """Whether a cluster set the variable, for every container."""
    return source.file is None and _OF_A_SERVICE.fullmatch(f"{name}={text}") is not None


def check_filled(sources: Sequence[Source]) -> None:
    """Refuse a limit whose value is a placeholder: what it was to be, nobody knows."""
    for source in sources:
        for name in sorted(source.unfilled):
            if name in LIMITS or is_unknown(name):
                raise unfilled(source.named(name))


def unfilled(what: str) -> SettingsError:
    """The error of a placeholder that stops the start."""
    return SettingsError(f"{what} is a placeholder that nobody filled in. Set or unset it.")


def _misspelt(name: str) -> SettingsError:
    near = difflib.get_close_matches(folded(name).upper(), NAMES, n=1)
    shown = name.encode("ascii", "backslashreplace").decode()[:100]
    if not near:
        return SettingsError(f"{shown} is no setting. Rename or unset it.")
    return SettingsError(f"{shown} is no setting; the nearest is {near[0]}. Rename or unset it.")
