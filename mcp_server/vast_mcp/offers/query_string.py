"""The official client's query string: `gpu_name=RTX_4090 num_gpus>=2 geolocation in [US,CA]`.

It is read as that client reads it (docs/vast-api.md B.1): underscores are blanks, sizes in GB and
times in days; where it takes the last of two that contradict each other, this refuses.
"""

from __future__ import annotations

import re
from typing import Any

from vast_mcp.errors import Json
from vast_mcp.offers.filter_fields import ALIASES, UNITS_OF_QUERIES

ANY = frozenset({"any", "?", "*"})  # as a value: the field is not filtered by

_COMPARISON = re.compile(
    r"(?P<field>[A-Za-z0-9_]+)"
    r"(?:\s*(?P<sign>[=<>!]+)|\s+(?P<word>[lg]te?|n?eq|nin|in|not ?eq|not ?in)(?=[\s\[]))\s*"
    r"(?P<value>\[[^\]]*\]|\"[^\"]*\"|'[^']*'|[^\s\[\]\"'=<>!]+)"
    r"(?:[\s,;&]+(?:and\s+)?|$)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_OPERATORS = {
    "=": "eq",
    "==": "eq",
    "!=": "neq",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "noteq": "neq",
    "nin": "notin",
}
_LISTED = {"eq": "in", "neq": "notin"}
_SINGLE = {"in", "notin"}
_CANNOT = (
    "wants comparisons, for example: num_gpus>=2 gpu_name=RTX_4090 geolocation in [US,CA]; a text "
    "with blanks has underscores or quotes"
)


def read(text: str) -> Json:
    """Fields and their operators, in the API's units. Raises ValueError."""
    found: dict[str, Json] = {}
    rest = text.strip().strip(",;").strip()
    while rest:
        comparison = _COMPARISON.match(rest)
        if comparison is None:
            raise ValueError(f"comparison {len(found) + 1}: {_CANNOT}")
        rest = rest[comparison.end() :]
        field, op, value = _parts(comparison)
        ops = found.setdefault(field, {})
        if op in ops:
            raise ValueError(f"{op} is there twice for one field")
        ops[op] = value
    return dict(found)


def _parts(comparison: re.Match[str]) -> tuple[str, str, Any]:
    """Field, operator and value of one comparison."""
    field: str = comparison["field"]
    sign = (comparison["sign"] or comparison["word"]).lower().replace(" ", "")
    op = _OPERATORS.get(sign, sign)
    if comparison["sign"] and sign not in _OPERATORS:
        raise ValueError("operators are = != > >= < <= in notin")
    values = [_value(field, one) for one in _listed(comparison["value"], op)]
    if not values:
        raise ValueError("a comparison has no value")
    if op in _SINGLE:
        return field, op, values
    if len(values) > 1:
        return field, _LISTED.get(op, op), values
    return field, op, values[0]


def _listed(written: str, op: str) -> list[str]:
    """The values as they are written: a quoted text is one, a list is several."""
    if written[0] in "\"'":
        return [written[1:-1]] if written[1:-1] else []
    is_list = written.startswith("[") or op in _SINGLE
    values = written.strip("[]").split(",") if is_list else [written.strip(",;")]
    return [value.strip(" \"'") for value in values if value.strip(" \"'")]


def _value(field: str, written: str) -> Any:
    """A value in the API's unit; what is no number where one should be is left."""
    if written.lower() in ANY:
        return "any"
    unit = UNITS_OF_QUERIES.get(ALIASES.get(field, field))
    if unit is not None and _NUMBER.fullmatch(written):
        return float(written) * unit
    return written.replace("_", " ")
