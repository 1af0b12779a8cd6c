"""What a whole list of machines teaches: this process, and the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.looks import note_looks
from vast_mcp.account.settling import log
from vast_mcp.account.whose import account_if_journalled
from vast_mcp.journal import Journal
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.leases import lifetimes
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.ssh import pins
from vast_mcp.vast.models import Instance, shows_every_label
from vast_mcp.vast.rows import Listing


@dataclass(frozen=True)
class Seen:
    """Of the listed machines, which are ours, and which attempts are still in doubt."""

    ours: set[int]
    open: list[Intent] = field(default_factory=list[Intent])

    def is_ours(self, row: Instance) -> bool | None:
        """Whether a listed machine is ours; None where its label, which would say so, is hidden."""
        if row.id in self.ours:
            return True
        return None if row.hides_label else False


async def learn_from(call: Call, listed: Listing[Instance], *, anew: bool = True) -> Seen:
    """Learn from a whole list that some tool has read. Works without a journal too: reading never
    depends on it. `anew`: False where it was read for another call, which has learnt from it: one
    list is one sight.

    Ours are the journal's machines, and any whose label ends in a token: another computer's
    vast-mcp made those.
    """
    session = call.session
    if anew:
        note_looks(session, listed)
        session.announced.learn(listed)
    ours = {row.id for row in listed if token_of(row.label)} | session.created.keys()
    try:
        account = await account_if_journalled(call)
        if account is None:
            return Seen(ours)
        if anew:
            session.reconciler.learn_from(listed, account)
        living = _living_ids(session.journal, account)
        return Seen(ours | living, session.journal.open_intents(account))
    except errors.VastMcpError as exc:
        log.info("a list taught nothing: %s", exc.code)
        return Seen(ours)
    finally:
        if anew:
            _learn_leases(call, listed)


def forget_destroyed(call: Call, instance_ids: Sequence[int]) -> None:
    """Record that these machines are gone, here and in the journal. A journal that fails changes
    nothing.
    """
    session = call.session
    for instance_id in instance_ids:
        session.created.pop(instance_id, None)
        session.labelled.pop(instance_id, None)
        pins.forget(session, instance_id)
    with journal_may_fail:
        account = session.journalled_account()
        if account is not None:
            session.journal.mark_gone(account, instance_ids)


def mark_started(call: Call, instance_id: int) -> None:
    """Record that a machine which was born stopped runs: its create call answers so from here on.
    A journal that fails changes nothing.
    """
    record = call.record_of(instance_id)
    if record and record.stopped:
        with journal_may_fail:
            call.journal.mark_started(instance_id)


def _learn_leases(call: Call, listed: Listing[Instance]) -> None:
    """Note the ends of leases, and births that are earlier than those that were known. A label that
    is hidden may hold the lease that it held.
    """
    session, leases = call.session, lifetimes.known(call)
    kept = {} if shows_every_label(listed) else session.labelled
    session.labelled = kept | leases.ends(listed)
    births = leases.new_births(listed)
    session.births.update(births)
    with journal_may_fail:
        account = session.journalled_account()
        if account is not None:
            session.journal.note_births(account, births)


def _living_ids(journal: Journal, account: str) -> set[int]:
    ids = {intent.instance_id for intent in journal.living(account)}
    return {instance_id for instance_id in ids if instance_id is not None}
