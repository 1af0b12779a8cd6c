"""How a GPU's name is read: as nvidia-smi, catalogues, other clients and people write it
(docs/vast-api.md B.5).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

MEMORY_GB = (2, 300)  # the least and the most that a card has
_OF_ITS_PROCESSOR = {120, 480, 624}  # GB by which a Grace-Hopper is named

FAMILIES = frozenset({"rtx", "gtx", "tesla", "quadro", "instinct", "radeon", "rx", "cmp", "pro"})
FORMS = frozenset({"sxm", "pcie", "nvl"})  # of one card, where its name says none of them
# Words that never tell two cards apart.
_SILENT = frozenset(
    re.findall(
        r"\w+",
        "nvidia amd corporation graphics card gpu gpus generation edition tensor core vram oam ac "
        "hopper ampere turing volta pascal lovelace maxwell founders fe with design fhhl dgxs gddr "
        "hbm",
    )
)
# Numbers of workstation cards that several generations share, and those of one alone.
WORKSTATION = frozenset({"2000", "4000", "4500", "5000", "5880", "6000", "8000"})
_OF_ONE_GENERATION = {"8000": "quadro", "5880": "ada"}
_SAME = {
    "mobile": "laptop",
    "notebook": "laptop",
    "workstation": "ws",
    "maxq": "max-q",
    "q": "quadro",
}

_PIECE = re.compile(
    r"nvidia|geforce|maxwell|quadro|q(?=\s*rtx)|tesla|instinct|radeon|titan|laptop|mobile|notebook"
    r"|super|server|workstation|blackwell|hbm\d?e?|gddr\d?x?|rtx|gtx|pcie|sxm\d?|nvl|max ?q|pro|ada"
    r"|cmp|rx|s(?=ti\b)|ti(?=s)|[a-z]*\d+|[a-z]+"
)
# A word in other letters may name an edition (a laptop's), so it is one that no card has.
_FOREIGN = re.compile(r"[^\W\d_a-z]+")
# How many are meant, before the name (8xA100, 2 RTX 4090) or behind it (A100:8, A100 x8).
_LEADING = re.compile(r"\(?x?(\d{1,2})\s*[x*]\)?\s*(?=\S)|(\d{1,2})\s+(?!gi?b?\b)(?=[^\d\s]|\d{4})")
_TRAILING = re.compile(
    r"(?:\s*[:*]\s*|\s*\(?(?:(?<=gb)|(?<![a-z]))x\s?)(\d{1,2})\)?$|[\s(]+(\d{1,2})\s?x\)?$"
)
_ELSEWHERE = re.compile(
    r"^gpu[_.-]|^(standard|basic)[_-]|^n[cdv]\d+\w*_|large\b|\bmetal\b|(high|mega|ultra|edge)gpu"
    r"|^[bv]m\.gpu|^n\d-|^\d+[a-z]+\d+\.\d+[sv]"
)


@dataclass(frozen=True)
class Reading:
    """What a name says: numbers of its model, other words, memory of a card in GB, and how many.

    `compact` is the text as it was, without blanks and marks; `sxm` is the number behind SXM.
    """

    compact: str
    model: tuple[str, ...]
    words: frozenset[str]
    sxm: str = ""
    gb: int | None = None
    count: int | None = None

    @property
    def families(self) -> frozenset[str]:
        return self.words & FAMILIES

    @property
    def form(self) -> frozenset[str]:
        return self.words & FORMS

    @property
    def edition(self) -> frozenset[str]:
        """What makes it another card: Ti, D, Ada, laptop, and every word that is not known."""
        return self.words - FAMILIES - FORMS

    @property
    def names_no_card(self) -> bool:
        return not self.model and not self.words & {"titan", "vii"}


def is_instance_type(text: str) -> bool:
    """Whether it is another provider's name of a machine: "g5.xlarge", "gpu_1x_a100"."""
    return _ELSEWHERE.search(text.strip().lower()) is not None


