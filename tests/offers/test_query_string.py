"""The query string of the official client: read as that client reads it, and read again as it was
written.

tests/golden/official_queries.json has what the official client 1.9.1 sends for each of its queries;
`make compat` asks the client itself.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import GOLDEN, so_many
from vast_mcp.offers import filter_fields, grammar, query_string
from vast_mcp.offers.filters import DEFAULTS

OFFICIAL: dict[str, Any] = json.loads((GOLDEN / "official_queries.json").read_text("utf-8"))
SERVER = {"driver_version": "driver_vers", "ubuntu_version": "os_version"}
NUMBERS = sorted(filter_fields.KNOWN - filter_fields.TEXTS - filter_fields.FLAGS)


def _plain(value: Any) -> Any:
    """A value as the server reads it, where the client sends numbers as text."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    try:
        return value if isinstance(value, bool) else float(value)
    except ValueError:
        return value


def _as_served(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a search by the names of columns."""
    return {
        SERVER.get(field, field): {op: _plain(value) for op, value in ops.items()}
        for field, ops in body.items()
    }


def _read(text: str) -> dict[str, Any]:
    filters = grammar.as_object(text)
    assert isinstance(filters, dict)
    read, problems = grammar.read(filters, {})
    assert problems == []
    return read


@pytest.mark.parametrize("query", OFFICIAL)
def test_a_query_asks_what_the_official_client_asks(query: str) -> None:
    """The same fields, operators and values in the API's units, defaults included
    (docs/vast-api.md B.1); `rented` is a default of the SDK's and ours alone.
    """
    asked = {name: {"eq": value} for name, value in DEFAULTS.items() if name != "rented"}
    asked |= _read(query)
    ours = {field: ops for field, ops in asked.items() if not grammar.is_any(ops)}
    assert _as_served(OFFICIAL[query]) == _as_served(ours)


SIGNS = {"eq": "=", "neq": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
WORDS = st.sampled_from(
    ["1", "0.98", "12.4", "RTX 4090", "RTX 4070S Ti", "US", "true", "and", "in", "22.04", "x-86.b"]
)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, str, Any]:
    field = draw(st.sampled_from(sorted(filter_fields.KNOWN - {"duration"})))
    if draw(st.booleans()):
        return (
            field,
            draw(st.sampled_from(["in", "notin"])),
            draw(st.lists(WORDS, min_size=1, max_size=4)),
        )
    return field, draw(st.sampled_from(list(SIGNS))), draw(WORDS)


def _written(field: str, op: str, value: Any, style: int) -> str:
    """One comparison in one of the styles that the grammar has."""
    if isinstance(value, list):
        quote = '"' if style % 2 else ""
        items = ",".join(
            f"{quote}{one if quote else one.replace(' ', '_')}{quote}" for one in value
        )
        return f"{field} {op} [{items}]"
    blank = " " if style % 3 else ""
    quoted = f'"{value}"' if style % 2 else value.replace(" ", "_")
    return f"{field}{blank}{SIGNS[op]}{blank}{quoted}"


@settings(max_examples=so_many(400))
@given(
    st.lists(comparisons(), min_size=1, max_size=6, unique_by=lambda one: (one[0], one[1])),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
    st.sampled_from([" ", ", ", "  ", " and ", "; "]),
)
def test_what_is_written_is_read_as_it_was_meant(
    meant: list[tuple[str, str, Any]], styles: list[int], between: str
) -> None:
    """Whatever the grammar can say, in each of its styles; sizes are in GB (B.1)."""
    written = [_written(*one, style) for one, style in zip(meant, styles, strict=False)]
    asked: dict[str, Any] = {}
    for field, op, value in meant:
        asked.setdefault(field, {})[op] = _in_mb(field, value)
    assert query_string.read(between.join(written)) == asked


def _in_mb(field: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_in_mb(field, one) for one in value]
    unit = filter_fields.UNITS_OF_QUERIES.get(field)
    is_number = value.replace(".", "", 1).isdigit() and value[0] != "." and value[-1] != "."
    return float(value) * unit if unit and is_number else value


@settings(max_examples=so_many(500))
@given(st.text(max_size=80) | st.text("ab_=<>![],\"' 19.", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """A query is a caller's text."""
    try:
        filters = grammar.as_object(text)
    except ValueError:
        return
    if isinstance(filters, dict):
        grammar.read(filters, {})


@settings(max_examples=so_many(300))
@given(st.sampled_from(NUMBERS), st.floats(0, 1e6, allow_nan=False).map(lambda one: round(one, 3)))
def test_a_value_that_is_let_through_is_sent_as_it_is(field: str, value: float) -> None:
    """What is refused names its unit or another value, and nothing is converted in silence."""
    read, problems = grammar.read({field: {"gte": value}}, {})
    if problems:
        assert field in filter_fields.SANE or value > 1e18
        assert problems[0].field == f"filters.{field}"
    else:
        assert read == {field: {"gte": value}}


@pytest.mark.parametrize("field", filter_fields.SANE)
def test_every_bound_is_itself_let_through(field: str) -> None:
    """The nearest value that can be meant, at both ends."""
    sane = filter_fields.SANE[field]
    for value in (0, sane.least, sane.most):
        assert grammar.read({field: {"gte": value}}, {})[1] == [], value
    if sane.least:
        assert grammar.read({field: {"gte": sane.least * 0.9}}, {})[1]


def test_every_word_for_a_field_leads_to_one() -> None:
    """Aliases and what people say lead to fields that exist."""
    known = filter_fields.KNOWN | filter_fields.ALIASES.keys()
    assert set(filter_fields.ALIASES.values()) <= filter_fields.KNOWN
    assert set(filter_fields.MEANT.values()) <= known
    assert not filter_fields.MEANT.keys() & known
