"""What looks like a secret, or is a known one: a template is kept at Vast, and shown to whoever its
hash is shared with, so that none is written into one. Pure; names are told, values never.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from vast_mcp.masking import HIDDEN, Mask
from vast_mcp.renting.placeholders import names_a_secret

# Beginnings of keys that services give out, and what follows them.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:hf_|sk-|gh[pousr]_|github_pat_|glpat-|dckr_pat_|r8_|nvapi-|xox[abprs]-"
    r"|AKIA|ASIA|AIza|rpa_|tskey-|wandb_v1_|npm_|pypi-)[A-Za-z0-9_-]{10,}"
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@$]+@"
)
# A value in a text, beside the name of a secret. One that begins with $ is a variable's.
_NAME = r"(?:token|secret|password|passwd|passphrase|api[_-]?key|access[_-]?key)"
_GIVEN = re.compile(
    rf"(?:{_NAME}[\"']?\s*[=:]\s*|--?[a-z-]*{_NAME}\s+)[\"']?(?![$<{{]|os\.|getenv)"
    r"[^\s\"'$&|;<>]{6,}",
    re.I,
)
_HARMLESS = frozenset({"", "0", "1", "true", "false", "yes", "no", "none", "auto"})
# Letters and digits that nobody writes by hand: what a machine's environment may hold of them.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+=]{24,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def is_secret(name: str, value: str, kept: Collection[str], mask: Mask) -> bool:
    """Whether a variable is not to be written down. `kept`: names whose values the person keeps."""
    if name in kept or has_secret(value, mask):
        return True
    return names_a_secret(name) and value.strip().casefold() not in _HARMLESS


def is_random(value: str) -> bool:
    """Whether a value was made by a machine: it may be a token of an unknown kind."""
    return bool(_RANDOM.fullmatch(value) or _UUID.fullmatch(value))


def has_secret(text: str, mask: Mask) -> bool:
    """Whether a text holds a key by its shape, a value beside a secret's name, or a known one."""
    if HIDDEN in text or mask.hide(text) != text:
        return True
    return _KEY.search(text) is not None or _GIVEN.search(text) is not None
