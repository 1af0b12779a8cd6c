"""Every spelling of `env` becomes the one object that Vast takes (docs/vast-api.md A.4)."""

from __future__ import annotations

import json
from typing import cast

from vast_mcp.renting.docker_flags import entries_of_flags
from vast_mcp.renting.env_entries import checked_entry, entry_of_pair, shown

ENV_BYTES = 32_768
ENV_PORTS = 64
ENV_TEXT = 2 * ENV_BYTES  # characters of flags: shlex takes the square of a word's length


def env_of(value: object) -> dict[str, str]:
    """Any of the three spellings of `env` as the object that the wire wants (docs/vast-api.md A.4).

    Raises ValueError naming the token that cannot be understood; what follows its `=` is not shown.
    """
    _check_length(value)
    env = _parsed(value)
    _within_limits(env)
    return env


def _check_length(value: object) -> None:
    texts = cast("list[object]", value) if isinstance(value, list) else [value]
    length = sum(len(text) for text in texts if isinstance(text, str))
    if length > ENV_TEXT:
        raise ValueError(f"is {length} characters; at most {ENV_TEXT}")


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
    return entries_of_flags(text)


def _from_list(items: list[object]) -> dict[str, str]:
    env: dict[str, str] = {}
    for item in items:
        if not isinstance(item, str):
            raise ValueError("as a list it holds NAME=VALUE strings")
        if item.startswith("-"):
            env |= entries_of_flags(item)
        else:
            name, val = entry_of_pair(item)
            env[name] = val
    return env


def _entry(key: object, value: object) -> tuple[str, str]:
    if not isinstance(key, str) or not isinstance(value, str):
        raise ValueError(f"{shown(str(key))} must have a string as its value; put it in quotes")
    return checked_entry(key, value)


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("looks like JSON and is not; give an object of strings") from None


def _within_limits(env: dict[str, str]) -> None:
    size = len(json.dumps(env, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENV_BYTES:
        raise ValueError(f"is {size} bytes; Vast takes at most {ENV_BYTES}")
    ports = sum(key.startswith("-p ") for key in env)
    if ports > ENV_PORTS:
        raise ValueError(f"opens {ports} ports; an instance has at most {ENV_PORTS}")
