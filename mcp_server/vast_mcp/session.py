"""What one process knows, and what one call of a tool has."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from vast_mcp import errors
from vast_mcp.caller import Host, Progress, no_progress
from vast_mcp.errors import Json
from vast_mcp.journal import Journal
from vast_mcp.journal.met import Event
from vast_mcp.journal.records import Approval, Intent, News
from vast_mcp.machines.announced import Announced
from vast_mcp.machines.failures import Failure
from vast_mcp.machines.metering import Meter
from vast_mcp.machines.phases import failure_of
from vast_mcp.machines.watching import Watch, Watches
from vast_mcp.offers_seen import OffersSeen
from vast_mcp.reconcile import Reconciler
from vast_mcp.reconcile.volumes import VolumeReconciler
from vast_mcp.settings import Limits, Settings, Times
from vast_mcp.telling import Telling
from vast_mcp.vast.account import SshKey, Template
from vast_mcp.vast.deeds import Deeds
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.unread import Unread

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast
    from vast_mcp.vast.link import Link
    from vast_mcp.vast.models import Instance

SAY_S = 1.0  # that a host may take to hear of a wait
PASSING_S, PASSING_SHARE = 15.0, 0.25  # that a look in passing may take of a call's time

# Around a note that is worth less than the answer that it belongs to.
journal_may_fail = contextlib.suppress(errors.JournalUnavailable)


@dataclass(frozen=True)
class Unwritten:
    """A verdict that the journal did not take: of which attempt, and its machine if it has one."""

    intent: Intent
    instance_id: int | None


@dataclass(eq=False, repr=False)
class Session:
    """What one process knows: the person's settings, the link to Vast, the journal, and what was
    seen lately. Made by the server's lifespan.
    """

    settings: Settings
    app: Any = None  # the in-process sandbox's
    account: str | None = None
    one_at_a_time: anyio.Lock = field(default_factory=anyio.Lock)  # requests to rent
    _lease_lock: anyio.Lock = field(default_factory=anyio.Lock)

    # Asked to end: what is under way finishes, and nothing new is sent for.
    closing: bool = False
    # Set when an attempt is in doubt: wakes the background task.
    doubts: anyio.Event = field(default_factory=anyio.Event)
    # Set when a machine may be there whose price nobody compared with its limits: wakes the task.
    unjudged: anyio.Event = field(default_factory=anyio.Event)
    # Set by every answer: wakes the sweep, since a lease may be new.
    answered: anyio.Event = field(default_factory=anyio.Event)

    # Set when a plan is to be driven on: wakes the task, and whoever rests between two looks.
    plans_wake: anyio.Event = field(default_factory=anyio.Event)
    plans_said: set[str] = field(default_factory=set[str])  # whose end was told in passing
    # Plan → the arguments of its rentals with all that they hold, which no journal keeps.
    plan_values: dict[str, Json] = field(default_factory=dict[str, Json])

    # Seen of offers, machines and the account.
    offers: OffersSeen = field(default_factory=OffersSeen)
    instances_seen: set[int] = field(default_factory=set[int])
    volumes_seen: set[int] = field(default_factory=set[int])
    keys_seen: set[int] = field(default_factory=set[int])  # of the account
    rooms: dict[int, int] = field(default_factory=dict[int, int])  # volume offer → its machine
    # Hash of a template that this process edited → the one it has since; None: deleted.
    templates_now: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    watches: Watches = field(default_factory=Watches)
    unkept: set[int] = field(default_factory=set[int])  # whose watch the journal did not take
    noted: set[Event] = field(default_factory=set[Event])  # of machines, that the journal has
    meters: dict[int, Meter] = field(default_factory=dict[int, Meter])
    announced: Announced = field(default_factory=Announced)  # by hosts, for these machines
    charges_shut: bool = False  # this key was told that it may not read what Vast charged
    # Machine → what its start fails of, by the last look at its row.
    failing: dict[int, Failure] = field(default_factory=dict[int, Failure])
    ssh_keys: Listing[SshKey] = field(default_factory=Listing[SshKey])
    # Machine and way in → its host key, as `TYPE BASE64`, where the journal could not keep it.
    host_keys: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])
    gpu_names: list[str] = field(default_factory=list[str])
    # Machine → the earliest birth that a row named, in epoch seconds.
    births: dict[int, float] = field(default_factory=dict[int, float])
    # Machine → when its lease ends, by the last whole list.
    labelled: dict[int, float] = field(default_factory=dict[int, float])

    # Machines whose logs lack the line of the watchdog of their lease, and that have it; and those
    # that were heard to answer since they last started.
    silent: set[int] = field(default_factory=set[int])
    armed: set[int] = field(default_factory=set[int])
    reached: set[int] = field(default_factory=set[int])
    # Machine → when its log was last asked for its watchdog, on anyio's clock.
    watchdogs_asked: dict[int, float] = field(default_factory=dict[int, float])
    copied: set[int] = field(default_factory=set[int])  # machines to or from which files were
    # Copy by Vast → the address that Vast named for its outcome.
    copy_results: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    # Done by this process: machines it rented, and when, known without a journal too;
    # machines whose destroy Vast accepted; by token, verdicts that could not be written.
    created: dict[int, float] = field(default_factory=dict[int, float])
    ending: set[int] = field(default_factory=set[int])
    unwritten: dict[str, Unwritten] = field(default_factory=dict[str, Unwritten])

    # A host that asked for progress cut a wait short all the same: it is not kept waiting again.
    gave_up: bool = False

    # Told or to be told: what answers name; tokens whose machine a call found and will report
    # itself.
    telling: Telling = field(default_factory=Telling)
    recovered: set[str] = field(default_factory=set[str])
    # Questions that a host has taken along to a person, by a number of their own.
    asked: dict[str, Approval] = field(default_factory=dict[str, Approval])

    def __post_init__(self) -> None:
        times = self.settings.times
        self.journal = Journal(self.settings.state_dir, put_s=times.put_s, driver_s=times.driver_s)
        self.reconciler = Reconciler(self.journal, self.settings.times)
        self.volume_doubts = VolumeReconciler(self.journal, self.settings.times)

    @functools.cached_property
    def link(self) -> Link:
        """Made by the first call: httpx is not loaded while a host waits for the list of tools."""
        from vast_mcp.vast.link import Link

        return Link(self.settings, self.app)

    @property
    def times(self) -> Times:
        return self.settings.times

    @property
    def limits(self) -> Limits:
        """What the person allows."""
        return self.settings.limits

    @property
    def pretended(self) -> bool:
        """Whether Vast is the sandbox, so that no money moves."""
        return self.settings.sandbox or ("link" in self.__dict__ and self.link.pretended)

    def now(self) -> float:
        """Epoch seconds by Vast's clock (Link.now)."""
        return self.link.now()

    def client(
        self,
        deadline: float,
        tell: Callable[[str], Awaitable[None]],
        unread: Unread,
        deeds: Deeds | None = None,
    ) -> Vast:
        """Vast.ai's API until a deadline on anyio's clock. `tell` hears of waits for a turn,
        `unread` of what cannot be read of its answers, `deeds` of what is sent that acts.
        """
        from vast_mcp.vast.client import Vast

        return Vast(self.link, deadline, tell, unread, deeds)

    def key_digest(self) -> str:
        """What stands for address and key in the journal."""
        key = self.settings.api_key
        secret = ""
        if key is not None:
            secret = key.get_secret_value()
        return self.journal.digest({"url": self.settings.base_url, "key": secret})

    def service(self) -> str:
        """What stands in the journal for the service that numbers the machines: its address."""
        return self.journal.digest({"url": self.settings.base_url})

    def journalled_account(self) -> str | None:
        """The account whose machines the journal may know; None where either is not there yet.

        Raises JournalUnavailable where the journal's folder may not be looked into.
        """
        if self.account is None or not self.journal.exists():
            return None
        return self.account

    def record_of(self, instance_id: int) -> Intent | None:
        """What the journal has of a machine of this account, or of any while the account is not
        known; None where it has nothing or cannot be read.
        """
        try:
            if self.journal.exists():
                return self.journal.by_instance(instance_id, self.account)
        except errors.JournalUnavailable:
            return None
        return None

    def note_seen(self, row: Instance) -> None:
        """A row of this machine was read."""
        self.instances_seen.add(row.id)
        failure = failure_of(row)
        if failure is None:
            self.failing.pop(row.id, None)
        else:
            self.failing[row.id] = failure

    def watch_of(self, instance_id: int) -> Watch:
        """What was seen of a machine, by this process or, where the journal has it, by another."""
        self.take_up([instance_id])
        return self.watches.of(instance_id)

    def take_up(self, instance_ids: Iterable[int]) -> None:
        """Go on with what other processes saw of machines that this one has not seen."""
        new = {one for one in instance_ids if not self.watches.knows(one)}
        for instance_id, seen in self._kept(new).items():
            self.watches.take_up(instance_id, seen)

    def has_run(self, instance_id: int) -> bool:
        """Whether any process saw a machine run, or was not there to see it."""
        kept = self._kept({instance_id}).get(instance_id)
        watches = [self.watches.of(instance_id), Watch.of_json(kept or "")]
        return any(watch is not None and watch.ran for watch in watches)

    def _kept(self, instance_ids: Collection[int]) -> dict[int, str]:
        """What the journal has of looks at these machines."""
        with journal_may_fail:
            if instance_ids and self.journal.exists():
                return self.journal.watched.of(self.key_digest(), instance_ids)
        return {}

    def keep_watch(self, *instance_ids: int) -> None:
        """Let the next process go on with what this one saw of these machines, and of those that
        the journal did not take before.
        """
        self.unkept.update(instance_ids)
        with journal_may_fail:
            if self.unkept and self.journal.exists():
                seen = {one: self.watches.of(one).as_json() for one in self.unkept}
                self.journal.watched.keep(self.key_digest(), seen)
                self.unkept.clear()

    def mark_started(self, instance_id: int, now: float) -> None:
        """A start or reboot was sent at `now`, in epoch seconds: looks of before say nothing."""
        self.watches.mark_started(instance_id, now)
        self.armed.discard(instance_id)
        self.reached.discard(instance_id)
        self.keep_watch(instance_id)

    def mark_stopped(self, instance_id: int) -> None:
        """A stop was sent and seen."""
        self.watches.mark_stopped(instance_id)
        self.armed.discard(instance_id)
        self.reached.discard(instance_id)
        self.keep_watch(instance_id)

    @contextlib.asynccontextmanager
    async def lease_lock(self) -> AsyncGenerator[None]:
        """Held from reading a label to moving a lease or ending it, here and among the processes
        of this journal.
        """
        async with self._lease_lock, self.journal.lease_lock():
            yield

    def take_recovered(self, token: str) -> bool:
        """Whether a call found this token's machine and did not report it yet; from here on it
        counts as reported.
        """
        found = token in self.recovered
        self.recovered.discard(token)
        return found

    def wake_plans(self) -> None:
        """Let plans be looked at now."""
        self.plans_wake.set()
        self.plans_wake = anyio.Event()

    def settle_told(self, told: set[News]) -> None:
        """Answers that told these have arrived: they need not be announced again."""
        with journal_may_fail:
            if told:
                self.journal.mark_told(told)
                self.telling.settled(told)

    async def close(self) -> None:
        await self.telling.drain()
        self.settle_told(self.telling.heard())
        await self.abandon()

    async def abandon(self) -> None:
        """Close without a word: its journal is gone, or all is settled."""
        if "link" in self.__dict__:  # made
            await self.link.close()
        self.journal.close()


