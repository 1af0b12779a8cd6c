"""One machine by both things that are known of it: Vast's row and the journal's record."""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.errors import Json
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.machines import ways
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Machine:
    """A machine as Vast shows it and as the journal has it; either may be missing."""

    row: Instance | None
    record: Intent | None

    @property
    def born(self) -> float | None:
        """Epoch seconds: when the rent was sent, else what the row says."""
        if self.record is not None and self.record.tried_at is not None:
            return self.record.tried_at
        if self.row is not None:
            return self.row.start_date
        return None

    @property
    def ended(self) -> float | None:
        """Epoch seconds: when our own destroy was seen to have worked."""
        if self.record is None:
            return None
        return self.record.gone_at

    @property
    def lease_until(self) -> float | None:
        """Epoch seconds: when the lease ends, as the journal has it."""
        if self.record is None:
            return None
        return self.record.lease_until

    @property
    def facts(self) -> Json:
        """What was noted of it as it was rented; nothing of a machine without a record."""
        if self.record is None:
            return {}
        return self.record.facts

    @property
    def usd_per_hour(self) -> float | None:
        """$/h while it runs, by the row, else as it was rented."""
        if self.row is not None:
            return self.row.dph_total
        return self.facts.get("usd_per_hour")

    @property
    def is_vm(self) -> bool:
        """Whether it was rented as a VM, or has the image of one."""
        if self.facts.get("vm"):
            return True
        return self.row is not None and ways.is_vm(self.row)

    @property
    def is_ours(self) -> bool | None:
        """Whether a vast-mcp made it: it is in this journal, or its label ends in a token. None
        where that label is hidden.
        """
        if self.record is not None:
            return True
        if self.row is not None and self.row.hides_label:
            return None
        return self.row is not None and token_of(self.row.label) is not None
