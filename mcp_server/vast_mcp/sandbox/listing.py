"""The instance list has filters, an order, pages and columns (docs/vast-api.md C.2)."""

import base64
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

from . import replies, search
from .rows import COMPUTED
from .shapes import Json

Order = list[tuple[str, bool]]

PAGE = 25
PAGE_FOR_NONSENSE = 5

FILTERS = frozenset(
    {
        "id",
        "label",
        "machine_id",
        "host_id",
        "gpu_name",
        "num_gpus",
        "gpu_ram",
        "actual_status",
        "intended_status",
        "cur_state",
        "next_state",
        "verification",
        "image_uuid",
        "image_runtype",
        "start_date",
        "end_date",
        "is_bid",
        "template_id",
        "template_hash_id",
        "template_name",
        "disk_space",
        "geolocation",
        "country_code",
        "static_ip",
        "external",
        "public_ipaddr",
    }
)


@dataclass
class PageQuery:
    """A list request asks for this, once it is checked."""

    limit: int
    after: list[Any] | None
    order: Order
    filters: dict[str, search.Ops]
    columns: list[str] | None


def read_page_query(query: dict[str, str]) -> PageQuery:
    """Read the query string; structured values come as JSON text."""
    order = _read_order(_read_json(query, "order_by", []))
    filters: Any = _read_json(query, "select_filters", {})
    if not isinstance(filters, dict):
        raise replies.invalid_request("select_filters: Input should be a valid dictionary")
    columns = _read_columns(_read_json(query, "select_cols", None))
    return PageQuery(
        limit=_read_limit(query.get("limit")),
        after=_read_token(query.get("after_token"), order),
        order=order,
        filters=search.read_filters(cast("Json", filters), FILTERS),
        columns=columns,
    )


def _read_columns(columns: Any) -> list[str] | None:
    """Read the names of columns; None means all of them."""
    if columns is None:
        return None
    if not isinstance(columns, list):
        raise replies.invalid_request("select_cols: Input should be a valid list")
    if "*" in columns:
        return None
    return [str(name) for name in cast("list[Any]", columns)]


def _read_json(query: dict[str, str], name: str, default: Any) -> Any:
    text = query.get(name)
    if not text:
        return default
    return read_json(text, name)


def read_json(text: str, name: str) -> Any:
    """Read a query parameter that holds JSON."""
    try:
        return json.loads(text)
    except ValueError:
        raise replies.invalid_request(f"{name}: Invalid JSON") from None


def _read_limit(text: str | None) -> int:
    if not text:
        return PAGE
    try:
        limit = int(text)
    except ValueError:
        raise replies.limit_not_integer() from None
    if limit <= 0:
        return PAGE_FOR_NONSENSE
    return min(limit, PAGE)


def _read_order(entries: Any) -> Order:
    """Read an order that ends with the id, so that pages never overlap."""
    if not isinstance(entries, list):
        raise replies.invalid_request("order_by: Input should be a valid list")
    order = [_read_column_order(entry) for entry in cast("list[Any]", entries)]
    if not any(column == "id" for column, _ in order):
        order.append(("id", False))
    return order


def _read_column_order(entry: Any) -> tuple[str, bool]:
    match entry:
        case {"col": str() as column, **rest} if rest.get("dir", "asc") in ("asc", "desc"):
            if column not in FILTERS | COMPUTED:
                raise replies.unknown_search_key(column)
            return column, rest.get("dir") == "desc"
        case _:
            raise replies.invalid_request("order_by: each entry has col and dir")


def _token(row: Json, order: Order) -> str:
    place = json.dumps(_place_of(row, order))
    return base64.urlsafe_b64encode(place.encode()).decode()


def _place_of(row: Json, order: Order) -> list[Any]:
    """What says where a row stands: its values in the columns that the list is ordered by."""
    return [row.get(column) for column, _ in order]


def _read_token(text: str | None, order: Order) -> list[Any] | None:
    if not text:
        return None
    try:
        place: Any = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:  # binascii.Error is one
        raise replies.invalid_token() from None
    if not isinstance(place, list) or len(cast("list[Any]", place)) != len(order):
        raise replies.invalid_token()
    return cast("list[Any]", place)


def page(query: PageQuery, rows: list[Json]) -> tuple[list[int], Json]:
    """Cut one page: the ids on it, and its reply. A page begins after the last row of the one
    before, so what ends or begins between two pages shifts nothing.
    """
    matched = search.in_order(search.select(rows, query.filters, leaky=False), query.order)
    rest = _after(query, matched)
    shown = rest[: query.limit]
    token = None
    if len(rest) > len(shown):
        token = _token(shown[-1], query.order)
    reply = {
        "success": True,
        "instances_found": len(shown),
        "total_instances": len(matched),
        "label_counts": Counter(row["label"] or "" for row in matched),
        "next_token": token,
        "instances": _cut(shown, query.columns),
    }
    return [row["id"] for row in shown], reply


def _after(query: PageQuery, rows: list[Json]) -> list[Json]:
    if query.after is None:
        return rows
    return [row for row in rows if _stands_after(row, query.after, query.order)]


def _stands_after(row: Json, place: list[Any], order: Order) -> bool:
    """Whether a row stands behind this place in the list."""
    for (column, descending), value in zip(order, place, strict=True):
        here, there = search.sort_key(row.get(column)), search.sort_key(value)
        if here != there:
            return (here > there) != descending
    return False


def _cut(rows: list[Json], columns: list[str] | None) -> list[Json]:
    if columns is None:
        return rows
    return [{name: row.get(name) for name in columns} for row in rows]
