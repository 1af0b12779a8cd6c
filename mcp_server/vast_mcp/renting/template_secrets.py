"""What looks like a secret, or is a known one: a template is kept at Vast, and shown to whoever its
hash is shared with, so that none is written into one. Pure; names are told, values never.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from vast_mcp.masking import HIDDEN, Mask
from vast_mcp.renting.placeholders import names_a_secret
from vast_mcp.renting.secret_shapes import holds_a_secret

# Parts of a variable's name that tell of a secret wherever they stand, and at its end alone.
_SECRET_WORDS = frozenset(
    re.findall(
        r"\w+",
        "SECRET SECRETS PASSWORD PASSWORDS PASSWD PASSPHRASE PASSCODE CREDENTIAL CREDENTIALS CREDS "
        "APIKEY AUTHKEY AUTHTOKEN",
    )
)
_LAST_WORDS = frozenset({"AUTH", "PASS", "PW"})
_MIDDLE_WORDS = frozenset({"TOKEN", "KEY"})  # of HF_TOKEN_READ, where the value is long
_PUBLIC = re.compile(r"(?:.*_)?PUB(?:LIC)?_?KEY|(?:.*_)?(?:MON|DON|TUR|HOT)KEY", re.I)
_NOT_OF_ITS_NAME = re.compile(r"(?:_(?:B(?:ASE)?64|[0-9]+)|[0-9]+)$", re.I)
_HARMLESS = frozenset({"", "0", "1", "true", "false", "yes", "no", "none", "auto"})
_PATH = re.compile(r"(?:~|\.{1,2})?(?:/(?![\w+=-]{24,}(?:/|$))[\w.@+=-]+)+/?", re.A)
_LONG = re.compile(r"[\w.+/=-]{16,}", re.A)
# Letters and digits that nobody writes by hand: what a machine's environment may hold of them.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+=]{24,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def is_secret(name: str, value: str, kept: Collection[str], mask: Mask) -> bool:
    """Whether a variable is not to be written down. `kept`: names whose values the person keeps."""
    if name in kept or has_secret(value, mask):
        return True
    text = value.strip()
    if text.casefold() in _HARMLESS or _PATH.fullmatch(text):
        return False
    return _is_secrets_name(name) or (_holds_its_word(name) and bool(_LONG.fullmatch(text)))


def _is_secrets_name(name: str) -> bool:
    """Whether a variable is called as secrets are, and nothing else."""
    if _PUBLIC.fullmatch(name):
        return False
    bare = _NOT_OF_ITS_NAME.sub("", name)
    words = bare.upper().split("_")
    if not _SECRET_WORDS.isdisjoint(words) or words[-1] in _LAST_WORDS:
        return True
    return names_a_secret(bare) or (words[-1] == "PWD" and len(words) > 1 and words[0] != "OLD")


def _holds_its_word(name: str) -> bool:
    return not _MIDDLE_WORDS.isdisjoint(name.upper().split("_")[:-1])


def is_random(value: str) -> bool:
    """Whether a value was made by a machine: it may be a token of an unknown kind."""
    return bool(_RANDOM.fullmatch(value) or _UUID.fullmatch(value))


def has_secret(text: str, mask: Mask) -> bool:
    """Whether a text holds a key by its shape, a value beside a secret's name, or a known one."""
    if HIDDEN in text or mask.hide(text) != text:
        return True
    return holds_a_secret(text)
