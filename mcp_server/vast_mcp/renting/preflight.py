"""What we refuse, or warn of, before money moves.

The first half is pure: the `env` grammar and the rules between arguments. The second half only
reads: the offer, the template, the account's SSH keys. Each refusal is for a case in which Vast
would bill for something useless, most of them without saying so (docs/vast-api.md A.4 to A.8).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import Price, room_usd_per_hour, rounded
from vast_mcp.machines.keyfiles import local_public_keys, registered_local_key
from vast_mcp.renting.rules import VM_IMAGE_NEEDS_HOST, by_args, has_registry_host
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer, Template

LOOK_S = 15.0  # seconds that all looks before a rent may take, so that the PUT has its own time


DAY_H = 24.0


FRESH_S = 120.0  # how old a price may be where a limit or a question to the person rests on it


DEFAULT_DISK_GB = (
    10.0  # what Vast's own client asks for; the server's own default is reported as 8 and as 10
)


# ── looks ──────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Findings:
    """What the looks before a rent found: the offer where it is known, and what to warn of."""

    offer: Offer | None = None
    disk_gb: float | None = None
    volume_usd_per_hour: float | None = (
        0.0  # of a volume made with the machine; None where that is not known
    )
    warnings: list[str] = field(default_factory=list)

    @property
    def counted_disk_gb(self) -> float:
        """The disk that prices count: what was asked for, the template's, else the usual
        default.
        """
        return self.disk_gb or DEFAULT_DISK_GB

    def usd_per_hour(self, body: Json) -> float | None:
        """$/h of the machine with its disk, without a volume."""
        return rounded(self.price(body).without_volume, 4)

    def price(self, body: Json) -> Price:
        """What it costs by the offer's own figures (A.6), the new volume included."""
        offer, bid = self.offer, body.get("price")
        return Price(
            gpu=bid if bid is not None else (offer.dph_base if offer else None),
            disk=offer.disk_usd_per_hour(self.counted_disk_gb) if offer else None,
            volume=self.volume_usd_per_hour,
        )


async def look(call: Call, offer_id: int, body: Json, *, priced: bool = False) -> Findings:
    """Read what decides whether this rent is sound. Nothing is changed. `priced`: a limit rests
    on the price.

    Raises a leaf of Refused where Vast would bill for something useless.
    """
    findings = Findings(disk_gb=body.get("disk"))
    vm = bool(body.get("vm"))
    if vm:
        await _check_keys(call, body, None, findings)
    template: Template | None = None
    if "template_hash_id" in body and (_needs_template(body) or (priced and "disk" not in body)):
        template = await _template(call, body)
    if template and findings.disk_gb is None and (template.recommended_disk_space or 0) > 0:
        findings.disk_gb = template.recommended_disk_space
    if vm:
        _check_vm_image(body, template)
    findings.offer = await _offer(call, offer_id, body, findings, fresh=priced)
    if priced and body.get("volume_info", {}).get("create_new"):
        findings.volume_usd_per_hour = await _volume_usd_per_hour(
            call, body["volume_info"], findings.offer
        )
    if vm:
        _check_vm_offer(offer_id, findings.offer)
    _check_bid(body, findings.offer)
    _warn_of_offer(findings)
    if not vm:
        await _check_keys(call, body, template, findings)
    return findings


def _needs_template(body: Json) -> bool:
    """Only a VM is refused by what a template holds; anything else leaves the merge to Vast
    (A.10).
    """
    return bool(body.get("vm")) and "image" not in body


async def template_of(call: Call, hash_id: str) -> Template | None:
    """A template by its hash, which is of its content (A.10): read once a call, as Vast spaces
    those reads by 3 s.
    """
    if hash_id not in call.templates:
        call.templates[hash_id] = await call.within(LOOK_S).template(hash_id)
    return call.templates[hash_id]


async def _template(call: Call, body: Json) -> Template:
    template = await template_of(call, body["template_hash_id"])
    if template is None:
        raise errors.NoSuchTemplate(
            "No template has this template_hash_id; editing a template changes its hash."
        )
    return template


def _check_vm_image(body: Json, template: Template | None) -> None:
    image = body.get("image") or (template.image if template else None)
    if image is None or not has_registry_host(image):
        where = "the template's image" if "image" not in body and template else "image"
        raise errors.VmNotPossible(f"Nothing was sent: {where}: {VM_IMAGE_NEEDS_HOST}.")


async def _volume_usd_per_hour(call: Call, volume: Json, offer: Offer | None) -> float | None:
    """What the new volume will bill: room is listed by machine."""
    if offer is None or offer.machine_id is None:
        return None
    try:
        found = await call.within(LOOK_S).search_volumes(
            volumes.room_query(offer.machine_id, volume["size"])
        )
    except errors.VastMcpError:
        return None
    room = next((room for room in found if room.id == volume["volume_id"]), None)
    return room_usd_per_hour(room, volume["size"]) if room else None


