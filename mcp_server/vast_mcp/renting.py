"""One wish, one machine: the protocol of renting.md, in the order in which it happens.

    journal read → looks → claim → sending → PUT → verdict → (in doubt: look until the deadline)

A call that comes again finds what the first one did. While anything is in doubt, nothing else is rented.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal import Approval, Intent, Wish, token_of
from vast_mcp.leases import ends_at, leased
from vast_mcp.toolspec import Call, Office
from vast_mcp.vast.wire import Instance

log = logging.getLogger("vast_mcp")

RESENDS = 2  # after no connection was made
WAIT_S = 0.05  # between looks at an attempt that another caller is making


@dataclass
class Rental:
    """What a wish came to: the attempt that holds its machine, and how it was found."""

    intent: Intent
    instance_id: int
    replayed: bool = False
    recovered: bool = False
    sent_here: bool = False  # by this very call, not by an earlier one
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cleared:
    """What the looks before a rent came to: nothing speaks against it, and what there is to remember of it."""

    facts: Json  # what the answer will say of the machine
    usd_per_hour: float | None = None  # the most it may cost
    allow: Callable[[], object] = lambda: None  # asked again as the attempt is announced; raises where there is no room
    lease_until: float | None = None  # in epoch seconds, by Vast's clock
    approval: Approval | None = None  # of a person, in a shell: spent as the attempt is announced


@dataclass
class Request:
    """A wish with what it takes to carry it out."""

    wish: Wish
    body: Json = field(repr=False)  # variables, scripts, a registry's password
    look: Callable[[], Awaitable[Cleared]]  # preflight
    again: NextStep  # the same call, as far as it may be repeated in an answer


# ── what a list of machines means to this server ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Seen:
    """Of the listed machines, which are ours, and which attempts are still in doubt."""

    ours: set[int]
    open: list[Intent]


async def observe(call: Call, listed: Sequence[Instance]) -> Seen:
    """Learn from a whole list that some tool has read. Works without a journal too: reading never depends on it.

    Ours are the journal's machines, and any whose label ends in a token: another computer's vast-mcp made those.
    """
    office = call.office
    office.instances_seen.update(instance.id for instance in listed)
    office.labelled = {row.id: until for row in listed if (until := ends_at(row, None)) is not None}
    ours = {instance.id for instance in listed if token_of(instance.label)} | office.created.keys()
    try:
        if not office.journal.exists():
            return Seen(ours, [])
        account, _ = await account_of(call)
        office.reconciler.observe(listed, account)
        living = {intent.instance_id for intent in office.journal.living(account) if intent.instance_id is not None}
        return Seen(ours | living, office.journal.open_intents(account))
    except errors.VastMcpError as exc:
        log.info("a list taught nothing: %s", exc.code)
        return Seen(ours, [])


def gone(call: Call, instance_ids: Sequence[int]) -> None:
    """Destroyed, and seen to be gone."""
    for instance_id in instance_ids:
        call.office.created.pop(instance_id, None)
        call.office.labelled.pop(instance_id, None)
    with contextlib.suppress(errors.JournalUnavailable):
        if call.office.account is not None and call.office.journal.exists():
            call.office.journal.gone(call.office.account, instance_ids)


async def keep_settling(office: Office) -> None:
    """A server's background task: settle what an earlier process left open, and what calls of this one could not.

    What it finds is told by the next call of any tool. Runs until cancelled; errors of Vast only make it wait.
    """
    try:
        if office.settings.api_key is None or not (office.journal.exists() and office.journal.anything_open()):
            await office.doubts.wait()
    except errors.JournalUnavailable:
        return  # the next rent says so
    pause = office.settings.times.look_s
    while True:
        call = Call.quiet(office)
        try:
            account, _ = await account_of(call)
            await office.reconciler.settle(call.vast, account, math.inf)
        except errors.VastMcpError as exc:
            log.info("settling waits: %s", exc.code)
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its text may hold anything.
            log.error("settling: defect: %s", type(exc).__name__)
        else:
            office.doubts = anyio.Event()
            pause = office.settings.times.look_s
            if not office.reconciler.open_for(account):
                await office.doubts.wait()
        await anyio.sleep(pause)
        pause = min(pause * 2, office.settings.times.look_s * 30)


async def account_of(call: Call) -> tuple[str, list[str]]:
    """The account that the key belongs to, asked once, and what to warn of.

    Raises CannotReconcile where the key may not list instances: a lost reply could never be settled.
    """
    office = call.office
    if office.account is not None:
        return office.account, []
    office.link.pool()  # without a key there is no account, and no journal either
    key_digest = office.key_digest()
    known = None if call.settings.loopback else office.journal.account(key_digest)
    warnings: list[str] = []
    if known is None:
        known = await _ask_account(call, key_digest, warnings)
    office.account = known
    return known, warnings


async def _ask_account(call: Call, key_digest: str, warnings: list[str]) -> str:
    try:
        await call.vast.may_list()
    except (errors.Forbidden, errors.TwoFactorRequired) as exc:
        if not call.settings.allow_blind:
            raise errors.CannotReconcile(
                "Nothing was sent: this API key may not list instances, so a rental whose reply is lost could never be "
                "found. A key with the instance_read permission mends it, or the person sets VAST_MCP_ALLOW_BLIND=1.",
                http_status=exc.http_status,
                vast_message=exc.vast_message,
            ) from exc
        warnings.append("This key may not list instances: a lost reply cannot be settled.")
    try:
        account = account_named(call.settings.base_url, (await call.vast.user()).id)
    except (errors.Forbidden, errors.TwoFactorRequired, errors.EndpointGone):
        # For good, and remembered: an account that changes its name loses sight of its rentals.
        warnings.append("The account could not be read; rentals are remembered for this key alone.")
        account = f"{call.settings.base_url}#key-{key_digest[:16]}"
    if not call.settings.loopback:
        call.office.journal.remember_account(key_digest, account)
    return account


def account_named(base_url: str, user_id: object) -> str:
    """What the journal calls an account: ids are a service's own."""
    return f"{base_url}#{user_id}"


