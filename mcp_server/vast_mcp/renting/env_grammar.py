"""Every spelling of `env` becomes the one object that Vast takes (docs/vast-api.md A.4)."""

from __future__ import annotations

import json
import re
import shlex
from typing import cast

from vast_mcp import errors

ENV_BYTES = 32_768


ENV_PORTS = 64


_FLAGS = {
    "-e": "-e",
    "--env": "-e",
    "-p": "-p",
    "--publish": "-p",
    "-h": "-h",
    "--hostname": "-h",
    "-v": "-v",
    "--volume": "-v",
    "-n": "-n",
    "--network": "-n",
}


_NAME = re.compile(r"[^\s=\-][^\s=]*")


_PORT = re.compile(r"([0-9]{1,6}):([0-9]{1,6})(/tcp|/udp)?")


_VOLUME = re.compile(r"[^\s:]+:[^\s\0]+")


def env_of(value: object) -> dict[str, str]:
    """Any of the three spellings of `env` as the object that the wire wants (docs/vast-api.md A.4).

    Raises ValueError naming the token that cannot be understood; what follows its `=` is not shown.
    """
    env = _parsed(value)
    _within_limits(env)
    return env


def _parsed(value: object) -> dict[str, str]:
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, list):
        return _from_list(cast("list[object]", value))
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value).items()
        return dict(_entry(key, val) for key, val in entries)
    raise ValueError(
        "must be an object of strings, a string of Docker flags, or a list of NAME=VALUE strings"
    )


def _from_text(text: str) -> dict[str, str]:
    if text.startswith(("{", "[")):
        return _parsed(_from_json(text))
    return _from_flags(text)


def _from_list(items: list[object]) -> dict[str, str]:
    env: dict[str, str] = {}
    for item in items:
        if not isinstance(item, str):
            raise ValueError("as a list it holds NAME=VALUE strings")
        if item.startswith("-"):
            env |= _from_flags(item)
        else:
            name, val = _pair(item)
            env[name] = val
    return env


def _entry(key: object, value: object) -> tuple[str, str]:
    if not isinstance(key, str) or not isinstance(value, str):
        raise ValueError(f"{_shown(str(key))} must have a string as its value; put it in quotes")
    return _checked(key, value)


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("looks like JSON and is not; give an object of strings") from None


def _from_flags(text: str) -> dict[str, str]:
    """`-e A=1 -p 8000:8000/udp -h name -v V.1:/mnt -n net`; quotes as in a shell, `-eA=1` and
    `--env=A=1` too.
    """
    try:
        tokens = shlex.split(text)
    except ValueError:
        raise ValueError("has a quote that is not closed") from None
    env: dict[str, str] = {}
    waiting = iter(tokens)
    for token in waiting:
        flag, value = _split_flag(token)
        if flag is None:
            raise ValueError(
                f"cannot understand {_shown(token)}; expected -e NAME=VALUE, -p, -h, -v or -n"
            )
        if value is None:
            value = next(waiting, None)
        if value is None:
            raise ValueError(f"{flag} is the last word and has no value")
        key, val = _flag_entry(flag, value)
        env[key] = val
    return env


def _split_flag(token: str) -> tuple[str | None, str | None]:
    """The flag in its short form, and the value that is in the same word; None for what is not
    there.
    """
    name, equals, rest = token.partition("=")
    if name in _FLAGS and equals:
        return _FLAGS[name], rest
    if name in _FLAGS:
        return _FLAGS[name], None
    if token[:2] in _FLAGS and len(token) > 2:
        return token[:2], token[2:]
    return None, None


def _flag_entry(flag: str, value: str) -> tuple[str, str]:
    """One flag as an entry of the object form."""
    if flag == "-e":
        return _pair(value)
    if flag == "-h":
        return _checked("-h", value)
    return _checked(f"{flag} {value}", "1")


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise ValueError(f"{_shown(item)} has no value; write NAME=VALUE")
    return _checked(name, value)


def _checked(key: str, value: str) -> tuple[str, str]:
    """One entry of the object form, whose keys are as the wire knows them."""
    if "\0" in key or "\0" in value:
        raise ValueError(f"{_shown(key)} holds a NUL character")
    if key.startswith("-"):
        _check_flag(key)
    elif not _NAME.fullmatch(key):
        raise ValueError(f"{_shown_name(key)} is no variable name")
    return key, value


def _shown_name(key: str) -> str:
    name, equals, _ = key.partition("=")
    shown = errors.clean(name, 60)
    if equals:
        return f"{shown}=…"
    return shown or "an empty word"


def _check_flag(key: str) -> None:
    flag, _, rest = key.partition(" ")
    if key == "-h":
        return
    if flag == "-e":
        raise ValueError(f"write the name alone as the key, without -e ({_shown(rest)})")
    if flag == "-p":
        _check_port(rest)
    elif flag == "-v":
        if not _VOLUME.fullmatch(rest):
            raise ValueError("-v wants VOLUME:/path, as in -v V.1:/mnt")
    elif flag != "-n" or not _NAME.fullmatch(rest):
        raise ValueError(f"cannot understand the key {_shown(key)}; flags are -p, -h, -v and -n")


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    if match is None or not all(_is_port(int(port)) for port in match.group(1, 2)):
        raise ValueError(
            f"-p {_shown(text)} is no port mapping; write -p 8000:8000, with /udp for UDP, no "
            "ranges"
        )


def _is_port(port: int) -> bool:
    """Whether Vast takes the number. 70000 and above ask for the same number outside as inside
    (docs/vast-api.md A.4).
    """
    return 1 <= port <= 65535 or port >= 70000


def _shown(token: str) -> str:
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


def _within_limits(env: dict[str, str]) -> None:
    size = len(json.dumps(env, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENV_BYTES:
        raise ValueError(f"is {size} bytes; Vast takes at most {ENV_BYTES}")
    ports = sum(key.startswith("-p ") for key in env)
    if ports > ENV_PORTS:
        raise ValueError(f"opens {ports} ports; an instance has at most {ENV_PORTS}")
