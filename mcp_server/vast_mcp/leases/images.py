"""What is known of images before a rent: which bring a client that a watchdog can delete by, and
which bring none.

A watchdog needs curl, GNU wget or python3 in its machine (leases/watchdog.sh). The base images here
come with none; what the start of a machine adds is found by the watchdog, which looks for its
clients at every try.
"""

from __future__ import annotations

import re

# By repository, as published: alpine and busybox have busybox's wget, which sends no DELETE.
_BARE = frozenset({"alpine", "bash", "busybox", "debian", "nvidia/cuda", "ubuntu"})
_VM_IMAGES = frozenset({"kvm"})
_BRINGS_ONE = re.compile(r"\b(?:curl|wget|python3)\b")


def bare(image: str | None, script: str | None) -> str | None:
    """The repository of an image that is known to bring no client, where the script does not speak
    of one either; None for all that may be guarded.
    """
    if image is None or _BRINGS_ONE.search(script or ""):
        return None
    repository = _repository(image)
    if repository in _BARE or repository.startswith("gcr.io/distroless/"):
        return repository
    return None


def brings_one(image: str | None) -> bool:
    """Whether an image is known to bring a client: Vast's own containers do."""
    if image is None:
        return False
    owner, _, name = _repository(image).partition("/")
    return owner == "vastai" and name not in _VM_IMAGES


def _repository(image: str) -> str:
    """An image's name without the registry that Docker itself would add, its tag and its digest."""
    hub = image.strip().removeprefix("docker.io/").removeprefix("library/")
    return re.split(r"[:@]", hub, maxsplit=1)[0]
