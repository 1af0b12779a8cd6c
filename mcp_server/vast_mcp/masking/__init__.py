"""Secrets in the forms in which text travels, and `***` in their place.

A secret that a log or a row repeats seldom looks as it was given: it is escaped, url-coded, quoted,
wrapped, encoded or cut. So texts are compared by their letters and digits alone, after escapes are
undone: quoting, padding and line ends are then all the same. Encodings of a secret (base64, hex)
are further texts to look for. Work grows with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import cast

from vast_mcp.masking import forms
from vast_mcp.masking.letters import HIDDEN, Read

__all__ = ["HIDDEN", "Hidden", "Mask"]

PART = 12  # letters and digits in a row that give a part of a secret away
EDGE = 6  # the same at the begin or the end of a text that was cut inside a secret
_GRAM = 8  # what the first look at a text compares
_STRIDE = PART - _GRAM + 1  # the places of that look: one is inside of every such part
_SAME_GRAM = 4  # places of a secret that are tried for one look

_OURS = re.compile(r"[a-z_]*|[0-9.]*")  # states, codes and numbers: words of no secret

# Keys that Vast puts into a machine: nobody here knows them, so their names tell
# (docs/vast-api.md A.4, C.6).
_NAMED = re.compile(
    r"((?:CONTAINER_API_KEY|JUPYTER_TOKEN|instance_api_key|jupyter_token)[\\\"' ]*[:=][\\\"' ]*"
    r"|[?&]token=)[^\s\"'\\&]{4,}"
)


class Hidden(str):
    """A text of which something was hidden as it was heard: it may be shown, and is never sent back
    to where it came from.
    """

    __slots__ = ()


class Mask:
    """What hides a set of secrets. It is made once and prints none of them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        wholes = {one for one in secrets if not forms.is_ordinary(one)}
        pieces = {piece for one in wholes for piece in forms.pieces(one)}
        self._spelled = sorted(forms.spellings(wholes), key=len, reverse=True)
        self._words = sorted(forms.short_spellings(pieces), key=len, reverse=True)
        coded = {form for piece in pieces for form in forms.coded(piece)}
        self._long = sorted(form for form in coded if len(form) >= PART)
        self._whole = sorted(form for form in coded if len(form) < PART and forms.is_telling(form))
        self._text = b"\0".join(self._long)  # all that parts are looked for in
        self._places = _places_in(self._long)

    def hide(self, text: str, *, cut: bool = False) -> str:
        """The text without the secrets. `cut`: it may begin or end inside one."""
        if len(text) < forms.SHORTEST or not (self._spelled or self._words):
            return text
        for one in self._spelled:
            text = text.replace(one, HIDDEN)
        for one in self._words:
            if one in text:
                text = forms.as_word(one).sub(HIDDEN, text)
        read = Read(text)
        found = [*self._parts_in(read.letters), *self._wholes_in(read.letters)]
        if cut:
            found += self._edges_of(read.letters)
        if not found:
            return text
        return read.without(found)

    def hide_foreign(self, text: str) -> str:
        """A stranger's text, which may be cut anywhere, without the secrets and a machine's own
        keys.
        """
        return _NAMED.sub(rf"\1{HIDDEN}", self.hide(text, cut=True))

    def hide_in(self, value: object) -> object:
        """A JSON value without the secrets in its texts, each then a Hidden; words of ours and
        numbers stay.
        """
        if isinstance(value, str):
            return value if _OURS.fullmatch(value) else self._hidden_in(value)
        if isinstance(value, list):
            return [self.hide_in(item) for item in cast("list[object]", value)]
        if isinstance(value, dict):
            rows = cast("dict[str, object]", value)
            return {key: self.hide_in(item) for key, item in rows.items()}
        return value

    def _hidden_in(self, text: str) -> str:
        shown = self.hide(text)
        return text if shown == text else Hidden(shown)

    # ── what is found, as places among the letters ──────────────────────────────────────────────

    def _parts_in(self, letters: bytes) -> Iterator[tuple[int, int]]:
        """Every part of a long secret."""
        places, at, floor = self._places, 0, 0
        if not places:
            return
        last = len(letters) - _GRAM
        while at <= last:
            known = places.get(letters[at : at + _GRAM])
            at += _STRIDE
            if known is None:
                continue
            spans = [self._grown(letters, at - _STRIDE, place, floor) for place in known]
            start, end = max(spans, key=lambda span: span[1] - span[0])
            if end - start >= PART:
                yield start, end
                at = floor = end

    def _grown(self, letters: bytes, at: int, place: int, floor: int) -> tuple[int, int]:
        """How far text and secret agree around a place."""
        start, there, text = at, place, self._text
        while start > floor and there > 0 and letters[start - 1] == text[there - 1]:
            start, there = start - 1, there - 1
        end, there = at + _GRAM, place + _GRAM
        while end < len(letters) and there < len(text) and letters[end] == text[there]:
            end, there = end + 1, there + 1
        return start, end

    def _wholes_in(self, letters: bytes) -> Iterator[tuple[int, int]]:
        """Every secret that is hidden as a whole only."""
        for one in self._whole:
            at = letters.find(one)
            while at >= 0:
                yield at, at + len(one)
                at = letters.find(one, at + len(one))

    def _edges_of(self, letters: bytes) -> Iterator[tuple[int, int]]:
        """The end of a secret that a text begins with, the begin of one that it ends with."""
        known, count = (*self._long, *self._whole), len(letters)
        for size in range(EDGE, min(PART, count + 1)):
            if any(one.endswith(letters[:size]) for one in known):
                yield 0, size
            if any(one.startswith(letters[-size:]) for one in known):
                yield count - size, count


def _places_in(joined: Iterable[bytes]) -> dict[bytes, tuple[int, ...]]:
    """Where each few letters stand in these texts, joined by one byte; of a repeated one, its first
    places.
    """
    found: dict[bytes, tuple[int, ...]] = {}
    begin = 0
    for form in joined:
        for at in range(len(form) - _GRAM + 1):
            gram = form[at : at + _GRAM]
            places = found.get(gram, ())
            if len(places) < _SAME_GRAM:
                found[gram] = (*places, begin + at)
        begin += len(form) + 1
    return found
