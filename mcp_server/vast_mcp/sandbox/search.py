"""The filter grammar of searches and lists: fields, operators, order (B.1, B.2, C.2)."""

import operator
from collections.abc import Callable, Iterable
from typing import Any, cast

from . import replies

Row = dict[str, Any]
Ops = dict[str, Any]

CAP = 64  # rows in one reply, whatever is asked (B.1)
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

# Filters that are no row keys, and how a row answers them.
VIEWS: dict[str, Callable[[Row], Any]] = {
    "datacenter": lambda row: row["hosting_type"] == 1,
    "verified": lambda row: row["verification"] == "verified",
    "geolocation": lambda row: row["geolocation"][-2:],
    "driver_version": lambda row: row["driver_vers"],
    "ubuntu_version": lambda row: row["os_version"],
}


def as_number(value: Any) -> float | None:
    """A number, or a string that spells one; the official client sends strings."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def as_bool(value: Any) -> bool | None:
    """A flag as JSON, as text or as a digit."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _like(held: Any, asked: Any) -> Any:
    """The asked value in the type of the held one."""
    if isinstance(held, bool):
        return as_bool(asked)
    if isinstance(held, int | float):
        number = as_number(asked)
        return asked if number is None else number
    return asked if asked is None else str(asked)


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
    texts = isinstance(held, str) and isinstance(want, str)
    numbers = isinstance(held, int | float) and isinstance(want, int | float)
    return (texts or numbers) and ORDERS[op](held, want)  # nothing else has an order


OPS = frozenset({"eq", "neq", "gt", "gte", "lt", "lte", "in", "notin"})


def check_ops(ops: Any) -> Ops:
    """An object of operators; anything else is an odd operator (B.2)."""
    if not isinstance(ops, dict) or not ops:
        raise replies.unknown_search_op("" if isinstance(ops, dict) else ops)
    ops = cast("Ops", ops)
    for op, value in ops.items():
        if op not in OPS:
            raise replies.unknown_search_op(op)
        if op in {"in", "notin"} and not isinstance(value, list):
            raise replies.invalid_request(f"{op} needs a list")
    return ops


def meets(row: Row, field: str, ops: Ops) -> bool:
    """Whether a row answers one field's operators."""
    view = VIEWS.get(field) if field in VIEWS and "verification" in row else None
    held = view(row) if view else row.get(field)
    return all(_compare(op, held, asked) for op, asked in ops.items())


def is_numeric(field: str, row: Row) -> bool:
    """Whether this row holds a plain number there."""
    held = row.get(field)
    return isinstance(held, int | float) and not isinstance(held, bool) and field not in VIEWS


def select(rows: Iterable[Row], filters: dict[str, Ops], *, leaky: bool) -> list[Row]:
    """The rows that answer; when leaky, every fifth slips past the numeric filters (B.2)."""
    kept: list[Row] = []
    for row in rows:
        failed = [field for field, ops in filters.items() if not meets(row, field, ops)]
        slips = (
            leaky
            and row["id"] % 5 == 0
            and all(is_numeric(field, row) and field != "id" for field in failed)
        )
        if not failed or slips:
            kept.append(row)
    return kept


def sort_key(value: Any) -> tuple[int, Any]:
    """None first, numbers among themselves, the rest as text."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, int | float) else (2, str(value))


def in_order(rows: list[Row], order: list[tuple[str, bool]]) -> list[Row]:
    """Sorted by the first field, ties by the next."""
    for field, descending in reversed(order):
        rows = sorted(rows, key=lambda row: sort_key(row.get(field)), reverse=descending)
    return rows


def read_order(order: Any, known: frozenset[str]) -> list[tuple[str, bool]]:
    """`[[field, "asc" or "desc"], …]`; the best score first when nothing is said."""
    if order is None:
        return [("score", True)]
    if not isinstance(order, list):
        raise replies.invalid_request("order: Input should be a valid list")
    pairs: list[tuple[str, bool]] = []
    for entry in cast("list[Any]", order):
        match entry:
            case [str() as field, "asc" | "desc" as way]:
                if field not in known:
                    raise replies.unknown_search_key(field)
                pairs.append((field, way == "desc"))
            case _:
                raise replies.invalid_request("order: each entry is [field, 'asc' or 'desc']")
    return pairs


def read_limit(limit: Any) -> int:
    """A plain integer, capped."""
    if limit is None:
        return CAP
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise replies.limit_not_integer()
    return max(0, min(limit, CAP))


def read_filters(query: dict[str, Any], known: frozenset[str]) -> dict[str, Ops]:
    """The field filters of a flat query, checked."""
    filters: dict[str, Ops] = {}
    for field, ops in query.items():
        if field in SCALARS:
            continue
        if field not in known:
            raise replies.unknown_search_key(field)
        filters[field] = check_ops(ops)
    return filters


class Query:
    """A flat search query, read and checked."""

    def __init__(self, query: dict[str, Any], known: frozenset[str], *, defaults: bool) -> None:
        filters = read_filters(query, known)
        self.filters = {**DEFAULTS, **filters} if defaults else filters
        self.order = read_order(query.get("order"), known)
        self.limit = read_limit(query.get("limit"))
        kind = query.get("type") or "on-demand"
        if not isinstance(kind, str) or kind not in TYPES:
            raise replies.invalid_request(f"type: {kind} is not a valid search type")
        self.bid = TYPES[kind]
        storage = query.get("allocated_storage")
        gb = 8.0 if storage is None else as_number(storage)
        if gb is None or gb < 0:
            raise replies.invalid_request("allocated_storage: Input should be a valid number")
        self.gb = gb

    def run(self, rows: Iterable[Row], *, leaky: bool) -> list[Row]:
        if "id" in self.filters:  # finds nothing, two live reports (B.2); ask_contract_id does
            return []
        return in_order(select(rows, self.filters, leaky=leaky), self.order)[: self.limit]
