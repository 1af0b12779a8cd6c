"""What an unknown name may have meant: the same word in another form, another word for it, or a
slip of the pen. Below a real resemblance nothing is said: a wrong hint costs more than none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping

from vast_mcp.host import synonyms
from vast_mcp.host.other_tools import OTHER_TOOLS
from vast_mcp.host.reading import squashed

# What costs, or lifts a guard, is named by what was meant, and never by how it is spelled.
_NEVER_BY_SPELLING = frozenset(
    {
        "price", "force", "vm", "cancel_unavail", "allow_unresolved", "not_ours", "volume_info",
        "target_state", "create_new",
    }
)  # fmt: skip
_LONGEST = 80  # characters of a name that is looked at


def of_argument(tool: str, name: str, known: Collection[str]) -> str:
    """What to say of an argument that the tool, or an object of its, does not have."""
    name = name[:_LONGEST]
    for right in known:
        if squashed(name) == squashed(right):
            return f"unknown argument; it is written {right}"
    meant = _meant(tool, name, known)
    if meant:
        return f"unknown argument; {'it is ' if _ARGUMENT.match(meant) else ''}{meant}"
    near = _nearest(name, [one for one in known if one not in _NEVER_BY_SPELLING])
    if near:
        return f"unknown argument; the nearest is {near}"
    return f"unknown argument; known: {', '.join(known) or 'none, it takes no arguments'}"


def of_tool(name: str, known: Collection[str]) -> str:
    """What to say of a tool that there is not; nothing where it resembles none."""
    name = name[:_LONGEST]
    form = squashed(name)
    # Some hosts put the server's name in front, and some models keep it.
    for right in known:
        if form.endswith(squashed(right)) and form.removesuffix(squashed(right)) in _SERVERS:
            return f"; it is called {right}"
    meant = _tools().get(form)
    if meant:
        return f"; {meant}"
    near = _nearest(name, known)
    return f"; the nearest is {near}" if near else ""


_SERVERS = frozenset({"", "vast", "vastmcp", "mcpvast", "mcpvastmcp", "vastai", "mcpvastai"})


# How a meaning begins that is an argument, and no sentence.
_ARGUMENT = re.compile(r'[a-z_]+($|[,;:]| true| ")')


def _meant(tool: str, name: str, known: Collection[str]) -> str | None:
    meaning = _meanings().get(squashed(name))
    right = _right(meaning.right, tool, known) if meaning else None
    if right is None or isinstance(right, str):
        return right
    return next(one for one in right if re.split(r"\W", one, maxsplit=1)[0] in known)


def _right(
    right: Mapping[str, str | tuple[str, ...]], tool: str, known: Collection[str]
) -> str | tuple[str, ...] | None:
    """What a word means for a tool, or for one whose arguments it shares, where it has that one."""
    if tool in right:
        return right[tool]
    for other in _SHARES.get(tool, ()):
        words = right.get(other, ())
        for told in [words] if isinstance(words, str) else words:
            if re.split(r"\W", told, maxsplit=1)[0] in known:
                return told
    return right.get("*")


# Tools whose arguments another one shares.
_SHARES = {"provision": ("search_offers", "create_instance")}


@functools.cache
def _meanings() -> dict[str, synonyms.Meaning]:
    return {
        squashed(word): meaning for meaning in synonyms.MEANINGS for word in meaning.words.split()
    }


@functools.cache
def _tools() -> dict[str, str]:
    return {squashed(word): says for words, says in OTHER_TOOLS.items() for word in words.split()}


# ── slips of the pen ─────────────────────────────────────────────────────────────────────────────


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The one known name whose words are these but for a slip in each; min is no slip of max."""
    words = _words(name)
    near = [one for one in known if _are_alike(words, _words(one))]
    return near[0] if len(near) == 1 else None


def _words(name: str) -> list[str]:
    return name.lower().replace("-", "_").split("_")


def _are_alike(words: list[str], others: list[str]) -> bool:
    return len(words) == len(others) and all(map(_is_alike, words, others))


def _is_alike(word: str, other: str) -> bool:
    if max(len(word), len(other)) <= _SHORT:
        return word == other
    return word == other or _is_one_slip(word, other)


_SHORT = 3  # letters of a word in which another letter is another word


def _is_one_slip(word: str, other: str) -> bool:
    """Whether one letter more, less or other, or two in each other's place, makes them the same."""
    if len(word) != len(other):
        long, short = sorted((word, other), key=len, reverse=True)
        return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
    return any(
        word[:at] + other[at] + word[at + 1 :] == other
        or word[:at] + word[at : at + 2][::-1] + word[at + 2 :] == other
        for at in range(len(word))
    )
