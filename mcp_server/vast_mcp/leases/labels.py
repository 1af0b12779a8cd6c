"""A lease in a machine's label: `<name> lease-until=<epoch seconds>#<token>`.

The watchdog inside the machine reads it by the same rule (leases/watchdog.sh).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from vast_mcp.journal.records import LATEST, token_of
from vast_mcp.leases.watchdog import FOLDER
from vast_mcp.vast.models import Instance

LABEL_ROOM = len(" lease-until=") + 10  # characters that a lease takes of a label
# From here on a time is no end: later than any lease, so that a watchdog takes it, and is called
# off; and the last that mksh counts to, whose arithmetic has 32 bits.
ENDLESS = 2_147_483_647
_LEASE = re.compile(r" lease-until=([0-9]{1,10})\Z")


def lease_notice(instance_id: int, until: float) -> str:
    """What an agent is told of a machine that was destroyed behind its back."""
    return f"Machine {instance_id} was destroyed: its lease ended at {utc(until)}."


def utc(at: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    if not 0 <= at < LATEST:
        return "a time that cannot be read"
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class _Label:
    """The parts of a label. `ending` is the token with its `#`, or empty; `until` in epoch
    seconds.
    """

    name: str
    until: float | None
    ending: str

    @classmethod
    def of(cls, label: str) -> _Label:
        token = token_of(label)
        ending = "" if token is None else f"#{token}"
        name = label.removesuffix(ending)
        match = _LEASE.search(name)
        if match is None:
            return cls(name, None, ending)
        return cls(name[: match.start()], float(match.group(1)), ending)


def name_in(label: str | None) -> str:
    """A label without the lease and the token at its end."""
    return _Label.of(label or "").name.strip()


def lease_of(label: str | None) -> float | None:
    """When the label says that the machine's lease ends, in epoch seconds; ENDLESS is no end."""
    return _Label.of(label or "").until


def leased(label: str, until: float | None) -> str:
    """The label with this lease, in epoch seconds, instead of the one it has; None takes it away.
    Token and name stay.
    """
    parts = _Label.of(label)
    if until is None:
        return f"{parts.name}{parts.ending}"
    return f"{parts.name} lease-until={int(until)}{parts.ending}"


def end_by(until: float | None) -> float | None:
    """When something ends that has this lease, in epoch seconds; None where nothing ends it."""
    return None if until is None or until >= ENDLESS else until


def file_of(instance_id: int) -> str:
    """The file in the machine that its watchdog reads, for where it may not read labels."""
    return f"{FOLDER}/lease-until-{instance_id}"


def ends_at(row: Instance | None, journalled: float | None) -> float | None:
    """When a machine's lease ends, in epoch seconds: the later of what label and journal say,
    ENDLESS where one of them says that it has no end any more; None without a lease.

    Either alone is enough. The journal knows a machine by its id, which Vast gives out once: a
    label edited by hand takes no lease away. A label counts with the token that only a vast-mcp
    puts there, another computer's perhaps; the same words in a label without a token are a
    stranger's text, unless the journal gives that machine a lease.
    """
    label = None if row is None else row.label
    if token_of(label) is None and journalled is None:
        return None
    known = [until for until in (lease_of(label), journalled) if until is not None]
    return max(known, default=None)
