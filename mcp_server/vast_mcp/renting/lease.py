"""The lease that a rental is made with: when it ends, whether a watchdog fits, what answers say.

The journal keeps the facts of a lease as data, and every answer builds its sentence from them.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import cast

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.records import Intent, time_of
from vast_mcp.leases import guards, images, labels, packing, watchdog
from vast_mcp.leases.labels import utc
from vast_mcp.masking import Hidden
from vast_mcp.renting import rules
from vast_mcp.renting.order import Order
from vast_mcp.renting.template_look import template_of
from vast_mcp.session import Call
from vast_mcp.vast.account import Template

FACTS = "lease_made"  # of an attempt in the journal
NO_END = "No end is set: it bills until destroy_instance, its disk even while stopped."
SENTENCE = "lease"  # what journals of before have instead: the sentence itself


@dataclass(frozen=True)
class Lease:
    """When a rental ends by itself, in epoch seconds by Vast's clock, and who sees to that."""

    until: float
    watchdog_takes: int | None = None  # characters of onstart; None: it is ended from outside alone
    why_outside: str = ""
    vm: bool = False
    bare: str | None = None  # an image that is known to bring nothing to delete by
    equipped: bool = False  # the image is known to bring something

    @property
    def facts(self) -> Json:
        """The lease as the journal keeps it."""
        if self.watchdog_takes is None:
            return {"until": self.until, "why_outside": self.why_outside}
        facts: Json = {"until": self.until, "watchdog_takes": self.watchdog_takes, "vm": self.vm}
        if self.bare is not None:
            facts["bare"] = self.bare
        if self.equipped:
            facts["equipped"] = True
        return facts

    @classmethod
    def of_facts(cls, facts: object) -> Lease | None:
        """The lease that the journal kept; None where that was spoilt."""
        if not isinstance(facts, dict):
            return None
        kept = cast("Json", facts)
        until, takes = time_of(kept.get("until")), kept.get("watchdog_takes")
        bare = kept.get("bare")
        if until is None:
            return None
        return cls(
            until=until,
            watchdog_takes=takes if isinstance(takes, int) else None,
            why_outside=str(kept.get("why_outside", "")),
            vm=kept.get("vm") is True,
            bare=bare if isinstance(bare, str) else None,
            equipped=kept.get("equipped") is True,
        )

    def sentence(self, now: float) -> str:
        """What an answer says of it, as a person may be told. `now`: by Vast's clock."""
        ends = f"Ends {_in(self.until - now)}, at {utc(self.until)},"
        if self.watchdog_takes is None:
            return (
                f"{ends} destroyed from outside alone, so that a vast-mcp server must run then, or "
                f"vast-mcp sweep: {self.why_outside}."
            )
        needs = "".join(f", {one}" for one in self.needs)
        return (
            f"{ends} by itself{needs}; do not stop it, destroy it (stopped, it is ended by a "
            "running vast-mcp server alone)."
        )

    @property
    def needs(self) -> list[str]:
        """What it takes that is not known to be so."""
        needs: list[str] = []
        if self.bare is not None:
            needs.append(f"once onstart has installed curl ({self.bare} brings none)")
        elif not self.equipped:
            needs.append("if its image has curl, GNU wget or python3")
        if self.vm:
            needs.append("if Vast gives a VM its key")
        return needs


def _in(seconds: float) -> str:
    if seconds <= 0:
        return "now"
    if seconds < 3570:  # else it is an hour
        return f"in {max(1, round(seconds / 60))} min"
    return f"in {round(seconds / 3600, 1):g} h"


def has_watchdog(intent: Intent) -> bool:
    """Whether a rental was sent with a watchdog."""
    made = Lease.of_facts(intent.facts.get(FACTS))
    return (
        made is not None and made.watchdog_takes is not None and not guards.was_called_off(intent)
    )


