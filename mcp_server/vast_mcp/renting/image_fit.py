"""What an image's name says of the machine that it is for, against the offer. Pure.

CUDA: a program runs on a driver of its own major version, from 11 on also of an older minor one;
but images that come from nvidia/cuda state the version that they want, and many do not start under
it. Above the driver's major version it needs forward compatibility, which no GeForce has
(docs/vast-api.md B.2, C.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.renting import template_filters
from vast_mcp.renting.another_offer import another
from vast_mcp.renting.image_hints import Hints, at_least, hints_of
from vast_mcp.renting.image_names import image_name
from vast_mcp.renting.image_rules import image_of_template
from vast_mcp.renting.order import Order
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

Version = tuple[int, int]

_FIRST_WITH_MINORS = 11
_GEFORCE = re.compile(r"GeForce |GTX |RTX [2-5]0[5-9]0")
_AMD = re.compile(r"Instinct|Radeon|RX |PRO [WV]|Pro V")
# The CUDA that first had code for a generation of cards, by compute capability * 100
# (docs/vast-api.md B.2).
_FIRST_CUDA: list[tuple[float, Version]] = [
    (1200, (12, 8)),
    (1000, (12, 8)),
    (900, (11, 8)),
    (800, (11, 0)),
    (700, (9, 0)),
    (600, (8, 0)),
]
# The compute capability * 100 that a CUDA's libraries begin at.
_FIRST_CARD = {13: 750.0, 12: 500.0}
_OFF = {"1", "true"}


@dataclass(frozen=True)
class _Fit:
    """An image's hints beside the offer's row, and whose the image is."""

    order: Order
    offer: Offer
    hints: Hints
    field: str
    whose: str

    def refusal(self, says: str, do: str, why: str, **needed: Any) -> errors.BadArguments:
        return errors.BadArguments(
            f"{self.whose} {says}.",
            offer_id=self.order.offer_id,
            problems=[Problem(self.field, do)],
            next_steps=[another(self.order, why, **needed)],
        )


def check_image(order: Order, template: Template | None, offer: Offer | None) -> list[str]:
    """What to warn of. Raises BadArguments where the image cannot run, or not use the GPU."""
    own = order.body.get("image")
    brought = None if template is None else image_of_template(template)
    name = image_name(own or brought or "")
    if offer is None or name is None or name.has_automatic_tag:
        return []
    field, whose = (
        ("image", "the image's name") if own else ("template_hash_id", "its image's name")
    )
    fit = _Fit(order, offer, hints_of(name), field, whose)
    known_to_run = template is not None and template_filters.asks_and_has(
        template.extra_filters, "cpu_arch", offer
    )
    return [
        *_of_processor(fit, told=not (known_to_run and own is None)),
        *_of_vendor(fit),
        *([] if order.is_vm else _of_cuda(fit)),
    ]


def _of_processor(fit: _Fit, *, told: bool) -> Iterator[str]:
    """The architecture of the processor; what a row does not say refuses nothing."""
    has, says = fit.offer.cpu_arch, fit.hints.arch
    if says is not None and has in {"amd64", "arm64"} and says != has:
        raise fit.refusal(
            f"says {says}, and this machine is {has}: its programs do not start there",
            f"an image for {has}, or an offer with cpu_arch {says}",
            f"{says} machines",
            filters=f'{{"cpu_arch": {{"eq": "{says}"}}}}',
        )
    if has == "arm64" and says is None and told:
        yield (
            "This machine is arm64, and many images are for amd64 only: those do not start there "
            "(exec format error)."
        )


def _of_vendor(fit: _Fit) -> Iterator[str]:
    """The maker of the card."""
    has, says = vendor_of(fit.offer), fit.hints.vendor
    if says is not None and has is not None and says != has:
        kind = {"nvidia": "CUDA", "amd": "ROCm"}
        raise fit.refusal(
            f"says {kind[says]}, and this offer's card is {_maker(has)}: it cannot use it",
            f"an image for {kind[has]}, or an offer with gpu_arch {says}",
            f"offers with cards of {_maker(says)}",
            filters=f'{{"gpu_arch": {{"eq": "{says}"}}}}',
        )
    if has == "amd" and says is None:
        yield "This offer's card is AMD's: only images for ROCm use it, and most are for CUDA."


def vendor_of(offer: Offer) -> str | None:
    """nvidia or amd; None where a row says neither."""
    if offer.gpu_arch in {"nvidia", "amd"}:
        return offer.gpu_arch
    return "amd" if _AMD.match(offer.gpu_name or "") else None


def _maker(vendor: str) -> str:
    return {"nvidia": "NVIDIA", "amd": "AMD"}[vendor]


# ── CUDA ───────────────────────────────────────────────────────────────────────────────────────


def _of_cuda(fit: _Fit) -> Iterator[str]:
    """The CUDA in a name, against driver and card."""
    cuda, offer = fit.hints.cuda, fit.offer
    if cuda is None:
        return
    if offer.cuda_max_good:
        yield from _of_driver(fit, at_least(cuda), version_of(offer.cuda_max_good))
    card = offer.compute_cap
    if not card or offer.gpu_arch == "amd":
        return
    first = next((first for cap, first in _FIRST_CUDA if card >= cap), None)
    if first is not None and cuda[1] is not None and at_least(cuda) < first:
        yield (
            f"The image's name says CUDA {_said(at_least(cuda))}, and code for this card (compute "
            f"capability {card / 100:g}) came with {_said(first)}: programs may find none."
        )
    least = _FIRST_CARD.get(cuda[0])
    if least is not None and card < least:
        yield (
            f"The image's name says CUDA {cuda[0]}, whose libraries begin at compute capability "
            f"{least / 100:g}; this card has {card / 100:g}."
        )


def _of_driver(fit: _Fit, wanted: Version, has: Version) -> Iterator[str]:
    if wanted <= has:
        return
    step = {"min_cuda": float(_said(wanted))}
    differ = f"says CUDA {_said(wanted)}, and this host's driver has {_said(has)}"
    if wanted[0] == has[0] >= _FIRST_WITH_MINORS:
        if not _asks_not(fit.order):
            yield (
                f"{_capital(fit.whose)} {differ}: images that demand their own do not start "
                f"there. search_offers with min_cuda {_said(wanted)} finds hosts for it."
            )
        return
    if _GEFORCE.match(fit.offer.gpu_name or ""):
        raise fit.refusal(
            f"{differ}: no program of a newer CUDA runs on a GeForce with it",
            f"an image for CUDA {has[0]}, or an offer with cuda_max {_said(wanted)}",
            "offers with a driver for it",
            card_of=fit.offer,
            **step,
        )
    yield (
        f"{_capital(fit.whose)} {differ}: it runs there only if it brings NVIDIA's forward "
        f"compatibility. search_offers with min_cuda {_said(wanted)} finds hosts for it."
    )


def _asks_not(order: Order) -> bool:
    """Whether the image's own demand is switched off."""
    return order.body.get("env", {}).get("NVIDIA_DISABLE_REQUIRE", "").lower() in _OFF


def version_of(cuda: float) -> Version:
    """A row's figure, such as 12.8, as two numbers."""
    major = int(cuda)
    return major, round((cuda - major) * 10)


def _said(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
