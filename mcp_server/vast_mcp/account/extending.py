"""What follows when a machine's label has a later lease: the journal, and the watchdog inside."""

from __future__ import annotations

import shlex

from vast_mcp import errors
from vast_mcp.account.access import access_to
from vast_mcp.leases import guards, labels
from vast_mcp.leases.watchdog import FOLDER
from vast_mcp.machines import ways
from vast_mcp.session import Call, Session
from vast_mcp.vast.models import Instance


def record_lease(session: Session, instance_id: int, until: float) -> list[str]:
    """Write a lease that was read back into the journal; what to warn of. `until` is in epoch
    seconds.
    """
    try:
        account = session.journalled_account()
        if account is not None:
            if until < labels.ENDLESS:
                session.journal.begin_lease(account, instance_id, until)
            session.journal.set_lease(account, instance_id, until)
    except errors.JournalUnavailable:
        return ["The journal could not be written; the label alone carries the lease."]
    return []


async def watchdog_line(
    call: Call, row: Instance, until: float, *, born_as: str | None
) -> tuple[str | None, list[str]]:
    """A command that tells the watchdog in the machine its new time, for where it may not read its
    label, and what to warn of.

    `born_as`: the label that the machine was rented with, which says whether it has a watchdog.
    """
    if labels.lease_of(born_as) is None:
        return None, [
            "It was rented without a lease and has no watchdog inside: only a running vast-mcp "
            "server, or vast-mcp sweep, destroys it in time."
        ]
    if guards.was_called_off(call.record_of(row.id)):
        return None, [
            "It had no end, and its watchdog was called off: only a running vast-mcp server, or "
            "vast-mcp sweep, destroys it in time."
        ]
    access, warnings = await access_to(call, row, vm=ways.is_vm(row), jupyter_token=False)
    if access.ssh_for_scripts is None:
        return None, [
            "It has no SSH: a watchdog that may not read its label keeps to the earlier time."
        ]
    if row.actual_status != "running":
        warnings.append(
            "It does not run, so ssh_line works later only; a watchdog that may not read its "
            "label deletes it when it boots after the earlier time."
        )
    inside = f"mkdir -p {FOLDER} && echo {int(until)} >{labels.file_of(row.id)}"
    return f"{access.ssh_for_scripts} {shlex.quote(inside)}", warnings
