"""What is asked for, in two halves: what the journal may keep, and what only the process that was
called knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Bounds

TOOL = "provision"


@dataclass(frozen=True)
class Requirement:
    """A machine that somebody wants, as the journal keeps it (plans.wanted).

    `search`: arguments of search_offers. `rental`: arguments of create_instance, without what may
    hold secrets (renting/order.py, PRIVATE). `ready_when`: the word of wait_for_instance. `check`:
    whether it is compared with its offer; None where that can be done. `ports`: that env opens
    (needs.ports_in), since env is not kept. `withheld`: the names of the arguments of the rental
    that are not kept.
    """

    search: Json
    rental: Json
    ready_when: str = "ready"
    check: bool | None = None
    ports: int = 0
    withheld: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """The value as the journal keeps it."""
        return {
            "search": self.search,
            "rental": self.rental,
            "ready_when": self.ready_when,
            "check": self.check,
            "ports": self.ports,
            "withheld": list(self.withheld),
        }

    @classmethod
    def of_json(cls, kept: Json) -> Requirement:
        """The value of a journal's row; what is missing there asks for nothing."""
        return cls(
            search=kept.get("search") or {},
            rental=kept.get("rental") or {},
            ready_when=str(kept.get("ready_when") or "ready"),
            check=kept.get("check"),
            ports=kept.get("ports") or 0,
            withheld=tuple(kept.get("withheld") or ()),
        )


@dataclass(frozen=True)
class Wanted:
    """A whole wish: the requirement, its bounds, and the rental's arguments with all that they
    hold, which this process alone knows.
    """

    requirement: Requirement
    bounds: Bounds
    rental: Json = field(default_factory=dict[str, Any], repr=False)
