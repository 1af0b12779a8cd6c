"""How much of an image travels to a machine that has none of it, as far as its name tells. Pure.

Vast's traffic counts what a registry sends: compressed layers (docs/vast-api.md C.8).
"""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.renting.image_names import HUB, image_name
from vast_mcp.vast.models import Offer

# Of images whose size nobody told: most that people rent GPUs with lie between 2 and 12 GB.
GUESSED_GB = 6.0


@dataclass(frozen=True)
class _Size:
    """Compressed GB of images of a repository whose tag has a word: usually, and of the largest."""

    repository: str  # its beginning, or the whole where it has no /
    word: str
    usual_gb: float
    most_gb: float


# As Docker Hub showed them in 2026, rounded up (our own notes); the first that fits.
_KNOWN = (
    _Size("nvidia/cuda", "base", 0.2, 0.5),
    _Size("nvidia/cuda", "devel", 4.0, 6.0),
    _Size("nvidia/cuda", "", 1.5, 6.0),
    _Size("pytorch/pytorch", "runtime", 3.5, 6.0),
    _Size("pytorch/pytorch", "", 7.0, 11.0),
    _Size("tensorflow/tensorflow", "", 3.5, 6.0),
    _Size("vllm/vllm-openai", "", 7.0, 13.0),
    _Size("ollama/ollama", "", 2.0, 4.0),
    _Size("vastai/", "", 7.0, 15.0),
    _Size("runpod/pytorch", "", 7.0, 12.0),
    _Size("ubuntu", "", 0.05, 0.2),
    _Size("debian", "", 0.06, 0.2),
    _Size("alpine", "", 0.01, 0.1),
    _Size("busybox", "", 0.01, 0.1),
    _Size("python", "slim", 0.1, 0.3),
    _Size("python", "", 0.5, 1.0),
)
# Part of a host's measured speed at which a registry serves: measured tests go to a near server.
_REGISTRY_SHARE = 0.5
_UNPACK_S_PER_GB = 8.0  # gzip on one core writes some 120 MB/s
_SLOW_MBPS = 100.0  # where a row does not say


@dataclass(frozen=True)
class Pull:
    """An image on its way to a machine. `gb`: probably; `most_gb`: at most; `is_known`: whether its
    name or the journal told.
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


def pull_of(image: str | None, disk_gb: float, seen_gb: float | None = None) -> Pull:
    """The pull of an image onto a disk, which bounds one whose size is not known. `seen_gb`: what
    it took here before, which may have been a part of it.
    """
    known = _known(image)
    if known is None:
        return Pull(min(seen_gb or GUESSED_GB, disk_gb), disk_gb, is_known=seen_gb is not None)
    usual, most = seen_gb or known.usual_gb, max(known.most_gb, seen_gb or 0.0)
    return Pull(min(usual, disk_gb), min(most, disk_gb), is_known=True)


def _known(image: str | None) -> _Size | None:
    """The size of an image by its name; None where that does not tell."""
    name = image_name(image or "")
    if name is None or name.host != HUB:
        return None
    tag = (name.tag or "").lower()
    for one in _KNOWN:
        begins = "/" in one.repository and name.repository.startswith(one.repository)
        if (begins or name.repository == one.repository) and one.word in tag:
            return one
    return None
