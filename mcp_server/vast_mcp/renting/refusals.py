"""The errors of renting, ready for an agent: what is known of the wish, and what leads on."""

from __future__ import annotations

import re
import time

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Intent, Wish
from vast_mcp.masking import Mask
from vast_mcp.renting import onstart_file
from vast_mcp.renting.another_offer import another
from vast_mcp.renting.before import failed_before
from vast_mcp.renting.bids import WHY_REBID, rebid
from vast_mcp.renting.order import Order
from vast_mcp.renting.request import Request
from vast_mcp.renting.ssh_access import no_ssh_key
from vast_mcp.session import Call

# ── of the wish ────────────────────────────────────────────────────────────────────────────────


def in_doubt(request: Request, intent: Intent) -> errors.VastMcpError:
    """The call's time is spent and the doubt remains."""
    if intent.request_key == request.wish.request_key:
        unknown = errors.OutcomeUnknown("An earlier request of this rental has no verdict yet.")
        return with_next_steps(unknown, request, intent)
    return errors.UnresolvedIntent(
        f"An earlier rental (offer {intent.offer_id}, token {intent.token}) has "
        "no verdict yet, and renting another now may pay twice. The same call later goes on "
        "settling it; request_key and allow_unresolved: true together rent all the same.",
        request_key=intent.request_key,
        offer_id=intent.offer_id,
        token=intent.token,
        next_steps=[
            NextStep("show_instances", {}, "looks for it, and settles it when it is there"),
            request.again,
        ],
    )


def key_reused(wish: Wish, intent: Intent) -> errors.KeyReused:
    """The key names another wish."""
    return errors.KeyReused(
        "This request_key was used for another wish; a new key makes a new rental.",
        request_key=wish.request_key,
        offer_id=intent.offer_id,
        instance_id=intent.instance_id if intent.lives else None,
    )


def already_rented(wish: Wish, intent: Intent) -> errors.OfferAlreadyRented:
    """The offer is this account's machine, by another wish."""
    return errors.OfferAlreadyRented(
        f"Your machine {intent.instance_id} came from this offer, with other "
        "arguments. A request_key of its own rents again if that is meant.",
        offer_id=wish.offer_id,
        instance_id=intent.instance_id,
        request_key=intent.request_key,
        next_steps=[_look_at(intent)],
    )


def _look_at(intent: Intent) -> NextStep:
    return NextStep("show_instances", {"label": intent.token}, "the machine that there is")


def rental_missing(intent: Intent, apart_s: float) -> errors.RentalMissing:
    """A whole list lacks the machine, and a second list is not due within this call."""
    return errors.RentalMissing(
        f"Machine {intent.instance_id} is not in the list of machines. It counts as gone when a "
        f"second list, {apart_s:g} s after the first, lacks it too.",
        instance_id=intent.instance_id,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        token=intent.token,
        retry_after_s=apart_s,
        next_steps=[NextStep("show_instances", {}, "looks again")],
    )


def earlier_rental_found(unannounced: list[Intent]) -> errors.EarlierRentalFound:
    """Machines of earlier calls bill, and their answers may not have arrived."""
    first = unannounced[0]
    ids = [intent.instance_id or 0 for intent in unannounced]
    named = ", ".join(map(str, ids))
    found = errors.EarlierRentalFound(
        f"Machine {named} of an earlier create_instance, whose answer may not "
        "have arrived, exists and bills. It may be what is wanted here. The same call again rents "
        "this one as well.",
        instance_id=ids[0],
        offer_id=first.offer_id,
        request_key=first.request_key,
        token=first.token,
        next_steps=[
            _look_at(first),
        ],
    )
    if len(ids) > 1:
        found.results = [{"instance_id": instance_id} for instance_id in ids]
    return found


def rented_elsewhere(
    request: Request, instance_id: int, token: str, why: str
) -> errors.EarlierRentalFound:
    """A machine of this wish that another journal rented, and why it is not the answer."""
    return errors.EarlierRentalFound(
        f"Machine {instance_id} exists and bills. Another computer rented it for "
        f"this wish, or this one did before its journal was lost; {why}. A request_key of its own "
        "rents again if that is meant.",
        instance_id=instance_id,
        offer_id=request.wish.offer_id,
        request_key=request.wish.request_key,
        token=token,
        next_steps=[
            NextStep("show_instances", {"label": token}, "the machine that there is"),
        ],
    )


def missing_elsewhere(request: Request, instance_id: int, apart_s: float) -> errors.RentalMissing:
    """A machine of this wish that another journal rented was there, and this list lacks it."""
    return errors.RentalMissing(
        f"Machine {instance_id}, which another computer rented for this wish, is not in the list "
        f"of machines. It counts as gone when a second list, {apart_s:g} s after the first, lacks "
        "it too.",
        instance_id=instance_id,
        offer_id=request.wish.offer_id,
        request_key=request.wish.request_key,
        retry_after_s=apart_s,
        next_steps=[NextStep("show_instances", {}, "looks again")],
    )