async def _offer(
    call: Call, offer_id: int, body: Json, findings: Findings, *, fresh: bool
) -> Offer | None:
    """The offer as a search showed it, or one look. Not finding it is no verdict: Vast's answer
    to the rent is.
    """
    known = call.session.offers.get(offer_id)
    if known is not None and not (fresh and call.session.offers.age_s(offer_id) > FRESH_S):
        return known
    bid = "price" in body
    try:
        found = await call.within(LOOK_S).find_offer(
            offer_id, bid=bid, disk_gb=findings.counted_disk_gb
        )
    except (
        errors.RateLimited,
        errors.SearchQuotaExceeded,
        errors.VastUnavailable,
        errors.Unreachable,
    ) as exc:
        findings.warnings.append(f"The offer's price could not be looked up ({exc.code}).")
        return None
    if found:
        call.session.offers.remember([found], bid=bid)
    return found


def _check_vm_offer(offer_id: int, offer: Offer | None) -> None:
    search = NextStep("search_offers", {"vm": True}, "offers that can run a VM")
    if offer is None:
        raise errors.VmNotPossible(
            "Nothing was sent: the offer could not be looked up, so whether it can run a VM is "
            "not "
            "known.",
            offer_id=offer_id,
            next_steps=[search],
        )
    if not offer.vms_enabled:
        raise errors.VmNotPossible(
            "Nothing was sent: this offer cannot run a VM; Vast would make a container.",
            offer_id=offer_id,
            next_steps=[search],
        )
    if not offer.direct_port_count:
        raise errors.VmNotPossible(
            "Nothing was sent: this offer has no direct ports, and Vast's SSH proxy does not "
            "reach "
            "a VM.",
            offer_id=offer_id,
            next_steps=[search],
        )


def _check_bid(body: Json, offer: Offer | None) -> None:
    bid = body.get("price")
    if bid is None or offer is None or offer.min_bid is None or bid >= offer.min_bid:
        return
    raise errors.BidTooLow(
        f"Nothing was sent: the bid of {bid:g} $/h is under this offer's minimum of "
        f"{offer.min_bid:g}; Vast would make "
        "a stopped machine that bills its disk.",
        offer_id=offer.ask_contract_id,
        problems=[
            Problem(
                "price", f"at least {offer.min_bid:g} for this offer, or none to rent on demand"
            )
        ],
    )


def _warn_of_offer(findings: Findings) -> None:
    offer = findings.offer
    if findings.disk_gb is None:
        findings.warnings.append(
            "No disk size was given: Vast picks 8 to 10 GB or the template's, and it cannot be "
            "changed later."
        )
    if offer is None:
        findings.warnings.append("Vast lists no offer with this id now, so its price is not known.")
        return
    if offer.duration is not None and offer.duration < DAY_H * 3600:
        hours = offer.duration / 3600
        findings.warnings.append(
            f"The host's offer ends in {hours:.1f} hours; the machine may be taken back then."
        )
    if (
        offer.disk_space is not None
        and findings.disk_gb is not None
        and findings.disk_gb > offer.disk_space
    ):
        findings.warnings.append(
            f"The offer has {offer.disk_space:.0f} GB of disk free, less than was asked for."
        )


# ── SSH keys ───────────────────────────────────────────────────────────────────────────────────


async def _check_keys(
    call: Call, body: Json, template: Template | None, findings: Findings
) -> None:
    """A VM without a key can never be entered; a container without one can still be given one
    (specification).
    """
    vm = bool(body.get("vm"))
    if not vm and by_args(body, template):
        return
    if vm or not call.session.ssh_keys:
        try:
            call.session.ssh_keys = await call.within(LOOK_S).ssh_keys()
        except errors.VastMcpError as exc:
            if vm:
                raise
            findings.warnings.append(f"The account's SSH keys could not be read ({exc.code}).")
            return
    keys, ssh_dir = call.session.ssh_keys, call.settings.ssh_dir
    if not keys and vm:
        raise no_ssh_key(call)
    if not keys:
        findings.warnings.append(
            "The account has no SSH key: register one with create_ssh_key; a container made "
            "before "
            "needs it attached."
        )
    elif ssh_dir is not None and registered_local_key(keys, ssh_dir) is None:
        findings.warnings.append(
            "No public key in ~/.ssh of this computer is registered with Vast, so ssh from here "
            "may be refused."
        )


def no_ssh_key(call: Call, **facts: object) -> errors.NoSshKey:
    """The refusal, with a call that registers the key that is here."""
    local = local_public_keys(call.settings.ssh_dir)
    arguments: Json = {
        "public_key": f"~/.ssh/{local[0].name}" if local else "~/.ssh/id_ed25519.pub"
    }
    why = (
        "registers the key"
        if local
        else "after `ssh-keygen -t ed25519` made one: there is no public key in ~/.ssh"
    )
    if call.settings.ssh_dir is None:
        arguments, why = {}, "with the text of a public key: this server reads no key files"
    return errors.NoSshKey(
        "The account has no SSH key, and a VM takes its keys at birth only: it could never be "
        "entered. "
        "Nothing was rented.",
        next_steps=[
            NextStep("create_ssh_key", arguments, f"{why}; then the same create_instance call")
        ],
        **facts,  # pyright: ignore[reportArgumentType]
    )
