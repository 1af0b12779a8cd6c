"""What a list of volumes proves about attempts to make one whose reply was lost.

A volume is an attempt's by the token that its name ends in, seen twice. It is absent where two
whole lists, a minute apart and ten minutes after it was sent, lack the token and show no volume
that may be it all the same: the service may leave names out. A copy has no name of ours, so that a
person decides (docs/protocol.md).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import anyio

from vast_mcp.journal import Journal
from vast_mcp.journal.records import Notice, holds, volume_token_of
from vast_mcp.journal.volumes import MadeVolume
from vast_mcp.reconcile.doubts import Doubt
from vast_mcp.settings import Times
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume

SAME_GB = 0.5  # by which a row's size may differ from what was asked for


@dataclass(eq=False, repr=False)
class VolumeReconciler:
    """What this process has seen of volumes and attempts. Times are on anyio's clock."""

    journal: Journal
    times: Times
    _doubts: defaultdict[str, Doubt] = field(default_factory=lambda: defaultdict(Doubt))
    # Volume → first whole list without it.
    _missing: dict[int, float] = field(default_factory=dict[int, float])

    def learn_from(self, listed: Listing[Volume], account: str, *, mine: str | None = None) -> None:
        """Learn from a list: late matches, second sights, absences, volumes gone. `mine`: the token
        that the caller itself will report.
        """
        now = anyio.current_time()
        for volume in listed:
            token = volume_token_of(volume.label)
            made = None if token is None else self.journal.volumes.by_token(token)
            if made is not None and made.account == account and holds(volume.id):
                self._learn_of(made, volume.id, now, mine)
        self.journal.volumes.abandon_unsent(account)
        for made in self.journal.volumes.in_doubt(account):
            self._notice_lacking(made, listed, now)
        self._notice_gone(listed, account, now)

    def _learn_of(self, made: MadeVolume, volume_id: int, now: float, mine: str | None) -> None:
        """A volume carries the attempt's token."""
        volumes = self.journal.volumes
        if made.state == "confirmed":
            if volumes.by_id(volume_id, made.account) is None:
                self._hold_another(made, volume_id)
            return
        is_open = made.state in {"intended", "sending", "unknown"}
        if is_open and not self.journal.may_confirm(made):
            return
        doubt = self._doubts[made.token]
        doubt.note_found()
        if now - doubt.seen_since(volume_id, now) >= self.times.seen_apart_s:
            notice = Notice.RENTED if made.token == mine else Notice.LATE
            volumes.mark_made(made, volume_id, announce=notice)

    def _hold_another(self, made: MadeVolume, volume_id: int) -> None:
        """Something on the way made it twice. Where there are copies of the first it may be one of
        those, which a service may name as its source: it has no lease then.
        """
        standing = self.journal.volumes.standing(made.account)
        is_copy = any(one.clone_of == made.volume_id for one in standing)
        self.journal.volumes.hold(
            made.account,
            volume_id,
            token=f"{made.token}+{volume_id}",
            usd_per_hour=made.usd_per_hour,
            lease_until=None if is_copy else made.lease_until,
            announce=Notice.LATE,
        )

    def _notice_lacking(self, made: MadeVolume, listed: Listing[Volume], now: float) -> None:
        """An attempt in doubt whose token a list lacks: absent once that is proven, never while its
        owner lives and is not done.
        """
        doubt = self._doubts[made.token]
        doubt.note_known(now)
        if any(volume_token_of(one.label) == made.token for one in listed):
            return
        if made.clone_of or not listed.is_whole or self.may_be(made, listed):
            doubt.lacking = math.inf
            return
        doubt.note_lacking(now)
        if (
            self.journal.may_settle(made)
            and doubt.was_lacking_long(now, self.times)
            and doubt.is_old(now, made.tried_at, self.times)
        ):
            self.journal.volumes.mark_absent(made)

    def may_be(self, made: MadeVolume, listed: Listing[Volume]) -> list[int]:
        """The volumes without a token that came after the attempt was announced, and fit it."""
        known = made.before
        return [
            one.id
            for one in listed
            if one.id not in known
            and volume_token_of(one.label) is None
            and self.journal.volumes.by_id(one.id, made.account) is None
            and _fits(one, made)
        ]

    def _notice_gone(self, listed: Listing[Volume], account: str, now: float) -> None:
        """A confirmed volume that two whole lists lack is gone; a young one may only be invisible
        yet.
        """
        there = {one.id for one in listed}
        for made in self.journal.volumes.living(account):
            volume_id = made.volume_id or 0
            if volume_id in there:
                self._missing.pop(volume_id, None)
                continue
            if not listed.is_whole or self.journal.is_young(made, self.times.young_s):
                continue
            first = self._missing.setdefault(volume_id, now)
            if now - first >= self.times.lists_apart_s:
                self.journal.volumes.mark_gone(account, volume_id)

    def awaits_a_list(self, account: str) -> bool:
        """Whether looking on may settle an attempt."""
        return any(
            made.clone_of is None and self.journal.may_confirm(made)
            for made in self.journal.volumes.in_doubt(account)
        )


def _fits(volume: Volume, made: MadeVolume) -> bool:
    """Whether a row may be what was asked for, as far as both can be read."""
    elsewhere = None not in {volume.machine_id, made.machine_id} and (
        volume.machine_id != made.machine_id
    )
    if volume.disk_space is None or made.size_gb is None:
        return not elsewhere
    return not elsewhere and abs(volume.disk_space - made.size_gb) <= SAME_GB
