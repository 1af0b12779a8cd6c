"""A port as `docker run -p` takes it becomes the keys that open it (docs/vast-api.md A.4).

Vast picks the public port itself, so one number is a whole mapping; it knows no ranges, so a range
is written out.
"""

from __future__ import annotations

import re

from vast_mcp.errors import clean

_SHORT = 16  # characters
MOST = 64  # ports of one instance

_NUMBERS = r"[0-9]{1,6}(?:-[0-9]{1,6})?"
_PORT = re.compile(
    r"(?:(?P<address>localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:]+\]):)?"
    rf"(?:(?P<public>{_NUMBERS}):)?(?P<inner>{_NUMBERS})(?P<kind>/[A-Za-z]+)?"
)
_EVERYBODY = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - what is read, not listened on
_KINDS = frozenset({"", "/tcp", "/udp"})
_LIKE_A_PORT = re.compile(rf"{_NUMBERS}(?::{_NUMBERS})?(?:/(?:tcp|udp))?", re.I)


def port_keys(text: str) -> list[str]:
    """The keys of what follows -p. Raises ValueError."""
    found = _PORT.fullmatch(text)
    kind = "" if found is None else (found["kind"] or "").lower()
    if found is None or kind not in _KINDS:
        raise _no_mapping(text)
    if found["address"] and found["address"] not in _EVERYBODY:
        raise ValueError(
            f"-p with an address ({found['address']}) opens a port to nobody else, and Vast opens "
            "it to everybody; write -p PORT:PORT where that is meant"
        )
    inner = _numbers(found["inner"])
    public = inner if found["public"] is None else _numbers(found["public"])
    if len(inner) != len(public) or not all(map(_is_port, [*inner, *public])):
        raise _no_mapping(text)
    return [f"-p {outer}:{inside}{kind}" for outer, inside in zip(public, inner, strict=True)]


def check_no_port(word: str) -> None:
    """Raises ValueError for a port in the place of a variable."""
    if _LIKE_A_PORT.fullmatch(word):
        raise ValueError(f"{word} is a port, and no variable; write it as -p 8000:8000")


def _numbers(text: str) -> list[str]:
    """One number as it is written, or all of a range."""
    first, dash, last = text.partition("-")
    if not dash:
        return [text]
    if int(first) > int(last):
        raise _no_mapping(text)
    numbers = range(int(first), int(last) + 1)
    if len(numbers) > MOST:
        raise ValueError(f"opens {len(numbers)} ports; an instance has at most {MOST}")
    return list(map(str, numbers))


def _is_port(digits: str) -> bool:
    """Whether Vast takes the number. 70000 and above ask for the same number outside as inside
    (docs/vast-api.md A.4).
    """
    port = int(digits)
    return 1 <= port <= 65535 or port >= 70000


def _no_mapping(text: str) -> ValueError:
    name, equals, _ = text.partition("=")
    if len(name) > _SHORT and any(one.isalpha() for one in name):
        name = f"{name[:4]}…"  # perhaps a token: -p is also docker login's
    word = clean(name, 60) + "=…" * bool(equals)
    return ValueError(f"-p {word} is no port mapping; write -p 8000:8000, with /udp for UDP")
