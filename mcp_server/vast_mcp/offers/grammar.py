"""Filters that a caller writes in the API's own terms, or as the official client's query string:
read, and held to what their fields can mean (docs/vast-api.md B.1, B.2).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from vast_mcp.errors import Json, Problem
from vast_mcp.offers import arguments, filter_fields, places, query_string
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.query_string import ANY
from vast_mcp.vast.columns import COMPARE, LISTED

OPERATORS = (*COMPARE, "in", "notin")
_SIGNS = {
    "=": "eq",
    "==": "eq",
    "!=": "neq",
    "ne": "neq",
    ">": "gt",
    ">=": "gte",
    "ge": "gte",
    "<": "lt",
    "<=": "lte",
    "le": "lte",
    "nin": "notin",
    "not in": "notin",
}
_MOST = 1e18  # no column holds more
_OF_LISTS = {"eq": "in", "neq": "notin"}
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,18})?")
_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?")


class _Wrong(ValueError):
    """What is wrong with one field's filter, in words."""


def as_object(value: object) -> object:
    """Filters as an object, from the query string or JSON text that they may be; one value is
    `eq`, and a list is `in`. Raises ValueError.
    """
    if isinstance(value, list):
        value = " ".join(map(str, cast("list[Any]", value)))
    if isinstance(value, str):
        value = _parsed(value.strip())
    if not isinstance(value, dict):
        return value
    fields = cast("Json", value)
    return {name: _operators(ops) for name, ops in fields.items() if not _is_nothing(ops)}


def _parsed(text: str) -> object:
    if not text.startswith("{"):
        return query_string.read(text)
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be a query string, or an object as JSON") from None
    return json.loads(text, object_pairs_hook=_once)


def _is_nothing(ops: object) -> bool:
    if isinstance(ops, dict) and ops:
        return all(value is None for value in cast("Json", ops).values())
    return ops is None


def _operators(ops: object) -> Json:
    if isinstance(ops, dict):
        given = cast("Json", ops)
        return _once([(_operator(op, one), one) for op, one in given.items() if one is not None])
    return {"in": cast("Any", ops)} if isinstance(ops, list) else {"eq": ops}


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """Pairs as an object. Raises ValueError where a second would take the place of a first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("one field has two values for one operator, or is there twice")
    return found


def _operator(written: str, value: object) -> str:
    op = _SIGNS.get(written, written)
    return _OF_LISTS.get(op, op) if isinstance(value, list) else op


def to_filters(field: str, ops: Json) -> list[Filter]:
    """The filter for a field of which no names are read; none where any value will do."""
    return [] if is_any(ops) else [Filter(f"filters.{field}", field, ops)]


def read(filters: Mapping[str, Json], given: Mapping[str, str]) -> tuple[Json, list[Problem]]:
    """The filters by the names of the API's columns, with values of their kinds; and what is wrong
    with those that cannot be sent.

    `given` maps the fields of arguments that were given to the arguments' names.
    """
    found: Json = {}
    problems: list[Problem] = []
    for name, ops in filters.items():
        try:
            field, read_ops = _read_field(name, ops, given)
            twice = found.get(field, {}).keys() & read_ops.keys()
            if twice:
                raise _Wrong("given twice, by two names of one field")
            found[field] = {**found.get(field, {}), **read_ops}
        except _Wrong as exc:
            problems.append(Problem(_place(name), str(exc)))
    return found, problems


def _place(name: str) -> str:
    """Which filter is meant; only what may be a field's name is repeated."""
    is_name = re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,39}", name)
    return f"filters.{name}" if is_name else "filters"


def _read_field(name: str, ops: Json, given: Mapping[str, str]) -> tuple[str, Json]:
    """The field and its operators. Raises _Wrong."""
    if name in filter_fields.NOT_FILTERS:
        raise _Wrong(filter_fields.NOT_FILTERS[name])
    if name in arguments.OF_OTHER_NAMES:
        raise _Wrong("not a filter: it is an argument of its own")
    field = filter_fields.IN_GB.get(name) or filter_fields.ALIASES.get(name, name)
    if field not in filter_fields.KNOWN:
        raise _Wrong(_unknown(name))
    argument = given.get({"hosting_type": "datacenter"}.get(field, field))
    if argument is not None and not _narrows(field, ops):
        raise _Wrong(f"given twice: {argument} is the same filter")
    if not ops or not ops.keys() <= set(OPERATORS):
        raise _Wrong(f"wants operators among {' '.join(OPERATORS)}")
    if is_any(ops):
        return field, {"eq": "any"}
    if field in arguments.NAMES and {"eq", "in"} <= ops.keys():
        raise _Wrong("eq and in do not add up: one list has all the names")
    return field, {op: _operand(name, field, op, value) for op, value in ops.items()}