def derived_key(account: str, digest: str) -> str:
    """The key of a wish that was given none: what it asks for, and of which account."""
    return "auto-" + hashlib.sha256(f"{account} {digest}".encode()).hexdigest()[:32]


async def rent(call: Call, request: Request) -> Rental:
    """Rent what the request asks for, once, or say what became of it.

    Raises a leaf of the error tree; every one that may have left a machine has its token, and its id where it is known.
    """
    wish, journal = request.wish, call.office.journal
    warnings: list[str] = []
    sends, waited = 0, False
    while True:
        await _until_clear(call, request)
        if (found := await _already(call, request)) is not None:
            return found
        check_told(call, wish)
        _check_time(call, request)
        attempt = await _attempt(call, request, await request.look())
        if attempt is None:
            continue  # somebody was faster; look again at what there is
        intent, outcome = attempt
        sends += 1
        if isinstance(outcome, Rental):
            return replace(outcome, warnings=[*warnings, *outcome.warnings])
        if isinstance(outcome, errors.Unreachable) and sends <= RESENDS and _has_time(call, call.times.retry_s):
            await anyio.sleep(call.times.retry_s)
        elif isinstance(outcome, errors.RateLimited) and not waited and _has_time(call, _pause(call, outcome)):
            waited = True
            await anyio.sleep(_pause(call, outcome))
        elif isinstance(outcome, errors.OfferGone) and journal.was_absent(wish):
            # An earlier request of this wish may be who took the offer, unless that was too long ago.
            if journal.reopen(wish, time.time() - call.times.taken_after_s):
                await _settle_own(call, request)
            if not any(living.request_key == wish.request_key for living in journal.living(wish.account)):
                raise _not_rented(request, _TAKEN) from outcome
        elif isinstance(outcome, errors.OutcomeUnknown):
            try:
                await _settle_own(call, request, outcome)
                now = journal.by_token(intent.token) or intent
            except errors.JournalUnavailable as exc:
                raise _told(outcome, request, intent) from exc
            if now.state == "confirmed":
                return replace(_rental(request, now, recovered=True), sent_here=True)
            warnings.append("An earlier request of this call was lost and is proven to have made nothing.")
        else:
            raise _told(outcome, request, intent)


