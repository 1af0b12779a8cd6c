"""The shapes of what the service names: cards, places, states, hosts, tokens.

Some of it is typed by whoever owns a machine, so a field that should hold a name can hold a letter
to the reader. Models read such a field through these (cells.py): what has not the shape is left
out, and where it is worth showing a second field of the model holds the text itself, named
`untrusted_…`.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata

UNREADABLE = "unreadable"  # a state that is none, which is not the same as no state

_STATE = re.compile(r"(?=.{2,20}\Z)[A-Za-z]+(?:[-_][A-Za-z]+)?")
_HOST = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,30}")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_HASH = re.compile(r"[A-Za-z0-9]{1,64}")
_PORT = re.compile(r"[0-9]{1,5}/(?:tcp|udp)")

# Words of cards' names (docs/vast-api.md B.4); another of up to four letters may stand among them.
_CARD_WORDS = frozenset(
    re.findall(
        r"\w+",
        "nvidia geforce rtx gtx gt quadro q tesla titan x xp v ti s d super laptop mobile max ada "
        "pro blackwell server workstation edition generation gpu ws se sxm pcie nvl hbm gb a b h l "
        "p t k m gh grace hopper cmp hx instinct mi radeon rx vega vii xt xtx w amd intel arc "
        "gaudi ascend jetson orin thor dgx spark firepro",
    )
)
_CARD = re.compile(r"(?=.{1,56}\Z)[A-Za-z0-9]+(?:[ ._+/()-]+[A-Za-z0-9]+)*\)?")
_PARTS = 12  # words and numbers in one name
_OTHERS = 2  # such other words in one name
_CARD_PARTS = re.compile(r"[A-Za-z]+|[0-9]+")

_PLACE = re.compile(r"(?:(?P<region>.{1,50}?),\s*)?(?P<country>[A-Z]{2})")
_PLACE_WORDS = 7
_BETWEEN_WORDS = re.compile(r"[ ,.()'\u2019&/-]+")
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "of the and former de d da do dos del della di du des la le les el al l à e y i und am an "
        "der den upon on sur en og s nad kraj län",
    )
)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def card(value: object) -> str | None:
    """A GPU's name: words that cards have, numbers, and few others."""
    text = _text(value)
    parts = _CARD_PARTS.findall(text)
    if _CARD.fullmatch(text) is None or len(parts) > _PARTS:
        return None
    letters = [part for part in parts if not part.isdigit()]
    others = [part for part in letters if not _is_of_cards(part.lower())]
    if len(others) > _OTHERS or any(len(part) > 4 for part in others):
        return None
    if len(others) == len(letters) and not any(part.isdigit() for part in parts):
        return None
    return text


def _is_of_cards(word: str) -> bool:
    """Whether it is one of the words, or two in one ("InstinctMI")."""
    heads = (word[:at] for at in range(2, len(word)))
    return word in _CARD_WORDS or any(
        head in _CARD_WORDS and word[len(head) :] in _CARD_WORDS for head in heads
    )


def place(value: object) -> str | None:
    """A place: "Texas, US", or the two letters alone. A region is a few words of Latin letters,
    each with a capital, or a small one between.
    """
    text = _text(value).lstrip(", ")
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    words = [word for word in _BETWEEN_WORDS.split(found["region"] or "") if word]
    if len(words) > _PLACE_WORDS or not all(map(_is_of_places, words)):
        return None
    return text


def country(value: object) -> str | None:
    """The two letters at the end of a place."""
    found = place(value)
    if found is None:
        return None
    return found[-2:]


def _is_of_places(word: str) -> bool:
    if word in _SMALL_WORDS:
        return True
    if not all(_is_latin(char) for char in word):
        return False
    return _is_named(word) or (word.isupper() and len(word) <= 3)


def _is_named(word: str) -> bool:
    """Whether it has a capital, and at most one inside of it ("McAllen")."""
    if len(word) == 1:
        return word.isupper()
    inner = [char for char in word[1:] if not char.islower()]
    return word[0].isupper() and word[-1].islower() and len(inner) <= 1


def _is_latin(char: str) -> bool:
    return char.isalpha() and unicodedata.name(char, "").startswith("LATIN ")


def state(value: object) -> str:
    """A state: one word, or two with a hyphen ("in-use"). What is none is said to be unreadable."""
    text = _text(value)
    if _STATE.fullmatch(text) is None:
        return UNREADABLE
    return text


def host(value: object) -> str | None:
    """A host's name or IPv4 address."""
    return _shaped(_HOST, value)


def ip(value: object) -> str | None:
    """An IP address. What may follow a percent sign, the zone of one, can be any text."""
    text = _text(value)
    if "%" in text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def token(value: object) -> str | None:
    """What stands in an address as it is."""
    return _shaped(_TOKEN, value)


def service(value: object) -> str | None:
    """A kind of cloud: s3, drive."""
    return _shaped(_SERVICE, value)


def template_hash(value: object) -> str | None:
    """The hash that a template is rented by."""
    return _shaped(_HASH, value)


def port(value: object) -> str | None:
    """A port inside of a machine: "8080/tcp"."""
    return _shaped(_PORT, value)


def _shaped(shape: re.Pattern[str], value: object) -> str | None:
    text = _text(value)
    return text if shape.fullmatch(text) else None
