"""A copy that Vast makes between two places: judged, asked about, sent once, and followed.

Vast says that it took a copy, and never that one is done: the machines' status lines tell of it,
half a minute late (docs/vast-api.md C.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.roll import Roll, check_known, check_ours, roll
from vast_mcp.account.whose import account_of, account_unlisted
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.copies import Copy, CopyWish
from vast_mcp.machines import volumes
from vast_mcp.machines.machine import Machine
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance
from vast_mcp.vast.storage import Volume
from vast_mcp.working.places import WHOLE, Place

TOOL = "copy_data"
TO_CLOUD, FROM_CLOUD = "Instance To Cloud", "Cloud To Instance"


@dataclass(frozen=True)
class Told:
    """What became of a copy, and what is known of its places."""

    copy: Copy
    traffic: str
    rows: Mapping[str, Instance]  # the machines among the places, by "source" and "destination"
    result: str | None = None  # the address that Vast named for its outcome


@dataclass(eq=False)
class Carrying:
    """One wish for a copy, of one call."""

    call: Call
    source: Place
    destination: Place
    given: Json
    not_ours: bool = False
    request_key: str | None = None
    rows: dict[str, Instance] = field(default_factory=dict[str, Instance])
    volumes: dict[int, Volume] = field(default_factory=dict[int, Volume])

    async def done(self, *, stop: bool) -> Told:
        """Begin it, follow it, or stop it. Raises what keeps it from that."""
        wish = self._wish(await _account(self.call))
        copies = self.call.journal.copies
        await self._look()
        known = copies.of_wish(wish)
        if known is not None and known.digest != wish.digest:
            raise errors.KeyReused(
                "This request_key was used for another copy; a new key begins this one.",
                request_key=wish.key,
            )
        if stop:
            return await self._stop(known)
        if known is not None:
            return self._told(known)
        self._check_whole()
        consent = Consent(self.call, self._proposal())
        if await consent.ask_entry():
            await self._look()  # a person has read meanwhile
        with consent.spent():
            return await self._begin(copies.begin(wish))

    def _wish(self, account: str) -> CopyWish:
        places = {"source": _text(self.source), "destination": _text(self.destination)}
        digest = self.call.journal.digest(places)
        return CopyWish(account, self.request_key or f"auto-{digest[:32]}", digest)

    @property
    def _sides(self) -> dict[str, Place]:
        return {"source": self.source, "destination": self.destination}

    def again(self, why: str, **more: object) -> NextStep:
        """The same call."""
        return NextStep(TOOL, {**self.given, **more}, why)

    # ── what is looked at ───────────────────────────────────────────────────────────────────────

    async def _look(self) -> None:
        """Read what the places are. Raises NoSuchInstance, NotFound, NotOurs."""
        there = await roll(self.call)
        for name, place in self._sides.items():
            if place.kind == "machine":
                self._check_machine(name, place, there)
        if any(place.kind == "volume" for place in self._sides.values()):
            await self._look_at_volumes()
        for name, place in self._sides.items():
            if place.kind == "cloud":
                await self._check_cloud(name, place)

    def _check_machine(self, name: str, place: Place, there: Roll) -> None:
        check_known([place.number], there, argument=name)
        if not self.not_ours:
            again = [self.again("if the person wants that", not_ours=True)]
            loses = "a copy reads what is on it, or writes over it"
            check_ours([place.number], there, loses=loses, again=lambda _: again)
        if place.number in there.living:
            self.rows[name] = there.living[place.number]

    async def _look_at_volumes(self) -> None:
        listed = await self.call.vast.list_volumes()
        self.volumes = {one.id: one for one in listed}
        for name, place in self._sides.items():
            if place.kind != "volume":
                continue
            volume = self.volumes.get(place.number)
            if volume is None:
                raise errors.NotFound(
                    f"The account has no volume {place.number}.",
                    problems=[Problem(name, "the id of a volume that exists")],
                    next_steps=[NextStep("show_volumes", {}, "see what exists")],
                )
            if not self.not_ours and not volumes.is_ours(volume):
                raise errors.NotOurs(
                    f"vast-mcp did not make volume {volume.id}, and a copy reads what is on it, "
                    "or writes over it.",
                    next_steps=[
                        NextStep("show_volumes", {}, "what it is; the person decides"),
                        self.again("if the person wants that", not_ours=True),
                    ],
                )

    async def _check_cloud(self, name: str, place: Place) -> None:
        found = await self.call.vast.clouds()
        if any(one.id == place.number and one.cloud_type == place.service for one in found):
            return
        named = ", ".join(f"{one.cloud_type}.{one.id}" for one in found if one.cloud_type)
        wrong = f"no connected cloud; there are: {named or 'none'}. A person connects one at Vast"
        raise errors.bad(TOOL, [Problem(name, wrong)])

    def _check_whole(self) -> None:
        """Raises BadArguments unless paths go with what the places are: of a VM the whole disk is
        copied, to another that is stopped (docs/vast-api.md C.10).
        """
        vms = {name for name, row in self.rows.items() if self._is_vm(row)}
        problems: list[Problem] = []
        for name, place in self._sides.items():
            if name in vms and place.path not in {None, WHOLE}:
                problems.append(Problem(name, "a VM: its whole disk alone is copied, without path"))
            elif name not in vms and place.path is None:
                problems.append(Problem(name, "needs a path behind a colon"))
        if vms and len(vms) < 2:
            problems.append(Problem(next(iter(vms)), "a VM, and only VMs copy to each other"))
        target = self.rows.get("destination")
        if "destination" in vms and target is not None and target.intended_status != "stopped":
            problems.append(Problem("destination", "a VM that runs: manage_instance stop it first"))
        if problems:
            raise errors.bad(TOOL, problems)

    def _is_vm(self, row: Instance) -> bool:
        return Machine(row, self.call.record_of(row.id)).is_vm

    # ── what it costs ───────────────────────────────────────────────────────────────────────────

    @property
    def traffic(self) -> str:
        """What the traffic costs, in words (docs/vast-api.md C.8)."""
        machines = {self._machine_of(name) for name in self._sides}
        if len(machines) == 1 and None not in machines:
            return "Inside one machine: its traffic is free."
        up, down = self._price("source"), self._price("destination")
        said = [one for one in (_leaves(self.source, up), _arrives(self.destination, down)) if one]
        used = self.rows["source"].disk_usage if "source" in self.rows else None
        most = ""
        if used is not None and used > 0 and None not in (up, down):
            most = (
                f" All of the {used:.1f} GB on its disk: {used * ((up or 0) + (down or 0)):.2f} $."
            )
        return f"Traffic bills {' and '.join(said)}.{most}"

    def _machine_of(self, name: str) -> int | None:
        place = self._sides[name]
        if name in self.rows:
            return self.rows[name].machine_id
        volume = self.volumes.get(place.number) if place.kind == "volume" else None
        return None if volume is None else volume.machine_id

    def _price(self, name: str) -> float | None:
        """$/GB at one side; 0 at a cloud, of which Vast bills nothing, None where unknown."""
        if self._sides[name].kind == "cloud":
            return 0.0
        row = self.rows.get(name)
        if row is None:
            return None
        return row.inet_up_cost if name == "source" else row.inet_down_cost

    def _proposal(self) -> Proposal:
        return Proposal(
            tool=TOOL,
            arguments=self.given,
            what=f"Copy from {_text(self.source)} to {_text(self.destination)}? What is there "
            f"under the same names is written over. {self.traffic}",
            again=self.again("the same call"),
        )

    # ── acts ────────────────────────────────────────────────────────────────────────────────────

    async def _begin(self, copy: Copy) -> Told:
        """Send it once, where no other call did."""
        if not copy.began_now:
            return self._told(copy)
        copies = self.call.journal.copies
        try:
            address = await self._send()
        except errors.VastMcpError as exc:
            if not may_have_happened(exc):
                with journal_may_fail:
                    copies.forget(copy)
                raise
            raise self._unsure(exc) from exc
        taken = Copy(copy.name, copy.digest, "taken", began_now=True)
        with journal_may_fail:
            copies.mark(copy, "taken")
        if address is not None:
            self.call.session.copy_results[copy.name] = address
        return self._told(taken)

    async def _send(self) -> str | None:
        """The one request; the address that Vast names for its outcome, if any."""
        vast, source, destination = self.call.vast, self.source, self.destination
        if {source.kind, destination.kind} == {"machine", "cloud"}:
            to_cloud = destination.kind == "cloud"
            machine, cloud = (source, destination) if to_cloud else (destination, source)
            return await vast.cloud_copy(
                machine.number,
                cloud.number,
                source.path or WHOLE,
                destination.path or WHOLE,
                TO_CLOUD if to_cloud else FROM_CLOUD,
            )
        await vast.copy(source.id, source.path or WHOLE, destination.id, destination.path or WHOLE)
        return None

    async def _stop(self, known: Copy | None) -> Told:
        """Ask Vast to stop what is copied to the destination."""
        if known is None:
            nothing = "nothing of this copy was begun from here"
            raise errors.bad(TOOL, [Problem("stop", nothing)])
        by_cloud = {self.source.kind, self.destination.kind} == {"machine", "cloud"}
        place = self.source if by_cloud and self.destination.kind == "cloud" else self.destination
        await self.call.vast.stop_copy(place.id, of_cloud=by_cloud)
        with journal_may_fail:
            self.call.journal.copies.mark(known, "stopped")
        return self._told(Copy(known.name, known.digest, "stopped"))

    def _unsure(self, exc: errors.VastMcpError) -> errors.OutcomeUnknown:
        return errors.OutcomeUnknown(
            "A copy was sent and not answered: it may be under way. It is not sent again; the same "
            "call shows the status lines.",
            http_status=exc.http_status,
            vast_message=exc.vast_message,
            next_steps=[self.again("follows it; begins nothing")],
        )

    def _told(self, copy: Copy) -> Told:
        return Told(copy, self.traffic, self.rows, self.call.session.copy_results.get(copy.name))


async def _account(call: Call) -> str:
    """The account. That its machines can be listed is seen as they are looked up."""
    try:
        return await account_unlisted(call)
    except (errors.Forbidden, errors.TwoFactorRequired, errors.EndpointGone):
        return await account_of(call)


def _text(place: Place) -> str:
    return place.id if place.path is None else f"{place.id}:{place.path}"


def _leaves(place: Place, usd: float | None) -> str:
    return "" if place.kind == "cloud" else f"{_per_gb(usd)} leaving {place.named}"


def _arrives(place: Place, usd: float | None) -> str:
    return "" if place.kind == "cloud" else f"{_per_gb(usd)} arriving at {place.named}"


def _per_gb(usd: float | None) -> str:
    return "a price not known" if usd is None else f"{usd:.4f} $/GB"