def _pause(call: Call, limited: errors.RateLimited) -> float:
    return call.times.rate_limit_s if limited.retry_after_s is None else limited.retry_after_s


# ── before sending ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _until_clear(call: Call, request: Request) -> None:
    """Wait for whoever is sending, and settle what is in doubt, until the wish can be judged."""
    wish, journal = request.wish, call.office.journal
    while True:
        verdict = journal.consider(wish, skip_others=wish.allow_unresolved)
        intent = verdict.intent
        if intent is None or verdict.act in {"send", "replay", "already_rented"}:
            return
        if verdict.act == "reused":
            raise _reused(wish, intent)
        if verdict.act == "reconcile":
            await call.office.reconciler.settle(
                call.vast, wish.account, call.deadline, request_key=intent.request_key, mine=_own(wish, intent)
            )
            after = journal.by_token(intent.token)
            if after is not None and after.state not in {"unknown", "sending"}:
                if after.state == "confirmed" and after.request_key == wish.request_key:
                    call.office.recovered.add(after.token)
                continue
        elif anyio.current_time() + WAIT_S < call.deadline:
            await anyio.sleep(WAIT_S)
            continue
        raise _in_doubt(request, intent)


def _own(wish: Wish, intent: Intent) -> tuple[str, ...]:
    return (intent.token,) if intent.request_key == wish.request_key else ()


def _in_doubt(request: Request, intent: Intent) -> errors.VastMcpError:
    """The budget is spent and the doubt remains."""
    wish = request.wish
    if intent.request_key == wish.request_key:
        return _told(
            errors.OutcomeUnknown(
                "An earlier request of this rental has no verdict yet; a machine may exist and bill."
            ),
            request,
            intent,
        )
    return errors.UnresolvedIntent(
        f"Nothing was sent: an earlier rental (offer {intent.offer_id}, token {intent.token}) has no verdict yet, and "
        "renting another now may pay twice. The same call later goes on settling it; request_key and allow_unresolved: "
        "true together rent all the same.",
        request_key=intent.request_key,
        offer_id=intent.offer_id,
        token=intent.token,
        next_steps=[
            NextStep("show_instances", {}, "looks for it, and settles it when it is there"),
            request.again,
        ],
    )


def standing_of(call: Call, wish: Wish) -> Intent | None:
    """What a create of this wish would meet, judged by the journal alone: a machine, or a doubt; None: it would rent.

    Raises KeyReused and OfferAlreadyRented as the create would.
    """
    verdict = call.office.journal.consider(wish, skip_others=wish.allow_unresolved)
    if verdict.act == "already_rented" and verdict.intent is not None:
        raise _already_rented(wish, verdict.intent)
    if verdict.act == "reused" and verdict.intent is not None:
        raise _reused(wish, verdict.intent)
    return verdict.intent


def _reused(wish: Wish, intent: Intent) -> errors.KeyReused:
    return errors.KeyReused(
        "This request_key was used for another wish. Nothing was sent; a new key makes a new rental.",
        request_key=wish.request_key,
        offer_id=intent.offer_id,
        instance_id=intent.instance_id if intent.lives else None,
    )


def _already_rented(wish: Wish, intent: Intent) -> errors.OfferAlreadyRented:
    return errors.OfferAlreadyRented(
        f"Nothing was sent: your machine {intent.instance_id} came from this offer, with other arguments. A "
        "request_key of its own rents again if that is meant.",
        offer_id=wish.offer_id,
        instance_id=intent.instance_id,
        request_key=intent.request_key,
        next_steps=[NextStep("show_instances", {"label": intent.token}, "the machine that there is")],
    )


async def _already(call: Call, request: Request) -> Rental | None:
    """The machine this wish already has, if it lives; raises where the offer's machine was another wish's."""
    wish, journal = request.wish, call.office.journal
    verdict = journal.consider(wish, skip_others=wish.allow_unresolved)
    intent = verdict.intent
    if intent is None or verdict.act not in {"replay", "already_rented"}:
        return None
    if not await _lives(call, intent):
        return None
    if verdict.act == "already_rented":
        raise _already_rented(wish, intent)
    if intent.token in call.office.recovered:
        call.office.recovered.discard(intent.token)
        return _rental(request, intent, recovered=True)
    return _rental(request, intent, replayed=True)


