"""test, which is `[` too."""

import stat
from collections.abc import Callable

from vast_mcp.sandbox.machine.calls import Call, Usage
from vast_mcp.sandbox.machine.nodes import Node

KINDS = {
    "f": stat.S_ISREG,
    "d": stat.S_ISDIR,
    "b": stat.S_ISBLK,
    "c": stat.S_ISCHR,
    "p": stat.S_ISFIFO,
    "S": stat.S_ISSOCK,
}
BITS = {"u": 0o4000, "g": 0o2000, "k": 0o1000, "x": 0o111}
UNARY = frozenset("abcdefghkprstuwxznLhSO")
NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda left, right: left == right,
    "-ne": lambda left, right: left != right,
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
}
FILES = frozenset({"-nt", "-ot", "-ef"})


async def test(call: Call) -> int:
    """Tell by a status whether something holds."""
    return int(not _Test(call, list(call.words)).whole())


async def bracket(call: Call) -> int:
    """Tell the same, with a `]` at the end."""
    if call.words[-1:] != ["]"]:
        raise Usage("missing ]", 2)
    return int(not _Test(call, call.words[:-1]).whole())


class _Test:
    def __init__(self, call: Call, words: list[str]) -> None:
        self._call, self._words = call, words

    def whole(self) -> bool:
        if not self._words:
            return False
        holds = self._any()
        if self._words:
            raise Usage(f"{self._words[0]}: unexpected operator", 2)
        return holds

    def _any(self) -> bool:
        holds = self._all()
        while self._words[:1] == ["-o"]:
            self._words.pop(0)
            holds = self._all() or holds
        return holds

    def _all(self) -> bool:
        holds = self._not()
        while self._words[:1] == ["-a"]:
            self._words.pop(0)
            holds = self._not() and holds
        return holds

    def _not(self) -> bool:
        if self._words[:1] == ["!"] and len(self._words) > 1 and not self._is_binary():
            self._words.pop(0)
            return not self._not()
        return self._one()

    def _is_binary(self) -> bool:
        operator = self._words[1] if len(self._words) >= 3 else ""
        return operator in NUMBERS or operator in TEXTS or operator in FILES

    def _one(self) -> bool:
        if not self._words:
            raise Usage("argument expected", 2)
        if self._is_binary():
            left, operator, right = self._words[:3]
            del self._words[:3]
            return self._binary(left, operator, right)
        word = self._words.pop(0)
        if word == "(" and ")" in self._words:
            holds = self._any()
            self._words.pop(0)
            return holds
        if len(word) == 2 and word[0] == "-" and word[1] in UNARY and self._words:
            return self._unary(word[1], self._words.pop(0))
        return word != ""

    def _binary(self, left: str, operator: str, right: str) -> bool:
        if operator in NUMBERS:
            return NUMBERS[operator](_number(left), _number(right))
        if operator in TEXTS:
            return TEXTS[operator](left, right)
        one, other = self._node(left), self._node(right)
        if operator == "-ef":
            return one is not None and one is other
        newer, older = (one, other) if operator == "-nt" else (other, one)
        return newer is not None and (older is None or newer.modified > older.modified)

    def _unary(self, letter: str, word: str) -> bool:
        if letter in "nz":
            return (word == "") == (letter == "z")
        if letter == "t":
            return False  # no stream here is a terminal
        node = self._node(word, follow=letter not in "hL")
        if node is None:
            return False
        if letter in "hL":
            return stat.S_ISLNK(node.mode)
        if letter == "s":
            return node.size > 0
        if letter in KINDS:
            return KINDS[letter](node.mode)
        if letter in BITS:
            return bool(node.mode & BITS[letter])
        return True  # root may read and write everything

    def _node(self, path: str, *, follow: bool = True) -> Node | None:
        return self._call.tree.get(path, self._call.cwd, follow=follow)


def _number(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise Usage(f"Illegal number: {text}", 2) from None
