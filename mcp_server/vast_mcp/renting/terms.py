"""What a rental will be, and whether anything speaks against it: read, counted, asked, in this
order; nothing is sent.

    market → entrypoint → offer, template, SSH keys → price → account → lease → the person

Whoever says no raises; what is left is the Terms at which the rental may be announced.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.leases import packing, watchdog
from vast_mcp.leases.labels import utc
from vast_mcp.machines.costs import Price
from vast_mcp.renting import confirm, limits, preflight, rules
from vast_mcp.renting.confirm import Agreement, Proposal
from vast_mcp.renting.limits import Headroom, Standing
from vast_mcp.renting.preflight import Findings
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer, Template

ENTRYPOINT = (
    f"is {{}} characters; with runtype args it is the entrypoint, at most {packing.ONSTART_MAX}"
)


@dataclass(frozen=True)
class Order:
    """What the caller wants, read from the arguments alone."""

    offer_id: int
    body: Json = field(repr=False)  # of the request, without label and lease
    script: str | None = field(repr=False)  # onstart as it was given, before packing
    label: str
    given: Json = field(repr=False)  # the whole call: what a person's yes is for
    again: NextStep  # the same call, as far as an answer may repeat it
    hides: bool  # that is no call, since an answer may not repeat it
    digested: Json = field(repr=False)  # what makes two orders the same wish
    request_key: str | None = None
    allow_unresolved: bool = False
    max_usd_per_hour: float | None = None
    lease_hours: float | None = None
    dry_run: bool = False

    @property
    def bid(self) -> float | None:
        return self.body.get("price")


@dataclass(frozen=True)
class Lease:
    """When the rental ends by itself, in epoch seconds by Vast's clock, and what the answer says
    of that.
    """

    until: float
    said: str


@dataclass(frozen=True)
class Terms:
    """What it will be: nothing speaks against it, and nothing of it is announced."""

    body: Json = field(repr=False)
    findings: Findings
    price: Price
    standing: Standing | None
    room: Headroom | None
    lease: Lease | None
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def lease_until(self) -> float | None:
        return self.lease.until if self.lease else None

    @property
    def usd_per_hour(self) -> float | None:
        return self.findings.usd_per_hour(self.body)

    @property
    def disk_gb(self) -> float | None:
        """The disk that the price counts, where there is a price."""
        return self.findings.counted_disk_gb if self.usd_per_hour is not None else None

    @property
    def facts(self) -> Json:
        """What the answer will say of the machine, and a replay of it."""
        facts: Json = {"usd_per_hour": self.usd_per_hour, "disk_gb": self.disk_gb}
        facts |= (
            {"vm": True} if self.body.get("vm") else {}
        )  # no row of Vast's says which machines are VMs
        return facts | ({"lease": self.lease.said} if self.lease else {})


async def terms_of(
    call: Call, order: Order, account: str, agreed: Agreement | None = None
) -> Terms:
    """Read only. `agreed`: what a person said in this call before. Raises a leaf of Refused, and
    InputNeeded as confirm.ask.
    """
    body = order.body
    _check_market(call, order)
    await _check_entrypoint(call, order)
    priced = order.dry_run or limits.price_wanted(call, order.max_usd_per_hour)
    findings = await preflight.look(call, order.offer_id, body, priced=priced)
    price = findings.price(body)
    why = next((warning for warning in findings.warnings if "price" in warning), "")
    limits.check_machine(
        call, price.total, asked=order.max_usd_per_hour, why=why, offer_id=order.offer_id
    )
    standing = await limits.standing(call)
    room = limits.check_account(call, standing, account, price.total)
    lease, body = await _leased(call, order)
    terms = Terms(body, findings, price, standing, room, lease)
    if order.dry_run:
        if confirm.wanted(call, price.total):
            findings.warnings.append(
                "The person is asked before this is rented (VAST_MCP_CONFIRM)."
            )
        return terms
    proposal = Proposal("create_instance", order.given, _question(order, findings), order.again)
    agreement = await confirm.ask(call, proposal, price.total, agreed)
    return replace(terms, agreement=agreement)


def _question(order: Order, findings: Findings) -> str:
    """What a person is asked, without the price: no values of the caller but ids, numbers and an
    image's plain name.
    """
    offer, body = findings.offer, order.body
    what = confirm.gpus(offer.gpu_name if offer else None, offer.num_gpus if offer else None)
    kind = (
        f"interruptible, at a bid of {order.bid:g} $/h," if order.bid is not None else "on demand"
    )
    volume = " and a new volume" if body.get("volume_info", {}).get("create_new") else ""
    hours = order.lease_hours
    ends = (
        "It runs until it is destroyed."
        if hours is None
        else f"It ends by itself after {hours:g} hours."
    )
    return (
        f"Rent {what} (offer {order.offer_id}) {kind} with {findings.counted_disk_gb:g} GB of "
        f"disk{volume} on Vast.ai, "
        f"as a {'virtual machine' if body.get('vm') else 'container'} of "
        f"{confirm.image(body.get('image'))}? {ends}"
    )


async def _check_entrypoint(call: Call, order: Order) -> None:
    """A template can bring runtype args (A.10), and then a long onstart has no shell to unpack
    it (A.3).
    """
    template_hash, script = order.body.get("template_hash_id"), order.script or ""
    if "runtype" in order.body or template_hash is None or len(script) <= packing.ONSTART_MAX:
        return
    template = await preflight.template_of(call, template_hash)
    if template is not None and template.runtype == "args":
        raise errors.bad("create_instance", [Problem("onstart", ENTRYPOINT.format(len(script)))])


def _check_market(call: Call, order: Order) -> None:
    """An offer that was looked at as a bid costs several times that on demand: no price must be
    meant.

    Seeing the offer in a search on demand is what says so.
    """
    if order.bid is not None or not call.session.offers.is_for_bids(order.offer_id):
        return
    offer = call.session.offers.get(order.offer_id)
    floor = offer.min_bid if offer else None
    why = "its price on demand; then this call, unchanged, rents it so"
    steps = [NextStep("search_offers", _on_demand(order, offer), why)]
    if floor is not None:
        floor = max(floor, 0.001)
        if not order.hides:
            bid = order.given | {"price": floor}
            steps.insert(0, NextStep("create_instance", bid, "interruptible, at the minimum bid"))
    at_least = f"at least {floor:g} $/h" if floor is not None else "a bid in $/h"
    raise errors.BadArguments(
        "Nothing was sent: this offer was last seen in a search for bids, and without price it "
        "rents on demand, which "
        "usually costs more.",
        offer_id=order.offer_id,
        problems=[
            Problem(
                "price",
                f"{at_least} to rent interruptible; for on demand see the offer on demand first",
            )
        ],
        next_steps=steps,
    )


def _on_demand(order: Order, offer: Offer | None) -> Json:
    """A search for this very offer on demand."""
    filters: Json = {"ask_contract_id": {"eq": order.offer_id}}
    if offer is not None and offer.verification != "verified":
        filters["verified"] = {"in": [True, False]}  # a search leaves those out else
    found: Json = {"type": "on-demand", "filters": filters}
    return found | ({"min_disk_gb": order.body["disk"]} if "disk" in order.body else {})


# ── the lease ──────────────────────────────────────────────────────────────────────────────────


async def _leased(call: Call, order: Order) -> tuple[Lease | None, Json]:
    """What the lease guarantees, and the body with the watchdog in front of its onstart where
    that can carry it.
    """
    if order.lease_hours is None:
        return None, order.body
    until = int(call.session.link.now() + order.lease_hours * 3600)
    onstart, why = await _script_of_machine(call, order)
    if why is None:
        carried = watchdog.guarded(onstart, until=until, base_url=call.settings.base_url)
        if len(carried) <= packing.ONSTART_MAX:
            takes = (
                f"the watchdog takes {watchdog.cost(call.settings.base_url)} of onstart's "
                f"{packing.ONSTART_MAX}"
            )
            needs = "curl, GNU wget or python3 in its image"
            needs += ", if Vast gives a VM its key" if order.body.get("vm") else ""
            said = (
                f"Ends {utc(until)}: while it runs, the machine destroys itself then, with "
                f"{needs}, whatever became of "
                f"this server; stopped, a vast-mcp server or vast-mcp sweep must destroy it "
                f"({takes} characters)."
            )
            return Lease(until, said), order.body | {"onstart": carried}
        why = (
            f"its onstart leaves no room for a watchdog: {len(carried)} of {packing.ONSTART_MAX} "
            f"characters"
        )
    said = (
        f"Ends {utc(until)}, destroyed from outside alone: a vast-mcp server must run then, or "
        f"vast-mcp sweep ({why})."
    )
    return Lease(until, said), order.body


async def _script_of_machine(call: Call, order: Order) -> tuple[str | None, str | None]:
    """The script that the watchdog goes in front of, and why it cannot.

    An onstart in the request replaces the template's (A.10), so that one is carried along.
    """
    body, onstart = order.body, order.script
    template: Template | None = None
    by_args = rules.by_args(body, None)
    if not by_args and "template_hash_id" in body and ("runtype" not in body or onstart is None):
        with contextlib.suppress(errors.VastMcpError):
            template = await preflight.template_of(call, body["template_hash_id"])
        if template is None:
            return None, "its template could not be read"
    if by_args or rules.by_args(body, template):
        return None, "with runtype args onstart is the entrypoint"
    script = onstart if onstart is not None else template.onstart if template else None
    if body.get("vm") and script and not script.startswith("#!"):
        return None, "a VM runs no onstart without a shebang"
    return script, None
