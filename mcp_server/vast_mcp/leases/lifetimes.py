"""How long a machine may live: what is left of its lease, and what a lease forbids.

Label and journal both carry a lease: the label is the one thing that the machine itself, this
server and any other computer's vast-mcp can all read. ends.py says which of them counts.
"""

from __future__ import annotations

import math

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.leases.ends import Leases, leases_of
from vast_mcp.leases.labels import utc
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

SOON_S = 600.0  # a machine that boots so shortly before its lease ends is of no use
ANSWERING_H = 0.02  # what is left is told less by this, so that it holds when it is answered
_NOT_LATER = "above {:.2f}, which it has: only a later time moves the watchdog inside"


def known(call: Call) -> Leases:
    """What is known of leases, for a look: what this process has seen, where the journal cannot be
    read.
    """
    try:
        return surely_known(call, call.session.journalled_account())
    except errors.JournalUnavailable:
        return surely_known(call, None)


def surely_known(call: Call, account: str | None) -> Leases:
    """What is known of the leases of an account; None where there is no journal. Half of it is not
    known to be enough, so this raises JournalUnavailable where a journal cannot be read.
    """
    return leases_of(
        call.journal,
        account,
        seen=call.session.births,
        hours=call.limits.max_lease_hours,
        now=call.now(),
    )


def end_of(call: Call, instance_id: int, row: Instance | None) -> float | None:
    """When a machine's lease ends, in epoch seconds; None without one (ends.py)."""
    return known(call).end_of(instance_id, row)


def left(
    leases: Leases, instance_id: int, row: Instance | None
) -> tuple[float | None, bool | None]:
    """A result's lease_left_hours and past_lease, by Vast's clock."""
    until, now = leases.end_of(instance_id, row), leases.now
    return left_hours(until, now), is_past(until, now)


def left_hours(until: float | None, now: float) -> float | None:
    """Hours that are left, never below 0; None without a lease."""
    if until is None:
        return None
    return round(max(0.0, until - now) / 3600, 2)


def is_past(until: float | None, now: float) -> bool | None:
    """True where a lease is over; None for what a result leaves out."""
    if until is None or until > now:
        return None
    return True


# ── what a lease forbids ───────────────────────────────────────────────────────────────────────


def check_time_to_boot(
    call: Call, instance_id: int, row: Instance | None, *, then: NextStep
) -> None:
    """Raises LeaseOver where a boot would be the machine's end: its watchdog looks at once, and
    deletes the disk.

    Judged by the row of a list just read: a lease only ever moves later, so an older reading
    refuses too much at most.
    """
    until = end_of(call, instance_id, row)
    if until is None or until - call.now() > SOON_S:
        return
    why = "booted past it the machine deletes itself with its disk"
    raise _over(call, instance_id, row, until, why, then)


def check_lives(call: Call, instance_id: int, row: Instance | None, *, then: NextStep) -> None:
    """Raises LeaseOver for work on a machine whose lease has ended: it is destroyed any moment."""
    until = end_of(call, instance_id, row)
    if until is not None and until <= call.now():
        why = "the machine may be destroyed with its disk at any moment"
        raise _over(call, instance_id, row, until, why, then)


def _over(
    call: Call, instance_id: int, row: Instance | None, until: float, why: str, then: NextStep
) -> errors.LeaseOver:
    ends = "ended" if until <= call.now() else "ends"
    return errors.LeaseOver(
        f"The lease of machine {instance_id} {ends} at {utc(until)}, and {why}. A lease that ends "
        "more than 10 minutes from now, read back, comes first.",
        instance_id=instance_id,
        next_steps=_extension(call, instance_id, row, then),
    )


def _extension(
    call: Call, instance_id: int, row: Instance | None, then: NextStep
) -> list[NextStep]:
    """The call that extends, by the hours that the person gives a rental, and what was wanted;
    or the look at what can only end.
    """
    hours = max(call.settings.lease_hours or 1.0, 0.5)
    most = _longest(call, known(call), instance_id, row)
    if most is not None:
        hours = min(hours, most)
    if hours * 3600 <= SOON_S:
        why = "no longer life is allowed (VAST_MCP_MAX_LEASE_HOURS)"
        return [NextStep("show_instance", {"instance_id": instance_id}, why)]
    extend = {"instance_id": instance_id, "action": "extend_lease", "lease_hours": hours}
    return [NextStep("manage_instance", extend, "moves its end"), then]


def _longest(call: Call, leases: Leases, instance_id: int, row: Instance | None) -> float | None:
    """How many hours from now a machine may live by VAST_MCP_MAX_LEASE_HOURS, which counts from
    its birth; cut to two decimals, 0 where its birth is not known. None where there is no such
    limit.
    """
    most = call.limits.max_lease_hours
    if most is None:
        return None
    born = leases.named_birth_of(instance_id, row)
    if born is None:
        return 0.0
    left = (born - leases.now) / 3600 + most
    return max(0.0, math.floor(left * 100) / 100)


def extended_end(call: Call, instance_id: int, row: Instance | None, hours: float) -> float:
    """When the lease ends after an extension by so many hours from now, in epoch seconds.

    Raises BadArguments where that is no later than now: only a later time moves the watchdog,
    which has the time it started with. Raises OverLimit past VAST_MCP_MAX_LEASE_HOURS.
    """
    leases = known(call)
    now = leases.now
    until = float(int(now + hours * 3600))
    present = leases.end_of(instance_id, row)
    if present is not None and until <= present:
        left = (present - now) / 3600
        raise errors.bad("manage_instance", [Problem("lease_hours", _NOT_LATER.format(left))])
    most = _longest(call, leases, instance_id, row)
    if most is not None and hours > most:
        raise _over_limit(call, instance_id, most)
    return until


def _over_limit(call: Call, instance_id: int, most: float) -> errors.OverLimit:
    allowed = call.limits.max_lease_hours
    told = max(0.0, round(most - ANSWERING_H, 2))
    return errors.OverLimit(
        f"A machine may live {allowed:g} hours from its birth "
        f"(VAST_MCP_MAX_LEASE_HOURS, set by the person), and {told:g} of them are left.",
        instance_id=instance_id,
        problems=[Problem("lease_hours", f"at most {told:g}")],
    )
