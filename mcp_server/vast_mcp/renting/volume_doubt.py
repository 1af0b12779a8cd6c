"""What the journal says to a wish for a volume, and how one in doubt is settled within a call."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, field
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.account.volumes import learn_from_volumes
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Notice
from vast_mcp.journal.volumes import MadeVolume, VolumeWish
from vast_mcp.machines import volumes
from vast_mcp.renting.volume_order import DEFAULT_GB, VolumeOrder
from vast_mcp.session import Call
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume

LOOKS_AT_A_COPY = 2  # which none of them settles
LONGEST_PAUSE = 15  # times look_s
DECIDE = "vast-mcp reconcile --volume"
SHOW_VOLUMES = NextStep("show_volumes", {}, "which volumes there are")


@dataclass(frozen=True)
class Verdict:
    """What the journal says: `act` on `made`."""

    act: Literal["send", "wait", "settle", "replay"]
    made: MadeVolume | None = None


@dataclass(frozen=True)
class Volumed:
    """What a wish came to: the attempt that holds its volume, and how it was found."""

    made: MadeVolume
    replayed: bool = False
    recovered: bool = False
    warnings: list[str] = field(default_factory=list[str])


def consider(call: Call, wish: VolumeWish) -> Verdict:
    """What the wish meets here. Raises KeyReused, and UnresolvedIntent while another one is in
    doubt.
    """
    attempts = call.journal.volumes.of_wish(wish)
    if attempts and attempts[0].digest != wish.digest:
        raise errors.KeyReused(
            "This request_key was used for another volume; a new key makes a new one.",
            request_key=wish.key,
        )
    for made in attempts:
        if made.lives:
            return Verdict("replay", made)
    doubts = call.journal.volumes.in_doubt(wish.account)
    tokens = {made.token for made in doubts}
    for made in attempts:
        if made.token in tokens:
            return Verdict("settle", made)
        if made.state in {"intended", "sending"} and not call.journal.may_confirm(made):
            return Verdict("wait", made)
    if doubts:
        raise _another_in_doubt(doubts[0])
    return Verdict("send")


def _another_in_doubt(made: MadeVolume) -> errors.UnresolvedIntent:
    return errors.UnresolvedIntent(
        f"An earlier volume (volume offer {made.room_id}, token {made.token}) has no verdict yet, "
        f"and another one now may pay twice. {_how_settled(made)}",
        token=made.token,
        request_key=made.wish,
        next_steps=[SHOW_VOLUMES],
    )


def _how_settled(made: MadeVolume) -> str:
    by_person = f"a person decides: {DECIDE} {made.token}=ID, or =none"
    if made.clone_of is not None:
        return f"A copy has no name that tells: {by_person}."
    return f"Lists settle it by its name, within minutes; where they show no names, {by_person}."


async def elsewhere(
    call: Call, wish: VolumeWish, order: VolumeOrder, listed: Listing[Volume]
) -> Volumed | None:
    """The volume of this very wish that another journal made: taken into this one where size and
    machine fit, as far as they can be read. Raises EarlierRentalFound where they do not, and for a
    copy, which bears no name.
    """
    for volume in listed:
        token = volumes.token_of(volume)
        if token is None or not wish.digits or not token.startswith(wish.digits):
            continue
        if call.journal.volumes.by_token(token) is not None:
            continue
        if not await _is_what_was_asked(call, order, volume):
            raise errors.EarlierRentalFound(
                f"Volume {volume.id} was made with this request_key from another computer, and is "
                "of another size or machine, or no copy. A request_key of its own makes another.",
                token=token,
                results=[{"volume_id": volume.id}],
                next_steps=[SHOW_VOLUMES],
            )
        facts: Json = {"size_gb": volume.disk_space, "machine_id": volume.machine_id}
        call.journal.volumes.hold(wish.account, volume.id, token=token, wish=wish, facts=facts)
        made = call.journal.volumes.by_token(token)
        return made and Volumed(made, recovered=True)
    return None


async def _is_what_was_asked(call: Call, order: VolumeOrder, volume: Volume) -> bool:
    """Whether size and machine fit, as far as both can be read."""
    size_gb = float(order.size_gb or DEFAULT_GB)
    if order.clone_of is not None or volume.disk_space not in {None, size_gb}:
        return False
    machine = call.session.rooms.get(order.room_id)
    if machine is None:
        room = await volumes.room_of(call.vast, order.room_id, None, 1)
        machine = room and room.machine_id
    return machine is None or volume.machine_id in {None, machine}


async def decided(call: Call, account: str, token: str, said: str) -> str:
    """Write down what a person says of a volume in doubt: `said` is its id, or none. Raises
    NotFound where nothing of that token is in doubt, or no list shows that volume.
    """
    journal = call.journal.volumes
    made = next((one for one in journal.in_doubt(account) if one.token == token), None)
    if made is None:
        raise errors.NotFound(f"No volume of token {token!r:.40} is in doubt here.")
    if said == "none":
        journal.mark_absent(made)
        return "absent"
    listed = await call.vast.list_volumes()
    found = next((one for one in listed if str(one.id) == said), None)
    if found is None or journal.by_id(found.id, account) is not None:
        raise errors.NotFound("Vast lists no such volume that is not another attempt's already.")
    journal.mark_made(made, found.id, announce=Notice.NOTHING)
    return f"confirmed as volume {found.id}"


async def settle_all(call: Call, account: str, until: float) -> None:
    """Look at lists until none that they may settle is in doubt, or `until` (anyio's clock). A list
    that cannot be read settles nothing, and is tried again.
    """
    doubts, pause = call.session.volume_doubts, call.times.look_s
    while doubts.awaits_a_list(account):
        with contextlib.suppress(errors.VastMcpError):
            doubts.learn_from(await call.vast.list_volumes(), account)
        if not doubts.awaits_a_list(account) or anyio.current_time() + pause > until:
            return
        await anyio.sleep(pause)
        pause = min(pause * 1.5, call.times.look_s * LONGEST_PAUSE)


async def settle(call: Call, order: VolumeOrder, made: MadeVolume) -> MadeVolume | None:
    """Look at lists until this attempt has a verdict, or the call's time is up: the attempt, made;
    None where it is proven to have made nothing. Raises OutcomeUnknown.
    """
    journal, candidates, pause = call.journal, list[int](), call.times.look_s
    for look in itertools.count():
        now = journal.volumes.by_token(made.token)
        if now is None or now.state in {"absent", "refused", "abandoned"}:
            return None
        if now.lives or now.gone_at is not None:
            return now if now.lives else None
        if not call.has_time_for(pause) or (made.clone_of is not None and look == LOOKS_AT_A_COPY):
            break
        await anyio.sleep(pause)
        pause = min(pause * 1.5, call.times.look_s * LONGEST_PAUSE)
        try:
            listed = await call.vast.list_volumes()
        except errors.VastMcpError:
            break
        await learn_from_volumes(call, listed, mine=made.token)
        candidates = call.session.volume_doubts.may_be(now, listed)
    raise in_doubt(order, made, candidates)


def in_doubt(
    order: VolumeOrder, made: MadeVolume, candidates: list[int] | None = None
) -> errors.OutcomeUnknown:
    """The call's time is spent and the doubt remains."""
    why = ""
    if candidates:
        names = ", ".join(map(str, candidates))
        why = f" Volume {names} is new and without our name: it may be this one."
    return errors.OutcomeUnknown(
        f"The request for this volume (token {made.token}) has no verdict yet.{why} "
        f"{_how_settled(made)}",
        token=made.token,
        request_key=made.wish,
        results=[{"volume_id": one, "outcome": "may_be_it"} for one in candidates or ()],
        next_steps=[order.again, SHOW_VOLUMES],
    )
