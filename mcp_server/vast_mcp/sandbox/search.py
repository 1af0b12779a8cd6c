"""Searches and lists share a grammar of fields, operators and order (docs/vast-api.md B.1, B.2,
C.2).
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any, cast

from . import replies
from .shapes import Json, is_number

Ops = Json

CAP = 64  # rows in one reply of a search for volumes (F)
DEFAULT_GB = 8.0  # of disk that a search prices
TYPES = {
    "on-demand": False,
    "ondemand": False,
    "reserved": False,
    "bid": True,
    "interruptible": True,
}
SCALARS = frozenset({"order", "limit", "type", "allocated_storage", "disable_bundling"})
DEFAULTS: dict[str, Ops] = {
    "verified": {"eq": True},
    "external": {"eq": False},
    "rentable": {"eq": True},
}

# What a search without defaults finds when it is asked for nothing (B.3).
UNFILTERED: dict[str, Ops] = {"verified": {"eq": False}}

# Filters that are no row keys, and how a row answers them.
VIEWS: dict[str, Callable[[Json], Any]] = {
    "datacenter": lambda row: row["hosting_type"] == 1,
    "verified": lambda row: row["verification"] == "verified",
    "geolocation": lambda row: row["geolocation"][-2:],
    "driver_version": lambda row: row["driver_vers"],
    "ubuntu_version": lambda row: row["os_version"],
    "external": lambda row: bool(row["external"]),  # null is none (B.4)
    "dphtotal": lambda row: row["dph_total"],
    "gpu_totalram": lambda row: row["gpu_total_ram"],
    "gpu_ram_GB": lambda row: row["gpu_ram"] / 1000,
    "cpu_ram_GB": lambda row: row["cpu_ram"] / 1000,
    "gpu_totalram_GB": lambda row: row["gpu_total_ram"] / 1000,
}


def as_number(value: Any) -> float | None:
    """Read a number, or a string that spells one; the official client sends strings."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


FLAGS = {"true": True, "1": True, "false": False, "0": False}


def as_bool(value: Any) -> bool | None:
    """Read a flag as JSON, as text or as a digit."""
    if isinstance(value, bool):
        return value
    return FLAGS.get(str(value).lower())


def _like(held: Any, asked: Any) -> Any:
    """Read the asked value in the type of the held one."""
    if isinstance(held, bool):
        return as_bool(asked)
    if isinstance(held, int | float):
        return _number_or_same(asked)
    if asked is None:
        return None
    return str(asked)


def _number_or_same(asked: Any) -> Any:
    number = as_number(asked)
    if number is None:
        return asked
    return number


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _compare(op: str, held: Any, asked: Any) -> bool:
    if op in {"in", "notin"}:
        found = any(_like(held, one) == held for one in cast("list[Any]", asked))
        return found == (op == "in")
    want = _like(held, asked)
    if op in {"eq", "neq"}:
        return (held == want) == (op == "eq")
    return _have_an_order(held, want) and ORDERS[op](held, want)


def _have_an_order(held: Any, want: Any) -> bool:
    """Texts among themselves and numbers among themselves have one."""
    if isinstance(held, str):
        return isinstance(want, str)
    return isinstance(held, int | float) and isinstance(want, int | float)


OPS = frozenset({"eq", "neq", "gt", "gte", "lt", "lte", "in", "notin"})


def check_ops(ops: Any) -> Ops:
    """Check an object of operators; anything else is an odd operator (B.2)."""
    if not isinstance(ops, dict):
        raise replies.unknown_search_op(ops)
    if not ops:
        raise replies.unknown_search_op("")
    ops = cast("Ops", ops)
    for op, value in ops.items():
        if op not in OPS:
            raise replies.unknown_search_op(op)
        if op in {"in", "notin"} and not isinstance(value, list):
            raise replies.invalid_request(f"{op} needs a list")
    return ops


def meets(row: Json, field: str, ops: Ops) -> bool:
    """Whether a row answers one field's operators."""
    held = _held(row, field)
    return all(_compare(op, held, asked) for op, asked in ops.items())


def _held(row: Json, field: str) -> Any:
    if field in VIEWS and "verification" in row:
        return VIEWS[field](row)
    return row.get(field)


