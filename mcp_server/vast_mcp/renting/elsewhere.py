"""What the account itself remembers of a wish: a machine that another journal rented for it, on
another computer or before the journal was lost.

The first digits of a token name its wish everywhere (docs/protocol.md). They only ever stop a
request: what the machine is has to fit as well, or the person's agent is told what differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import anyio

from vast_mcp import errors
from vast_mcp.account.asked import FACT
from vast_mcp.journal.elsewhere import Stranger
from vast_mcp.journal.records import Allowed, Intent, Notice, token_of, wish_digits_of
from vast_mcp.leases.labels import ends_at, lease_of, leased
from vast_mcp.machines.costs import rounded
from vast_mcp.reconcile import is_stopped
from vast_mcp.renting.defaults import DEFAULT_IMAGE
from vast_mcp.renting.earlier import rental_found
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.renting.refusals import missing_elsewhere, rented_elsewhere
from vast_mcp.renting.request import Rental, Request
from vast_mcp.renting.what_runs import asked_by
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance, Offer, shows_every_label

DISK_ROUNDING_GB = 1.0

_FOUND = (
    "Nothing was sent: this machine was rented for the same wish by another computer, or before "
    "the journal of rentals was lost."
)


@dataclass(frozen=True)
class Looked:
    """What a look at the account showed of a wish: machines of other journals that its digits
    name, lowest id first, and what to warn of.
    """

    rows: list[Instance]
    warnings: list[str]


async def rental_elsewhere(call: Call, request: Request) -> tuple[Rental | None, list[str]]:
    """The machine that another journal rented for this wish, now this journal's, and what to warn
    of; None where the wish may be rented.

    Raises EarlierRentalFound where the machine is not what is asked for, RentalMissing where it
    was there and is not shown, CreatedStopped, and what keeps a whole list from being read.
    """
    looked = await _look(call, request, twice=True)
    if not looked.rows:
        return None, looked.warnings
    row, *others = looked.rows
    await _check_fits(call, request, row)
    journal = call.journal
    with journal.alone():
        if journal.consider(request.wish).act != "send":
            return None, looked.warnings  # somebody was faster: it is asked again
        intent = journal.adopt(_as_intent(request, row))
    rental = rental_found(request, intent, recovered=True)
    warnings = [_FOUND, *looked.warnings, *_also(others)]
    return Rental(intent, rental.instance_id, recovered=True, warnings=warnings), []


async def seen_elsewhere(call: Call, request: Request) -> tuple[Intent | None, list[str]]:
    """The same, looked at once and left as it is."""
    looked = await _look(call, request, twice=False)
    if not looked.rows:
        return None, looked.warnings
    row, *others = looked.rows
    await _check_fits(call, request, row)
    return _as_intent(request, row), [_FOUND, *looked.warnings, *_also(others)]


# ── looking ────────────────────────────────────────────────────────────────────────────────────


async def _look(call: Call, request: Request, *, twice: bool) -> Looked:
    """Read whole lists where this wish has to: once, and until what they show was seen twice."""
    account = request.wish.account
    is_new = call.journal.is_new(account, call.times.young_s)
    lost = call.journal.lost() if is_new else None
    warnings = [lost] if lost else []
    if not request.wish.digits or not (is_new or _has_reason(call, request)):
        return Looked([], warnings)
    try:
        rows = await _rows(call, request)
    except (errors.Forbidden, errors.TwoFactorRequired):
        if not call.settings.allow_blind:
            raise
        return Looked([], warnings)
    while True:
        wait = _wait_for(call, request, rows)
        if wait is None or (rows and not twice):
            return Looked(rows, warnings)
        if not call.has_time_for(wait):
            raise _unsettled(call, request, rows)
        await anyio.sleep(wait)
        try:
            rows = await _rows(call, request)
        except errors.VastMcpError as exc:
            raise _unsettled(call, request, rows) from exc


async def _rows(call: Call, request: Request) -> list[Instance]:
    """The machines of a whole list that the digits of this wish name, lowest id first."""
    listed = await call.reconciler.look(call.vast, request.wish.account)
    found = sorted(_fitting(call, request, listed), key=lambda row: row.id)
    if not found and not shows_every_label(listed):
        raise errors.IncompleteList(
            "Vast's list of machines has a row whose id or label cannot be read, "
            "and that may be a machine which another computer rented for this wish."
        )
    return found


def _unsettled(call: Call, request: Request, rows: list[Instance]) -> errors.VastMcpError:
    """The call's time ends while a machine was seen once, or was there and is not shown."""
    if not rows:
        [machine, *_] = [*_kept(call, request), 0]
        return missing_elsewhere(request, machine, call.times.lists_apart_s)
    why = "it was seen once so far, and the same call looks again"
    return rented_elsewhere(request, rows[0].id, token_of(rows[0].label) or "", why)


def _wait_for(call: Call, request: Request, rows: list[Instance]) -> float | None:
    """Seconds until the next look; None where this one was the last."""
    if not rows:
        return call.times.look_s if _kept(call, request) else None
    if all(call.reconciler.was_seen_twice(_stranger(row)) for row in rows):
        return None
    return call.times.seen_apart_s


