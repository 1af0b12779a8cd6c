"""Every scenario of a storm, in the order of its table."""

from __future__ import annotations

from storm import computer, memory, scenarios

ALL = [*scenarios.ALL, *computer.scenarios(), *memory.scenarios()]
REAL = scenarios.REAL
