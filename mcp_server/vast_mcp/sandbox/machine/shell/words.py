"""The words of a script are read: quotes, parameters, substitutions."""

from collections.abc import Awaitable, Callable

from .source import Source, of_text
from .syntax import Arithmetic, Parameter, Part, Script, Substitution, SyntaxFault, Text, Word

ENDS_WORD = frozenset(" \t\n;&|<>()")
SPECIAL = frozenset("@*#?-$!0123456789")
ESCAPED_IN_QUOTES = frozenset('$`"\\\n')
OPERATORS = (":-", ":=", ":?", ":+", "%%", "##", "-", "=", "?", "+", "%", "#")

# Reads the commands of a `$(…)` up to its end.
ReadCommands = Callable[[Source, str], Awaitable[Script]]


def is_name(text: str) -> bool:
    """Whether a variable can be called so."""
    return text.isascii() and text.isidentifier()


class Words:
    """Words are read from a source; `commands` reads what stands in a `$(…)`."""

    def __init__(self, source: Source, commands: ReadCommands) -> None:
        self._source, self._commands = source, commands

    async def word(self) -> Word:
        """Read one word; an empty one where none is."""
        return _joined(await self._parts(ENDS_WORD))

    async def here_document(self, text: str, *, quoted: bool) -> Word:
        """Read the text of a here-document; expanded unless its delimiter was quoted."""
        if quoted:
            return (Text(text, quoted=True),)
        inner = Words(of_text(text), self._commands)
        return _joined(await inner._quoted_parts(frozenset(), ends_open=True, here=True))

    async def _parts(self, stop: frozenset[str]) -> list[Part]:
        found = list[Part]()
        while (char := await self._source.peek()) and char not in stop:
            found += await self._part(char)
        return found

    async def _part(self, char: str) -> list[Part]:
        source = self._source
        if char == "'":
            source.skip()
            return [Text(await self._upto("'"), quoted=True)]
        if char == '"':
            source.skip()
            inside = await self._quoted_parts(frozenset('"'))
            source.skip()
            return inside or [Text("", quoted=True)]
        if char == "\\":
            source.skip()
            escaped = await source.take()
            return [] if escaped == "\n" else [Text(escaped or "\\", quoted=True)]
        if char in "$`":
            return [await self._dollar(quoted=False)]
        source.skip()
        return [Text(char)]

    async def _upto(self, end: str) -> str:
        taken = list[str]()
        while (char := await self._source.take()) != end:
            if not char:
                raise SyntaxFault("unterminated quoted string")
            taken.append(char)
        return "".join(taken)

    async def _quoted_parts(
        self, stop: frozenset[str], *, ends_open: bool = False, here: bool = False
    ) -> list[Part]:
        """Read what stands between double quotes, up to one of `stop`."""
        source, found = self._source, list[Part]()
        while (char := await source.peek()) not in stop:
            if not char:
                if ends_open:
                    return found
                raise SyntaxFault("unterminated quoted string")
            if char == "\\":
                found += await self._escape_in_quotes(stop, here=here)
            elif char in "$`":
                found.append(await self._dollar(quoted=True))
            elif char == '"' and not here:  # within ${…} of a quoted text
                found += await self._part(char)
            else:
                source.skip()
                found.append(Text(char, quoted=True))
        return found

    async def _escape_in_quotes(self, stop: frozenset[str], *, here: bool) -> list[Part]:
        source = self._source
        source.skip()
        char = await source.peek()
        if char == "\n":
            source.skip()
            return []
        if (char in ESCAPED_IN_QUOTES or char in stop) and not (here and char == '"'):
            source.skip()
            return [Text(char, quoted=True)]
        return [Text("\\", quoted=True)]

    # What begins with a dollar, or a backquote

    async def _dollar(self, *, quoted: bool) -> Part:
        source = self._source
        if await source.take() == "`":
            return await self._backquoted(quoted=quoted)
        char = await source.peek()
        if await source.starts("(("):
            source.skip(2)
            return await self._arithmetic(quoted=quoted)
        if char == "(":
            source.skip()
            return Substitution(await self._commands(source, ")"), quoted)
        if char == "{":
            source.skip()
            return await self._braced(quoted=quoted)
        if char and char in SPECIAL:
            source.skip()
            return Parameter(char, quoted)
        if is_name(char):
            return Parameter(await self._name(), quoted)
        return Text("$", quoted)

    async def _name(self) -> str:
        name = ""
        while is_name(name + (char := await self._source.peek())) and char:
            name += char
            self._source.skip()
        return name

    async def _backquoted(self, *, quoted: bool) -> Part:
        text = list[str]()
        while (char := await self._source.take()) != "`":
            if not char:
                raise SyntaxFault("unterminated backquote")
            if char == "\\":
                char = await self._source.take()
                if char not in {"$", "`", "\\"} and not (quoted and char == '"'):
                    text.append("\\")
            text.append(char)
        return Substitution(await self._commands(of_text("".join(text)), ""), quoted)

    async def _arithmetic(self, *, quoted: bool) -> Part:
        """Read up to the `))` that belongs to it."""
        found, depth = list[Part](), 0
        while depth or not await self._source.starts("))"):
            inside = await self._quoted_parts(frozenset("()"))
            char = await self._source.peek()
            found += inside
            if char == ")" and depth == 0 and await self._source.starts("))"):
                break
            self._source.skip()
            depth += 1 if char == "(" else -1
            if depth < 0:
                raise SyntaxFault("arithmetic: expecting ))")
            found.append(Text(char, quoted=True))
        self._source.skip(2)
        return Arithmetic(_joined(found), quoted)

    async def _braced(self, *, quoted: bool) -> Part:
        source = self._source
        of_length = await source.peek() == "#" and await source.peek(1) != "}"
        if of_length and await source.peek(1) in {":", "%", "-", "+", "="}:
            of_length = False  # ${#-…}: of the number of arguments
        if of_length:
            source.skip()
        name = await self._name_in_braces()
        operator = await self._operator()
        word = await self._word_in_braces(operator, quoted=quoted)
        if await source.take() != "}" or (of_length and operator):
            raise SyntaxFault("Bad substitution")
        return Parameter(name, quoted, operator, word, of_length)

    async def _name_in_braces(self) -> str:
        char = await self._source.peek()
        if char.isdigit():
            digits = ""
            while (char := await self._source.peek()).isdigit():
                digits += char
                self._source.skip()
            return digits
        if char and char in SPECIAL:
            self._source.skip()
            return char
        name = await self._name()
        if not name:
            raise SyntaxFault("Bad substitution")
        return name

    async def _operator(self) -> str:
        for operator in OPERATORS:
            if await self._source.starts(operator):
                self._source.skip(len(operator))
                return operator
        return ""

    async def _word_in_braces(self, operator: str, *, quoted: bool) -> Word:
        if not operator:
            return ()
        if quoted and operator[0] not in "%#":
            return _joined(await self._quoted_parts(frozenset("}")))
        return _joined(await self._parts(frozenset("}")))


def _joined(parts: list[Part]) -> Word:
    """Join neighbouring characters."""
    found = list[Part]()
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text) and part.quoted == last.quoted:
            found[-1] = Text(last.text + part.text, part.quoted)
        else:
            found.append(part)
    return tuple(found)
