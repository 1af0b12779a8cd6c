"""The journal's statements: each has a name, is used, and fits the schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vast_mcp.journal import Journal, database
from vast_mcp.journal.queries import parsed, statements

PACKAGE = Path(database.__file__).parent
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py")))


def test_a_statement_stands_under_its_name_without_comments() -> None:
    """The form of queries.sql (vast_mcp/journal/queries.py)."""
    script = "-- head\n\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT\n  2;\n"
    assert parsed(script) == {"one": "SELECT 1;", "two": "SELECT\n  2;"}


def test_no_two_statements_share_a_name() -> None:
    """The second would hide the first."""
    names = re.findall(r"^-- name: (.*)$", (PACKAGE / "queries.sql").read_text("utf-8"), re.M)
    assert sorted(names) == sorted(statements())


@pytest.mark.parametrize("name", sorted(statements()))
def test_a_statement_is_used_and_fits_the_schema(name: str) -> None:
    """A statement that nobody runs rots; one that the schema does not fit fails with money on its
    way.
    """
    assert f'"{name}"' in SOURCE
    journal = Journal(None)
    statement = statements()[name]
    values = dict.fromkeys(re.findall(r":(\w+)", statement))
    journal._db.open().execute(f"EXPLAIN {statement}", values)
    journal.close()


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("underway", "intents_open"),
        ("living_from_offer", "intents_living"),
        ("latest_of_wish", "intents_by_wish"),
        ("announced", "intents_announced"),
    ],
)
def test_a_question_of_every_rental_uses_its_index(name: str, index: str) -> None:
    """A partial index is used only where the statement repeats its condition word by word."""
    journal = Journal(None)
    statement = statements()[name]
    values = dict.fromkeys(re.findall(r":(\w+)", statement))
    plan = journal._db.open().execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    journal.close()
    assert any(index in step[3] for step in plan)
