"""What an answer says of a rental beside its figures: warnings, and the calls that lead on."""

from __future__ import annotations

from vast_mcp.journal.records import STOPPED_USD_PER_HOUR, Intent
from vast_mcp.leases.labels import utc
from vast_mcp.machines import figures
from vast_mcp.machines.costs import hours_of_credit
from vast_mcp.renting import as_made
from vast_mcp.renting.next_calls import WHY_WAIT, why_start
from vast_mcp.renting.order import Order
from vast_mcp.renting.preview import Preview
from vast_mcp.renting.request import Rental
from vast_mcp.renting.terms import Terms
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Offer


def warnings_of(order: Order, rental: Rental) -> list[str]:
    """What to know of a machine that was found or made, what matters most first."""
    intent = rental.intent
    warnings = [*as_made.warnings_in(intent.facts), *order.notes, *rental.warnings]
    if "lease_hours" in order.given and rental.replayed:
        warnings.append(
            "lease_hours was not applied, since the machine exists; manage_instance extend_lease "
            "moves it."
        )
    if order.given.get("check") and as_made.CHECK not in intent.facts:
        warnings.append("check was not applied, since the machine exists.")
    if intent.stopped_as_asked:
        warnings.insert(0, _resting(intent))
    elif intent.wanted == "stopped" and not rental.replayed:
        warnings.insert(0, "It was to be stopped, and Vast says that it runs: then it bills whole.")
    return list(dict.fromkeys(warnings))


def _resting(intent: Intent) -> str:
    """What a machine does that was rented to be stopped."""
    usd = intent.facts.get(STOPPED_USD_PER_HOUR)
    rate = f" {usd:.5f} $/h" if isinstance(usd, float) else ""
    return (
        f"It is stopped, as asked. Its disk bills{rate} until it is destroyed; its GPU bills once "
        "it is started, and may be let to somebody else until then."
    )


def steps_of(rental: Rental) -> list[Step]:
    """What leads on with a machine of which no row is known, the one sensible call first."""
    instance_id = rental.instance_id
    if rental.intent.stopped_as_asked:
        why = why_start(as_made.bills_at_birth(rental.intent.facts).running)
        return [step("manage_instance", why, instance_id=instance_id, action="start")]
    if rental.intent.wanted == "stopped" and not rental.replayed:
        return [step("manage_instance", "stops it", instance_id=instance_id, action="stop")]
    return [step("wait_for_instance", WHY_WAIT, instance_id=instance_id)]


def lost_answer_of(call: Call, rental: Rental) -> str | None:
    """Whose answer had been lost, of a machine that was recovered."""
    intent = rental.intent
    if not rental.recovered:
        return None
    if intent.token in call.attempts:
        return "of this very call: its request was sent, and Vast's reply did not arrive"
    if intent.sent_at is None:  # it was adopted
        return "of a call on another computer, or of one here before the journal was lost"
    return f"of an earlier create_instance call, sent at {utc(intent.sent_at)}"


def said_of(order: Order, seen: Preview) -> str:
    """What a dry run says in words: that nothing was sent, whether the offer is free, and what all
    of it would cost.
    """
    if seen.would == "replay" and seen.found is not None:
        return f"Nothing was sent. This call finds machine {seen.found.instance_id}, rented before."
    if seen.terms is None:
        return "Nothing was sent. An earlier rental of this wish is in doubt, and comes first."
    words = ["Nothing was sent.", _free(seen.terms.findings.offer), *_cost(order, seen.terms)]
    return " ".join([*words, _enough(order, seen), "The same call without dry_run rents it."])


def _free(offer: Offer | None) -> str:
    if offer is None:
        return "Whether the offer is free is not known: Vast does not show it now."
    if offer.rentable is False or offer.rented:
        return "The offer is taken now."
    return "The offer is free now."


def _cost(order: Order, terms: Terms) -> list[str]:
    usd, offer = terms.price.total, terms.findings.offer
    if usd is None:
        return ["What it would cost is not known."]
    said = f"It would cost {usd:.4f} $/h while it runs"
    if order.lease_hours is not None:
        said += f", {usd * order.lease_hours:.2f} $ for its {order.lease_hours:g} h"
    traffic = "traffic is extra"
    per_tb = offer and figures.usd_per_tb(offer.inet_down_cost, offer.inet_up_cost)
    if per_tb:
        traffic += f", {per_tb[0]:g} $/TB"
        traffic += f" down and {per_tb[1]:g} up" if len(per_tb) > 1 else ""
    return [f"{said}; {traffic}."]


def _enough(order: Order, seen: Preview) -> str:
    """Whether the credit lasts, without what else bills."""
    usd = None if seen.terms is None else seen.terms.price.total
    if seen.credit is None:
        return "The account's credit could not be read."
    if usd is None:
        return f"The credit is {seen.credit.usd:.2f} $."
    lasts = hours_of_credit(seen.credit.usd, usd)
    needed = order.lease_hours or 0.0
    said = f"The credit of {seen.credit.usd:.2f} $ "
    if lasts < needed:
        said += f"is not enough for that: it lasts {lasts:.1f} h of this machine alone"
    elif lasts < 1e5:
        said += f"lasts {lasts:.1f} h of this machine alone; what bills already shortens it"
    else:
        said += "lasts for years of it"
    return f"{said}, and a saved card refills it." if seen.credit.refills else f"{said}."
