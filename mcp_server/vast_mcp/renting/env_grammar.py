"""Every spelling of `env` becomes the one object that Vast takes (docs/vast-api.md A.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from vast_mcp.errors import Json
from vast_mcp.renting.defaults import ENV_BYTES, ENV_TEXT
from vast_mcp.renting.docker_flags import put_flags, words_of
from vast_mcp.renting.docker_options import option_of
from vast_mcp.renting.env_entries import Environment, shown, text_of
from vast_mcp.renting.env_lines import put_lines
from vast_mcp.renting.env_ports import MOST, check_no_port

_SPELLINGS = (
    "must be an object of strings, a string of Docker flags, or a list of NAME=VALUE strings"
)
_PORTS = frozenset({"ports", "port_bindings", "portbindings", "exposed_ports", "exposedports"})
_NAMED_BY = ("name", "key")
_HALVES = frozenset({*_NAMED_BY, "value"})  # in small letters no variable's name


def env_of(value: object) -> Environment:
    """Any spelling of `env` as the object that the wire wants (docs/vast-api.md A.4).

    Raises ValueError naming the token that cannot be understood; what follows its `=` is not shown.
    """
    _check_length(value)
    env = Environment()
    _put(value, env)
    _check_limits(env)
    return env


def _check_length(value: object) -> None:
    texts = cast("list[object]", value) if isinstance(value, list) else [value]
    length = sum(len(text) for text in texts if isinstance(text, str))
    if length > ENV_TEXT:
        raise ValueError(f"is {length} characters; at most {ENV_TEXT}")


def _put(value: object, env: Environment) -> None:
    if isinstance(value, str):
        _put_text(value.removeprefix("\ufeff").strip(), env)
    elif isinstance(value, list):
        _put_items(cast("list[object]", value), env)
    elif isinstance(value, dict):
        _put_object(cast("dict[object, object]", value), env)
    else:
        raise ValueError(_SPELLINGS)


def _put_text(text: str, env: Environment) -> None:
    if text.startswith(("{", "[")):
        _put(_from_json(text), env)
    elif text.startswith("-"):
        put_flags(words_of(text), env)
    else:
        put_lines(text, env)


def _from_json(text: str) -> object:
    """What a text of JSON holds; numbers with a point stay as they are written."""
    try:
        return json.loads(text, parse_float=str, object_pairs_hook=_without_doubles)
    except _Twice:
        raise
    except (ValueError, RecursionError):
        raise ValueError("looks like JSON and is not; give an object of strings") from None


class _Twice(ValueError):
    """A name stands twice in one object."""


def _without_doubles(pairs: list[tuple[str, object]]) -> Json:
    found: Json = {}
    for name, value in pairs:
        if found.get(name, value) != value:
            raise _Twice(f"{shown(name)} is there twice, with different values")
        found[name] = value
    return found


def _check_limits(env: Environment) -> None:
    size = len(json.dumps(env, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENV_BYTES:
        raise ValueError(f"is {size} bytes; Vast takes at most {ENV_BYTES}")
    ports = sum(key.startswith("-p ") for key in env)
    if ports > MOST:
        raise ValueError(f"opens {ports} ports; an instance has at most {MOST}")


# ── lists ──────────────────────────────────────────────────────────────────────────────────────


def _put_items(items: list[object], env: Environment) -> None:
    """NAME=VALUE, flags, pairs of name and value, and objects."""
    waiting = iter(items)
    for item in waiting:
        if isinstance(item, str):
            _put_item(item, waiting, env)
        elif isinstance(item, dict):
            _put_named(cast("Json", item), env)
        elif isinstance(item, list):
            _put_two(cast("list[object]", item), env)
        else:
            raise ValueError("as a list it holds NAME=VALUE strings")


def _put_item(item: str, following: Iterator[object], env: Environment) -> None:
    """One string of a list; a flag alone has its value in the next."""
    option = option_of(item)
    if option is not None and option.takes_value and option.value is None:
        value = next(following, None)
        if not isinstance(value, str):
            raise ValueError(f"{option.name} is the last word and has no value")
        env.put_option(option, value)
    elif item.startswith("-"):
        put_flags(words_of(item), env)
    else:
        env.put_pair(item.removeprefix("export "))


def _put_two(pair: list[object], env: Environment) -> None:
    if len(pair) != 2 or not isinstance(pair[0], str):
        raise ValueError("as a list of pairs it holds [NAME, VALUE]")
    _put_entry(pair[0], pair[1], env)


def _put_named(item: Json, env: Environment) -> None:
    """An object of a list: {"name": …, "value": …} or {"key": …, "value": …}, or entries."""
    known = {str(name).lower(): value for name, value in item.items()}
    name = next((known[word] for word in _NAMED_BY if isinstance(known.get(word), str)), None)
    if name is not None and "valuefrom" in known:
        raise ValueError(f"{shown(name)} has no value here; name it in env_from")
    if not _HALVES.isdisjoint(item) and (name is None or "value" not in known):
        raise ValueError('an object of a list has "name" and "value", or is {NAME: VALUE}')
    if name is None or "value" not in known:
        _put_object(cast("dict[object, object]", item), env)
    elif len(known) == 2:
        _put_entry(name, known["value"], env)
    else:
        raise ValueError(f"{shown(name)} has more than a name and a value")


# ── objects ────────────────────────────────────────────────────────────────────────────────────


def _put_object(entries: dict[object, object], env: Environment) -> None:
    for key, value in entries.items():
        if not isinstance(key, str):
            raise ValueError(_SPELLINGS)
        _put_entry(key, value, env)


def _put_entry(key: str, value: object, env: Environment) -> None:
    """One entry of an object, whose keys are as the wire knows them."""
    if key.startswith("-"):
        _put_flag(key, value, env)
        return
    if key.lower() in _PORTS and not isinstance(value, str):
        raise ValueError(f'{shown(key)} opens no ports; write "-p 8000:8000": "1" for each')
    check_no_port(key)
    env.put(key, text_of(key, value))


def _put_flag(key: str, value: object, env: Environment) -> None:
    """A flag as the key: what belongs to it stands behind it, or is its value."""
    flag, _, rest = key.partition(" ")
    option = option_of(flag)
    if option is None:
        raise ValueError(f"cannot understand the key {shown(key)}; flags are -p, -h, -v and -n")
    if option.name in {"-e", "--env"}:
        raise ValueError(f"write the name alone as the key, without -e ({shown(rest)})")
    rest = rest or option.value or ""
    if rest and option.is_known:
        env.put_option(option, rest, _kept(key, value))
    elif option.is_known:
        for one in cast("list[object]", value) if isinstance(value, list) else [value]:
            env.put_option(option, text_of(key, one))
    else:
        env.put_option(option, "")


def _kept(key: str, value: object) -> str:
    """What stands beside a flag as the key, which has no meaning."""
    if value is None or value is False:
        raise ValueError(f'{shown(key)} is set to nothing; leave it out, or write "1"')
    return value if isinstance(value, str) else "1"
