"""The looks before a rental: the offer, the template, the account's SSH keys. They only read.

What they find is judged by the rules of offer_rules.py, before money moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import Price, room_usd_per_hour, rounded
from vast_mcp.machines.keyfiles import local_public_keys, registered_local_key
from vast_mcp.renting import offer_rules
from vast_mcp.renting.order import Order
from vast_mcp.renting.rules import by_args
from vast_mcp.session import Call
from vast_mcp.vast.account import SshKey, Template
from vast_mcp.vast.models import Offer

LOOK_S = 15.0  # seconds that each look may take, so that the PUT has its own time
FRESH_S = 120.0  # how old a price may be where a limit or a question to the person rests on it
DEFAULT_DISK_GB = 10.0  # what Vast's own client asks for; the server's default is reported as 8 too


@dataclass(frozen=True)
class Findings:
    """What the looks found: the offer where it is known, its price, and what to warn of."""

    offer: Offer | None
    counted_disk_gb: float  # the disk that the price counts
    price: Price
    price_unknown_because: str  # a sentence; empty where the price is known, or nobody knows why
    warnings: list[str]

    @property
    def usd_per_hour(self) -> float | None:
        """$/h of the machine with its disk, without a volume."""
        return rounded(self.price.without_volume, 4)


async def look(call: Call, order: Order, *, priced: bool) -> Findings:
    """Read what decides whether this rental is sound. `priced`: something rests on its price.

    Raises a leaf of Refused where Vast would bill for something useless.
    """
    vm = order.is_vm
    key_warnings: list[str] = []
    if vm:
        key_warnings = await _check_keys_of_vm(call)
    template = await _template(call, order.body, priced=priced)
    if vm:
        offer_rules.check_vm_image(order.body, template)
    disk_gb = _disk_gb(order.body, template)
    offer, because = await _offer(call, order, disk_gb or DEFAULT_DISK_GB, fresh=priced)
    volume: float | None = 0.0
    if priced and order.volume_is_new:
        volume = await _volume_usd_per_hour(call, order.body["volume_info"], offer)
    if volume is None:
        because = because or "The new volume's price could not be looked up."
    if vm:
        offer_rules.check_vm_offer(order.offer_id, offer)
    offer_rules.check_bid(order.bid, offer)
    if not vm and not by_args(order.body, template):
        key_warnings = await _warnings_of_keys(call)
    warnings = [because, *offer_rules.warnings_of(offer, disk_gb), *key_warnings]
    return Findings(
        offer=offer,
        counted_disk_gb=disk_gb or DEFAULT_DISK_GB,
        price=_price(order, offer, disk_gb or DEFAULT_DISK_GB, volume),
        price_unknown_because=because,
        warnings=[warning for warning in warnings if warning],
    )


def _price(order: Order, offer: Offer | None, disk_gb: float, volume: float | None) -> Price:
    """What it costs by the offer's own figures (docs/vast-api.md A.6)."""
    if offer is None:
        return Price(gpu=order.bid, disk=None, volume=volume)
    disk = offer.disk_usd_per_hour(disk_gb)
    if order.bid is not None:
        return Price(order.bid, disk, volume)
    return Price(offer.dph_base, disk, volume)


# ── template ───────────────────────────────────────────────────────────────────────────────────


async def template_of(call: Call, hash_id: str) -> Template | None:
    """A template by its hash, read once a call, since Vast spaces those reads by 3 s. A hash is of
    the template's content (docs/vast-api.md A.10).
    """
    if hash_id not in call.templates:
        call.templates[hash_id] = await call.within(LOOK_S).template(hash_id)
    return call.templates[hash_id]


async def _template(call: Call, body: Json, *, priced: bool) -> Template | None:
    """The template, where anything here rests on it. Raises NoSuchTemplate.

    Its image decides what a VM may be, and its disk is in the price; the merge is left to Vast
    (docs/vast-api.md A.10).
    """
    decides_image = bool(body.get("vm")) and "image" not in body
    decides_price = priced and "disk" not in body
    if "template_hash_id" not in body or not (decides_image or decides_price):
        return None
    template = await template_of(call, body["template_hash_id"])
    if template is None:
        raise errors.NoSuchTemplate(
            "No template has this template_hash_id; editing a template changes its hash."
        )
    return template


