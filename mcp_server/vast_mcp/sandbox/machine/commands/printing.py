"""echo and printf."""

import re

from vast_mcp.sandbox.machine.calls import Call, Usage

ESCAPES = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|[1-7][0-7]{0,2}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_PIECE = re.compile(r"%(?P<flags>[-+ #0]*)(?P<width>\*|\d*)(?:\.(?P<most>\*|\d*))?(?P<kind>.?)")


async def echo(call: Call) -> int:
    """Write its words, with what dash's echo makes of backslashes."""
    words, end = call.words, "\n"
    if words[:1] == ["-n"]:
        words, end = words[1:], ""
    text = " ".join(words)
    text, stop, _ = text.partition("\\c")
    await call.out(_unescaped(text) + ("" if stop else end))
    return 0


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "01234567":
        return _byte(int(code, 8) & 255)
    if code[0] == "x" and len(code) > 1:
        return _byte(int(code[1:], 16))
    return ESCAPES.get(code, found[0])


def _byte(value: int) -> str:
    return bytes([value]).decode("utf-8", "surrogateescape")


async def printf(call: Call) -> int:
    """Write its words by a format, which is used again while words are left."""
    if call.words[:1] == ["--"]:
        call.words.pop(0)
    if not call.words:
        raise Usage("usage: printf format [arg ...]", 2)
    printer = _Printer(call.words[0], call.words[1:])
    await call.out(printer.whole())
    for word in printer.wrong:
        await call.complain(f"{word}: expected numeric value")
    return int(bool(printer.wrong))


class _Printer:
    def __init__(self, form: str, words: list[str]) -> None:
        self._form, self._words = form, words
        self.wrong = list[str]()
        self._is_over = False

    def whole(self) -> str:
        text, left = self._once(), len(self._words)
        while self._words and not self._is_over:
            text += self._once()
            if len(self._words) == left:
                break
            left = len(self._words)
        return text

    def _once(self) -> str:
        text, at = "", 0
        for piece in _PIECE.finditer(self._form):
            text += _unescaped(self._form[at : piece.start()])
            text += self._piece(piece)
            at = piece.end()
            if self._is_over:
                return text
        return text + _unescaped(self._form[at:])

    def _piece(self, piece: re.Match[str]) -> str:
        kind = piece["kind"]
        if kind == "%":
            return "%"
        width, most = self._count(piece["width"]), self._count(piece["most"])
        form = f"%{piece['flags']}{width or ''}"
        precision = "" if most is None else f".{most}"
        if kind in {"s", "b", "c"}:
            text = self._text(kind)
            return _padded(text if most is None else text[:most], piece["flags"], width or 0)
        if kind in {"d", "i", "u", "o", "x", "X"}:
            return (form + precision + ("d" if kind in {"i", "u"} else kind)) % self._number()
        if kind in {"e", "E", "f", "F", "g", "G"}:
            return (form + precision + kind) % self._fraction()
        raise Usage(f"%{kind}: invalid directive")

    def _count(self, text: str | None) -> int | None:
        if text == "*":
            return self._number()
        return int(text) if text else (None if text is None else 0)

    def _next(self) -> str:
        return self._words.pop(0) if self._words else ""

    def _text(self, kind: str) -> str:
        word = self._next()
        if kind == "c":
            return word[:1]
        if kind == "b":
            word, stop, _ = word.partition("\\c")
            self._is_over = bool(stop)
            return _unescaped(word)
        return word

    def _number(self) -> int:
        word = self._next()
        if word[:1] in {"'", '"'} and len(word) > 1:
            return ord(word[1])
        try:
            return int(word or "0", 8 if re.fullmatch(r"[-+]?0\d+", word) else 0)
        except ValueError:
            self.wrong.append(word)
            return 0

    def _fraction(self) -> float:
        word = self._next()
        try:
            return float(word or "0")
        except ValueError:
            self.wrong.append(word)
            return 0.0


def _padded(text: str, flags: str, width: int) -> str:
    return text.ljust(width) if "-" in flags else text.rjust(width)
