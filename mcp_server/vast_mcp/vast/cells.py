"""The readers of cells: what a row may hold under a name, and ValueError for anything else.

Null is no value of any kind, which is None. A number may come as exact decimal text
(docs/vast-api.md B.1, C.3); true is none, and neither is what is past all quantities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

from pydantic import PlainValidator, ValidationInfo

from vast_mcp.vast import names

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_PORT = re.compile("[0-9]{1,5}")
_LARGEST = 1e15
# Epoch seconds. Before the first, in 2001, there was no Vast; the second is the year 10000.
_EARLIEST, _LATEST = 1_000_000_000.0, 253402300800.0

T = TypeVar("T")


def _numeric(value: object) -> float:
    """A number as it stands, or exact decimal text of one: whole where that is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("no number")
    return value


def number(value: object) -> float:
    """A finite number."""
    found = _numeric(value)
    if abs(found) > _LARGEST or math.isnan(found):
        raise ValueError("past all quantities")
    return float(found)


def amount(value: object) -> float:
    """A number that is not negative: a price, a size."""
    found = number(value)
    if found < 0:
        raise ValueError("negative")
    return found


def price(value: object) -> float:
    """What a machine costs: nobody lets one for nothing, so a zero says that it is not known."""
    found = amount(value)
    if not found:
        raise ValueError("no price")
    return found


def moment(value: object) -> float:
    """A time that there may be, in epoch seconds."""
    found = number(value)
    if not _EARLIEST <= found < _LATEST:
        raise ValueError("no time")
    return found


def whole(value: object) -> int:
    """A whole number, of any size."""
    found = _numeric(value)
    if found != found // 1:
        raise ValueError("no whole number")
    return int(found)


def count(value: object) -> int:
    """A number of things, of which there is one."""
    found = whole(value)
    if found < 1:
        raise ValueError("no number of things")
    return found


def an_id(value: object) -> int:
    """An id: a whole number above 0."""
    return count(value)


def flag(value: object) -> bool:
    """True or false, also as 1 or 0."""
    if value not in (True, False):
        raise ValueError("neither true nor false")
    return bool(value)


def text(value: object) -> str:
    """Text of any shape."""
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _shaped(read: Callable[[object], str | None]) -> Callable[[object], str | None]:
    """The reader of a text that has a shape; blank text is none."""

    def shaped(value: object) -> str | None:
        found = read(value)
        if found is None and text(value).strip():
            raise ValueError("another shape")
        return found

    return shaped


def _named(read: Callable[[object], str | None]) -> Callable[[object], str | None]:
    """The reader of a name that a field beside it shows as a stranger's text where it has not the
    shape.
    """
    return lambda value: read(text(value))


def _or_none(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


def note(info: ValidationInfo, name: str) -> None:
    """Note that a cell could not be read, or not all of it (rows.py)."""
    if isinstance(info.context, set):
        cast("set[str]", info.context).add(name)


def _ports(value: object, info: ValidationInfo) -> dict[str, int] | None:
    """The mapped ports by the port inside, such as "22/tcp". One that is not mapped has null, and
    all are null until the machine runs (docs/vast-api.md C.3).
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("no object")
    found: dict[str, int] = {}
    for inside, ways in cast("dict[str, object]", value).items():
        outside = _outside(ways)
        if names.port(inside) and outside is not None:
            found[inside] = outside
        elif ways is not None:
            note(info, "ports")
    return found


def _pair_names(value: object, info: ValidationInfo) -> list[str] | None:
    """The names of the pairs that a row keeps its environment as (docs/vast-api.md A.4). Their
    values are secrets, and stay behind.
    """
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("no list")
    found: list[str] = []
    for pair in cast("list[object]", value):
        name = cast("list[object]", pair)[0] if isinstance(pair, list) and pair else None
        if isinstance(name, str):
            found.append(name)
        else:
            note(info, "extra_env")
    return found


def _outside(ways: object) -> int | None:
    """The port outside: HostPort of the first way, as text or as a number."""
    if not isinstance(ways, list) or not ways:
        return None
    first = cast("list[object]", ways)[0]
    port = cast("dict[str, object]", first).get("HostPort") if isinstance(first, dict) else None
    if isinstance(port, bool) or _PORT.fullmatch(str(port)) is None:
        return None
    return int(str(port))


Number = Annotated[float | None, PlainValidator(_or_none(number))]
Amount = Annotated[float | None, PlainValidator(_or_none(amount))]
Price = Annotated[float | None, PlainValidator(_or_none(price))]
Moment = Annotated[float | None, PlainValidator(_or_none(moment))]
Whole = Annotated[int | None, PlainValidator(_or_none(whole))]
Count = Annotated[int | None, PlainValidator(_or_none(count))]
Id = Annotated[int, PlainValidator(an_id)]
Flag = Annotated[bool | None, PlainValidator(_or_none(flag))]
Text = Annotated[str | None, PlainValidator(_or_none(text))]
Card = Annotated[str | None, PlainValidator(_or_none(_named(names.card)))]
Place = Annotated[str | None, PlainValidator(_or_none(_named(names.place)))]
Host = Annotated[str | None, PlainValidator(_or_none(_shaped(names.host)))]
Ip = Annotated[str | None, PlainValidator(_or_none(_shaped(names.ip)))]
Token = Annotated[str | None, PlainValidator(_or_none(_shaped(names.token)))]
Service = Annotated[str | None, PlainValidator(_or_none(_shaped(names.service)))]
State = Annotated[str | None, PlainValidator(_or_none(names.state))]
PairNames = Annotated[list[str] | None, PlainValidator(_pair_names)]
Ports = Annotated[dict[str, int] | None, PlainValidator(_ports)]


def word_of(*known: str) -> Any:
    """The reader of a state that is one of these words; any other is unreadable, which is not the
    same as none.
    """

    def word(value: object) -> str:
        return value if isinstance(value, str) and value in known else names.UNREADABLE

    return PlainValidator(_or_none(word))
