"""Patterns of the shell: `*`, `?` and `[…]`, and the paths that fit them."""

import re
from collections.abc import Iterable, Sequence

from vast_mcp.sandbox.machine.nodes import Folder
from vast_mcp.sandbox.machine.tree import Tree

# A field before it is a text: pieces, and whether each was quoted.
Field = Sequence[tuple[str, bool]]
Chars = list[tuple[str, bool]]

MAGIC = frozenset("*?[")
CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "xdigit": "0-9a-fA-F",
    "print": " -~",
    "graph": "!-~",
    "cntrl": "\\x00-\\x1f\\x7f",
}
_CLASS = re.compile(r"\[:(\w+):\]")


def text_of(field: Field) -> str:
    """The text of a field."""
    return "".join(text for text, _ in field)


def is_magic(field: Field) -> bool:
    """Whether it is a pattern."""
    return any(not quoted and MAGIC & set(text) for text, quoted in field)


def fitting(field: Field) -> re.Pattern[str]:
    """Make an expression of a pattern; what was quoted fits itself alone."""
    return _compiled([(char, quoted) for text, quoted in field for char in text])


def _compiled(chars: Chars) -> re.Pattern[str]:
    made, at = "", 0
    while at < len(chars):
        piece, at = _one(chars, at)
        made += piece
    try:
        return re.compile(made, re.DOTALL)
    except re.error:  # [z-a]
        return re.compile(re.escape("".join(char for char, _ in chars)))


def _one(chars: Chars, at: int) -> tuple[str, int]:
    char, quoted = chars[at]
    if quoted:
        return re.escape(char), at + 1
    if char == "*":
        return ".*", at + 1
    if char == "?":
        return ".", at + 1
    if char == "\\" and at + 1 < len(chars):
        return re.escape(chars[at + 1][0]), at + 2
    if char == "[":
        return _bracket(chars, at)
    return re.escape(char), at + 1


def _bracket(chars: Chars, at: int) -> tuple[str, int]:
    end = _end_of_bracket(chars, at)
    if end is None:
        return re.escape("["), at + 1
    inside = "".join("\\" + char if quoted else char for char, quoted in chars[at + 1 : end])
    negated = inside.startswith(("!", "^"))
    return bracket(inside[negated:], negated=negated), end + 1


def _end_of_bracket(chars: Chars, at: int) -> int | None:
    text = "".join("x" if quoted else char for char, quoted in chars)
    begin = at + 1 + text.startswith(("!", "^"), at + 1)
    begin += text.startswith("]", begin)
    while (found := text.find("]", begin)) > 0:
        opened = text.rfind("[:", begin, found)
        if opened < 0 or text[found - 1] != ":":
            return found
        begin = found + 1
    return None


def bracket(inside: str, *, negated: bool) -> str:
    """Make of what stands between brackets, as POSIX has it, what this language has."""
    made, at = "", 0
    while at < len(inside):
        named = _CLASS.match(inside, at)
        if named is not None:
            made += CLASSES.get(named[1], "")
            at = named.end()
        elif inside[at] in "[]\\^&~|" and not (inside[at] == "\\" and at + 1 < len(inside)):
            made, at = made + "\\" + inside[at], at + 1
        else:
            width = 2 if inside[at] == "\\" else 1
            made, at = made + inside[at : at + width], at + width
    return f"[{'^' if negated else ''}{made}]"


# Paths


def paths(field: Field, tree: Tree, cwd: str) -> list[str]:
    """List the paths that fit, in order; none where there is none."""
    parts = _by_slash([(char, quoted) for text, quoted in field for char in text])
    begin = "/" if not parts[0] else ""
    found = [begin]
    for part in parts[1:] if begin else parts:
        found = [path for head in found for path in _below(head, part, tree, cwd)]
    return sorted(found)


def _by_slash(chars: Chars) -> list[Chars]:
    parts: list[Chars] = [[]]
    for char, quoted in chars:
        if char == "/":
            parts.append([])
        else:
            parts[-1].append((char, quoted))
    return parts


def _below(head: str, part: Chars, tree: Tree, cwd: str) -> Iterable[str]:
    joint = head if head.endswith("/") or not head else f"{head}/"
    plain = "".join(char for char, _ in part)
    if not is_magic(part):
        path = joint + plain
        return [path] if tree.get(path or ".", cwd, follow=False) is not None else []
    folder = tree.get(joint or ".", cwd)
    if not isinstance(folder, Folder):
        return []
    fits = _compiled(part)
    hidden = plain.startswith(".")
    names = [name for name in folder.names() if hidden or not name.startswith(".")]
    return [joint + name for name in names if fits.fullmatch(name)]
