"""What became of the machines that were rented here is noted by whichever call sees it happen, and
remembered for those who may rent one of them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vast_mcp.account.before import Before, told_by
from vast_mcp.journal.met import Event, What
from vast_mcp.session import Call, Session, journal_may_fail


def note(
    call: Call,
    machine_id: int | None,
    instance_id: int,
    what: What,
    detail: str = "",
    *,
    seconds: float | None = None,
) -> None:
    """This rental of a machine came to that: `machine_id` is its row's, or its offer's. `detail`:
    codes of ours. A journal that fails changes nothing.
    """
    if machine_id is not None:
        note_all(call, [Event(machine_id, instance_id, what, detail, seconds)])


def note_all(call: Call, events: Iterable[Event]) -> None:
    """The same of several, each once a process unless it is a check's verdict."""
    session = call.session
    new = [one for one in events if one.is_verdict or one not in session.noted]
    with journal_may_fail:
        if new and session.journal.exists():
            session.journal.met.keep(session.service(), new)
            session.noted.update(new)


def before(session: Session) -> dict[int, Before]:
    """What became of each machine that was rented here, by its number. Raises JournalUnavailable
    where that cannot be read.
    """
    if not session.journal.exists():
        return {}
    return told_by(session.journal.met.of(session.service()))


def before_on(session: Session, machine_ids: Sequence[int | None]) -> dict[int, Before]:
    """The same of these machines alone; nothing where it cannot be read."""
    with journal_may_fail:
        known = before(session)
        return {one: known[one] for one in machine_ids if one is not None and one in known}
    return {}
