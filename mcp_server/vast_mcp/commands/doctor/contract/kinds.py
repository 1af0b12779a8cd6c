"""What a cell of a reply may be, and in which words a difference is told.

Words are our own: a value of Vast's is told by its type alone, and a state that nobody knows by
itself where it is one short plain word. So a report holds no id, address, key or label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

from vast_mcp.errors import Json
from vast_mcp.vast import names
from vast_mcp.vast.replies import as_object

MISSING = "nothing: the field is not there"

_PLAIN_WORD = re.compile(r"(?=.{2,20}\Z)[a-z]+(?:[-_][a-z]+)?")
_PORT_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Difference:
    """A field that is not as relied on: where it stands, what is relied on, what was found."""

    field: str
    relied_on: str
    found: str

    @property
    def said(self) -> str:
        """The difference in words."""
        return f"{self.field}: {self.found}, where {self.relied_on} is relied on"


@dataclass
class Comparing:
    """What comparing replies with the contract has come to."""

    differences: dict[Difference, None] = field(default_factory=dict[Difference, None])
    known: dict[str, None] = field(default_factory=dict[str, None])  # fields of the contract
    seen: set[str] = field(default_factory=set[str])  # those that had a value

    def differs(self, where: str, relied_on: str, found: str) -> None:
        """Take a difference; the same one in another row is no other."""
        self.differences[Difference(where, relied_on, found)] = None

    @property
    def unseen(self) -> list[str]:
        """The fields of which there was no example."""
        return [name for name in self.known if name not in self.seen]


class Kind(Protocol):
    """What a value is relied on to be."""

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        ...


def type_of(value: object) -> str:
    """The JSON type of a value, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


@dataclass(frozen=True)
class Cell:
    """A value without parts. `found` says what stands there instead; None: what is relied on."""

    said: str
    found: Callable[[object], str | None]

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        found = self.found(value)
        if found is not None:
            comparing.differs(where, self.said, found)


def _of_type(*types: type) -> Callable[[object], str | None]:
    return lambda value: None if type(value) in types else type_of(value)


TEXT = Cell("text", _of_type(str))
FLAG = Cell("true or false", _of_type(bool))
NULL = Cell("null", lambda value: None if value is None else type_of(value))
LIST = Cell("a list", _of_type(list))


def _is_id(value: object) -> str | None:
    if type(value) is not int:
        return type_of(value)
    return None if value >= 0 else "a number below nothing"


ID = Cell("a whole number", _is_id)
WHOLE = ID


def number(said: str, low: float, high: float) -> Cell:
    """A number within bounds that tell its unit from others."""

    def found(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return type_of(value)
        if value < low:
            return f"a number too small for {said}"
        if value > high:
            return f"a number too large for {said}"
        return None

    return Cell(said, found)


def word(*known: str) -> Cell:
    """One of the known words of a state."""

    def found(value: object) -> str | None:
        if not isinstance(value, str):
            return type_of(value)
        if value in known:
            return None
        if _PLAIN_WORD.fullmatch(value):
            return f'the word "{value}"'
        return "a text that is no word"

    return Cell(f"a known state ({', '.join(known)})", found)


def _is_json_object(value: object) -> str | None:
    if not isinstance(value, str):
        return type_of(value)
    try:
        inside = json.loads(value)
    except (ValueError, RecursionError):
        return "text that is no JSON"
    return None if isinstance(inside, dict) else f"JSON text of {type_of(inside)}"


JSON_OBJECT = Cell("JSON text of an object", _is_json_object)


def _is_https(value: object) -> str | None:
    if not isinstance(value, str):
        return type_of(value)
    return None if value.startswith(("https://", "http://")) else "text that is no address"


ADDRESS = Cell("an address", _is_https)


@dataclass(frozen=True)
class Ports:
    """The mapped ports: `{"22/tcp": [{"HostPort": "40125"}]}` (docs/vast-api.md C.3)."""

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        mapped = as_object(value)
        if mapped is None:
            comparing.differs(where, "an object", type_of(value))
            return
        for port, ways in mapped.items():
            if names.port(port) is None:
                comparing.differs(where, 'names such as "22/tcp"', "another name")
            elif ways is not None:
                Rows(_WAY).compare(ways, f"{where}.port", comparing)


@dataclass(frozen=True)
class Row:
    """An object. `needed` has a value; `nullable` is there and may be null; `spare` may be absent
    as well. Fields that are not named are no difference. `facts` hold of a row as a whole.
    """

    needed: dict[str, Kind] = field(default_factory=dict[str, Kind])
    nullable: dict[str, Kind] = field(default_factory=dict[str, Kind])
    spare: dict[str, Kind] = field(default_factory=dict[str, Kind])
    facts: tuple[Fact, ...] = ()

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        row = as_object(value)
        if row is None:
            comparing.differs(where or "the reply", "an object", type_of(value))
            return
        for name, kind in self._fields():
            inner = f"{where}.{name}" if where else name
            comparing.known[inner] = None
            self._compare_field(row, name, kind, inner, comparing)
        for fact in self.facts:
            found = fact.found(row)
            if found is not None:
                comparing.differs(where, fact.said, found)

    def _fields(self) -> Iterator[tuple[str, Kind]]:
        for fields in (self.needed, self.nullable, self.spare):
            yield from fields.items()

    def _compare_field(
        self, row: Json, name: str, kind: Kind, where: str, comparing: Comparing
    ) -> None:
        if name not in row and name not in self.spare:
            comparing.differs(where, said_of(kind), MISSING)
        elif row.get(name) is None and kind is not NULL and name not in self.needed:
            return
        elif name in row:
            comparing.seen.add(where)
            kind.compare(row[name], where, comparing)


@dataclass(frozen=True)
class Rows:
    """A list of objects."""

    row: Row

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        inner = f"{where}[]"
        comparing.known[inner] = None
        if not isinstance(value, list):
            comparing.differs(where or "the reply", "a list", type_of(value))
            return
        for one in cast("list[object]", value):
            comparing.seen.add(inner)
            self.row.compare(one, inner, comparing)


@dataclass(frozen=True)
class Texts:
    """A list of texts."""

    def compare(self, value: object, where: str, comparing: Comparing) -> None:
        """Compare a value with it."""
        if not isinstance(value, list):
            comparing.differs(where, "a list", type_of(value))
            return
        for one in cast("list[object]", value):
            TEXT.compare(one, f"{where}[]", comparing)


def said_of(kind: Kind) -> str:
    """What a kind is, in words."""
    match kind:
        case Cell():
            return kind.said
        case Rows() | Texts():
            return "a list"
        case _:
            return "an object"


@dataclass(frozen=True)
class Fact:
    """What holds of a row as a whole. `found` says what does instead; None: it holds, or a part
    of it is not there.
    """

    said: str
    found: Callable[[Json], str | None]


def _is_port_number(value: object) -> str | None:
    if not isinstance(value, str):
        return type_of(value)
    return None if _PORT_NUMBER.fullmatch(value) else "text that is no number"


_WAY = Row(needed={"HostPort": Cell("text of a number", _is_port_number)})