def _narrows(field: str, ops: Json) -> bool:
    """Whether it leaves some of an argument's names out: Europe, and not Russia."""
    return field in arguments.NAMES and bool(ops) and ops.keys() <= {"neq", "notin"}


def is_any(ops: Json) -> bool:
    """Whether the field is not filtered by, not even by a default."""
    return ops.keys() == {"eq"} and isinstance(ops["eq"], str) and ops["eq"].lower() in ANY


def _unknown(name: str) -> str:
    meant = filter_fields.MEANT.get(name.lower().removeprefix("min_").removeprefix("max_"))
    if meant is None:
        known = [*filter_fields.KNOWN, *filter_fields.ALIASES]
        meant = ", ".join(difflib.get_close_matches(name.lower(), sorted(known), n=2, cutoff=0.75))
    if meant:
        return f"not a field of Vast's; the nearest is {meant}"
    if re.fullmatch("[a-z][a-z0-9_]{0,39}", name) is None:
        return "names of fields are lower-case letters, digits and underscores"
    return f"not a field of Vast's; fields: {', '.join(sorted(filter_fields.FILTERED))}"


# ── Values ─────────────────────────────────────────────────────────────────────────────────────


def _operand(name: str, field: str, op: str, value: Any) -> Any:
    """One operator's value. Raises _Wrong."""
    if op in LISTED:
        if not isinstance(value, list):
            raise _Wrong(f"{op} wants a list")
        if not value:
            raise _Wrong(f"{op} wants values in its list")
        return [_one(name, field, op, one) for one in cast("list[Any]", value)]
    if isinstance(value, list | dict | None):
        raise _Wrong(f"{op} wants one value")
    return _one(name, field, op, value)


def _one(name: str, field: str, op: str, value: Any) -> Any:
    """One value, of its field's kind."""
    if field in filter_fields.TEXTS:
        return _text(field, op, value)
    if field in filter_fields.FLAGS:
        return _flag(value)
    if name == "driver_version" and isinstance(value, float):
        raise _Wrong('wants a text: as a number "550.120" loses its last 0')
    if name == "driver_version" and isinstance(value, str | int):
        value = _driver(value)
    number = _number(field, value)
    if name in filter_fields.IN_GB:
        number *= 1000
    _check(field, op, number)
    return number


def _flag(value: Any) -> bool:
    read = _FLAGS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if read is None:
        raise _Wrong("wants true or false")
    return read


def _number(field: str, value: Any) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        sane = filter_fields.SANE.get(field)
        raise _Wrong("wants a number" if sane is None else f"wants a number: it is {sane.named}")
    if not -_MOST <= value <= _MOST:
        raise _Wrong("is beyond every number of an offer")
    return value


def _driver(value: str | int) -> Any:
    """A version as the API's column has it: 535.86.05 is 535086005."""
    found = _VERSION.fullmatch(str(value).strip())
    if found is None:
        return value
    return int("".join((part or "0").zfill(3) for part in found.groups()))


def _check(field: str, op: str, number: float) -> None:
    """Raise _Wrong for a number that cannot be meant."""
    sane = filter_fields.SANE.get(field)
    if sane is None:
        return
    problem = sane.problem_with(number)
    if problem is not None:
        raise _Wrong(problem + _also(field, number))
    if sane.unit == "in $/h" and number == 0 and op in {"eq", "lt", "lte"}:
        raise _Wrong("nothing costs 0")


def _also(field: str, number: float) -> str:
    """What else may be meant by a figure that is too small."""
    if field == "duration" and 0 < number < 3600:
        return f", {number:g} days {number * 86400:.10g}"
    if field == "gpu_ram" and 0 < number < 1000:
        return "; min_gpu_ram_gb takes GB, as sold"
    return ""


def _text(field: str, op: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Wrong("wants a text")
    text = str(value).strip()
    if field in filter_fields.CHOICES:
        return _choice(field, text)
    if field == "geolocation" and op in {"eq", "neq", "in", "notin"}:
        problem = places.problem_with([text])
        if problem is not None:
            raise _Wrong(problem.problem)
        if op in {"neq", "notin"} and any(place.part for place in places.read_all([text])):
            raise _Wrong("only whole countries can be left out, not a part of one")
    return text


def _choice(field: str, text: str) -> str:
    chosen = filter_fields.ALSO.get(text.lower(), text.lower())
    if chosen not in filter_fields.CHOICES[field]:
        raise _Wrong(f"is one of {' '.join(filter_fields.CHOICES[field])}")
    return chosen
