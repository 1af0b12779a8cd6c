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
    """Any of the three spellings of `env` as the object that the wire wants (A.4).

    Raises ValueError naming the token that cannot be understood; what follows its `=` is not shown.
    """
    env: dict[str, str]
    if isinstance(value, str):
        text = value.strip()
        env = env_of(_from_json(text)) if text[:1] in {"{", "["} else _from_flags(text)
    elif isinstance(value, list):
        env = {}
        for item in cast("list[object]", value):
            if not isinstance(item, str):
                raise ValueError("as a list it holds NAME=VALUE strings")
            env |= _from_flags(item) if item.startswith("-") else dict([_pair(item)])
    elif isinstance(value, dict):
        env = dict(_entry(key, val) for key, val in cast("dict[object, object]", value).items())
    else:
        raise ValueError(
            "must be an object of strings, a string of Docker flags, or a list of NAME=VALUE "
            "strings"
        )
    _within_limits(env)
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
        key, val = _pair(value) if flag == "-e" else _checked(*_flag_entry(flag, value))
        env[key] = val
    return env


def _split_flag(token: str) -> tuple[str | None, str | None]:
    name, equals, rest = token.partition("=")
    if name in _FLAGS:
        return _FLAGS[name], rest if equals else None
    if token[:2] in _FLAGS and len(token) > 2:
        return token[:2], token[2:]
    return None, None


def _flag_entry(flag: str, value: str) -> tuple[str, str]:
    return ("-h", value) if flag == "-h" else (f"{flag} {value}", "1")


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise ValueError(f"{_shown(item)} has no value; write NAME=VALUE")
    return _checked(name, value)


def _checked(key: str, value: str) -> tuple[str, str]:
    """One entry of the object form, keys as the wire knows them."""
    flag, _, rest = key.partition(" ")
    if "\0" in key or "\0" in value:
        raise ValueError(f"{_shown(key)} holds a NUL character")
    if not key.startswith("-"):
        if not _NAME.fullmatch(key):
            name, equals, _ = key.partition("=")
            shown = errors.clean(name, 60) + ("=…" if equals else "")
            raise ValueError(f"{shown or 'an empty word'} is no variable name")
        return key, value
    if flag == "-e":
        raise ValueError(f"write the name alone as the key, without -e ({_shown(rest)})")
    if key == "-h":
        return key, value
    if flag == "-p":
        _check_port(rest)
    elif flag == "-v":
        if not _VOLUME.fullmatch(rest):
            raise ValueError("-v wants VOLUME:/path, as in -v V.1:/mnt")
    elif flag != "-n" or not _NAME.fullmatch(rest):
        raise ValueError(f"cannot understand the key {_shown(key)}; flags are -p, -h, -v and -n")
    return key, value


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    # 70000 and above ask for the same number outside as inside (A.4).
    if match is None or not all(
        1 <= int(port) <= 65535 or int(port) >= 70000 for port in match.group(1, 2)
    ):
        raise ValueError(
            f"-p {_shown(text)} is no port mapping; write -p 8000:8000, with /udp for UDP, no "
            f"ranges"
        )


def _shown(token: str) -> str:
    """A token as an error may show it. A secret stands after the `=`, or is a long word that lost
    its name.
    """
    name, equals, _ = token.partition("=")
    if equals:
        return f"{errors.clean(name, 60)}=…"
    name = name.split()[0] if name.split() else ""
    harmless = name.startswith("-") or len(name) <= 16 or not any(c.isalpha() for c in name)
    masked = name if harmless else f"{name[:4]}…"
    return errors.clean(masked, 60) or "an empty word"


def _within_limits(env: dict[str, str]) -> None:
    size = len(json.dumps(env, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENV_BYTES:
        raise ValueError(f"is {size} bytes; Vast takes at most {ENV_BYTES}")
    ports = sum(key.startswith("-p ") for key in env)
    if ports > ENV_PORTS:
        raise ValueError(f"opens {ports} ports; an instance has at most {ENV_PORTS}")