def created_stopped(request: Request, intent: Intent) -> errors.VastMcpError:
    """The machine of an earlier request stands still although it was to run."""
    stopped = errors.CreatedStopped(
        "The machine exists and bills at least its disk until destroyed. It was found stopped, "
        "though it was to run: a bid too low, or no start.",
        instance_id=intent.instance_id,
    )
    return with_next_steps(stopped, request, intent)


def taken(request: Request) -> errors.NotRented:
    """An earlier request made nothing, and somebody else has the offer now."""
    return _not_rented(
        request,
        "an earlier request of this wish made nothing, and the offer is taken",
        NextStep("search_offers", {}, "find another offer"),
    )


def not_rented(request: Request, why: str) -> errors.NotRented:
    """Nothing was rented, and the same call may rent it."""
    return _not_rented(request, why, request.again)


def _not_rented(request: Request, why: str, step: NextStep) -> errors.NotRented:
    return errors.NotRented(
        f"{why.capitalize()}. The same call is safe to repeat.",
        request_key=request.wish.request_key,
        offer_id=request.wish.offer_id,
        next_steps=[step],
    )


def defect_after(exc: Exception) -> errors.OutcomeUnknown:
    """What a defect of our own leaves, once a request to rent has left."""
    return errors.OutcomeUnknown(
        f"A defect of vast-mcp ({type(exc).__name__}) kept the outcome from being known."
    )


# ── of what was sent ───────────────────────────────────────────────────────────────────────────


def hiding(exc: errors.VastMcpError, body: Json) -> errors.VastMcpError:
    """The error without what was sent: Vast may repeat it, and a packed script is as good as the
    script.
    """
    if exc.vast_message:
        sent = body.get("onstart", "")
        packed = re.findall(r"[A-Za-z0-9+/=]{40,}", sent)
        exc.vast_message = Mask([sent, *packed]).hide(exc.vast_message, cut=True)
    return exc


def with_next_steps(
    exc: errors.VastMcpError, request: Request, intent: Intent
) -> errors.VastMcpError:
    """The error with what this wish knows, and the call that leads on."""
    exc.offer_id = intent.offer_id
    exc.request_key = intent.request_key
    if isinstance(exc, errors.CreatedStopped):
        exc.token = intent.token
    elif isinstance(exc, errors.OutcomeUnknown) and not exc.next_steps:
        exc.token = intent.token
        exc.next_steps = [
            request.again,
            NextStep("show_instances", {"label": intent.token}, "looks for the machine"),
        ]
    elif isinstance(exc, (errors.RateLimited, errors.Unreachable, errors.NotRented)):
        exc.next_steps = [request.again]
    return exc


def told(exc: errors.VastMcpError, order: Order, call: Call) -> errors.VastMcpError:
    """The error as it leaves: no values of the caller or the person, and what Vast's own refusals
    lead to. The session learns from it of a machine that exists, or of an offer that is gone.
    """
    is_gone = isinstance(exc, errors.OverLimit) and not exc.may_bill
    if exc.instance_id is not None and not is_gone:
        call.session.created.setdefault(exc.instance_id, time.time())
    if order.file is not None:
        exc.problems = onstart_file.named_as_spoken(exc.problems)
    if exc.vast_message:
        exc.vast_message = Mask(order.secrets).hide(exc.vast_message, cut=True)
    if isinstance(exc, errors.CreatedStopped) and exc.instance_id is not None:
        exc.next_steps = _after_no_start(exc.instance_id, order, call)
    elif isinstance(exc, errors.NoSshKey):
        exc.next_steps = no_ssh_key(call.ssh_dir).next_steps
    elif isinstance(exc, (errors.OfferGone, errors.OfferPrivate)):
        gone = call.session.offers.get(order.offer_id)
        call.session.offers.forget(order.offer_id)
        exc.next_steps = [another(order, "find another offer", card_of=gone)]
    elif isinstance(exc, errors.InvalidPrice):
        exc.next_steps = [
            NextStep("search_offers", {"type": "bid"}, "offers with their minimum bids")
        ]
    if any(one.tool == "create_instance" for one in exc.next_steps):
        exc.message += _of_its_machine(order, call)
    return exc


def _of_its_machine(order: Order, call: Call) -> str:
    """A sentence for whoever rents the same offer again, where its machine failed here before."""
    before = failed_before(call, call.session.offers.get(order.offer_id))
    return f" {before}" if before else ""


def _after_no_start(instance_id: int, order: Order, call: Call) -> list[NextStep]:
    """What leads on with a machine that stands still: a better bid, a start, or its end."""
    start = {"instance_id": instance_id, "action": "start"}
    steps = [
        NextStep("manage_instance", start, "starts it, where its GPU is free; it bills then"),
        NextStep("wait_for_instance", {"instance_id": instance_id}, "then: until it runs"),
        NextStep("destroy_instance", {"instance_ids": [instance_id]}, "ends all billing"),
    ]
    offer = call.session.offers.get(order.offer_id)
    floor, gpus = (None, None) if offer is None else (offer.min_bid, offer.num_gpus)
    better = None if order.bid is None else rebid(instance_id, order.bid, floor, gpus)
    return steps if better is None else [NextStep("manage_instance", better, WHY_REBID), *steps]
