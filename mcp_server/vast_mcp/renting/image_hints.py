"""What an image's name says of the machine that it is for: its CUDA, its vendor, its architecture.

Read are the last part of the repository and the tag, and of the rest only whole words. A name that
says nothing is no sign of anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vast_mcp.renting.image_names import ImageName

Cuda = tuple[int, int | None]  # without the minor where a name has only the major

_OLDEST, _NEWEST = 5, 19  # majors that a number beside "cuda" may mean; others are dates and builds

# cuda12.4.1, cuda-12.4, cuda_12, cu12.4
_DOTTED = re.compile(r"(?<![a-z])cu(?:da)?[-_]?([0-9]{1,2})(?:\.([0-9]{1,2}))?(?![0-9])")
# cu124, cuda118, cu1281 (the last digit is of the release), cu92
_PACKED = re.compile(r"(?<![a-z])cu(?:da)?[-_]?(1[0-9]|[5-9])([0-9])[0-9]?(?![0-9.])")
_VERSION = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})(?![0-9])")
_CUDAS_OWN = re.compile(r"cuda(?:gl)?(?:-arm64|-sbsa)?")  # whose tags begin with the version

_WITHOUT = r"(?<!no-)(?<!non-)(?<!without-)(?<!no_)"
_CUDA = re.compile(rf"{_WITHOUT}(?<![a-z])(?:cuda(?![a-z])|cu[0-9]{{2,4}}(?![0-9]))")
_ROCM = re.compile(rf"{_WITHOUT}(?<![a-z])rocm")
_ARCHES = {
    "amd64": re.compile(r"(?<![a-z0-9])(?:amd64|x86[_-]64|x64)(?![a-z0-9])"),
    "arm64": re.compile(r"(?<![a-z0-9])(?:arm64(?:v8)?|aarch64|sbsa)(?![a-z0-9])"),
}


@dataclass(frozen=True)
class Hints:
    """What a name says. `cuda`: the least that it names; `vendor`: nvidia or amd, where it
    names one of them; `arch`: amd64 or arm64, where it names one of them.
    """

    cuda: Cuda | None = None
    vendor: str | None = None
    arch: str | None = None


def hints_of(name: ImageName) -> Hints:
    """What a name says of its machine."""
    last = name.repository.rpartition("/")[2]
    tag = (name.tag or "").lower()
    whole = f"{name.repository}:{tag}"
    cuda = _cuda_of(last, tag)
    vendors = [
        vendor
        for vendor, says in (
            ("nvidia", cuda is not None or _CUDA.search(whole)),
            ("amd", _ROCM.search(whole)),
        )
        if says
    ]
    arches = [arch for arch, word in _ARCHES.items() if word.search(whole)]
    return Hints(cuda, _only(vendors), _only(arches))


def _only(found: list[str]) -> str | None:
    return found[0] if len(found) == 1 else None


def _cuda_of(last: str, tag: str) -> Cuda | None:
    """The least CUDA that is named: several in one name are a choice."""
    found: list[Cuda] = [*_named(last), *_named(tag)]
    own = _VERSION.match(tag) if _CUDAS_OWN.fullmatch(last) else None
    if own is not None:
        found.append((int(own[1]), int(own[2])))
    meant = [one for one in found if _OLDEST <= one[0] <= _NEWEST]
    return min(meant, key=at_least, default=None)


def at_least(cuda: Cuda) -> tuple[int, int]:
    """The version that a name asks for at least."""
    return cuda[0], cuda[1] or 0


def _named(text: str) -> list[Cuda]:
    packed: list[Cuda] = [(int(big), int(small)) for big, small in _PACKED.findall(text)]
    dotted = [(int(big), int(small) if small else None) for big, small in _DOTTED.findall(text)]
    return [*packed, *dotted]