def _disk_gb(body: Json, template: Template | None) -> float | None:
    """The disk that was asked for, else the template's; None where Vast picks."""
    if "disk" in body:
        return body["disk"]
    if template is not None and (template.recommended_disk_space or 0) > 0:
        return template.recommended_disk_space
    return None


# ── offer ──────────────────────────────────────────────────────────────────────────────────────


async def _offer(
    call: Call, order: Order, disk_gb: float, *, fresh: bool
) -> tuple[Offer | None, str]:
    """The offer as a search showed it, or one look; else a sentence why there is none.

    An offer that is not found may exist all the same: Vast's answer to the rental is the verdict.
    """
    session, offer_id, bid = call.session, order.offer_id, order.bid is not None
    known = session.offers.get(offer_id)
    if known is not None and not (fresh and session.offers.age_s(offer_id) > FRESH_S):
        return known, ""
    try:
        found = await call.within(LOOK_S).find_offer(offer_id, bid=bid, disk_gb=disk_gb)
    except (
        errors.RateLimited,
        errors.SearchQuotaExceeded,
        errors.VastUnavailable,
        errors.Unreachable,
    ) as exc:
        return None, f"The offer's price could not be looked up ({exc.code})."
    if found is None:
        return None, "Vast lists no offer with this id now, so its price is not known."
    session.offers.remember([found], bid=bid)
    return found, ""


async def _volume_usd_per_hour(call: Call, volume: Json, offer: Offer | None) -> float | None:
    """What the new volume will bill; None where that is not known. Room is listed by machine."""
    if offer is None or offer.machine_id is None:
        return None
    query = volumes.room_query(offer.machine_id, volume["size"])
    try:
        rooms = await call.within(LOOK_S).search_volumes(query)
    except errors.VastMcpError:
        return None
    for room in rooms:
        if room.id == volume["volume_id"]:
            return room_usd_per_hour(room, volume["size"])
    return None


# ── SSH keys ───────────────────────────────────────────────────────────────────────────────────


async def _read_keys(call: Call) -> list[SshKey]:
    """The account's keys, which the session remembers."""
    keys = await call.within(LOOK_S).ssh_keys()
    call.session.ssh_keys = keys
    return keys


async def _check_keys_of_vm(call: Call) -> list[str]:
    """Read the keys anew, since a VM without one can never be entered (docs/vast-api.md A.5).

    Returns warnings. Raises NoSshKey.
    """
    keys = await _read_keys(call)
    if not keys:
        raise no_ssh_key(call.ssh_dir)
    return _unmatched(keys, call.ssh_dir)


async def _warnings_of_keys(call: Call) -> list[str]:
    """What to warn of for a container, which can still be given a key later."""
    keys = call.session.ssh_keys
    try:
        keys = keys or await _read_keys(call)
    except errors.VastMcpError as exc:
        return [f"The account's SSH keys could not be read ({exc.code})."]
    if not keys:
        return [
            "The account has no SSH key: register one with create_ssh_key; a container made before "
            "needs it attached."
        ]
    return _unmatched(keys, call.ssh_dir)


def _unmatched(keys: list[SshKey], ssh_dir: Path | None) -> list[str]:
    if ssh_dir is None or registered_local_key(keys, ssh_dir) is not None:
        return []
    return [
        "No public key in ~/.ssh of this computer is registered with Vast, so ssh from here may be "
        "refused."
    ]


def no_ssh_key(ssh_dir: Path | None) -> errors.NoSshKey:
    """The refusal, with a call that registers the key that is here."""
    return errors.NoSshKey(
        "The account has no SSH key, and a VM takes its keys at birth only: it could never be "
        "entered. Nothing was rented.",
        next_steps=[_registering(ssh_dir)],
    )


def _registering(ssh_dir: Path | None) -> NextStep:
    local = local_public_keys(ssh_dir)
    arguments: Json = {}
    if ssh_dir is None:
        why = "with the text of a public key: this server reads no key files"
    elif local:
        arguments = {"public_key": f"~/.ssh/{local[0].name}"}
        why = "registers the key"
    else:
        arguments = {"public_key": "~/.ssh/id_ed25519.pub"}
        why = "after `ssh-keygen -t ed25519` made one: there is no public key in ~/.ssh"
    return NextStep("create_ssh_key", arguments, f"{why}; then the same create_instance call")
