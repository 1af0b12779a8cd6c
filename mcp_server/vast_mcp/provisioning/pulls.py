"""How much of an image travels to a machine that has none of it, as far as its name tells. Pure.

Vast's traffic counts what a registry sends: compressed layers (docs/vast-api.md C.8).
"""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.renting.image_names import HUB, image_name
from vast_mcp.vast.models import Offer

# Of images whose size nobody told: most that people rent GPUs with lie between 2 and 12 GB.
GUESSED_GB = 6.0
# Compressed GB of the largest usual tag, as Docker Hub showed them in 2026 (our own notes), by the
# beginning of the repository; the first that fits.
_KNOWN_GB = (
    ("nvidia/cuda", 5.5),
    ("pytorch/pytorch", 9.0),
    ("tensorflow/tensorflow", 4.0),
    ("vllm/vllm-openai", 11.0),
    ("ollama/ollama", 2.5),
    ("vastai/base-image", 7.0),
    ("vastai/pytorch", 10.0),
    ("vastai/comfy", 12.0),
    ("huggingface/text-generation-inference", 7.5),
    ("runpod/pytorch", 10.0),
    ("ubuntu", 0.1),
    ("debian", 0.1),
    ("alpine", 0.01),
    ("busybox", 0.01),
    ("python", 0.5),
)
# Part of a host's measured speed at which a registry serves: measured tests go to a near server.
_REGISTRY_SHARE = 0.5
_UNPACK_S_PER_GB = 8.0  # gzip on one core writes some 120 MB/s
_SLOW_MBPS = 100.0  # where a row does not say


@dataclass(frozen=True)
class Pull:
    """An image on its way to a machine. `gb`: probably; `most_gb`: at most; `is_known`: whether the
    name told.
    """

    gb: float
    most_gb: float
    is_known: bool

    def usd(self, offer: Offer) -> float | None:
        """What it costs probably, $; None where the offer does not say what traffic costs."""
        return None if offer.inet_down_cost is None else self.gb * offer.inet_down_cost

    def most_usd(self, offer: Offer) -> float | None:
        """What it costs at most, $; None where the offer does not say what traffic costs."""
        return None if offer.inet_down_cost is None else self.most_gb * offer.inet_down_cost

    def seconds(self, offer: Offer) -> float:
        """How long it takes, unpacking included."""
        mbps = (offer.inet_down or _SLOW_MBPS) * _REGISTRY_SHARE
        return self.gb * (8_000 / max(mbps, 1.0) + _UNPACK_S_PER_GB)


def pull_of(image: str | None, disk_gb: float) -> Pull:
    """The pull of an image onto a disk, which bounds one whose size is not known."""
    known = known_gb(image)
    if known is None:
        return Pull(min(GUESSED_GB, disk_gb), disk_gb, is_known=False)
    return Pull(min(known, disk_gb), min(known, disk_gb), is_known=True)


def known_gb(image: str | None) -> float | None:
    """GB of an image by its name; None where that does not tell."""
    name = image_name(image or "")
    if name is None or name.host != HUB:
        return None
    for beginning, gb in _KNOWN_GB:
        if name.repository == beginning or (
            "/" in beginning and name.repository.startswith(beginning)
        ):
            return gb
    return None
