"""Commands are read: lists, pipelines, and what has a body."""

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
from .tokens import END, NEWLINE, REDIRECTIONS, Tokens, unexpected
from .words import is_name

CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
DEEPEST = 40  # bodies within bodies


class Parser:
    """A parser reads commands from a source, one after the other."""

    def __init__(self, source: Source, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise SyntaxFault("nested too deeply")
        self._depth = depth
        self._tokens = Tokens(source, self._substituted)

    async def command_line(self) -> Script | None:
        """Read commands up to the end of a line; None at the end of all."""
        while await self._tokens.peek() == NEWLINE:
            await self._tokens.take()
        self._tokens.forget()
        if await self._tokens.peek() == END:
            return None
        script = await self._list(stop_at_newline=True)
        last = await self._tokens.peek()
        if last not in {NEWLINE, END}:
            raise unexpected(last)
        if last == NEWLINE:
            await self._tokens.take()
        return script

    async def _substituted(self, source: Source, end: str) -> Script:
        inner = Parser(source, self._depth + 1)
        script = await inner._list()
        last = await inner._tokens.peek()
        if last != (end or END):
            raise unexpected(last)
        await inner._tokens.read_documents()
        return script

    # Lists

    async def _list(self, *, stop_at_newline: bool = False) -> Script:
        items = list[Item]()
        if not stop_at_newline:
            await self._tokens.skip_newlines()
        while await self._begins_command():
            first, others = await self._and_or()
            separator = await self._tokens.peek()
            items.append(Item(first, others, separator == "&"))
            if separator in {";", "&"}:
                await self._tokens.take()
            elif separator != NEWLINE or stop_at_newline:
                break
            if not stop_at_newline:
                await self._tokens.skip_newlines()
        return Script(tuple(items))

    async def _begins_command(self) -> bool:
        found = await self._tokens.peek()
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
            raise unexpected(await self._tokens.peek())
        return script

    async def _and_or(self) -> tuple[Pipeline, tuple[tuple[str, Pipeline], ...]]:
        first, others = await self._pipeline(), list[tuple[str, Pipeline]]()
        while (operator := await self._tokens.peek()) in {"&&", "||"}:
            await self._tokens.take()
            await self._tokens.skip_newlines()
            others.append((str(operator), await self._pipeline()))
        return first, tuple(others)

    async def _pipeline(self) -> Pipeline:
        negated = await self._tokens.reserved() == "!"
        if negated:
            await self._tokens.take()
        commands = [await self._command()]
        while await self._tokens.peek() == "|":
            await self._tokens.take()
            await self._tokens.skip_newlines()
            commands.append(await self._command())
        return Pipeline(tuple(commands), negated)

    # Commands

    async def _command(self) -> Command:
        if not await self._begins_command():
            raise unexpected(await self._tokens.peek())
        body = await self._compound_body()
        if body is None:
            return await self._simple()
        return Compound(body, await self._redirections())

    async def _compound_body(self) -> Group | Subshell | If | Loop | For | Case | None:
        if await self._tokens.peek() == "(":
            await self._tokens.take()
            inside = await self._body()
            if await self._tokens.take() != ")":
                raise SyntaxFault('expecting ")"')
            return Subshell(inside)
        word = await self._tokens.reserved()
        if word not in {"{", "if", "while", "until", "for", "case"}:
            return None
        await self._tokens.take()
        if word == "{":
            inside = await self._body()
            await self._tokens.expect("}")
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
            await self._tokens.expect("then")
            branches.append((condition, await self._body()))
            word = await self._tokens.expect("elif", "else", "fi")
        otherwise = None
        if word == "else":
            otherwise = await self._body()
            await self._tokens.expect("fi")
        return If(tuple(branches), otherwise)

    async def _do(self) -> Script:
        await self._tokens.skip_newlines()
        await self._tokens.expect("do")
        body = await self._body()
        await self._tokens.expect("done")
        return body

    async def _for(self) -> For:
        name = await self._tokens.reserved()
        if not is_name(name):
            raise SyntaxFault("Bad for loop variable")
        await self._tokens.take()
        await self._tokens.skip_newlines()
        words: list[Word] | None = None
        if await self._tokens.reserved() == "in":
            await self._tokens.take()
            words = []
            while isinstance(word := await self._tokens.peek(), tuple):
                words.append(word)
                await self._tokens.take()
        if await self._tokens.peek() == ";":
            await self._tokens.take()
        return For(name, None if words is None else tuple(words), await self._do())

    async def _case(self) -> Case:
        word = await self._tokens.take()
        if isinstance(word, str):
            raise unexpected(word)
        await self._tokens.skip_newlines()
        await self._tokens.expect("in")
        branches = list[tuple[tuple[Word, ...], Script]]()
        await self._tokens.skip_newlines()
        while await self._tokens.reserved() != "esac":
            branches.append((await self._patterns(), await self._list()))
            if await self._tokens.peek() == ";;":
                await self._tokens.take()
            elif await self._tokens.reserved() != "esac":
                raise unexpected(await self._tokens.peek(), [";;"])
            await self._tokens.skip_newlines()
        await self._tokens.take()
        return Case(word, tuple(branches))

    async def _patterns(self) -> tuple[Word, ...]:
        if await self._tokens.peek() == "(":
            await self._tokens.take()
        patterns, after = list[Word](), "|"
        while after == "|":
            word = await self._tokens.take()
            if isinstance(word, str):
                raise unexpected(word)
            patterns.append(word)
            after = await self._tokens.take()
        if after != ")":
            raise unexpected(after, [")"])
        return tuple(patterns)

    # Simple commands

    async def _simple(self) -> Simple | Function:
        assignments, words = list[tuple[str, Word]](), list[Word]()
        redirections = list(await self._redirections())
        while isinstance(word := await self._tokens.peek(), tuple):
            await self._tokens.take()
            named = None if words else _assignment(word)
            if named is not None:
                assignments.append(named)
            elif not words and await self._tokens.peek() == "(":
                return await self._function(literal(word))
            else:
                words.append(word)
            redirections += await self._redirections()
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    async def _function(self, name: str | None) -> Function:
        await self._tokens.take()
        if await self._tokens.take() != ")" or name is None or not is_name(name):
            raise SyntaxFault("Bad function name")
        await self._tokens.skip_newlines()
        body = await self._compound_body()
        if body is None:
            raise unexpected(await self._tokens.peek())
        return Function(name, Compound(body, await self._redirections()))

    async def _redirections(self) -> tuple[Redirection, ...]:
        found = list[Redirection]()
        while isinstance(operator := await self._tokens.peek(), str) and operator in REDIRECTIONS:
            number = self._tokens.number()
            await self._tokens.take()
            word = await self._tokens.take()
            if isinstance(word, str):
                raise unexpected(word)
            usual = 0 if operator.startswith("<") else 1
            one = Redirection(usual if number is None else number, operator, word)
            if operator in {"<<", "<<-"}:
                self._tokens.announce(one)
            found.append(one)
        return tuple(found)


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0] if word else None
    if not isinstance(first, Text) or first.quoted:
        return None
    name, sign, rest = first.text.partition("=")
    if not sign or not is_name(name):
        return None
    return name, ((Text(rest),) if rest else ()) + word[1:]
