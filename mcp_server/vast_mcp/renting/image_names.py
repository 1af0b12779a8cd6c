"""An image's name in its parts, by Docker's own grammar of references.

    [host[:port]/]path[/path…][:tag][@digest]

The first part is a host where it has a dot or a port, or is localhost. (Docker looks for a host by
a capital too, as in PyTorch/pytorch: a name that no machine of a stranger's knows.) Vast's own
images may have `@vastai-automatic-tag` for a tag (docs/vast-api.md A.9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HUB = "docker.io"
AUTOMATIC_TAG = "@vastai-automatic-tag"  # Vast picks the tag by the machine's driver
LONGEST = 255  # characters of a repository

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")
_ALONE = re.compile(r"(?:sha256:)?[0-9a-f]{64}")  # names an image on one machine, for none to pull

# Docker Hub by its other names.
_HUBS = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


@dataclass(frozen=True)
class ImageName:
    """An image that Docker would take: `host` is docker.io where none is written."""

    host: str  # as written, in lower case, with its port
    repository: str  # without the host, and without library/
    tag: str | None = None
    digest: str | None = None

    @property
    def is_vasts(self) -> bool:
        """Whether it is one of Vast's own images."""
        return self.host == HUB and self.repository.startswith("vastai/")

    @property
    def has_automatic_tag(self) -> bool:
        return self.tag == AUTOMATIC_TAG


def image_name(image: str) -> ImageName | None:
    """The parts of a reference; None for what Docker would not take."""
    host, rest = split_host(image)
    name, digest = _cut_digest(rest)
    repository, colon, tag = name.partition(":")
    fits = (
        (host is None or _HOST.fullmatch(host))
        and _REPOSITORY.fullmatch(repository)
        and not (host is None and _ALONE.fullmatch(rest))
        and len(repository) <= LONGEST
        and (not colon or tag == AUTOMATIC_TAG or _TAG.fullmatch(tag))
        and (digest is None or _DIGEST.fullmatch(digest))
    )
    if not fits:
        return None
    registry = registry_of(host or HUB)
    if registry == HUB:
        repository = repository.removeprefix("library/")
    return ImageName(registry, repository, tag if colon else None, digest)


def split_host(image: str) -> tuple[str | None, str]:
    """The host as written, None where the first part is none, and the rest."""
    first, slash, rest = image.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first, rest
    return None, image


def registry_of(host: str) -> str:
    """A registry by the one name that it is compared by; the usual port says nothing."""
    lowered = host.lower().removesuffix(":443")
    return HUB if lowered in _HUBS else lowered


def _cut_digest(rest: str) -> tuple[str, str | None]:
    if rest.endswith(f":{AUTOMATIC_TAG}"):
        return rest, None
    name, at, digest = rest.partition("@")
    return name, digest if at else None
