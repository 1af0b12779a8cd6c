"""Every table of this folder: what hosts send and people mean, row by row, over MCP."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from case import Case, Seen
from house import call, lenient_world, sampled, served
from vast_mcp.settings import Limits, Settings

TABLES = sorted(path.stem for path in Path(__file__).parent.glob("rows_*.py"))
ROWS: list[Case] = [row for table in TABLES for row in importlib.import_module(table).ROWS]


def test_no_two_rows_are_called_the_same() -> None:
    names = [str(row) for row in ROWS]
    assert len(names) == len(set(names))


def test_the_tables_hold_what_was_once_handled_wrongly_and_the_nearest_that_is_legal() -> None:
    """Hundreds of inputs from public reports, recorded replies and other people's clients."""
    assert sum(not row.legal for row in ROWS) >= 150
    assert sum(row.legal for row in ROWS) >= 100


@pytest.mark.parametrize("row", sampled(ROWS), ids=str)
async def test_a_row_comes_to_what_it_says(row: Case, settings: Settings) -> None:
    world = lenient_world()
    row.world(world)
    given = row.given_in(world)
    before = len(world.requests)
    made = replace(settings, limits=Limits(**row.limits), **row.settings)
    async with served(world, made) as client:
        answer = await call(client, row.tool, **given)
    seen = Seen(answer, world, world.requests[before:])
    for want in row.wants:
        want(seen)
