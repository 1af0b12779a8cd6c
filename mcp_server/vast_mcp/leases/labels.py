"""TODO: one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
import re

from vast_mcp.journal.records import token_of
from vast_mcp.leases.watchdog import FOLDER
from vast_mcp.vast.models import Instance


def lease_notice(instance_id: int, until: float) -> str:
    """What an agent is told of a machine that was destroyed behind its back."""
    return f"Machine {instance_id} was destroyed: its lease ended at {utc(until)}."


def utc(at: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


LABEL_ROOM = len(" lease-until=") + 10  # characters that a lease takes of a label


_LEASE = re.compile(r" lease-until=([0-9]{1,10})\Z")


def _parts(label: str) -> tuple[str, float | None, str]:
    """A label's name, lease and token with its `#`; the last two where it has them."""
    token = token_of(label)
    ending = f"#{token}" if token else ""
    name = label.removesuffix(ending)
    match = _LEASE.search(name)
    return (name[: match.start()], float(match.group(1)), ending) if match else (name, None, ending)


def lease_of(label: str | None) -> float | None:
    """When the label says that the machine's lease ends, in epoch seconds."""
    return _parts(label or "")[1]


def leased(label: str, until: float | None) -> str:
    """The label with this lease instead of the one it has; None takes it away. Token and name
    stay.
    """
    name, _, ending = _parts(label)
    return f"{name}{'' if until is None else f' lease-until={int(until)}'}{ending}"


def file_of(instance_id: int) -> str:
    """The file in the machine that its watchdog reads, for where it may not read labels."""
    return f"{FOLDER}/lease-until-{instance_id}"


def ends_at(row: Instance | None, journalled: float | None) -> float | None:
    """When a machine's lease ends, in epoch seconds: the later of what label and journal say;
    None without a lease.

    Either alone is enough. The journal knows a machine by its id, which Vast gives out once: a
    label edited by hand takes no lease away. A label counts with the token that only a vast-mcp
    puts there, another computer's perhaps; the same words in a label without a token are a
    stranger's text, unless the journal gives that machine a lease.
    """
    label = row.label if row else None
    said = lease_of(label) if token_of(label) is not None or journalled is not None else None
    return max((until for until in (said, journalled) if until is not None), default=None)
