"""Money is paid ahead, billed and looked at (docs/vast-api.md C.7, C.8, G)."""

from collections.abc import Sequence
from typing import Any

from . import replies, search
from .billing import AWAY, BILLED, MONTH_HOURS, Deposit, Span, Traffic, discount_of
from .instances import Instance
from .replies import Refusal
from .service import own
from .shapes import Json, is_number
from .state import State
from .volumes import Volume

PAGE, MOST_CHARGES = 100, 500  # in one reply, and at most
DAY_S = 86_400
TYPES = frozenset({"instance", "volume", "serverless"})
DAYS_NEEDED = "Must provide both 'day' gte and lte filters for instance charges"
CENT = 0.01

# Paid ahead


def prepay(state: State, instance_id: int, amount: Any) -> Deposit:
    """Take an amount off the credit and keep it for one machine; a second one adds to it."""
    instance = state.find(instance_id)
    if instance is None:
        raise replies.invalid_args("No such instance")
    if not is_number(amount) or not amount > 0:
        raise replies.invalid_args("amount must be > 0")
    if amount > state.credit:
        raise replies.refusal(400, "insufficient_credit", "You lack credit.")
    deposit = _deposit(state, instance, float(amount))
    state.credit -= amount
    instance.deposit = deposit
    _pay(state, instance, "reserved", amount, "instance_prepay")
    state.write("prepay", instance, usd=float(amount))
    return deposit


def _deposit(state: State, instance: Instance, amount: float) -> Deposit:
    """Compute months and discount anew over all that was paid (C.8)."""
    before = instance.deposit
    usd = amount + (before.usd if before else 0.0)
    months = usd / (instance.dph_total * MONTH_HOURS)
    if months * MONTH_HOURS * 3600 > instance.seconds_left(state.now):
        raise replies.refusal(400, "rental_too_long", "The rental ends before that.")
    rate = min(discount_of(months), instance.offer["credit_discount_max"])
    return Deposit(usd, before.at if before else state.now, months, rate)


def balance(state: State, instance_id: int) -> Json:
    """Say what a destroy would refund (C.7)."""
    instance = own(state, instance_id)
    instance.tick(state.now)
    deposit = instance.deposit or Deposit(0.0, state.now, 0.0, 0.0)
    spent = instance.meter.usd_since(deposit.at)
    return {
        "refundable_deposit": round(deposit.refund(spent), 6),
        "total_discount": round(deposit.received(spent), 6),
        "discount_months": round(deposit.months, 6),
    }


def transfer(state: State, recipient: Any, amount: Any) -> None:
    """Give credit to another account (G)."""
    if not isinstance(recipient, str) or not recipient.strip():
        raise replies.invalid_args("recipient: Input should be a valid string")
    if not is_number(amount) or not amount >= CENT:
        raise replies.invalid_args("amount must be >= 0.01")
    if amount > state.credit:
        raise replies.invalid_args("amount: more than the credit of the account")
    state.credit -= amount
    _pay(state, None, "transfer", amount, "transfer", f"to {recipient}")
    state.write("transfer", usd=float(amount))


def top_up(state: State, usd: float) -> None:
    """Buy credit with a card; the amount of such an invoice is below nothing (G)."""
    state.credit += usd
    _pay(state, None, "credit", -usd, "stripe_payments", "Manual billing from VISA")


def _pay(
    state: State, instance: Instance | None, kind: str, usd: float, service: str, text: str = ""
) -> None:
    """Enter a payment as the official client reads one; its fields are not recorded."""
    now, number = state.now, state.office.number()
    state.office.payments.append(
        {
            "start": now,
            "end": now,
            "type": kind,
            "source": service,
            "description": text or f"instance {instance.id if instance else ''}",
            "amount": round(float(usd), 3),
            "metadata": {"invoice_id": number, "service": service},
            "items": [],
        }
    )


# Billed


def spend_rate(state: State) -> Json:
    """Say what everything costs now in $/h; traffic is not in it (G)."""
    now = state.now
    running = [one for one in state.living if one.status(now) in BILLED]
    disks = sum(one.disk_rate for one in state.living if one.status(now) not in AWAY)
    volumes = sum(volume.usd_per_hour for volume in state.volumes.living)
    return {
        "gpu_cost_per_hour": sum(one.price for one in running),
        "container_storage_cost_per_hour": disks,
        "volume_storage_cost_per_hour": volumes,
        "has_active_resources": bool(state.living or state.volumes.living),
    }