async def _lives(call: Call, intent: Intent) -> bool:
    """Whether a confirmed machine still exists. A young one does: its row may not be readable yet.

    Raises RentalMissing when a whole list lacks it and the second one is not due within this call.
    """
    if call.office.journal.is_young(intent, call.times.young_s):
        return True
    while True:
        listed = await call.office.reconciler.look(call.vast, intent.account)
        if any(instance.id == intent.instance_id for instance in listed):
            return True
        now = call.office.journal.by_token(intent.token)
        if now is None or not now.lives:
            return False
        if anyio.current_time() + call.times.look_s > call.deadline:
            raise errors.RentalMissing(
                f"Machine {intent.instance_id} is not in the list of machines. It counts as gone when a second list, "
                f"{call.times.lists_apart_s:g} s after the first, lacks it too. Nothing was sent.",
                instance_id=intent.instance_id,
                offer_id=intent.offer_id,
                request_key=intent.request_key,
                token=intent.token,
                retry_after_s=call.times.lists_apart_s,
                next_steps=[NextStep("show_instances", {}, "looks again")],
            )
        await anyio.sleep(call.times.look_s)


def _has_time(call: Call, pause: float) -> bool:
    return anyio.current_time() + pause + call.times.put_s <= call.deadline


def _check_time(call: Call, request: Request) -> None:
    """A PUT has its whole time or is not begun. What is in doubt is said before the lack of time is."""
    if _has_time(call, 0):
        return
    wish = request.wish
    verdict = call.office.journal.consider(wish, skip_others=wish.allow_unresolved)
    if verdict.intent is not None and verdict.act in {"wait", "reconcile"}:
        raise _in_doubt(request, verdict.intent)
    check_told(call, wish)
    raise _not_rented(request, "what was in doubt is settled, and this call has no time left to send the request")


_TAKEN = "an earlier request of this wish made nothing, and somebody else has the offer"


def _not_rented(request: Request, why: str) -> errors.NotRented:
    step = NextStep("search_offers", {}, "find another offer") if why is _TAKEN else request.again
    return errors.NotRented(
        f"Nothing was rented: {why}. The same call is safe to repeat.",
        request_key=request.wish.request_key,
        offer_id=request.wish.offer_id,
        next_steps=[step],
    )


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _attempt(
    call: Call, request: Request, cleared: Cleared
) -> tuple[Intent, Rental | errors.VastMcpError] | None:
    """Claim and send, one at a time in this process; None where the journal now says something else.

    One at a time, since a request whose caller went away must be known of before the next one leaves.
    """
    wish, journal = request.wish, call.office.journal
    async with call.office.one_at_a_time:
        await call.vast.turn_to_rent()
        if call.office.closing:
            raise _not_rented(request, "this server was asked to end")
        check_told(call, wish)
        _check_time(call, request)
        cleared_wish = replace(
            wish,
            label=leased(wish.label, cleared.lease_until),
            usd_per_hour=cleared.usd_per_hour,
            lease_until=cleared.lease_until,
            approval=cleared.approval,
            facts=cleared.facts,
        )
        verdict = journal.claim(cleared_wish, skip_others=wish.allow_unresolved, allow=cleared.allow)
        if verdict.act != "send" or verdict.intent is None:
            return None
        intent = verdict.intent
        # Neither a cancelled call nor the end of stdin parts the PUT from the record of its verdict.
        with anyio.CancelScope(shield=True):
            try:
                return intent, await _put(call, request, intent)
            except errors.VastMcpError as exc:
                return intent, exc
            finally:
                journal.landed(intent)
    raise AssertionError("a shielded scope is not cancelled")


