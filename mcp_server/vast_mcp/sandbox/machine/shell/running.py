"""A shell runs a script: what was read is done, item by item."""

import asyncio
import errno
from collections.abc import Awaitable, Callable

from vast_mcp.sandbox.machine.calls import Call
from vast_mcp.sandbox.machine.nodes import Device
from vast_mcp.sandbox.machine.processes import Exited, Process
from vast_mcp.sandbox.machine.streams import AT_ONCE, FileStream, Pipe

from . import launching
from .arithmetic import ArithmeticFault
from .compounds import Left, run_body
from .expansion import Expansion, ExpansionFault
from .parser import Parser
from .redirecting import RedirectionFault, forget, redirect, restore
from .source import Source
from .syntax import (
    Command,
    Compound,
    Function,
    Item,
    Pipeline,
    Script,
    Simple,
    Subshell,
    SyntaxFault,
)
from .traps import Traps
from .variables import ShellFault, Variables

SUBSTITUTED_AT_MOST = 8_000_000  # bytes
RESTS_EVERY = 40  # commands, after which others have their turn
DEEPEST = 40  # functions within functions


class Replaced(Exception):
    """`exec` put another program in the shell's place, and that has ended."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


FAULTS = (ShellFault, ExpansionFault, ArithmeticFault)


class Shell(Variables):
    """A shell runs in a process, and has variables, functions and traps."""

    def __init__(self, process: Process, name: str, arguments: list[str]) -> None:
        super().__init__(process, name, arguments)
        self.expansion = Expansion(self)
        self.functions: dict[str, Compound] = {}
        self.traps = Traps(process)
        self.loops = 0
        self.substituted_status = 0  # of the last `$(…)`
        self._conditions = 0
        self._steps = 0

    def within(self, process: Process) -> "Shell":
        """Begin a shell in a child, as this one is; its traps are none."""
        made = Shell(process, self.name, list(self.arguments))
        self.copied_to(made)
        made.functions = dict(self.functions)
        made.traps.acts = self.traps.inherited()
        made.loops, made._conditions = self.loops, self._conditions
        return made

    # The whole of it

    async def live(self, body: Callable[[], Awaitable[object]]) -> int:
        """Run to the end, which a trap may see: the status."""
        try:
            await self._until_it_ends(body)
            act, status = self.traps.acts.pop("EXIT", ""), self.status
            if act and not await self._until_it_ends(lambda: self.evaluate(act, status)):
                self.status = status
        except Replaced as over:
            return over.status
        return self.status

    async def _until_it_ends(self, body: Callable[[], Awaitable[object]]) -> bool:
        """Run to the end: whether that was said, or came of itself."""
        try:
            await body()
        except Exited as over:
            self.status = over.status
        except Left:
            return False
        except FAULTS as fault:
            await self.complain(str(fault))
            self.status = 2
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            await self.complain("Cannot fork")
            self.status = 2
        else:
            return False
        return True

    async def read_and_run(self, source: Source) -> None:
        """Run commands as they are read."""
        parser = Parser(source)
        while (script := await self._read(parser)) is not None:
            await self.run(script)

    async def _read(self, parser: Parser) -> Script | None:
        try:
            return await parser.command_line()
        except (SyntaxFault, RecursionError) as fault:
            await self.complain(f"Syntax error: {fault}")
            raise Exited(2) from None

    async def evaluate(self, text: str, status: int | None = None) -> None:
        """Run a text, as `eval` and traps do; `status` is what `$?` is to it."""
        from .source import of_text

        if status is not None:
            self.status = status
        await self.read_and_run(of_text(text))

    async def complain(self, text: str) -> None:
        """Say what is wrong, on standard error."""
        await Call(self.process, [self.name]).complain(text)

    # Lists and pipelines

    async def run(self, script: Script) -> None:
        """Run items one after the other."""
        for item in script.items:
            if item.in_background:
                self._launch(item)
            else:
                await self._item(item)
            while (act := self.traps.due()) is not None:
                status = self.status
                await self.evaluate(act, status)
                self.status = status

    async def _item(self, item: Item) -> None:
        rest = list(item.others)
        await self._tested(item.first, bool(rest))
        while rest:
            operator, pipeline = rest.pop(0)
            if (operator == "&&") == (self.status == 0):
                await self._tested(pipeline, bool(rest))

    async def _tested(self, pipeline: Pipeline, tested: bool) -> None:
        self._conditions += tested or pipeline.negated
        try:
            await self._pipeline(pipeline)
        finally:
            self._conditions -= tested or pipeline.negated
        if pipeline.negated:
            self.status = int(not self.status)
        elif not tested and _may_end_shell(pipeline):
            self.check()

    def check(self) -> None:
        """End the shell where `set -e` says so."""
        if self.status and "e" in self.options and not self._conditions:
            raise Exited(self.status)

    async def _pipeline(self, pipeline: Pipeline) -> None:
        if len(pipeline.commands) == 1:
            await self.command(pipeline.commands[0])
            return
        running, source = list[Process](), None
        for place, command in enumerate(pipeline.commands):
            child = self.process.fork()
            if source is not None:
                child.put(0, source)
                source = None
            if place < len(pipeline.commands) - 1:
                source, sink = Pipe().ends()
                child.put(1, sink)
            self._start(child, command)
            running.append(child)
        for child in running:
            self.status = await self.reaped(child)

    def _start(self, child: Process, command: Command) -> None:
        inner = self.within(child)
        child.start(lambda: inner.live(lambda: inner.command(command, last=True)))

    async def reaped(self, child: Process) -> int:
        """Wait for a child: its status."""
        status = await child.wait()
        self.process.children.pop(child.pid, None)
        return status

    def _launch(self, item: Item) -> None:
        """Begin what nobody waits for; it reads nothing."""
        child = self.process.fork()
        null = self.process.machine.tree.find("/dev/null")
        if isinstance(null, Device):
            child.put(0, FileStream(null, self.process.machine.wrote, may="r"))
        inner = self.within(child)
        child.start(lambda: inner.live(lambda: inner._alone(item)))
        self.last_background, self.status = child.pid, 0

    async def _alone(self, item: Item) -> None:
        """Run what is all that a child does: its last command takes its place."""
        plain = not item.others and not item.first.negated and len(item.first.commands) == 1
        if plain:
            await self.command(item.first.commands[0], last=True)
        else:
            await self._item(item)

    async def substituted(self, script: Script) -> str:
        """Run a script in a child: what it writes, without newlines at its end."""
        source, sink = Pipe().ends()
        child = self.process.fork()
        child.put(1, sink)
        inner = self.within(child)
        child.start(lambda: inner.live(lambda: inner._body(script)))
        found = bytearray()
        while data := await source.read(AT_ONCE):
            found += data
            if len(found) > SUBSTITUTED_AT_MOST:
                break
        source.drop()
        self.substituted_status = await self.reaped(child)
        text = bytes(found).replace(b"\0", b"").decode("utf-8", "surrogateescape")
        return text.rstrip("\n")

    async def _body(self, script: Script) -> None:
        if len(script.items) == 1 and not script.items[0].in_background:
            await self._alone(script.items[0])
        else:
            await self.run(script)

    # Commands

    async def command(self, command: Command, *, last: bool = False) -> None:
        """Run one command; the last one of a process takes its place."""
        self._steps += 1
        if self._steps % RESTS_EVERY == 0:
            await asyncio.sleep(0)
        if isinstance(command, Simple):
            await self._simple(command, last=last)
        elif isinstance(command, Function):
            self.functions[command.name], self.status = command.body, 0
        else:
            await self.compound(command, last=last)

    async def _simple(self, command: Simple, *, last: bool) -> None:
        try:
            self.status = await launching.launched(self, command, last=last)
        except RedirectionFault as fault:
            await self.complain(str(fault))
            self.status = 2

    async def compound(self, command: Compound, *, last: bool = False) -> None:
        """Run what has a body; nothing goes back to the streams of a process that it is all of."""
        try:
            before = await redirect(self, self.process, command.redirections)
        except RedirectionFault as fault:
            await self.complain(str(fault))
            self.status = 2
            return
        if last:
            forget(before)
            before.clear()
        try:
            await run_body(self, command)
        finally:
            restore(self.process, before)

    async def in_child(self, script: Script) -> None:
        """Run a script in a child, as `( … )` does."""
        child = self.process.fork()
        inner = self.within(child)
        child.start(lambda: inner.live(lambda: inner._body(script)))
        self.status = await self.reaped(child)

    async def holds(self, condition: Script) -> bool:
        """Run what is a condition: whether it holds. Nothing in it ends the shell."""
        self._conditions += 1
        try:
            await self.run(condition)
        finally:
            self._conditions -= 1
        return self.status == 0

    async def call(self, function: Compound, arguments: list[str]) -> int:
        """Call a function."""
        if len(self.locals) > DEEPEST:
            raise ShellFault("functions within functions: too many")
        before, self.arguments = self.arguments, arguments
        loops, self.loops = self.loops, 0
        self.locals.append({})
        try:
            await self.compound(function)
        except Left as left:
            self.status = left.status
        finally:
            self.arguments, self.loops = before, loops
            self.end_locals()
        return self.status


def _may_end_shell(pipeline: Pipeline) -> bool:
    first = pipeline.commands[0]
    if len(pipeline.commands) > 1 or isinstance(first, Simple):
        return True
    return isinstance(first, Compound) and isinstance(first.body, Subshell)
