"""What a rental will be, and whether anything speaks against it: read, counted, asked, in this
order; nothing is sent.

    market → entrypoint → offer, template, SSH keys → price → account → lease → the person

Whoever says no raises; what is left is the Terms at which the rental may be announced.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.leases import packing
from vast_mcp.machines.costs import Price
from vast_mcp.renting import confirm, lease, limits, preflight, wording
from vast_mcp.renting.confirm import Agreement, Proposal
from vast_mcp.renting.lease import Lease
from vast_mcp.renting.limits import Headroom, Standing
from vast_mcp.renting.order import Order, entrypoint_problem
from vast_mcp.renting.preflight import Findings
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer


@dataclass(frozen=True)
class Terms:
    """What the rental will be: nothing speaks against it, and nothing of it is announced."""

    body: Json = field(repr=False)  # of the request, with the watchdog, without the label
    findings: Findings
    standing: Standing | None
    room: Headroom | None
    lease: Lease | None
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def price(self) -> Price:
        return self.findings.price

    @property
    def lease_until(self) -> float | None:
        if self.lease is None:
            return None
        return self.lease.until

    @property
    def usd_per_hour(self) -> float | None:
        return self.findings.usd_per_hour

    @property
    def disk_gb(self) -> float | None:
        """The disk that the price counts, where there is a price."""
        if self.usd_per_hour is None:
            return None
        return self.findings.counted_disk_gb

    @property
    def facts(self) -> Json:
        """What the answer will say of the machine, and a replay of it."""
        facts: Json = {"usd_per_hour": self.usd_per_hour, "disk_gb": self.disk_gb}
        if self.body.get("vm"):
            facts["vm"] = True  # no row of Vast's says which machines are VMs
        if self.lease is not None:
            facts[lease.FACTS] = self.lease.facts
        return facts


async def terms_of(call: Call, order: Order, account: str, agreed: Agreement) -> Terms:
    """Look, count and ask the person. `agreed`: what the person said in this call before.

    Raises a leaf of Refused, and InputNeeded as confirm.ask.
    """
    terms = await terms_unasked(call, order, account)
    question = _question(order, terms.findings)
    proposal = Proposal("create_instance", order.given, question, order.again)
    agreement = await confirm.ask(call, proposal, terms.price.total, agreed)
    return replace(terms, agreement=agreement)


async def terms_unasked(call: Call, order: Order, account: str) -> Terms:
    """Look and count. Raises a leaf of Refused."""
    _check_market(call, order)
    await _check_entrypoint(call, order)
    asked = order.max_usd_per_hour
    priced = order.dry_run or limits.price_wanted(call, asked)
    findings = await preflight.look(call, order, priced=priced)
    total, why = findings.price.total, findings.price_unknown_because
    limits.check_machine(call, total, asked=asked, why=why, offer_id=order.offer_id)
    standing = await limits.standing(call)
    room = limits.check_account(call, standing, account, total)
    made, body = await lease.lease_of(call, order)
    return Terms(body, findings, standing, room, made)


# ── the person's question ──────────────────────────────────────────────────────────────────────


def _question(order: Order, findings: Findings) -> str:
    """What a person is asked, without the price: no values of the caller but ids, numbers and an
    image's plain name.
    """
    disk = f"{findings.counted_disk_gb:g} GB of disk"
    if order.volume_is_new:
        disk += " and a new volume"
    image = wording.image(order.body.get("image"))
    return (
        f"Rent {_gpus(findings.offer)} (offer {order.offer_id}) {_kind(order)} with {disk} on "
        f"Vast.ai, as a {_form(order)} of {image}? {_end(order)}"
    )


def _kind(order: Order) -> str:
    if order.bid is None:
        return "on demand"
    return f"interruptible, at a bid of {order.bid:g} $/h,"


def _form(order: Order) -> str:
    if order.is_vm:
        return "virtual machine"
    return "container"


def _end(order: Order) -> str:
    if order.lease_hours is None:
        return "It runs until it is destroyed."
    return f"It ends by itself after {order.lease_hours:g} hours."


def _gpus(offer: Offer | None) -> str:
    if offer is None:
        return wording.gpus(None, None)
    return wording.gpus(offer.gpu_name, offer.num_gpus)


# ── market and entrypoint ──────────────────────────────────────────────────────────────────────


async def _check_entrypoint(call: Call, order: Order) -> None:
    """Raises BadArguments for a long onstart where the template brings runtype args: then no shell
    unpacks it (docs/vast-api.md A.3, A.10).
    """
    script, template_hash = order.script or "", order.body.get("template_hash_id")
    if "runtype" in order.body or template_hash is None or len(script) <= packing.ONSTART_MAX:
        return
    template = await preflight.template_of(call, template_hash)
    if template is not None and template.runtype == "args":
        raise errors.bad("create_instance", [entrypoint_problem(script)])


def _check_market(call: Call, order: Order) -> None:
    """Raises BadArguments where an offer was last seen as a bid and the order has no price: on
    demand it costs several times that, so the lack of a price must be meant.

    Seeing the offer in a search on demand is what says so.
    """
    if order.bid is not None or not call.session.offers.is_for_bids(order.offer_id):
        return
    offer = call.session.offers.get(order.offer_id)
    lowest: float | None = None
    if offer is not None and offer.min_bid is not None:
        lowest = max(offer.min_bid, 0.001)
    at_least = "a bid in $/h" if lowest is None else f"at least {lowest:g} $/h"
    raise errors.BadArguments(
        "Nothing was sent: this offer was last seen in a search for bids, and without price it "
        "rents on demand, which usually costs more.",
        offer_id=order.offer_id,
        problems=[
            Problem(
                "price",
                f"{at_least} to rent interruptible; for on demand see the offer on demand first",
            )
        ],
        next_steps=_to_a_market(order, offer, lowest),
    )


def _to_a_market(order: Order, offer: Offer | None, lowest: float | None) -> list[NextStep]:
    """The same order at the minimum bid, and a look at the offer on demand."""
    steps: list[NextStep] = []
    if lowest is not None and not order.hides:
        bid = order.given | {"price": lowest}
        steps.append(NextStep("create_instance", bid, "interruptible, at the minimum bid"))
    why = "its price on demand; then this call, unchanged, rents it so"
    steps.append(NextStep("search_offers", _on_demand(order, offer), why))
    return steps


def _on_demand(order: Order, offer: Offer | None) -> Json:
    """A search for this very offer on demand."""
    filters: Json = {"ask_contract_id": {"eq": order.offer_id}}
    if offer is not None and offer.verification != "verified":
        filters["verified"] = {"in": [True, False]}  # a search leaves those out else
    found: Json = {"type": "on-demand", "filters": filters}
    if "disk" in order.body:
        found["min_disk_gb"] = order.body["disk"]
    return found