def _has_reason(call: Call, request: Request) -> bool:
    """Whether an old journal is no proof: it never saw the key that was given, or a list has shown
    a machine of this wish.
    """
    wish = request.wish
    if not wish.derived and call.journal.latest(wish.account, wish.request_key) is None:
        return True
    return bool(_kept(call, request))


def _kept(call: Call, request: Request) -> list[int]:
    """The machines of this wish that lists have shown and that are not proven gone."""
    wish = request.wish
    return sorted(
        instance_id
        for token, instance_id in call.journal.elsewhere.of(wish.account)
        if wish_digits_of(token) == wish.digits and call.journal.by_token(token) is None
    )


def _fitting(call: Call, request: Request, listed: list[Instance]) -> Iterator[Instance]:
    """The rows whose token this journal does not know and whose digits are those of the wish."""
    for row in listed:
        token = token_of(row.label)
        if token is None or wish_digits_of(token) != request.wish.digits:
            continue
        if call.journal.by_token(token) is None:
            yield row


def _stranger(row: Instance) -> Stranger:
    return token_of(row.label) or "", row.id


# ── whether it is what is asked for ────────────────────────────────────────────────────────────


async def _check_fits(call: Call, request: Request, row: Instance) -> None:
    """Raises EarlierRentalFound with what differs. What cannot be read does not differ."""
    offer = await _offer_of(call, request.order.offer_id)
    differs = list(_differences(request, row, offer))
    if differs:
        why = f"different from what is asked for: {', '.join(differs)}"
        raise rented_elsewhere(request, row.id, token_of(row.label) or "", why)


def _differences(request: Request, row: Instance, offer: Offer | None) -> Iterator[str]:
    body = request.order.body
    asked, has = body.get("image"), row.image_uuid
    if asked and has and not _is_same_image(asked, has):
        yield "its image"
    disk = body.get("disk")
    if disk and row.disk_space is not None and abs(row.disk_space - disk) > DISK_ROUNDING_GB:
        yield f"its disk ({row.disk_space:g} GB, not {disk:g})"
    if offer is None:
        return
    if None not in (row.num_gpus, offer.num_gpus) and row.num_gpus != offer.num_gpus:
        yield f"its GPUs ({row.num_gpus}, not {offer.num_gpus})"
    elif row.gpu_name and offer.gpu_name and row.gpu_name != offer.gpu_name:
        yield "its kind of GPU"


def _is_same_image(asked: str, has: str) -> bool:
    """Whether two names of an image may be the same one. Vast chooses an automatic tag itself."""
    if asked == DEFAULT_IMAGE or asked.endswith(":@vastai-automatic-tag"):
        return _plain(asked).rpartition(":")[0] == _plain(has).rpartition(":")[0]
    return _plain(asked) == _plain(has)


def _plain(image: str) -> str:
    """A name without the registry and the tag that Docker itself would add."""
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        image = image.removeprefix(prefix)
    if ":" not in image.rpartition("/")[2] and "@" not in image:
        image += ":latest"
    return image


async def _offer_of(call: Call, offer_id: int) -> Offer | None:
    """The offer of the order; None where it cannot be seen."""
    known = call.session.offers.get(offer_id)
    if known is not None:
        return known
    try:
        return await call.within(LOOK_S).find_offer(offer_id)
    except errors.VastMcpError:
        return None


# ── what the journal will have of it ───────────────────────────────────────────────────────────


def _as_intent(request: Request, row: Instance) -> Intent:
    """The attempt that this machine came of, as far as its row and the wish tell it."""
    wish, token = request.wish, token_of(row.label) or ""
    usd_per_hour = rounded(row.dph_total, 5)
    facts: errors.Json = {"usd_per_hour": usd_per_hour, "disk_gb": row.disk_space}
    if "template_hash_id" not in request.order.body:
        facts[FACT] = asked_by(request.order.body, None)
    if request.order.is_vm:
        facts["vm"] = True
    intent = Intent(
        id=0,
        token=token,
        account=wish.account,
        request_key=wish.request_key,
        digest=wish.digest,
        offer_id=wish.offer_id,
        # As it was rented; a machine can write anything into the one that it has.
        label=f"{leased(request.order.label, lease_of(row.label))}#{token}",
        wanted=wish.wanted,
        state="confirmed",
        owner="",
        made_at=None,
        sent_at=None,
        instance_id=row.id,
        stopped=False,
        reason=None,
        facts=facts,
        gone_at=None,
        announce=Notice.RENTED,
        usd_per_hour=usd_per_hour,
        lease_until=ends_at(row, None),
        allowed=Allowed(),
        judged=False,
        over_usd_per_hour=None,
        volume_left=None,
        born_at=None,
    )
    return replace(intent, stopped=is_stopped(row))


def _also(others: list[Instance]) -> list[str]:
    """A sentence about further machines of the same wish."""
    if not others:
        return []
    named = ", ".join(str(row.id) for row in others)
    return [f"Machine {named} was rented for this wish as well, and bills."]
