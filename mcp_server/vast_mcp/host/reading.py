"""One value, many spellings: hosts write numbers as text, "" for what is not set, one value for a
list of one.

What is plain is read as the published schema asks for it; what is not is left as it is, and the
model refuses it. Nothing is guessed that changes what is paid, or which machine is acted on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from vast_mcp.errors import Json, Problem
from vast_mcp.toolspec import Arguments

ABSENT: Any = object()  # what nobody gave
_WORDS_FOR_NOTHING = frozenset({"null", "none", "undefined", "nil", "n/a"})
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_EXACT = 2**53  # from here on a float may be another whole number than was meant


class Misread(Exception):
    """A value is refused by name: what is wrong with it, and with which part."""

    def __init__(self, problem: str, part: str = "") -> None:
        super().__init__(problem)
        self.part = part


class NothingAsText(Misread):
    """A word for nothing, or blanks alone, came as a text, where a text could matter."""

    def __init__(self, word: str) -> None:
        said = f'"{word}" is a text, and no value' if word else "holds nothing but blanks"
        super().__init__(f"{said}: leave it out")


@dataclass(frozen=True)
class Asked:
    """What one argument may be: its published schema, and what its tool says beside that."""

    name: str
    schema: Json
    model: type[Arguments]

    @property
    def arm(self) -> Json:
        """The schema without its null."""
        return self.schema["anyOf"][0] if "anyOf" in self.schema else self.schema


def values_of(given: Json, schema: Json, model: type[Arguments]) -> tuple[Json, list[Problem]]:
    """The arguments as their model takes them, without those that nobody gave; and what is refused
    by name. Names that the schema does not have are left for the model to refuse.
    """
    properties = cast("dict[str, Json]", schema.get("properties", {}))
    required = schema.get("required", ())
    values: Json = {}
    problems: list[Problem] = []
    for name, value in given.items():
        if name not in properties:
            values[name] = value
            continue
        try:
            read = _read(value, Asked(name, properties[name], model))
        except Misread as exc:
            is_missing = isinstance(exc, NothingAsText) and name in required
            problems.append(Problem(f"{name}{exc.part}", "required" if is_missing else str(exc)))
            continue
        if read is not ABSENT:
            values[name] = read
    return values, problems


def squashed(text: str) -> str:
    """A word by which choices and names are the same, however they are written."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def _read(value: Any, asked: Asked) -> Any:
    """The value, or ABSENT. Raises Misread."""
    unwrapped = _unwrapped(value, asked)
    if _is_empty(unwrapped):
        return ABSENT
    if asked.name in asked.model.grammars and (
        isinstance(value, str) or asked.arm["type"] == "string"
    ):
        return _something(value)  # JSON text as it is: a grammar sees names that stand there twice
    value = unwrapped
    if "enum" in asked.arm:
        return _choice(_something(value), asked)
    return _READERS[asked.arm["type"]](value, asked)


def _unwrapped(value: Any, asked: Asked) -> Any:
    """An object or list that came as JSON text (Claude Desktop does that), for an argument that
    takes no such text.
    """
    takes = asked.arm["type"] in {"object", "array"} or asked.name in asked.model.grammars
    if not takes or not isinstance(value, str) or value.strip()[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        if asked.name in asked.model.grammars:
            return value
        raise Misread("looks like JSON and is none") from None


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _something(value: Any) -> Any:
    """The value, unless it is a word for nothing."""
    if isinstance(value, str) and value.strip().casefold() in _WORDS_FOR_NOTHING:
        raise NothingAsText(value.strip().casefold())
    return value


# ── the kinds of values ──────────────────────────────────────────────────────────────────────────


def _text(value: Any, asked: Asked) -> Any:
    if asked.name not in asked.model.any_text:
        value = _something(value)
        if isinstance(value, str) and not value.strip():
            raise NothingAsText("")
    whole = _whole(value)
    return str(whole) if type(whole) is int else value


def _whole(value: Any) -> Any:
    """A number as a whole one, where it is; texts are left."""
    if not isinstance(value, float) or not value.is_integer():
        return value
    if abs(value) >= _EXACT:
        raise Misread("too large for a number with a point: give its digits alone")
    return int(value)


def _integer(value: Any, asked: Asked) -> Any:  # noqa: ARG001
    value = _something(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        return _whole(value)
    exact = Decimal(value)
    return int(exact) if exact == exact.to_integral_value() else value


def _number(value: Any, asked: Asked) -> Any:  # noqa: ARG001
    value = _something(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def _boolean(value: Any, asked: Asked) -> Any:  # noqa: ARG001
    value = _something(value)
    if not isinstance(value, str):
        return value
    return {"true": True, "false": False}.get(value.lower(), value)


def _choice(value: Any, asked: Asked) -> Any:
    """One of the choices, in its own spelling or by another word for it. A minus in front turns
    an order round, which none of them does.
    """
    if not isinstance(value, str) or value.startswith("-"):
        return value
    meant = {squashed(choice): choice for choice in asked.arm["enum"]}
    meant |= asked.model.also_called.get(asked.name, {})
    return meant.get(squashed(value), value)


def _array(value: Any, asked: Asked) -> Any:
    """A list; one value is a list of one."""
    if isinstance(value, dict):
        return cast("Any", value)
    items = _items(_something(value), asked)
    if all(_is_empty(item.strip() if isinstance(item, str) else item) for item in items):
        return _of_nothing(asked)
    if len(items) == 1:
        _something(items[0])
    one = Asked("", asked.arm["items"], asked.model)
    read = [_item(item, one, at) for at, item in enumerate(items)]
    # What is no list of one is refused as it is.
    is_one = isinstance(value, list) or one.arm["type"] == "string" or type(read[0]) is int
    return cast("Any", read if is_one else value)


def _items(value: Any, asked: Asked) -> list[Any]:
    """The items as they came. Names may stand between commas; words of a command may not, nor may
    ids: 1,234 is one number to some.
    """
    if isinstance(value, list):
        return cast("list[Any]", value)
    if not isinstance(value, str) or asked.arm["items"]["type"] != "string":
        return [value]
    other = asked.model.as_one_text.get(asked.name)
    if other is None:
        return [part.strip() for part in value.split(",")]
    if len(value.split()) > 1:
        raise Misread(f"must be a list of its words; as one text it is {other}")
    return [value]


def _of_nothing(asked: Asked) -> Any:
    """A list of nothing but empty items, or blanks."""
    if asked.name in asked.model.as_one_text:
        raise Misread("holds nothing but empty texts: leave it out")
    return ABSENT


def _item(item: Any, asked: Asked, at: int) -> Any:
    if isinstance(item, list) or _is_empty(item):
        return cast("Any", item)
    if asked.arm["type"] == "string":
        whole = _whole(item)
        return str(whole) if type(whole) is int else item
    try:
        return _READERS[asked.arm["type"]](item, asked)
    except Misread as exc:
        raise Misread(str(exc), f".{at}{exc.part}") from None


def _object(value: Any, asked: Asked) -> Any:
    """An object without its absent parts. One whose parts all say no, or nothing, is absent."""
    value = _something(value)
    if not isinstance(value, dict):
        return value
    parts, problems = values_of(cast("Json", value), asked.arm, asked.model)
    if problems:
        raise Misread(problems[0].problem, f".{problems[0].field}")
    if all(part is False for part in parts.values()):
        return ABSENT
    return parts


_READERS: dict[str, Callable[[Any, Asked], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _object,
}
