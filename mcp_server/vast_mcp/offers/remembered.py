"""What machines came to that were rented here before: shown in offers, and a filter of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.account.before import Before
from vast_mcp.offers.filters import BEFORE, Filter
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

Wanted = Literal["any", "not_failed", "worked"]

UNREAD = "Whether these machines failed here before could not be read (journal_unavailable)."
NONE_WORKED = (
    "No machine that was rented here is known to have worked, so before: worked finds none."
)
NAMED = 5


@dataclass(frozen=True)
class Remembered:
    """What became of each machine, by its number. `unread`: that could not be read."""

    by_machine: Mapping[int, Before] = field(default_factory=dict[int, Before])
    unread: bool = False

    def words_on(self, offer: Offer) -> str | None:
        """What became of the rentals of an offer's machine; None where there was none."""
        before = self._on(offer)
        return None if before is None else before.words

    def failed_on(self, offer: Offer) -> bool:
        """Whether an offer's machine failed here by what is its own."""
        before = self._on(offer)
        return before is not None and before.failed

    def filters(self, wanted: Wanted) -> list[Filter]:
        """The filter that leaves the machines out that are not wanted."""
        ids = self._named_by(wanted)
        match wanted:
            case "worked":
                return [Filter(BEFORE, "machine_id", {"in": ids})]
            case "not_failed" if ids:
                return [Filter(BEFORE, "machine_id", {"notin": ids})]
            case _:
                return []

    def finds_none(self, wanted: Wanted) -> bool:
        """Whether no machine can be what is wanted."""
        return wanted == "worked" and not self._named_by(wanted)

    def told(self, wanted: Wanted) -> list[str]:
        """What to warn of: machines that a search leaves out, and what could not be read."""
        ids = self._named_by(wanted)
        if self.unread:
            return [UNREAD]
        if wanted != "not_failed" or not ids:
            return []
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        named = ", ".join(map(str, ids[:NAMED]))
        return [f"Left out, since they failed here: machine {named}{more}."]

    def first_to_rent(self, shown: Sequence[Offer]) -> tuple[Offer, str]:
        """The best offer whose machine did not fail here, and why it is that one."""
        for offer in shown:
            if not self.failed_on(offer):
                first = "offer" if offer is shown[0] else "offer whose machine did not fail here"
                return offer, f"rents the first {first}"
        return shown[0], "rents the first offer, whose machine failed here before"

    def _on(self, offer: Offer) -> Before | None:
        return None if offer.machine_id is None else self.by_machine.get(offer.machine_id)

    def _named_by(self, wanted: Wanted) -> list[int]:
        """The machines that a wish is about, those of the newest events first."""
        newest = sorted(self.by_machine.items(), key=lambda one: -one[1].newest)
        match wanted:
            case "worked":
                return [machine_id for machine_id, before in newest if before.worked]
            case "not_failed":
                return [machine_id for machine_id, before in newest if before.failed]
            case _:
                return []


def remembered(call: Call, wanted: Wanted) -> Remembered:
    """What is remembered. Raises JournalUnavailable where that cannot be read and a search rests on
    it.
    """
    try:
        return Remembered(met.before(call.session))
    except errors.JournalUnavailable:
        if wanted != "any":
            raise
        return Remembered(unread=True)