def sentence_of(intent: Intent, *, now: float, why_outside: str | None = None) -> str:
    """What an answer says of the end of a machine: its lease as it was rented, with its end as it
    was moved since. `why_outside`: why the watchdog that was sent is none. `now`: by Vast's clock.
    """
    ends, lease = intent.lease_until, Lease.of_facts(intent.facts.get(FACTS))
    if ends is not None and labels.end_by(ends) is None:
        return NO_END
    if guards.was_called_off(intent):
        why_outside = why_outside or guards.OFF
    if lease is not None:
        lease = replace(lease, until=ends or lease.until)
        if why_outside is not None:
            lease = replace(lease, watchdog_takes=None, why_outside=why_outside)
        return lease.sentence(now)
    said = intent.facts.get(SENTENCE)
    if ends is None:
        return said if isinstance(said, str) else NO_END
    if not isinstance(said, str):
        return f"Ends {_in(ends - now)}, at {utc(ends)}."
    if ends == labels.lease_of(intent.label):
        return said
    return f"Extended to {utc(ends)}. As rented: {said}"


# ── making one ─────────────────────────────────────────────────────────────────────────────────


async def lease_of(call: Call, order: Order) -> tuple[Lease | None, Json]:
    """The lease of an order, and its body with the watchdog in front of its onstart where that can
    carry it.
    """
    if order.lease_hours is None:
        return None, order.body
    return await lease_until(call, order, int(call.now() + order.lease_hours * 3600))


async def lease_until(call: Call, order: Order, until: int) -> tuple[Lease, Json]:
    """The lease that ends then, in epoch seconds, and the body with the watchdog as in lease_of."""
    template, why = await template_beneath(call, order)
    why = why or _why_outside(order, template)
    if why is not None:
        return Lease(until, why_outside=why), order.body
    base_url = call.settings.base_url
    script = script_of(order, template)
    carried = watchdog.guarded(script, until=until, base_url=base_url, made=int(call.now()))
    if len(carried) > packing.ONSTART_MAX:
        why = (
            f"its onstart leaves no room for a watchdog: {len(carried)} of {packing.ONSTART_MAX} "
            "characters"
        )
        return Lease(until, why_outside=why), order.body
    takes = watchdog.cost(base_url)
    image = _image(order, template)
    lease = Lease(
        until,
        watchdog_takes=takes,
        vm=order.is_vm,
        bare=images.bare(image, script),
        equipped=images.brings_one(image),
    )
    return lease, order.body | {"onstart": carried}


async def template_beneath(call: Call, order: Order) -> tuple[Template | None, str | None]:
    """The template where it may say what starts in the machine, and why nothing can be put there
    without it.
    """
    body = order.body
    says_all = "runtype" in body and order.script is not None
    if "template_hash_id" not in body or says_all or rules.by_args(body, None):
        return None, None
    template: Template | None = None
    with contextlib.suppress(errors.VastMcpError):
        template = await template_of(call, body["template_hash_id"])
    if template is None:
        return None, "its template could not be read"
    if order.script is None and isinstance(template.onstart, Hidden):
        return None, "its template's onstart repeats a secret of the person's, which is not sent"
    return template, None


def _why_outside(order: Order, template: Template | None) -> str | None:
    """Why no watchdog can go in front of the script; None where it can."""
    if rules.by_args(order.body, template):
        return "with runtype args onstart is the entrypoint"
    script = script_of(order, template)
    if order.is_vm and script and not script.startswith("#!"):
        return "a VM runs no onstart without a shebang"
    return None


def _image(order: Order, template: Template | None) -> str | None:
    """The image, where it is known: the request's own beats the template's (docs/vast-api.md
    A.10).
    """
    image = order.body.get("image")
    if isinstance(image, str):
        return image
    return None if template is None else template.image


def script_of(order: Order, template: Template | None) -> str | None:
    """The script that the machine starts with: an onstart in the request replaces the template's
    (docs/vast-api.md A.10), so that one is carried along.
    """
    if order.script is not None or template is None:
        return order.script
    return template.onstart
