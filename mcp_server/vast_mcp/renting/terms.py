"""What a rental will be, and whether anything speaks against it: read, counted, asked, in this
order; nothing is sent.

    market → entrypoint → account → lease → template, SSH keys, offer → price → the person

Whoever says no raises; what is left is the Terms at which the rental may be announced.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vast_mcp import errors
from vast_mcp.account.asked import FACT
from vast_mcp.errors import Json
from vast_mcp.journal.records import NEW_VOLUME, STOPPED_USD_PER_HOUR
from vast_mcp.leases import packing
from vast_mcp.machines.costs import Price
from vast_mcp.renting import as_made, check_inside, confirm, lease, limits, preflight, unseen
from vast_mcp.renting.confirm import Agreement
from vast_mcp.renting.findings import Findings
from vast_mcp.renting.lease import Lease
from vast_mcp.renting.limits import Headroom
from vast_mcp.renting.market import check_market
from vast_mcp.renting.onstart import problems_of
from vast_mcp.renting.order import Order
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.rent_question import rent_question
from vast_mcp.renting.standing import Standing
from vast_mcp.renting.template_look import template_of
from vast_mcp.renting.what_runs import asked_by, made_by
from vast_mcp.session import Call


@dataclass(frozen=True)
class Terms:
    """What the rental will be: nothing speaks against it, and nothing of it is announced."""

    body: Json = field(repr=False)  # of the request, with the watchdog, without the label
    findings: Findings
    standing: Standing | None
    room: Headroom | None
    lease: Lease | None
    check: Json | None = None  # what is kept of a look that it takes at itself
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
        facts: Json = {
            "usd_per_hour": self.usd_per_hour,
            "disk_gb": self.disk_gb,
            FACT: asked_by(self.body, self.findings.template),
            as_made.FACT: made_by(self.body, self.findings),
        }
        if self.body.get("vm"):
            facts["vm"] = True  # no row of Vast's says which machines are VMs
        if self.body.get("volume_info", {}).get("create_new"):
            facts[NEW_VOLUME] = True
        if self.body.get("target_state") == "stopped":
            facts[STOPPED_USD_PER_HOUR] = self.price.stopped
        if self.lease is not None:
            facts[lease.FACTS] = self.lease.facts
        if self.check is not None:
            facts[as_made.CHECK] = self.check
        return facts


async def agreed_terms(call: Call, order: Order, terms: Terms, agreed: Agreement) -> Terms:
    """The terms with the person's yes, where somebody is to be asked. `agreed`: what the person
    said in this call before.

    Raises a leaf of Refused, and InputNeeded as confirm.ask.
    """
    if order.try_of is not None:  # the plan has a yes of its own, which the claim counts by
        return replace(terms, agreement=Agreement.to_plan(order.try_of.agreed_usd_per_hour))
    question = rent_question(order, terms.findings)
    proposal = Proposal("create_instance", order.given, question, order.again)
    agreement = await confirm.ask(call, proposal, terms.price.total, agreed)
    return replace(terms, agreement=agreement)


async def terms_unasked(call: Call, order: Order, account: str) -> Terms:
    """Look and count. Raises a leaf of Refused."""
    check_market(call, order)
    await _check_entrypoint(call, order)
    standing = await limits.standing(call)
    made, body = await lease.lease_of(call, order)
    check, body = await check_inside.with_check(call, order, body)
    findings = await _findings(call, order)
    if unseen.is_unseen(call, order):
        said = await unseen.say_price(call, order, findings)
        findings = replace(findings, warnings=[*findings.warnings, *said])
    room = limits.check_account(call, standing, account, findings.price.total)
    return Terms(body, findings, standing, room, made, check)


async def terms_at_this_moment(call: Call, order: Order, terms: Terms) -> Terms | None:
    """The terms at the price that the offer has now, where something rests on it and the wait for
    a turn has made it old; None where a person is to be asked at that price. Raises a leaf of
    Refused.
    """
    if not terms.findings.are_old:
        return terms
    findings = await _findings(call, order)
    total = findings.price.total
    asks = order.try_of is None and confirm.wanted(call, total)
    if asks and not terms.agreement.is_at(total):
        return None
    return replace(terms, findings=findings)


async def _findings(call: Call, order: Order) -> Findings:
    """Look at the offer and what comes with it. Raises a leaf of Refused."""
    asked = order.max_usd_per_hour
    priced = order.dry_run or limits.price_wanted(call, asked)
    findings = await preflight.look(call, order, priced=priced)
    total, why = findings.price.total, findings.price_unknown_because
    limits.check_machine(call, total, asked=asked, why=why, offer_id=order.offer_id)
    return findings


async def _check_entrypoint(call: Call, order: Order) -> None:
    """Raises BadArguments for a long onstart where the template brings runtype args: then no shell
    unpacks it (docs/vast-api.md A.3, A.10).
    """
    script, template_hash = order.script or "", order.body.get("template_hash_id")
    if "runtype" in order.body or template_hash is None or len(script) <= packing.ONSTART_MAX:
        return
    template = await template_of(call, template_hash)
    if template is not None and template.runtype == "args":
        raise errors.bad("create_instance", problems_of(script, by_args=True))
