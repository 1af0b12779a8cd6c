"""A variable that a person sets, and how the field for it carries what the variable means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vast_mcp.settings.kinds import Kind


@dataclass(frozen=True)
class Setting:
    """A variable that a person sets."""

    name: str
    meaning: str  # completes the table of settings (docs/settings.md)
    kind: Kind
    # Of two values, the one that holds, so that neither the environment nor the file can widen what
    # the other allows. None: the environment's holds.
    stricter: Callable[[list[Any]], Any] | None = None

    def chosen(self, values: list[Any]) -> Any:
        """The value that holds, of those that the sources give, nearest first."""
        if self.stricter is None:
            return values[0]
        return self.stricter(values)


def setting(
    name: str,
    meaning: str,
    kind: Kind,
    stricter: Callable[[list[Any]], Any] | None = None,
) -> dict[str, Setting]:
    """The metadata of a field that a person sets."""
    return {"setting": Setting(name, meaning, kind, stricter)}