def read(text: str) -> Reading:
    """What a name says, whatever its case, blanks and marks."""
    lowered = re.sub(r"[™®©]|\((?:r|tm)\)", " ", text.lower())
    lowered = lowered.replace("\N{MULTIPLICATION SIGN}", "x").strip(" \"'`")
    lowered = _FOREIGN.sub(" foreign ", unicodedata.normalize("NFKC", lowered))
    rest, count = _counted(lowered.replace("_", " "))
    pieces, gb = _memory(_PIECE.findall(re.sub("[^a-z0-9]+", " ", rest)))
    model = tuple(piece for piece in pieces if _is_model(piece))
    words = {word for piece in pieces for word in _words(piece)}
    sxm = "".join(piece[3:] for piece in pieces if piece.startswith("sxm"))
    compact = re.sub("[^a-z0-9]+", "", lowered)
    return _completed(Reading(compact, model, frozenset(words), sxm, gb, count), pieces)


def _counted(text: str) -> tuple[str, int | None]:
    """The name without how many of it are meant."""
    found = _LEADING.match(text)
    if found is not None:
        return text[found.end() :], int(found[1] or found[2])
    found = _TRAILING.search(text)
    if found is not None:
        return text[: found.start()], int(found[1] or found[2])
    return text, None


def _memory(pieces: list[str]) -> tuple[list[str], int | None]:
    """The pieces without the memory of a card: one number with a unit behind it."""
    units = [
        at
        for at in range(1, len(pieces))
        if pieces[at] in {"gb", "gib", "g"} and pieces[at - 1].isdigit()
    ]
    if len(units) != 1:
        return pieces, None
    [at] = units
    gb = int(pieces[at - 1])
    rest = pieces[: at - 1] + pieces[at + 1 :]
    if "gh200" in pieces and gb in _OF_ITS_PROCESSOR:
        return rest, None
    if not MEMORY_GB[0] <= gb <= MEMORY_GB[1]:
        return pieces, None
    return rest, gb


def _is_model(piece: str) -> bool:
    return piece[-1].isdigit() and not piece.startswith(("sxm", "hbm", "gddr"))


def _words(piece: str) -> list[str]:
    """The words of a piece that tell cards apart."""
    if _is_model(piece):
        return []
    word = piece.replace(" ", "")
    word = re.sub(r"(?<=^sxm)\d|(?<=^hbm).*|(?<=^gddr).*", "", word)
    return [] if word in _SILENT else [_SAME.get(word, word)]


def _completed(read: Reading, pieces: list[str]) -> Reading:
    """With what goes without saying: which S it is, GeForce cards are RTX from 2000 on, an H100
    with HBM3 is SXM, Blackwell's workstation cards are RTX PRO.
    """
    words = set(read.words)
    number = read.model[0] if read.model else ""
    words |= _family(words, number)
    if number == "h100" and not words & FORMS:
        words |= {"sxm"} if "hbm3" in pieces else set()
        words |= {"pcie"} if "hbm2e" in pieces else set()
    if "s" in words and (number.isdigit() or "pro" in words):
        words = words - {"s"} | {"server" if "pro" in words else "super"}
    if "max-q" in words:
        words.discard("ws")
    if {"titan", "x"} <= words and "maxwell" in pieces:
        words.add("gtx")  # the one of 2015; that of 2016 is Pascal's
    if re.match(r"a\d000", number):
        words.discard("quadro")  # as the first RTX A cards were called
    return replace(read, words=frozenset(words - {"geforce", "blackwell"}))


def _family(words: set[str], number: str) -> set[str]:
    """The family that goes without saying."""
    if "geforce" in words and number.isdigit() and not words & {"rtx", "gtx"}:
        return {"rtx"} if int(number) >= 2000 else {"gtx"}
    if "rtx" not in words or number not in WORKSTATION or words & {"quadro", "ada", "pro"}:
        return set()
    if "blackwell" in words:
        return {"pro"}
    return {_OF_ONE_GENERATION[number]} if number in _OF_ONE_GENERATION else set()
