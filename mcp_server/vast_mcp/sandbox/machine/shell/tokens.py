"""The tokens of a script: operators, newlines, words, and the texts of here-documents."""

from collections.abc import Iterable

from .source import Source
from .syntax import Redirection, SyntaxFault, Text, Word, literal
from .words import ReadCommands, Words

OPERATORS = ("&&", "||", ";;", "<<-", "<<", ">>", "<&", ">&", "<>", ">|", *";&|<>()")
REDIRECTIONS = frozenset({"<", ">", ">>", "<<", "<<-", "<&", ">&", "<>", ">|"})
NEWLINE, END = "newline", "end of file"


class Tokens:
    """Tokens are read from a source, one ahead."""

    def __init__(self, source: Source, commands: ReadCommands) -> None:
        self._source = source
        self._words = Words(source, commands)
        self._next: str | Word | None = None  # what was looked at
        self._number: int | None = None  # in front of a redirection
        self._documents: list[tuple[Redirection, str, bool]] = []

    def forget(self) -> None:
        """Forget the text of what was read."""
        self._source.forget()

    def number(self) -> int | None:
        """Take the number that stands in front of a redirection."""
        found, self._number = self._number, None
        return found

    async def peek(self) -> str | Word:
        """Look at the next token: an operator, a newline, the end, or a word."""
        if self._next is None:
            self._next = await self._read()
        return self._next

    async def take(self) -> str | Word:
        """Take the next token; behind a newline, here-documents are read."""
        found = await self.peek()
        self._next = None
        if found == NEWLINE and self._documents:
            await self.read_documents()
        return found

    async def _read(self) -> str | Word:
        await self._skip_blanks()
        char = await self._source.peek()
        if char == "":
            return END
        if char == "\n":
            self._source.skip()
            return NEWLINE
        for operator in OPERATORS:
            if operator[0] == char and await self._source.starts(operator):
                self._source.skip(len(operator))
                return operator
        return await self._word_or_number()

    async def _skip_blanks(self) -> None:
        source = self._source
        while True:
            if await source.peek() in {" ", "\t"}:
                source.skip()
            elif await source.starts("\\\n"):
                source.skip(2)
            elif await source.peek() == "#":
                while await source.peek() not in {"\n", ""}:
                    source.skip()
            else:
                return

    async def _word_or_number(self) -> str | Word:
        word = await self._words.word()
        text = literal(word)
        if text is not None and text.isdigit() and await self._source.peek() in {"<", ">"}:
            found = await self._read()
            self._number = int(text)
            return found
        return word

    async def reserved(self) -> str:
        """The next word where it is plain, as reserved ones are; "" else."""
        found = await self.peek()
        return (literal(found) or "") if isinstance(found, tuple) else ""

    async def expect(self, *wanted: str) -> str:
        """Take one of these words."""
        found = await self.reserved()
        if found not in wanted:
            raise unexpected(await self.peek(), wanted)
        await self.take()
        return found

    async def skip_newlines(self) -> None:
        """Pass over ends of lines."""
        while await self.peek() == NEWLINE:
            await self.take()

    def announce(self, one: Redirection) -> None:
        """Say that a here-document is to come."""
        delimiter = "".join(part.text for part in one.word if isinstance(part, Text))
        quoted = any(isinstance(part, Text) and part.quoted for part in one.word)
        self._documents.append((one, delimiter, quoted))

    async def read_documents(self) -> None:
        """Read the here-documents that were announced."""
        documents, self._documents = self._documents, []
        for one, delimiter, quoted in documents:
            lines = list[str]()
            while line := await self._source.line():
                bare = line.lstrip("\t") if one.operator == "<<-" else line
                if bare.removesuffix("\n") == delimiter:
                    break
                lines.append(bare)
            one.word = await self._words.here_document("".join(lines), quoted=quoted)


def unexpected(found: str | Word, wanted: Iterable[str] = ()) -> SyntaxFault:
    """What is said of a token that does not belong there."""
    name = found if isinstance(found, str) else (literal(found) or "word")
    expecting = f' (expecting "{" or ".join(wanted)}")' if wanted else ""
    quoted = name if name in {NEWLINE, END, "word"} else f'"{name}"'
    return SyntaxFault(f"{quoted} unexpected{expecting}".replace(NEWLINE, "newline"))
