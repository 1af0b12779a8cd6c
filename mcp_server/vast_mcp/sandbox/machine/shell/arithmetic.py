"""`$((…))`: numbers of 64 bits, with the operators of C."""

import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<=|>>=|&&|\|\||<<|>>|[<>=!+*/%&|^-]=|[-+*/%<>=!~&|^?:(),])"
)
_SHIFTED = 64
LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})


class ArithmeticFault(Exception):
    """This is no number."""


def _wrapped(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _divided(left: int, right: int) -> int:
    if right == 0:
        raise ArithmeticFault("division by zero")
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": lambda left, right: left - right * _divided(left, right),
    "<<": lambda left, right: left << (right % _SHIFTED),
    ">>": lambda left, right: left >> (right % _SHIFTED),
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "<": lambda left, right: int(left < right),
    ">": lambda left, right: int(left > right),
    "<=": lambda left, right: int(left <= right),
    ">=": lambda left, right: int(left >= right),
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "&&": lambda left, right: int(bool(left and right)),
    "||": lambda left, right: int(bool(left or right)),
}


def number(text: str) -> int:
    """Read a number: decimal, 0x…, or octal with a 0 in front."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    try:
        if digits.lower().startswith("0x"):
            return sign * int(digits, 16)
        if len(digits) > 1 and digits.startswith("0"):
            return sign * int(digits, 8)
        return sign * int(digits or "0")
    except ValueError:
        raise ArithmeticFault(f"Illegal number: {text}") from None


def evaluated(text: str, get: Callable[[str], str], put: Callable[[str, str], None]) -> int:
    """Work a text out; variables are read by `get` and set by `put`."""
    return _Reading(_tokens(text), get, put).whole()


def _tokens(text: str) -> list[str]:
    found, at = list[str](), 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ArithmeticFault(f'arithmetic expression: expecting primary: "{text}"')
        found.append(token[1])
        at = token.end()
    return found


class _Reading:
    def __init__(
        self, tokens: list[str], get: Callable[[str], str], put: Callable[[str, str], None]
    ) -> None:
        self._tokens, self._at = tokens, 0
        self._get, self._put = get, put
        self._is_idle = 0  # within what is not worked out: nothing is set, nothing divides

    def whole(self) -> int:
        value = self._assignment() if self._tokens else 0
        if self._peek():
            raise ArithmeticFault("arithmetic expression: expecting EOF")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        found = self._peek()
        if not found or (wanted and found != wanted):
            raise ArithmeticFault(f"arithmetic expression: expecting {wanted or 'primary'}")
        self._at += 1
        return found

    def _assignment(self) -> int:
        name = self._peek()
        after = self._tokens[self._at + 1 : self._at + 2]
        if not (name[:1].isalpha() or name[:1] == "_") or not ASSIGNING & set(after):
            return self._choice()
        self._at += 1
        operator = self._take()[:-1]
        value = self._assignment()
        if operator:
            value = self._apply(operator, number(self._get(name) or "0"), value)
        if not self._is_idle:
            self._put(name, str(value))
        return value

    def _choice(self) -> int:
        value = self._level(0)
        if self._peek() != "?":
            return value
        self._take()
        yes = self._unless(not value, self._assignment)
        self._take(":")
        no = self._unless(bool(value), self._choice)
        return yes if value else no

    def _unless(self, idle: bool, read: Callable[[], int]) -> int:
        self._is_idle += idle
        value = read()
        self._is_idle -= idle
        return value

    def _level(self, level: int) -> int:
        if level == len(LEVELS):
            return self._unary()
        value = self._level(level + 1)
        while (operator := self._peek()) in LEVELS[level]:
            self._take()
            idle = (operator == "&&" and not value) or (operator == "||" and bool(value))
            right = self._unless(idle, lambda: self._level(level + 1))
            value = self._apply(operator, value, right)
        return value

    def _apply(self, operator: str, left: int, right: int) -> int:
        if self._is_idle and operator in {"/", "%"}:
            return 0
        return _wrapped(OPERATIONS[operator](left, right))

    def _unary(self) -> int:
        found = self._take()
        if found == "(":
            value = self._assignment()
            self._take(")")
            return value
        if found in {"-", "+", "~", "!"}:
            value = self._unary()
            return {"-": -value, "+": value, "~": ~value, "!": int(not value)}[found]
        if found[0].isdigit():
            return number(found)
        if found[0].isalpha() or found[0] == "_":
            return number(self._get(found) or "0")
        raise ArithmeticFault(f'arithmetic expression: expecting primary: "{found}"')
