"""The host key by which a machine is known again: that of the first login, kept in the journal.

It is kept once somebody logged in, and not at first sight: while a machine starts, Vast's proxy may
answer for it with a key of its own (docs/vast-api.md C.6), and nothing of the person's goes there
before.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.session import Session
from vast_mcp.ssh.tried import WAYS, Tried, Way


def pinned(session: Session, instance_id: int, way: Way) -> str | None:
    """The key that is kept, as `TYPE BASE64`; this process's own where the journal cannot be read,
    or could not be made.
    """
    own = session.host_keys.get((instance_id, way))
    try:
        if not session.journal.exists():
            return own
        return session.journal.host_keys.of(session.service(), instance_id, way)
    except errors.JournalUnavailable:
        return own


def pin(session: Session, instance_id: int, way: Way, host_key: str) -> str | None:
    """Keep the key of a first login. Returns the one that is kept, which is another where another
    process logged in first; None where the machine is being made anew.
    """
    try:
        return session.journal.host_keys.keep(session.service(), instance_id, way, host_key)
    except errors.JournalUnavailable:
        return session.host_keys.setdefault((instance_id, way), host_key)


def trust(session: Session, instance_id: int, tried: Tried) -> bool:
    """Keep the key that a person accepted, in place of the one that they saw beside it. False where
    that one is no longer kept. Raises JournalUnavailable.
    """
    old, new = tried.pinned_key, tried.host_key
    if old is None or new is None:
        return False
    keys = session.journal.host_keys
    return keys.change(session.service(), instance_id, tried.way, old, new)


def forget(session: Session, instance_id: int) -> None:
    """A machine is made anew, or gone, by our own act: its keys are none that it will have. A
    journal that fails changes nothing, and its person is asked about the new key.
    """
    for way in WAYS:
        session.host_keys.pop((instance_id, way), None)
        try:
            if session.journal.exists():
                session.journal.host_keys.forget(session.service(), instance_id, way)
        except errors.JournalUnavailable:
            return
