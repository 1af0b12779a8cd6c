"""A copy from its beginning to its end, or to the end of its call's time: over breaks of the
connection, and on from where an earlier call came.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.session import Call
from vast_mcp.ssh.entering import LOGIN_S, entered
from vast_mcp.ssh.lost import LineLost
from vast_mcp.ssh.sftp import NoSftp, sftp
from vast_mcp.vast.models import Instance
from vast_mcp.working.files import names
from vast_mcp.working.files.comparing import Comparer
from vast_mcp.working.files.crew import Clock, TimeUp
from vast_mcp.working.files.digesting import Late
from vast_mcp.working.files.ends import Ends, Wish, ends_of
from vast_mcp.working.files.kept import Job, Kept, forget, kept_of
from vast_mcp.working.files.moving import Mover
from vast_mcp.working.files.names import ROOT, parted
from vast_mcp.working.files.sides import AllTrouble, Seen, Trouble
from vast_mcp.working.files.tally import Tally
from vast_mcp.working.files.tree import standing

SOFT_S, HARD_S = 7.0, 3.0  # before the call's deadline
MOST_STALLS = 5  # breaks one after the other in which nothing was moved
ROOM_LEFT = 64 << 20  # bytes of a disk that are left free

DIFFERS = "differs"


@dataclass(eq=False)
class Copy:
    """One call of copy_files, once its machine is admitted."""

    call: Call
    row: Instance
    wish: Wish
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.call)
        left = self.call.deadline - anyio.current_time()
        self._clock = Clock(
            self.call.deadline - min(SOFT_S, left / 4), self.call.deadline - min(HARD_S, left / 8)
        )

    async def run(self) -> Tally:
        """Copy. Raises BadArguments for what cannot be copied at all, and what `entered` raises as
        long as nothing was moved.
        """
        kept = kept_of(self.call.session, self._name)
        if kept.is_busy:
            self.tally.warnings.append("Another call is copying this at the moment.")
            return self.tally
        kept.is_busy = True
        self.call.session.copied.add(self.row.id)
        met.note(self.call, self.row.machine_id, self.row.id, "copied")
        try:
            await self._until_over(kept)
        finally:
            kept.is_busy = False
        if self.tally.is_over:
            forget(self.call.session, self._name)
        return self.tally

    @property
    def _name(self) -> Hashable:
        """What the same call asks for again, over HTTP of another world too."""
        wish = self.wish
        return (self.call.settings.base_url, wish.instance_id, wish.up, wish.place, wish.remote)

    async def _until_over(self, kept: Kept) -> None:
        stalls = 0
        while True:
            came = self.tally.moved + self.tally.there
            try:
                with anyio.move_on_at(self._clock.hard):
                    await self._round(kept)
                return
            except (TimeUp, Late):
                return
            except AllTrouble as exc:
                self._refuse(exc)
                return
            except (LineLost, errors.NotEntered) as exc:
                self._broke(kept, exc)
            stalls = 0 if self.tally.moved + self.tally.there > came else stalls + 1
            if stalls >= MOST_STALLS or self._clock.is_over:
                self.tally.warnings.append(self._of_breaks())
                return

    def _refuse(self, exc: AllTrouble) -> None:
        """Raises BadArguments, unless some of it was copied."""
        if not self.tally.moved:
            raise errors.bad("copy_files", [errors.Problem(exc.field, str(exc))]) from None
        self.tally.warnings.append(f"`{exc.field}` {exc}.")
        self.tally.stopped = True

    def _broke(self, kept: Kept, exc: LineLost | errors.NotEntered) -> None:
        """Count it. Raises what entering said, while nothing was begun."""
        if isinstance(exc, errors.NotEntered) and not self.tally.breaks:
            raise exc
        kept.breaks += 1
        self.tally.breaks += 1

    def _of_breaks(self) -> str:
        return (
            f"The connection to the machine broke {self.tally.breaks} times in this call; what "
            "arrived is kept."
        )

    async def _round(self, kept: Kept) -> None:
        """All of it over one connection."""
        within_s = min(LOGIN_S, self._clock.left_s)
        async with entered(self.call, self.row, within_s=within_s) as line:
            try:
                async with sftp(line, within_s=within_s) as client:
                    ends = await ends_of(self.wish, line, client, self.call.settings)
                    await self._copy(ends, kept)
            except NoSftp:
                raise AllTrouble("instance_id", "serves no SFTP, so no files") from None

    async def _copy(self, ends: Ends, kept: Kept) -> None:
        unread = ends.tree.unread
        self.tally.begin(len(ends.jobs) + len(unread.all), ends.tree.size)
        self.tally.left = ends.tree.left
        self.tally.failed.all += unread.all
        stands = await standing(ends.target, ends.tree)
        jobs = await self._to_move(ends, stands, kept)
        if not jobs and ROOT in stands and not _folders(ends, stands):
            self.tally.folders_stand = True
            return
        await self._check_room(ends, jobs, stands)
        with self.call.deeds.one("copy", str(self.wish.instance_id)) as deed:
            deed.leaves()
            try:
                await ends.target.make_folders(_folders(ends, stands))
            except Trouble as exc:
                raise AllTrouble(ends.target.field, str(exc)) from None
            self.tally.folders_stand = True
            await ends.target.remove(_stale(ends, stands))
            mover = Mover(
                ends.source,
                ends.target,
                self.wish.up,
                self.wish.overwrite,
                kept,
                self._clock,
                self.tally,
            )
            await mover.move(jobs, stands)

    async def _to_move(self, ends: Ends, stands: dict[bytes, Seen], kept: Kept) -> list[Job]:
        """The files that are not there, or differ and may be replaced."""
        there = [(job, stands[job.target]) for job in ends.jobs if job.target in stands]
        comparer = Comparer(ends.source, ends.target, kept, self._clock)
        alike = [
            (job, seen) for job, seen in there if (seen.kind, seen.size) == ("file", job.seen.size)
        ]
        same = await comparer.same(alike)
        self.tally.by_size_only |= comparer.by_size_only
        self.tally.same = {job.target for job in same}
        jobs = list[Job]()
        for job in ends.jobs:
            if job in same:
                continue
            why = self._why_not(job, stands)
            if why is None:
                jobs.append(job)
            else:
                self.tally.differ.add(job.target, why)
        return jobs

    def _why_not(self, job: Job, stands: dict[bytes, Seen]) -> str | None:
        """Why a file is not put in its place; None where nothing speaks against it."""
        folder = parted(job.target)[0]
        while folder != ROOT:
            if folder in stands and stands[folder].kind != "folder":
                return f"lies beneath a {stands[folder].kind} there"
            folder = parted(folder)[0]
        found = stands.get(job.target)
        if found is None or (found.kind == "file" and self.wish.overwrite):
            return None
        return DIFFERS if found.kind == "file" else f"is a {found.kind} there"

    async def _check_room(self, ends: Ends, jobs: list[Job], stands: dict[bytes, Seen]) -> None:
        """Raises AllTrouble where the disk is too small for what is yet to come."""
        lies = sum(stands[job.partial].size for job in jobs if job.partial in stands)
        wanted = sum(job.seen.size for job in jobs) - lies
        free = await ends.target.free()
        if free is not None and wanted > 0 and free < wanted + ROOM_LEFT:
            raise AllTrouble(
                ends.target.field,
                f"leads to a disk with {free / 1e9:.2f} GB free, and {wanted / 1e9:.2f} GB are to "
                "be copied there",
            )


def _stale(ends: Ends, stands: dict[bytes, Seen]) -> list[bytes]:
    """What was to become one of these files, when its source was another."""
    now = {job.partial for job in ends.jobs}
    known = {names.partials(job.target) for job in ends.jobs}
    ending = len(names.partial(b"", 0, 0)) - len(names.partials(b""))
    return [path for path in stands if path not in now and path[:-ending] in known]


def _folders(ends: Ends, stands: dict[bytes, Seen]) -> list[tuple[bytes, int]]:
    """The folders that are to be made, outer ones first."""
    shut = {path for path, seen in stands.items() if seen.kind != "folder"}
    return [
        (path, mode)
        for path, mode in sorted(ends.tree.folders.items())
        if path not in stands and not _is_beneath(path, shut)
    ]


def _is_beneath(path: bytes, shut: set[bytes]) -> bool:
    while path != ROOT:
        path = parted(path)[0]
        if path in shut:
            return True
    return False