def is_numeric(field: str, row: Json) -> bool:
    """Whether this row holds a plain number there."""
    return is_number(row.get(field)) and field not in VIEWS


def select(rows: Iterable[Json], filters: dict[str, Ops], *, leaky: bool) -> list[Json]:
    """Keep the rows that answer; when leaky, every fifth slips past the numeric filters (B.2)."""
    return [row for row in rows if _passes(row, filters, leaky=leaky)]


def _passes(row: Json, filters: dict[str, Ops], *, leaky: bool) -> bool:
    # What was asked for tells more rows apart than the defaults before it.
    failed = (field for field in reversed(filters) if not meets(row, field, filters[field]))
    if not leaky or row["id"] % 5:
        return next(failed, None) is None
    return all(is_numeric(field, row) and field != "id" for field in failed)


def sort_key(value: Any) -> tuple[int, Any]:
    """None comes first, numbers among themselves, the rest as text."""
    if value is None:
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, str(value))


def in_order(rows: list[Json], order: list[tuple[str, bool]]) -> list[Json]:
    """Sort by the first field, ties by the next."""
    for field, descending in reversed(order):
        rows = sorted(rows, key=lambda row: sort_key(row.get(field)), reverse=descending)
    return rows


def read_order(order: Any, known: frozenset[str]) -> list[tuple[str, bool]]:
    """Read `[[field, "asc" or "desc"], …]`; the best score comes first when nothing is said."""
    if order is None:
        return [("score", True)]
    if not isinstance(order, list):
        raise replies.invalid_request("order: Input should be a valid list")
    return [_read_field_order(entry, known) for entry in cast("list[Any]", order)]


def _read_field_order(entry: Any, known: frozenset[str]) -> tuple[str, bool]:
    match entry:
        case [str() as field, "asc" | "desc" as way]:
            if field not in known:
                raise replies.unknown_search_key(field)
            return field, way == "desc"
        case _:
            raise replies.invalid_request("order: each entry is [field, 'asc' or 'desc']")


def read_limit(limit: Any, cap: int) -> int:
    """Read a plain integer, capped."""
    if limit is None:
        return cap
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise replies.limit_not_integer()
    return max(0, min(limit, cap))


def read_filters(query: Json, known: frozenset[str]) -> dict[str, Ops]:
    """Read and check the field filters of a flat query."""
    filters: dict[str, Ops] = {}
    for field, ops in query.items():
        if field in SCALARS:
            continue
        if field not in known:
            raise replies.unknown_search_key(field)
        filters[field] = check_ops(ops)
    return filters


def read_gb(storage: Any) -> float:
    """Read how many GB of disk a search prices."""
    gb = as_number(storage)
    if gb is None or gb < 0:
        raise replies.invalid_request("allocated_storage: Input should be a valid number")
    return gb


def read_type(kind: Any) -> bool:
    """Read whether a search is for bids; none is on-demand."""
    kind = kind or "on-demand"
    if not isinstance(kind, str) or kind not in TYPES:
        raise replies.invalid_request(f"type: {kind} is not a valid search type")
    return TYPES[kind]


class Query:
    """A query is a flat search, read and checked."""

    def __init__(self, query: Json, known: frozenset[str], cap: int, *, defaults: bool) -> None:
        self.filters = read_filters(query, known)
        if defaults:
            self.filters = {**DEFAULTS, **self.filters}
        elif not self.filters:
            self.filters = UNFILTERED
        self.order = read_order(query.get("order"), known)
        self.limit = read_limit(query.get("limit"), cap)
        self.bid = read_type(query.get("type"))
        storage = query.get("allocated_storage")
        self.gb = DEFAULT_GB if storage is None else read_gb(storage)

    @property
    def hides_hopper(self) -> bool:
        """Whether it asks for a CUDA version and for no compute capability, which was seen to
        hide H100 and H200 (B.2).
        """
        return "cuda_max_good" in self.filters and "compute_cap" not in self.filters

    def matching(self, rows: Iterable[Json], *, leaky: bool) -> list[Json]:
        """Filter and sort these rows; the disk that a search prices has to be there (B.1)."""
        if "id" in self.filters:  # finds nothing, live (B.2); ask_contract_id does
            return []
        roomy = [row for row in rows if row["disk_space"] >= self.gb]
        return in_order(select(roomy, self.filters, leaky=leaky), self.order)
