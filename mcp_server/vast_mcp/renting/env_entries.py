"""One entry of `env` as Vast takes it: a variable, or a flag as the key (docs/vast-api.md A.4).

What is wrong is told by a ValueError that names the word and shows no value.
"""

from __future__ import annotations

import re

from vast_mcp import errors

_NAME = re.compile(r"[^\s=\-][^\s=]*")
_PORT = re.compile(r"([0-9]{1,6}):([0-9]{1,6})(/tcp|/udp)?")
_VOLUME = re.compile(r"[^\s:]+:[^\s\0]+")


def entry_of_pair(item: str) -> tuple[str, str]:
    """NAME=VALUE as an entry."""
    name, equals, value = item.partition("=")
    if not equals:
        raise ValueError(f"{shown(item)} has no value; write NAME=VALUE")
    return checked_entry(name, value)


def checked_entry(key: str, value: str) -> tuple[str, str]:
    """One entry of the object form, whose keys are as the wire knows them."""
    if "\0" in key or "\0" in value:
        raise ValueError(f"{shown(key)} holds a NUL character")
    if not errors.is_text(key + value):
        raise ValueError(f"{shown(key)} holds half a character (a lone surrogate)")
    if key.startswith("-"):
        _check_flag(key)
    elif not _NAME.fullmatch(key):
        raise ValueError(f"{_shown_name(key)} is no variable name")
    return key, value


def _check_flag(key: str) -> None:
    flag, _, rest = key.partition(" ")
    if key == "-h":
        return
    if flag == "-e":
        raise ValueError(f"write the name alone as the key, without -e ({shown(rest)})")
    if flag == "-p":
        _check_port(rest)
    elif flag == "-v":
        if not _VOLUME.fullmatch(rest):
            raise ValueError("-v wants VOLUME:/path, as in -v V.1:/mnt")
    elif flag != "-n" or not _NAME.fullmatch(rest):
        raise ValueError(f"cannot understand the key {shown(key)}; flags are -p, -h, -v and -n")


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    if match is None or not all(_is_port(int(port)) for port in match.group(1, 2)):
        raise ValueError(
            f"-p {shown(text)} is no port mapping; write -p 8000:8000, with /udp for UDP, no ranges"
        )


def _is_port(port: int) -> bool:
    """Whether Vast takes the number. 70000 and above ask for the same number outside as inside
    (docs/vast-api.md A.4).
    """
    return 1 <= port <= 65535 or port >= 70000


def _shown_name(key: str) -> str:
    name, equals, _ = key.partition("=")
    cleaned = errors.clean(name, 60)
    if equals:
        return f"{cleaned}=…"
    return cleaned or "an empty word"


def shown(token: str) -> str:
    """A token as an error may show it. A secret stands after the `=`, or is a long word that lost
    its name.
    """
    name, equals, _ = token.partition("=")
    if equals:
        return f"{errors.clean(name, 60)}=…"
    word = next(iter(name.split()), "")
    if not _is_harmless(word):
        word = f"{word[:4]}…"
    return errors.clean(word, 60) or "an empty word"


def _is_harmless(word: str) -> bool:
    return word.startswith("-") or len(word) <= 16 or not any(c.isalpha() for c in word)
