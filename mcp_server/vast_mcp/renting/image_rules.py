"""Whether an image can be pulled by a stranger's machine, as far as its name says (docs/vast-api.md
A.9, C.9). Pure. A name is repeated only where it is an image's, and no secret.
"""

from __future__ import annotations

import ipaddress
import re

from vast_mcp.errors import Problem
from vast_mcp.renting.image_names import AUTOMATIC_TAG, ImageName, image_name, split_host
from vast_mcp.renting.image_repairs import SCHEME, is_more_than_a_name, is_of_a_site, repaired
from vast_mcp.vast.account import Template

_NAME = "NAME, OWNER/NAME or HOST/OWNER/NAME, then :TAG or @sha256:DIGEST"
_AT_HOME = re.compile(
    r"localhost|[^.]+|.*\.(?:local|lan|internal|localhost|localdomain|home\.arpa)"
)
_YOURS = re.compile(r"(?:^|/)your(?:(?:user)?name|user|[-_][-_a-z0-9]*)(?:/|$)")

# What forms and models write where a name was to come; no image of Docker's own is called so.
_FILLERS = frozenset(
    {"string", "default", "image", "auto", "any", "none", "no", "yes", "true", "false", "0"}
)

_NOT_OF_THIS = (
    f"{AUTOMATIC_TAG} is for Vast's own images (vastai/…) alone; give a tag that this image has"
)


def problems_of(image: str | None) -> list[Problem]:
    """What keeps Docker from taking an image, with the repaired name where one is certain."""
    if image is not None and image.casefold() in _FILLERS:
        return [Problem("image", "is a filler and no image: leave it out for the default one")]
    why = None if image is None else _wrong_with(image)
    if image is None or why is None:
        return []
    meant = repaired(image)
    if meant is not None and _wrong_with(meant) is None:
        return [Problem("image", f"{why}: write {meant}")]
    return [Problem("image", f"{why}: write {_NAME}" if why != _NOT_OF_THIS else why)]


def warnings_of(image: str | None, whose: str = "image") -> list[str]:
    """What makes an image probably not to be had by a stranger's machine."""
    name = image_name(image or "")
    if name is None:
        return []
    if _is_at_home(name.host):
        return [
            f"The {whose} is at a registry of a private network ({name.host}); the machine pulls "
            "it from its own network, where that is probably none."
        ]
    if _YOURS.search(name.repository):
        return [f"The {whose} looks like an example that nobody filled in; it may not exist."]
    if name.is_vasts and name.tag == AUTOMATIC_TAG[1:]:
        return [f"The {whose} has the tag {name.tag}; Vast's own is :{AUTOMATIC_TAG}, with an @."]
    return []


def warnings_of_template(template: Template) -> list[str]:
    """The same of the image that a template brings; its name is a stranger's text."""
    image = image_of_template(template)
    if image is None:
        return []
    if _wrong_with(image) is not None:
        return ["The template's image has a name that Docker does not take: it may never start."]
    return warnings_of(image, "template's image")


def image_of_template(template: Template) -> str | None:
    """The image that a template brings, with its tag."""
    if template.image and template.tag:
        return f"{template.image}:{template.tag}"
    return template.image or None


def _wrong_with(image: str) -> str | None:
    """Why Docker does not take a name; None where it does."""
    name = image_name(image)
    if name is not None:
        return _wrong_with_name(image, name)
    if SCHEME.match(image.strip()) or is_of_a_site(image.strip()):
        return "is an address of a page, and Docker takes a name"
    if is_more_than_a_name(image):
        return "holds more than the name of an image"
    if re.search(r"[\s\"'`]", image):
        return "holds blanks or quotes"
    return _wrong_in_parts(split_host(image)[1])


def _wrong_with_name(image: str, name: ImageName) -> str | None:
    if is_of_a_site(image):
        return "is an address of a page, and Docker takes a name"
    if name.tag == AUTOMATIC_TAG and not name.is_vasts:
        return _NOT_OF_THIS
    return None


def _wrong_in_parts(rest: str) -> str:
    """What is wrong behind the host."""
    path, mark, end = re.split(r"([:@]|$)", rest, maxsplit=1)
    if re.search(r"[A-Z]", path):
        return "has capitals, and a repository has none"
    if mark == "@" or "@" in end:
        return "has an @ without a whole digest behind it"
    if ":" in end:
        return "has two tags"
    if mark == ":":
        return "has a tag that is none"
    return "is no name of an image"


def _is_at_home(host: str) -> bool:
    """Whether only a machine of the same network reaches a host, which has a port or not."""
    bare = re.sub(r":[0-9]+$", "", host)
    try:
        return not ipaddress.ip_address(bare.strip("[]")).is_global
    except ValueError:
        return _AT_HOME.fullmatch(bare) is not None
