"""What an image takes to be pulled is noted as a machine is first of use, by Vast's own counter of
what it received (docs/vast-api.md C.8), and remembered for whoever rents with it again.
"""

from __future__ import annotations

from vast_mcp.session import Call, Session, journal_may_fail
from vast_mcp.vast.models import Instance

KB_PER_GB = 1024 * 1024


def note(call: Call, row: Instance) -> None:
    """A machine has just begun to be of use. A journal that fails changes nothing."""
    received, session = row.inet_down_billed, call.session
    if row.image_uuid is None or not received:
        return
    with journal_may_fail:
        if session.journal.exists():
            digest = _digest(session, row.image_uuid)
            session.journal.pulled.keep(session.service(), digest, received / KB_PER_GB)


def known_gb(session: Session, image: str | None) -> float | None:
    """GB that an image took here; None where that is not known."""
    with journal_may_fail:
        if image is not None and session.journal.exists():
            return session.journal.pulled.of(session.service(), _digest(session, image))
    return None


def _digest(session: Session, image: str) -> str:
    return session.journal.digest({"image": image})
