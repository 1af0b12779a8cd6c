"""Absence has many spellings: null, "", [] and {} for what is optional are "not given"."""

from __future__ import annotations

from case import Case, Legal, rented, renting

ROWS: list[Case] = [
    Legal("an option that is there", "create_instance", renting(label="mine"), rented()),
]
