"""What is known of images before a rent: which bring no client that a watchdog could delete by.

A watchdog needs curl, GNU wget or python3 in its machine (leases/watchdog.sh). The base images here
come with none; what the start of a machine adds is found by the watchdog, which looks for its
clients at every try.
"""

from __future__ import annotations

import re

# By repository, as published: alpine and busybox have busybox's wget, which sends no DELETE.
_BARE = frozenset({"alpine", "bash", "busybox", "debian", "nvidia/cuda", "ubuntu"})
_BRINGS_ONE = re.compile(r"\b(?:curl|wget|python3)\b")


def bare(image: str | None, script: str | None) -> str | None:
    """The repository of an image that is known to bring no client, where the script does not speak
    of one either; None for all that may be guarded.
    """
    if image is None or _BRINGS_ONE.search(script or ""):
        return None
    hub = image.strip().removeprefix("docker.io/").removeprefix("library/")
    repository = re.split(r"[:@]", hub, maxsplit=1)[0]
    if repository in _BARE or repository.startswith("gcr.io/distroless/"):
        return repository
    return None
