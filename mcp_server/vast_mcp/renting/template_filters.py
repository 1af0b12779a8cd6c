"""What a template asks of an offer (`extra_filters`), compared with the one that is rented. Pure.

Whether Vast enforces it at renting is not documented (docs/vast-api.md A.10), so a difference is a
warning. A template is a stranger's text: a warning repeats of it names of known columns, numbers,
and words of a known shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from vast_mcp.errors import Json
from vast_mcp.vast import names
from vast_mcp.vast.columns import COMPARE, FILTERED, LISTED, OFFICIAL_NAMES
from vast_mcp.vast.models import Offer
from vast_mcp.vast.replies import as_object

MOST_SAID = 6
LONGEST = 20_000  # characters of filters that anybody reads

# Names of filters, and the columns that they are about (docs/vast-api.md B.1).
_COLUMNS = OFFICIAL_NAMES | {
    "allocated_storage": "disk_space",
    "datacenter": "hosting_type",
    "target_reliability": "expected_reliability",
    "verified": "verification",
}
_THOUSANDS = "_GB"  # the official client's ending of a column in MB
_AT_LEAST = frozenset({"allocated_storage", "target_reliability"})
# What asks nothing of the machine, or what the market judges at every renting.
_NO_WISH = frozenset({"order", "limit", "type", "disable_bundling", "rentable", "rented"})

_WANTED = {
    "eq": "",
    "neq": "not ",
    "gt": "above ",
    "gte": "at least ",
    "lt": "below ",
    "lte": "at most ",
    "in": "one of ",
    "notin": "none of ",
}
_UNKNOWN = "Unknown whether the offer is what the template wants"
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,3})\.([0-9]{1,3})")
_WORDS = frozenset({"amd64", "arm64", "nvidia", "amd", "verified", "unverified", "deverified"})


def warnings_of(extra_filters: object, offer: Offer | None) -> list[str]:
    """What an answer says of a template's filters: what the offer has otherwise, and of what that
    is not known.
    """
    filters = filters_in(extra_filters)
    if filters is None:
        return [f"{_UNKNOWN}: its extra_filters cannot be read."]
    if offer is None:
        return [f"{_UNKNOWN}: the offer could not be read."] if filters else []
    differences: list[str] = []
    unknown: list[str] = []
    for name, wish in filters.items():
        differs = _difference(name, wish, offer)
        if differs is None:
            unknown.append(name)
        elif differs:
            differences.append(differs)
    return [*_of_differences(differences), *_of_unknown(unknown)]


def asks_and_has(extra_filters: object, column: str, offer: Offer) -> bool:
    """Whether a template asks something of a column, and the offer is so."""
    wish = (filters_in(extra_filters) or {}).get(column)
    return wish is not None and _difference(column, wish, offer) == ""


def differs(extra_filters: object, offer: Offer) -> bool:
    """Whether a template asks for what the offer is known not to be."""
    wishes = (filters_in(extra_filters) or {}).items()
    return any(_difference(name, wish, offer) for name, wish in wishes)


def filters_in(value: object) -> Json | None:
    """The filters, which rows hold as a text of JSON; None where they cannot be read."""
    if value is None or value == "":
        return {}
    if not isinstance(value, str):
        return as_object(value)
    if len(value) > LONGEST:
        return None
    try:
        return as_object(json.loads(value, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return None


def _of_differences(differences: list[str]) -> Iterator[str]:
    if not differences:
        return
    more = len(differences) - MOST_SAID
    said = "; ".join(differences[:MOST_SAID]) + (f"; and {more} more" if more > 0 else "")
    yield f"The offer is not what the template wants, and Vast may rent it all the same: {said}."


def _of_unknown(unknown: list[str]) -> Iterator[str]:
    if not unknown:
        return
    known = [name for name in unknown if _column_of(name) in FILTERED]
    strange = len(unknown) - len(known)
    said = known[:MOST_SAID] + ([f"{strange} of another name"] if strange else [])
    yield f"{_UNKNOWN} in: {', '.join(said)}."


# ── one filter ─────────────────────────────────────────────────────────────────────────────────


def _difference(name: str, wish: object, offer: Offer) -> str | None:
    """What is otherwise, in words; empty where nothing is, None where that is not known."""
    if name in _NO_WISH or wish is None:
        return ""
    ops = _ops_of(name, wish)
    if ops is not None and name.endswith(_THOUSANDS):
        name, ops = _column_of(name), {op: _in_mb(asked) for op, asked in ops.items()}
    if ops is None or _column_of(name) not in FILTERED:
        return None
    fact = _fact_of(name, offer)
    met = {op: _holds(fact, op, asked) for op, asked in ops.items()}
    failed = [op for op in ops if met[op] is False]
    if failed:
        wanted = " and ".join(_wanted(name, op, ops[op]) for op in failed)
        return f"{name} {wanted}, the offer has {_shown(name, fact)}"
    return None if None in met.values() else ""


def _ops_of(name: str, wish: object) -> Json | None:
    """The operators of a filter, which may have none at all (docs/vast-api.md E)."""
    ops = as_object(wish)
    if ops is not None:
        return ops if ops.keys() <= _WANTED.keys() else None
    if isinstance(wish, list):
        return {"in": wish}
    return {"gte" if name in _AT_LEAST else "eq": wish}


def _in_mb(gb: object) -> object:
    number = _number(gb)
    return gb if number is None else 1000 * number


def _column_of(name: str) -> str:
    name = name.removesuffix(_THOUSANDS)
    return _COLUMNS.get(name, name)


def _fact_of(name: str, offer: Offer) -> object:
    """What the offer's row says in a filter's own terms (docs/vast-api.md B.1, B.2)."""
    held = offer.stated.get(_column_of(name))
    if held is None and name in {"reliability", "reliability2"}:
        return offer.stated.get("reliability") or offer.stated.get("reliability2")
    if name == "geolocation":
        return names.country(held)
    if name == "datacenter" and held is not None:
        return held == 1
    if name == "verified" and held is not None:
        return held == "verified"
    return held


def _holds(fact: object, op: str, asked: object) -> bool | None:
    """Whether one operator holds; None where the two do not compare."""
    if op in LISTED:
        each = cast("list[object]", asked) if isinstance(asked, list) else [asked]
        found = [_holds(fact, "eq", one) for one in each]
        if True not in found and None in found:
            return None
        return (True in found) == (op == "in")
    pair = _of_one_kind(fact, asked)
    if pair is None or (isinstance(pair[0], str) and op not in {"eq", "neq"}):
        return None
    return COMPARE[op](*pair)


def _of_one_kind(fact: object, asked: object) -> tuple[Any, Any] | None:
    """Fact and wish as two flags, numbers or texts; numbers and flags may come as text."""
    if isinstance(fact, bool):
        flag = _FLAGS.get(str(asked).lower())
        return None if flag is None else (fact, flag)
    held, wanted = _number(fact), _number(asked)
    if held is not None and wanted is not None:
        return held, wanted
    if isinstance(fact, str) and isinstance(asked, str):
        return _plain(fact), _plain(asked)
    return None


def _number(value: object) -> float | None:
    """A number; also of a driver's version: "580.105.08" is 580105008 (docs/vast-api.md B.4)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    version = _VERSION.fullmatch(str(value))
    if version is not None:
        big, middle, small = map(int, version.groups())
        return float(big * 1_000_000 + middle * 1_000 + small)
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _plain(text: str) -> str:
    return text.replace("_", " ").strip().casefold()


# ── in words ───────────────────────────────────────────────────────────────────────────────────


def _wanted(name: str, op: str, asked: object) -> str:
    each = cast("list[object]", asked) if isinstance(asked, list) else [asked]
    return f"{_WANTED[op]}{_listed(_shown(name, one) for one in each)}"


def _listed(words: Iterable[str]) -> str:
    said = list(words)
    return ", ".join(said[:MOST_SAID]) + (", …" if len(said) > MOST_SAID else "")


def _shown(name: str, value: object) -> str:
    """A value as a warning may repeat it."""
    if isinstance(value, bool):
        return str(value).lower()
    number = _number(value)
    if number is not None:
        return f"{number:.10g}"
    if isinstance(value, str) and value in _WORDS:
        return value
    shape = {"gpu_name": names.card, "geolocation": names.country}.get(name)
    known = shape(value) if shape else None
    return known or "another text"
