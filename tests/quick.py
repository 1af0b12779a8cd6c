"""What `make test` tries of a whole suite: some rows of each table, and no test that is `thorough`.
`make cover` tries all rows, `make test-whole` what `sampled` and `so_many` leave out besides.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

import pytest

QUICK = os.environ.get("QUICK") == "1"

MOST, EVERY = 3, 8  # rows that are all tried, and of more than those each so-manieth

Row = TypeVar("Row")


def some(rows: Sequence[Row], name: str) -> list[Row]:
    """The first row of a table, its last, and each eighth between them; which ones depends on the
    test's name, so that what many tests ask of the same rows is asked of all rows by some of them.
    """
    if len(rows) <= MOST:
        return list(rows)
    begin = zlib.crc32(name.encode()) % EVERY
    chosen = {0, len(rows) - 1, *range(begin, len(rows), EVERY)}
    return [rows[at] for at in sorted(chosen)]


def of_processes(rows: Sequence[Row], name: str) -> list[Row]:
    """One row of a table whose every row starts programs."""
    return [rows[zlib.crc32(name.encode()) % len(rows)]]


def quickly(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """What `make test` tries of these, in their order."""
    kept: list[pytest.Item] = []
    for name, group in groupby(items, key=lambda item: item.nodeid.partition("[")[0]):
        rows = list(group)
        if rows[0].get_closest_marker("thorough"):
            continue
        starts_programs = rows[0].get_closest_marker("processes") is not None
        kept += of_processes(rows, name) if starts_programs else some(rows, name)
    return kept


def slow_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same with modules that start programs in front: what begins last is waited for."""
    slow = {item.path for item in items if item.get_closest_marker("processes")}
    return sorted(items, key=lambda item: item.path not in slow)
