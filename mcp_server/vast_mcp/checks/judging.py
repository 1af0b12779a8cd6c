"""What a machine was promised as, by its row, beside what was found in it: item by item.

A tolerance is what may differ between sound machines: how units are rounded, what a driver keeps
for itself, how a short measurement differs from a long one. What is not known is neither good nor
bad.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from vast_mcp.checks.found import Found
from vast_mcp.checks.items import Item, Verdict
from vast_mcp.checks.of_cards import SameCard, of_cards
from vast_mcp.checks.of_container import of_container
from vast_mcp.vast.models import Instance

Overall = Literal["as_promised", "worse", "unknown"]

# Without these, nothing was checked.
_MAIN = frozenset({"gpu_count", "gpu_name", "gpu_memory"})


@dataclass(frozen=True)
class Judgement:
    """All of it."""

    overall: Overall
    items: tuple[Item, ...]

    def named(self, verdict: Verdict) -> list[Item]:
        """The items of one verdict."""
        return [item for item in self.items if item.verdict == verdict]


def judge(row: Instance, found: Found, *, vm: bool, same_card: SameCard) -> Judgement:
    """Compare what was found with what the machine's row says.

    `same_card`: whether a name that nvidia-smi gives and one of Vast's mean the same card; None
    where that cannot be told.
    """
    items = (*of_cards(row, found, vm, same_card), *of_container(row, found))
    return Judgement(_overall(row, items), items)


def _overall(row: Instance, items: Iterable[Item]) -> Overall:
    verdicts = {item.name: item.verdict for item in items}
    if "worse" in verdicts.values():
        return "worse"
    if row.num_gpus and any(verdicts.get(name, "unknown") == "unknown" for name in _MAIN):
        return "unknown"
    return "as_promised" if set(verdicts.values()) - {"unknown"} else "unknown"