def check_told(call: Call, wish: Wish) -> None:
    """Nothing new is rented while a machine bills whose answer never arrived: the caller may be replacing it.

    Raises EarlierRentalFound, whose answer tells of it, so that the same call again is meant.
    """
    if wish.allow_unresolved:
        return
    untold = [
        intent
        for intent in call.office.journal.untold(wish.account)
        if intent.lives and intent.request_key != wish.request_key and intent.token not in call.office.delivered
    ]
    if not untold:
        return
    ids = [intent.instance_id or 0 for intent in untold]
    names = ", ".join(map(str, ids))
    raise errors.EarlierRentalFound(
        f"Nothing was sent: machine {names} of an earlier create_instance, whose answer may not have arrived, exists "
        "and bills. It may be what is wanted here. The same call again rents this one as well.",
        instance_id=ids[0],
        offer_id=untold[0].offer_id,
        request_key=untold[0].request_key,
        token=untold[0].token,
        results=[{"instance_id": i} for i in ids] if len(ids) > 1 else (),
        next_steps=[
            NextStep("show_instances", {"label": untold[0].token}, "the machine that there is"),
            NextStep("destroy_instance", {"instance_ids": ids}, "if it is not wanted"),
        ],
    )


async def _put(call: Call, request: Request, intent: Intent) -> Rental:
    journal = call.office.journal
    warnings: list[str] = []
    journal.sending(intent)
    try:
        instance_id = await call.vast.rent(intent.offer_id, {**request.body, "label": intent.label})
    except errors.CreatedStopped as exc:
        with _recording(warnings):
            journal.confirmed(intent, exc.instance_id or 0, stopped=True)
        raise
    except errors.OutcomeUnknown:
        with _recording(warnings):
            journal.unknown(intent)
        call.office.reconciler.doubt(intent)
        call.office.doubts.set()
        raise
    except errors.VastMcpError as exc:
        with _recording(warnings):
            journal.withdrawn(intent, exc.code)
        raise
    with _recording(warnings):
        journal.confirmed(intent, instance_id)
    return Rental(intent, instance_id, sent_here=True, warnings=warnings)


@contextlib.contextmanager
def _recording(warnings: list[str]) -> Generator[None]:
    """After money may have moved, a journal that fails is a warning: the id must reach the caller."""
    try:
        yield
    except errors.JournalUnavailable:
        warnings.append("The journal could not be written: keep the instance id, and do not repeat this call.")


async def _settle_own(call: Call, request: Request, unknown: errors.OutcomeUnknown | None = None) -> None:
    """Look for this wish's machine until there is a verdict or the budget ends. Raises OutcomeUnknown then."""
    wish = request.wish
    await call.office.reconciler.settle(
        call.vast, wish.account, call.deadline, request_key=wish.request_key, mine=call.office.journal.tokens_of(wish)
    )
    if still := call.office.reconciler.open_for(wish.account, wish.request_key):
        exc = unknown or errors.OutcomeUnknown(
            "The offer is taken, perhaps by an earlier request of this rental, whose machine is not visible yet."
        )
        raise _told(exc, request, still[0])


def _rental(request: Request, intent: Intent, *, replayed: bool = False, recovered: bool = False) -> Rental:
    """A machine found instead of made. Raises CreatedStopped where it stands still although it was to run."""
    instance_id = intent.instance_id or 0
    if intent.stopped:
        raise _told(
            errors.CreatedStopped(
                "The machine exists and is stopped, though it was to run (a bid too low, or it could not start); it "
                "bills at least its disk until destroyed.",
                instance_id=instance_id,
            ),
            request,
            intent,
        )
    return Rental(intent, instance_id, replayed=replayed, recovered=recovered)


def _told(exc: errors.VastMcpError, request: Request, intent: Intent) -> errors.VastMcpError:
    """The error with what this wish knows."""
    exc.offer_id = intent.offer_id
    exc.request_key = intent.request_key
    if isinstance(exc, errors.CreatedStopped) and exc.instance_id is not None:
        exc.token = intent.token
        exc.next_steps = [NextStep("destroy_instance", {"instance_ids": [exc.instance_id]}, "it bills until destroyed")]
    elif isinstance(exc, errors.OutcomeUnknown) and not exc.next_steps:
        exc.token = intent.token
        exc.next_steps = [request.again, NextStep("show_instances", {"label": intent.token}, "looks for the machine")]
    elif isinstance(exc, (errors.RateLimited, errors.Unreachable)):
        exc.next_steps = [request.again]
    return exc
