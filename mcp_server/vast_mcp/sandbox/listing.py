"""The paged instance list: filters, order, pages and columns (C.2)."""

import base64
import functools
import json
from dataclasses import dataclass
from typing import Any, cast

from . import replies, search
from .instances import COMPUTED

Row = dict[str, Any]
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
        "ask_contract_id",
        "static_ip",
        "external",
        "public_ipaddr",
    }
)


@dataclass
class PageQuery:
    """What a list request asks for, checked."""

    limit: int
    after: list[Any] | None
    order: Order
    filters: dict[str, search.Ops]
    columns: list[str] | None


def read_page_query(query: dict[str, str]) -> PageQuery:
    """From the query string; structured values come as JSON text."""
    order = _read_order(_read_json(query, "order_by", []))
    filters: Any = _read_json(query, "select_filters", {})
    if not isinstance(filters, dict):
        raise replies.invalid_request("select_filters: Input should be a valid dictionary")
    columns: Any = _read_json(query, "select_cols", None)
    if columns is not None and not isinstance(columns, list):
        raise replies.invalid_request("select_cols: Input should be a valid list")
    return PageQuery(
        limit=_read_limit(query.get("limit")),
        after=_read_token(query.get("after_token"), order),
        order=order,
        filters=search.read_filters(cast("Row", filters), FILTERS),
        columns=None
        if columns is None or "*" in columns
        else [str(name) for name in cast("list[Any]", columns)],
    )


def _read_json(query: dict[str, str], name: str, default: Any) -> Any:
    text = query.get(name)
    if not text:
        return default
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
    return PAGE_FOR_NONSENSE if limit <= 0 else min(limit, PAGE)


def _read_order(entries: Any) -> Order:
    """Always ends with the id, so that pages never overlap."""
    order: Order = []
    if not isinstance(entries, list):
        raise replies.invalid_request("order_by: Input should be a valid list")
    for entry in cast("list[Any]", entries):
        match entry:
            case {"col": str() as column, **rest} if rest.get("dir", "asc") in ("asc", "desc"):
                if column not in FILTERS | COMPUTED:
                    raise replies.unknown_search_key(column)
                order.append((column, rest.get("dir") == "desc"))
            case _:
                raise replies.invalid_request("order_by: each entry has col and dir")
    return order if any(column == "id" for column, _ in order) else [*order, ("id", False)]


def _token(row: Row, order: Order) -> str:
    place = json.dumps([row.get(column) for column, _ in order])
    return base64.urlsafe_b64encode(place.encode()).decode()


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


def _compare(order: Order, one: list[Any], two: list[Any]) -> int:
    for (_, descending), left, right in zip(order, one, two, strict=True):
        first, second = search.sort_key(left), search.sort_key(right)
        if first != second:
            return (1 if first > second else -1) * (-1 if descending else 1)
    return 0


def page(query: PageQuery, rows: list[Row]) -> tuple[list[int], Row]:
    """The ids on one page, and its reply. Keyset paging: what ends or begins between two pages
    shifts nothing.
    """

    def values(row: Row) -> list[Any]:
        return [row.get(column) for column, _ in query.order]

    matched = search.select(rows, query.filters, leaky=False)
    matched.sort(
        key=functools.cmp_to_key(lambda one, two: _compare(query.order, values(one), values(two)))
    )
    after = query.after
    rest = (
        matched
        if after is None
        else [row for row in matched if _compare(query.order, values(row), after) > 0]
    )
    shown = rest[: query.limit]
    labels: dict[str, int] = {}
    for row in matched:
        labels[row["label"] or ""] = labels.get(row["label"] or "", 0) + 1
    reply = {
        "success": True,
        "instances_found": len(shown),
        "total_instances": len(matched),
        "label_counts": labels,
        "next_token": _token(shown[-1], query.order) if len(rest) > len(shown) else None,
        "instances": [_columns(row, query.columns) for row in shown],
    }
    return [row["id"] for row in shown], reply


def _columns(row: Row, columns: list[str] | None) -> Row:
    return row if columns is None else {name: row.get(name) for name in columns}