def charges(state: State, query: Json) -> Json:
    """List what was billed in a range of days, a rental a row (G)."""
    filters = query["select_filters"]
    since, until = _whole_days(*_days(filters.get("day")))
    kinds = _kinds(filters.get("type"))
    until = min(until, state.now - state.charges_lag_s)
    rows = [row for row in _charges(state, since, until) if row["type"] in kinds]
    rows.sort(key=lambda row: (row["start"], row["source"]), reverse=query["latest_first"])
    return page_of(rows, query, MOST_CHARGES)


def page_of(rows: list[Json], query: Json, most: int) -> Json:
    """Show a page of rows; its token is the number of the next one, which is ours."""
    first, limit = query["after"], max(1, min(query["limit"], most))
    if first >= max(1, len(rows)):
        raise replies.invalid_token()
    shown = rows[first : first + limit]
    later = first + limit
    token = str(later) if later < len(rows) else None
    return {"count": len(shown), "total": len(rows), "next_token": token, "results": shown}


def _days(day: Any) -> tuple[float, float]:
    match day:
        case {"gte": since, "lte": until} if is_number(since) and is_number(until):
            return since, until
        case _:
            raise Refusal(400, {"success": False, "msg": DAYS_NEEDED})


def _whole_days(since: float, until: float) -> tuple[float, float]:
    """The days whose beginning lies in a range, to the end of the last."""
    return -(-since // DAY_S) * DAY_S, (until // DAY_S + 1) * DAY_S


def _kinds(asked: Any) -> frozenset[str]:
    if asked is None:
        return TYPES
    ops = search.check_ops(asked)
    return frozenset(kind for kind in TYPES if search.meets({"type": kind}, "type", ops))


def _charges(state: State, since: float, until: float) -> list[Json]:
    found: list[Json] = []
    for instance in state.rentals:
        instance.tick(state.now)
        template = instance.launch.template or {}
        about = {"template_id": template.get("id"), "label": instance.label}
        spans = [span.within(since, until) for span in instance.meter.spans]
        traffic = [one for one in instance.traffic if since <= one.at <= until]
        found += _charge("instance", instance.id, spans, about, traffic)
    for volume in state.volumes.owned.values():
        span = _span_of(volume, state.now).within(since, until)
        found += _charge("volume", volume.id, [span], {"template_id": None, "label": volume.label})
    return found


def _span_of(volume: Volume, now: float) -> Span:
    return Span("disk", volume.born, volume.deleted_at or now, volume.usd_per_hour)


def _charge(
    kind: str, number: int, spans: list[Span], about: Json, traffic: Sequence[Traffic] = ()
) -> list[Json]:
    """Make the row of one rental, or none where nothing was billed."""
    billed = [span for span in spans if span.end > span.start]
    if not billed:
        return []
    about |= {"endpoint_id": None, "workergroup_id": None}
    items = [_item(span) for span in billed]
    if kind == "instance":
        items += _traffic_items(traffic, items)
    return [
        {
            "start": min(item["start"] for item in items),
            "end": max(item["end"] for item in items),
            "type": kind,
            "source": f"{kind}-{number}",
            "description": f"{kind.capitalize()} {number} Charges",
            "amount": round(sum(one.usd for one in [*billed, *traffic]), 3),
            "metadata": about,
            "items": items,
        }
    ]


def _item(span: Span) -> Json:
    """Make the part for one kind: its times are days, each by its beginning (G)."""
    last = span.end - 1e-3  # what ends at midnight has nothing of the day that begins
    return {
        "start": span.start // DAY_S * DAY_S,
        "end": max(span.start, last) // DAY_S * DAY_S,
        "type": span.kind,
        "source": None,
        "description": f"{span.hours:.3f} hours at ${span.rate:.3f}/hour",
        "amount": round(span.usd, 3),
        "metadata": {},
        "items": [],
    }


def _traffic_items(traffic: Sequence[Traffic], items: list[Json]) -> list[Json]:
    """Make the parts for what went down and up, also where that is nothing."""
    found: list[Json] = []
    for kind, word in (("bwd", "Downloaded"), ("bwu", "Uploaded")):
        moved = [one for one in traffic if one.kind == kind]
        part: Json = {
            "start": items[0]["start"],
            "end": items[-1]["end"],
            "type": kind,
            "source": None,
            "description": f"{sum(one.gb for one in moved):.1f} GB {word}",
            "amount": round(sum(one.usd for one in moved), 3),
            "metadata": {},
            "items": [],
        }
        found.append(part)
    return found
