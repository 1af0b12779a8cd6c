"""Commands are read: lists, pipelines, and what has a body."""

from collections.abc import Iterable

from .source import Source
from .syntax import (
    Case,
    Command,
    Compound,
    For,
    Function,
    Group,
    If,
    Item,
    Loop,
    Pipeline,
    Redirection,
    Script,
    Simple,
    Subshell,
    SyntaxFault,
    Text,
    Word,
    literal,
)
from .words import Words, is_name

OPERATORS = ("&&", "||", ";;", "<<-", "<<", ">>", "<&", ">&", "<>", ">|", *";&|<>()")
REDIRECTIONS = frozenset({"<", ">", ">>", "<<", "<<-", "<&", ">&", "<>", ">|"})
CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
NEWLINE, END = "newline", "end of file"
DEEPEST = 40  # bodies within bodies


class Parser:
    """A parser reads commands from a source, one after the other."""

    def __init__(self, source: Source, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise SyntaxFault("nested too deeply")
        self._source, self._depth = source, depth
        self._words = Words(source, self._substituted)
        self._next: str | Word | None = None  # an operator, or a word, that was looked at
        self._number: int | None = None  # of a redirection
        self._documents: list[tuple[Redirection, str, bool]] = []  # here-documents to come

    async def command_line(self) -> Script | None:
        """Read commands up to the end of a line; None at the end of all."""
        while await self._peek() == NEWLINE:
            await self._take()
        self._source.forget()
        if await self._peek() == END:
            return None
        script = await self._list(stop_at_newline=True)
        last = await self._peek()
        if last not in {NEWLINE, END}:
            raise self._unexpected(last)
        if last == NEWLINE:
            await self._take()
        return script

    async def _substituted(self, source: Source, end: str) -> Script:
        inner = Parser(source, self._depth + 1)
        script = await inner._list()
        last = await inner._peek()
        if last != (end or END):
            raise self._unexpected(last)
        if inner._documents:
            await inner._read_documents()
        return script

    # Tokens

    async def _peek(self) -> str | Word:
        if self._next is None:
            self._next = await self._read()
        return self._next

    async def _take(self) -> str | Word:
        found = await self._peek()
        self._next = None
        if found == NEWLINE and self._documents:
            await self._read_documents()
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

    async def _reserved(self) -> str:
        """The next word where it is plain; "" else."""
        found = await self._peek()
        return (literal(found) or "") if isinstance(found, tuple) else ""

    async def _expect(self, *wanted: str) -> str:
        found = await self._reserved()
        if found not in wanted:
            raise self._unexpected(await self._peek(), wanted)
        await self._take()
        return found

    async def _skip_newlines(self) -> None:
        while await self._peek() == NEWLINE:
            await self._take()

    @staticmethod
    def _unexpected(found: str | Word, wanted: Iterable[str] = ()) -> SyntaxFault:
        name = found if isinstance(found, str) else (literal(found) or "word")
        expecting = f' (expecting "{" or ".join(wanted)}")' if wanted else ""
        quoted = name if name in {NEWLINE, END, "word"} else f'"{name}"'
        return SyntaxFault(f"{quoted} unexpected{expecting}".replace(NEWLINE, "newline"))

    # Lists

    async def _list(self, *, stop_at_newline: bool = False) -> Script:
        items = list[Item]()
        if not stop_at_newline:
            await self._skip_newlines()
        while await self._begins_command():
            first, others = await self._and_or()
            separator = await self._peek()
            items.append(Item(first, others, separator == "&"))
            if separator in {";", "&"}:
                await self._take()
            elif separator != NEWLINE or stop_at_newline:
                break
            if not stop_at_newline:
                await self._skip_newlines()
        return Script(tuple(items))

    async def _begins_command(self) -> bool:
        found = await self._peek()
        if isinstance(found, str):
            return found == "(" or found in REDIRECTIONS
        return literal(found) not in CLOSING

    async def _body(self) -> Script:
        """Read a list that has something in it."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise SyntaxFault("nested too deeply")
        script = await self._list()
        self._depth -= 1
        if not script.items:
            raise self._unexpected(await self._peek())
        return script

    async def _and_or(self) -> tuple[Pipeline, tuple[tuple[str, Pipeline], ...]]:
        first, others = await self._pipeline(), list[tuple[str, Pipeline]]()
        while (operator := await self._peek()) in {"&&", "||"}:
            await self._take()
            await self._skip_newlines()
            others.append((str(operator), await self._pipeline()))
        return first, tuple(others)

    async def _pipeline(self) -> Pipeline:
        negated = await self._reserved() == "!"
        if negated:
            await self._take()
        commands = [await self._command()]
        while await self._peek() == "|":
            await self._take()
            await self._skip_newlines()
            commands.append(await self._command())
        return Pipeline(tuple(commands), negated)

    # Commands

    async def _command(self) -> Command:
        if not await self._begins_command():
            raise self._unexpected(await self._peek())
        body = await self._compound_body()
        if body is None:
            return await self._simple()
        return Compound(body, await self._redirections())

    async def _compound_body(self) -> Group | Subshell | If | Loop | For | Case | None:
        if await self._peek() == "(":
            await self._take()
            inside = await self._body()
            if await self._take() != ")":
                raise SyntaxFault('expecting ")"')
            return Subshell(inside)
        word = await self._reserved()
        if word not in {"{", "if", "while", "until", "for", "case"}:
            return None
        await self._take()
        if word == "{":
            inside = await self._body()
            await self._expect("}")
            return Group(inside)
        if word == "if":
            return await self._if()
        if word in {"while", "until"}:
            condition = await self._body()
            return Loop(condition, await self._do(), word == "until")
        return await (self._for() if word == "for" else self._case())

    async def _if(self) -> If:
        branches, word = list[tuple[Script, Script]](), "elif"
        while word == "elif":
            condition = await self._body()
            await self._expect("then")
            branches.append((condition, await self._body()))
            word = await self._expect("elif", "else", "fi")
        otherwise = None
        if word == "else":
            otherwise = await self._body()
            await self._expect("fi")
        return If(tuple(branches), otherwise)

    async def _do(self) -> Script:
        await self._skip_newlines()
        await self._expect("do")
        body = await self._body()
        await self._expect("done")
        return body

    async def _for(self) -> For:
        name = await self._reserved()
        if not is_name(name):
            raise SyntaxFault("Bad for loop variable")
        await self._take()
        await self._skip_newlines()
        words: list[Word] | None = None
        if await self._reserved() == "in":
            await self._take()
            words = []
            while isinstance(word := await self._peek(), tuple):
                words.append(word)
                await self._take()
        if await self._peek() == ";":
            await self._take()
        return For(name, None if words is None else tuple(words), await self._do())

    async def _case(self) -> Case:
        word = await self._take()
        if isinstance(word, str):
            raise self._unexpected(word)
        await self._skip_newlines()
        await self._expect("in")
        branches = list[tuple[tuple[Word, ...], Script]]()
        await self._skip_newlines()
        while await self._reserved() != "esac":
            branches.append((await self._patterns(), await self._list()))
            if await self._peek() == ";;":
                await self._take()
            elif await self._reserved() != "esac":
                raise self._unexpected(await self._peek(), [";;"])
            await self._skip_newlines()
        await self._take()
        return Case(word, tuple(branches))

    async def _patterns(self) -> tuple[Word, ...]:
        if await self._peek() == "(":
            await self._take()
        patterns, after = list[Word](), "|"
        while after == "|":
            word = await self._take()
            if isinstance(word, str):
                raise self._unexpected(word)
            patterns.append(word)
            after = await self._take()
        if after != ")":
            raise self._unexpected(after, [")"])
        return tuple(patterns)

    # Simple commands

    async def _simple(self) -> Simple | Function:
        assignments, words = list[tuple[str, Word]](), list[Word]()
        redirections = list(await self._redirections())
        while isinstance(word := await self._peek(), tuple):
            await self._take()
            named = None if words else _assignment(word)
            if named is not None:
                assignments.append(named)
            elif not words and await self._peek() == "(":
                return await self._function(literal(word))
            else:
                words.append(word)
            redirections += await self._redirections()
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    async def _function(self, name: str | None) -> Function:
        await self._take()
        if await self._take() != ")" or name is None or not is_name(name):
            raise SyntaxFault("Bad function name")
        await self._skip_newlines()
        body = await self._compound_body()
        if body is None:
            raise self._unexpected(await self._peek())
        return Function(name, Compound(body, await self._redirections()))

    async def _redirections(self) -> tuple[Redirection, ...]:
        found = list[Redirection]()
        while isinstance(operator := await self._peek(), str) and operator in REDIRECTIONS:
            number, self._number = self._number, None
            await self._take()
            word = await self._take()
            if isinstance(word, str):
                raise self._unexpected(word)
            usual = 0 if operator.startswith("<") else 1
            one = Redirection(usual if number is None else number, operator, word)
            if operator in {"<<", "<<-"}:
                self._announce(one)
            found.append(one)
        return tuple(found)

    # Here-documents

    def _announce(self, one: Redirection) -> None:
        delimiter = "".join(part.text for part in one.word if isinstance(part, Text))
        quoted = any(isinstance(part, Text) and part.quoted for part in one.word)
        self._documents.append((one, delimiter, quoted))

    async def _read_documents(self) -> None:
        documents, self._documents = self._documents, []
        for one, delimiter, quoted in documents:
            lines = list[str]()
            while line := await self._source.line():
                bare = line.lstrip("\t") if one.operator == "<<-" else line
                if bare.removesuffix("\n") == delimiter:
                    break
                lines.append(bare)
            one.word = await self._words.here_document("".join(lines), quoted=quoted)


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0] if word else None
    if not isinstance(first, Text) or first.quoted:
        return None
    name, sign, rest = first.text.partition("=")
    if not sign or not is_name(name):
        return None
    return name, ((Text(rest),) if rest else ()) + word[1:]
