"""What was probably meant by an image that Docker would not take: the command it stood in, the page
it was copied from, capitals. Pure; a repair is said, and never made in silence.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from vast_mcp.renting.docker_options import option_of
from vast_mcp.renting.image_names import AUTOMATIC_TAG, image_name, split_host

# Sites that are no registries, whatever stands behind them.
_SITES = frozenset(
    {
        "hub.docker.com",
        "www.docker.com",
        "docker.com",
        "github.com",
        "www.github.com",
        "gitlab.com",
        "huggingface.co",
        "catalog.ngc.nvidia.com",
        "ngc.nvidia.com",
        "raw.githubusercontent.com",
        "cloud.vast.ai",
        "console.vast.ai",
        "vast.ai",
    }
)

SCHEME = re.compile(r"(?:https?|docker|oci|docker-image|docker-daemon|registry)://", re.I)
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_COMMAND = re.compile(
    r"(?:(?:[$#>]\s+)?(?:sudo\s+)?(?:docker|podman|nerdctl)\s+(?:image\s+)?(?:pull|run|create)"
    r"|FROM)\s+",
    re.I,
)
_KEY = re.compile(r"(?:--?image[ =]\s*|[\"']?image[\"']?\s*[:=]\s*)", re.I)
_LONGEST_WORD = 20
_NO_IMAGE = frozenset({"null", "none", "undefined", "nil"})

# Pages, and the image that each is of. The query may name a tag.
_PAGES = [
    (re.compile(r"hub\.docker\.com/_/([^/]+)(?:/tags)?"), "{0}"),
    (re.compile(r"hub\.docker\.com/r/([^/]+)/([^/]+)(?:/(?:tags|builds|dockerfile))?"), "{0}/{1}"),
    (re.compile(r"hub\.docker\.com/repository/docker/([^/]+)/([^/]+)(?:/[a-z]+)?"), "{0}/{1}"),
    (re.compile(r"hub\.docker\.com/layers/([^/]+)/([^/]+)/([^/]+)(?:/.*)?"), "{0}/{1}:{2}"),
    (
        re.compile(r"github\.com/([^/]+)/[^/]+/pkgs/container/([^/]+)(?:/.*)?"),
        "ghcr.io/{0}/{1}",
    ),
    (
        re.compile(r"github\.com/(?:orgs|users)/([^/]+)/packages/container/(?:package/)?([^/]+)"),
        "ghcr.io/{0}/{1}",
    ),
    (re.compile(r"quay\.io/repository/([^/]+)/([^/]+)"), "quay.io/{0}/{1}"),
    (
        re.compile(r"catalog\.ngc\.nvidia\.com/orgs/([^/]+)/containers/([^/]+)(?:/tags)?"),
        "nvcr.io/{0}/{1}",
    ),
    (
        re.compile(
            r"catalog\.ngc\.nvidia\.com/orgs/([^/]+)/teams/([^/]+)/containers/([^/]+)(?:/tags)?"
        ),
        "nvcr.io/{0}/{1}/{2}",
    ),
]


def repaired(image: str) -> str | None:
    """The one reference that a text stands for; None where that is not certain."""
    text = _bare(image)
    text = _of_page(text) or SCHEME.sub("", text, count=1).rstrip("/")
    closed = _closed_up(text)
    for candidate in (text, closed, _in_small_letters(closed)):
        if candidate != image and image_name(candidate) and not is_of_a_site(candidate):
            return candidate
    return None


def is_of_a_site(text: str) -> bool:
    """Whether it is of a web site that is no registry."""
    return (split_host(text)[0] or "").lower() in _SITES


def is_more_than_a_name(text: str) -> bool:
    """Whether a command or a key of YAML stands before the name."""
    return bool(_COMMAND.match(text) or _KEY.match(text))


def _bare(image: str) -> str:
    """The text without what stands around a name: blanks, quotes, a command, a key of YAML."""
    text = _UNSEEN.sub("", image).strip().strip(_QUOTES).strip()
    without = _COMMAND.sub("", text, count=1)
    if without != text:
        text = _image_of_command(without)
    text = _KEY.sub("", text, count=1) if _KEY.match(text) else text
    text = text.strip().strip(_QUOTES + ",;").strip()
    return "" if text.casefold() in _NO_IMAGE else text


def _image_of_command(words: str) -> str:
    """The first word of a command line that is no option, nor the value of one."""
    waiting = iter(words.replace("\\\n", " ").split())
    for word in waiting:
        option = option_of(word)
        if option is None:
            return "" if word.startswith("-") else word
        if option.takes_value and option.value is None:
            next(waiting, None)
    return ""


def _of_page(text: str) -> str | None:
    """The image that a page is of."""
    is_address = SCHEME.match(text) is not None
    if not is_address and not is_of_a_site(text):
        return None
    try:
        parts = urlsplit(text if is_address else f"https://{text}")
    except ValueError:
        return None
    address = f"{parts.netloc.lower()}{parts.path}".rstrip("/")
    for pattern, made in _PAGES:
        found = pattern.fullmatch(address)
        if found is not None:
            return _with_tag(made.format(*found.groups()).removeprefix("library/"), parts.query)
    return None


def _with_tag(image: str, query: str) -> str:
    """The image with the tag that the page's address names."""
    named = parse_qs(query)
    tags = named.get("tag", []) + named.get("version", [])
    return f"{image}:{tags[0]}" if tags and ":" not in image else image


def _closed_up(text: str) -> str:
    """Without the blanks around : / and @, and Vast's own tag with its colon."""
    text = re.sub(r"[ \t]*([:/@])[ \t]*", r"\1", text)
    repository = text.removesuffix(AUTOMATIC_TAG)
    if repository != text and repository.startswith("vastai/"):
        return f"{repository.rstrip(':')}:{AUTOMATIC_TAG}"
    return text


def _in_small_letters(text: str) -> str:
    """The repository in small letters; host, tag and digest as they are. A long word without a
    slash may be a secret, and is left.
    """
    host, rest = split_host(text)
    path, end = re.split(r"(?=[:@]|$)", rest, maxsplit=1)
    if "/" not in path and len(path) > _LONGEST_WORD:
        return text
    return "/".join(filter(None, (host, path.lower()))) + end
