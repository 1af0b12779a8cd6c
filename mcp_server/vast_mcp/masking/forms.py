"""The forms of a secret: its pieces, their spellings, and what their letters become when coded."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import cast
from urllib.parse import quote, quote_plus, urlsplit

from vast_mcp.masking.letters import letters_in, letters_of, only_letters

SHORTEST = 4  # characters of a secret
WHOLE = 8  # letters and digits of one that is hidden inside of other words too
MIXED = 6  # the same, where it has both

# What is no secret wherever it is set: switches, small numbers, names that everybody uses.
_ORDINARY = re.compile(
    r"[A-Za-z]{1,5}|[0-9.,:]{1,5}|\W{1,7}|enabled|disabled|default|localhost|127\.0\.0\.1|0\.0\.0\.0"
)
# What anybody knows of keys in files: it is taken out of a secret before anything else.
_PUBLIC = re.compile(
    r"-----(?:BEGIN|END) [A-Z0-9 ]+-----|service_account|authorized_user"
    r"|\.iam\.gserviceaccount\.com|googleapis\.com"
)
_BETWEEN = re.compile(r"[\s=:;,/@?&\"'(){}\[\]<>|]+")  # what stands between the pieces of a secret


def pieces(secret: str) -> Iterator[str]:
    """The secret, or what of a JSON text is secret; and each line and word that gives it away."""
    for value in _values(secret):
        parts = (*value.splitlines(), *_BETWEEN.split(value))
        telling = [part for part in parts if is_telling(letters_of(part))]
        yield from (one for one in (value, *telling) if not is_ordinary(one))


def _values(secret: str) -> list[str]:
    """The texts in a secret that is a JSON object, but for addresses that anybody knows; else
    itself.
    """
    plain = _PUBLIC.sub("\n", secret)
    if not secret.lstrip().startswith("{"):
        return [plain]
    try:
        parsed: object = json.loads(secret)
    except (ValueError, RecursionError):
        return [plain]
    found = [text for text in _texts_in(parsed) if not _is_public(text)]
    return [value for text in found for value in _values(text)]


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, object]", value).values():
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _texts_in(item)


def _is_public(text: str) -> bool:
    """Whether it is an address without a login or a query."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and "@" not in parts.netloc and not parts.query and not parts.fragment


def is_ordinary(text: str) -> bool:
    """Whether anybody may set it without meaning a secret."""
    return len(text.strip()) < SHORTEST or _ORDINARY.fullmatch(text.strip()) is not None


def is_telling(letters: bytes) -> bool:
    """Whether so many letters and digits are a secret's wherever they stand."""
    is_mixed = not letters.isalpha() and not letters.isdigit()
    return len(letters) >= WHOLE or (is_mixed and len(letters) >= MIXED)


def coded(piece: str) -> Iterator[bytes]:
    """The letters of a piece in UTF-8, and with a byte each for what Latin-1 has."""
    yield from _coded(piece.encode("utf-8", "surrogatepass"))
    if not piece.isascii():
        yield from _coded(b"".join(map(_in_few_bytes, piece)))


def _in_few_bytes(char: str) -> bytes:
    return char.encode("latin-1" if char <= "\xff" else "utf-8", "surrogatepass")


def _coded(raw: bytes) -> Iterator[bytes]:
    """The letters as they are, in quoted-printable, in base64 at each of its three places, and in
    hex.
    """
    yield letters_in(raw)
    yield only_letters(raw)  # with marks that are dropped where they stand for themselves
    yield letters_in(binascii.b2a_qp(raw, istext=False))
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).rstrip(b"=")
        # The letters at the ends may hold bits of a neighbour.
        whole = (before + len(raw)) % 3 == 0
        yield only_letters(encoded[-(-before * 8 // 6) : None if whole else -1])
    yield raw.hex().encode()
    yield raw.hex().upper().encode()


def spellings(wholes: Iterable[str]) -> set[str]:
    """Secrets that are replaced as they stand, with the signs around their letters."""
    found = {spelled for one in wholes for spelled in (one, one.strip())}
    return {one for one in found if is_telling(letters_of(one))}


def short_spellings(pieces: Iterable[str]) -> set[str]:
    """The ways to write a secret of few letters, which is only hidden as a word of its own."""
    found: set[str] = set()
    for one in pieces:
        if not is_telling(letters_of(one)):
            quoted = [quote(one, safe=""), quote(one), quote_plus(one)]
            found |= {one, *quoted, *map(_in_small, quoted)}
            found |= {json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]}
            found |= {html.escape(one), one.replace("'", "'\\''")}
    return found


def _in_small(coded: str) -> str:
    """A url-coded text with its digits in lower case."""
    return re.sub("%..", lambda code: code[0].lower(), coded)


def as_word(spelled: str) -> re.Pattern[str]:
    """The secret where no letter of a longer word stands beside it."""
    before = r"(?<![0-9A-Za-z])" if spelled[0].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if spelled[-1].isalnum() else ""
    return re.compile(before + re.escape(spelled) + after)
