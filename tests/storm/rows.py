"""Every scenario of a storm, in the order of its table."""

from __future__ import annotations

from storm import computer, scenarios

ALL = [*scenarios.ALL, *computer.scenarios()]
REAL = scenarios.REAL
