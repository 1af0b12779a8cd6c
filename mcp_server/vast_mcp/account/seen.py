"""TODO: one line."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.settling import log
from vast_mcp.account.whose import account_of
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.leases.labels import ends_at
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Seen:
    """Of the listed machines, which are ours, and which attempts are still in doubt."""

    ours: set[int]
    open: list[Intent]


async def learn_from(call: Call, listed: Sequence[Instance]) -> Seen:
    """Learn from a whole list that some tool has read. Works without a journal too: reading never
    depends on it.

    Ours are the journal's machines, and any whose label ends in a token: another computer's
    vast-mcp made those.
    """
    session = call.session
    session.instances_seen.update(instance.id for instance in listed)
    session.labelled = {
        row.id: until for row in listed if (until := ends_at(row, None)) is not None
    }
    ours = {instance.id for instance in listed if token_of(instance.label)} | session.created.keys()
    try:
        if not session.journal.exists():
            return Seen(ours, [])
        account, _ = await account_of(call)
        session.reconciler.learn_from(listed, account)
        living = {
            intent.instance_id
            for intent in session.journal.living(account)
            if intent.instance_id is not None
        }
        return Seen(ours | living, session.journal.open_intents(account))
    except errors.VastMcpError as exc:
        log.info("a list taught nothing: %s", exc.code)
        return Seen(ours, [])


def forget_destroyed(call: Call, instance_ids: Sequence[int]) -> None:
    """Record that these machines are gone, here and in the journal."""
    for instance_id in instance_ids:
        call.session.created.pop(instance_id, None)
        call.session.labelled.pop(instance_id, None)
    with contextlib.suppress(errors.JournalUnavailable):
        account = call.session.journalled_account()
        if account is not None:
            call.session.journal.mark_gone(account, instance_ids)


def mark_started(call: Call, instance_id: int) -> None:
    """Record that a machine which was born stopped runs: its create call answers so from here on.
    A journal that fails changes nothing.
    """
    record = call.session.record_of(instance_id)
    if record is not None and record.stopped:
        with contextlib.suppress(errors.JournalUnavailable):
            call.session.journal.mark_started(instance_id)