@dataclass
class Call:
    """One tool call: the session, a client that stops at this call's deadline, and the host's
    progress channel.
    """

    session: Session
    deadline: float
    progress: Progress
    host: Host | None = None
    vast: Vast = field(init=False)
    # Read in this call, or what kept them from being read.
    templates: dict[str, Template | errors.VastMcpError | None] = field(
        default_factory=dict[str, "Template | errors.VastMcpError | None"]
    )
    account_keys: Listing[SshKey] | errors.VastMcpError | None = None
    reading_keys: anyio.Lock = field(default_factory=anyio.Lock)
    # On anyio's clock; what answers had told that arrived before it; the tokens of its attempts.
    began: float = field(default_factory=anyio.current_time)
    told: set[News] = field(default_factory=set[News])
    attempts: set[str] = field(default_factory=set[str])
    ends: set[News] = field(default_factory=set[News])  # of jobs, which its answer tells
    unread: Unread = field(default_factory=Unread)  # of Vast's answers to this call
    deeds: Deeds = field(default_factory=Deeds)  # what it sent that acts

    @classmethod
    def quiet(cls, session: Session) -> Call:
        """A call of the server's own: no host waits for it, nobody watches its progress."""
        return cls(session=session, deadline=math.inf, progress=no_progress)

    def __post_init__(self) -> None:
        self.vast = self._until(self.deadline)

    def _until(self, deadline: float) -> Vast:
        return self.session.client(deadline, self.say, self.unread, self.deeds)

    async def say(self, text: str) -> None:
        """Tell the host what the call waits for. Others may wait for the same, so that a host that
        does not listen is not waited for.
        """
        with (
            contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError),
            anyio.move_on_after(SAY_S),
        ):
            await self.progress(anyio.current_time() - self.began, None, text)

    @property
    def settings(self) -> Settings:
        return self.session.settings

    @property
    def times(self) -> Times:
        return self.session.times

    @property
    def limits(self) -> Limits:
        """What the person allows."""
        return self.session.limits

    @property
    def journal(self) -> Journal:
        return self.session.journal

    @property
    def ssh_dir(self) -> Path | None:
        """Where this computer's keys are; None where the caller is on another one."""
        return self.settings.ssh_dir

    @property
    def reconciler(self) -> Reconciler:
        return self.session.reconciler

    def now(self) -> float:
        """Epoch seconds by Vast's clock (Link.now)."""
        return self.session.now()

    def record_of(self, instance_id: int) -> Intent | None:
        """What the journal has of a machine (Session.record_of)."""
        return self.session.record_of(instance_id)

    def resume(self, waited_s: float) -> None:
        """Go on after a person has read for so many seconds: their time is not the call's, and what
        was read of Vast before may hold no more.
        """
        self.deadline += waited_s
        self.vast = self._until(self.deadline)
        self.templates.clear()

    def has_time_for(self, seconds: float) -> bool:
        """Whether so many seconds may pass before the deadline."""
        return anyio.current_time() + seconds <= self.deadline

    async def another_look(self) -> bool:
        """Pause before looking again at what an act came to; False where the deadline comes
        first.
        """
        if not self.has_time_for(self.times.verify_s):
            return False
        await anyio.sleep(self.times.verify_s)
        return True

    def in_passing(self) -> Vast:
        """A client for a look that leaves most of the call's time to what follows."""
        left = self.deadline - anyio.current_time()
        return self.within(min(PASSING_S, max(0.1, left * PASSING_SHARE)))

    def within(self, seconds: float) -> Vast:
        """A client with a nearer deadline, for a look that must leave time for the act it
        prepares.
        """
        return self._until(min(self.deadline, anyio.current_time() + seconds))
