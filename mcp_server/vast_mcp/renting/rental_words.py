"""What an answer says of a rental beside its figures: warnings, and the calls that lead on."""

from __future__ import annotations

from vast_mcp.journal.records import STOPPED_USD_PER_HOUR, Intent
from vast_mcp.machines.failures import Failure
from vast_mcp.renting.order import Order
from vast_mcp.renting.request import Rental
from vast_mcp.toolspec import Step, step


def warnings_of(order: Order, rental: Rental) -> list[str]:
    """What to know of a machine that was found or made, what matters most first."""
    intent, warnings = rental.intent, [*order.notes, *rental.warnings]
    if "lease_hours" in order.given and rental.replayed:
        warnings.append(
            "lease_hours was not applied, since the machine exists; manage_instance extend_lease "
            "moves it."
        )
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


def steps_of(rental: Rental, failure: Failure | None) -> list[Step]:
    """What leads on with a machine: ending it always does."""
    instance_id, look = rental.instance_id, "see whether it runs"
    steps = [step("show_instances", look, label=rental.intent.token)]
    if rental.intent.stopped_as_asked:
        steps = [step("manage_instance", "starts it", instance_id=instance_id, action="start")]
    elif rental.intent.wanted == "stopped" and not rental.replayed:
        steps.append(step("manage_instance", "stops it", instance_id=instance_id, action="stop"))
    if failure is not None:
        why = "why it does not start, and what helps"
        steps = [step("wait_for_instance", why, instance_id=instance_id), *steps]
    return [
        *steps,
        step("destroy_instance", "ends all billing for it", instance_ids=[instance_id]),
    ]
