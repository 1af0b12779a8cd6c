"""find and xargs."""

import re
from collections.abc import Awaitable, Callable

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options
from vast_mcp.sandbox.machine.nodes import Folder, Link, Node
from vast_mcp.sandbox.machine.shell.patterns import fitting

from .running import run_program

Test = Callable[[str, Node], Awaitable[bool]]


async def find(call: Call) -> int:
    """Walk through folders, and print what fits."""
    words, paths = list(call.words), list[str]()
    while words and not words[0].startswith(("-", "!", "(")):
        paths.append(words.pop(0))
    search = _Search(call, words)
    for path in paths or ["."]:
        try:
            await search.walk(path, call.tree.find(path, call.cwd, follow=False), 0)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            await call.complain_of(error)
            search.status = 1
    await search.finish()
    return search.status


class _Search:
    def __init__(self, call: Call, words: list[str]) -> None:
        self._call, self._words = call, words
        self._deepest, self._least = 10**6, 0
        self._children_first = False
        self._acts = False
        self._batches: list[tuple[list[str], list[str]]] = []  # commands of -exec …+, and paths
        self.status = 0
        self._test = self._any()
        if self._words:
            raise Usage(f"paths must precede expression: '{self._words[0]}'")

    async def walk(self, path: str, node: Node, depth: int) -> None:
        if depth >= self._least and not self._children_first:
            await self._heed(path, node)
        if isinstance(node, Folder) and depth < self._deepest:
            for name in sorted(node.names()):
                child = node.get(name)
                if child is not None:
                    await self.walk(f"{path.rstrip('/')}/{name}", child, depth + 1)
        if depth >= self._least and self._children_first:
            await self._heed(path, node)

    async def _heed(self, path: str, node: Node) -> None:
        if await self._test(path, node) and not self._acts:
            await self._call.out(f"{path}\n")

    async def finish(self) -> None:
        for words, paths in self._batches:
            if paths and await run_program(self._call, [*words, *paths]):
                self.status = 1

    # The expression

    def _any(self) -> Test:
        tests = [self._all()]
        while self._words[:1] in (["-o"], ["-or"]):
            self._words.pop(0)
            tests.append(self._all())

        async def holds(path: str, node: Node) -> bool:
            for test in tests:
                if await test(path, node):
                    return True
            return False

        return holds

    def _all(self) -> Test:
        tests = list[Test]()
        while self._words and self._words[0] not in {"-o", "-or", ")"}:
            word = self._words.pop(0)
            if word not in {"-a", "-and"}:
                tests.append(self._one(word))

        async def holds(path: str, node: Node) -> bool:
            for test in tests:
                if not await test(path, node):
                    return False
            return True

        return holds

    def _value(self, word: str) -> str:
        if not self._words:
            raise Usage(f"missing argument to '{word}'")
        return self._words.pop(0)

    def _one(self, word: str) -> Test:
        if word in {"!", "-not"}:
            inner = self._one(self._value(word))
            return lambda path, node: _negated(inner, path, node)
        if word == "(":
            inner = self._any()
            if self._value(word) != ")":
                raise Usage("expected ')'")
            return inner
        if word in {"-maxdepth", "-mindepth", "-depth", "-xdev"}:
            return self._setting(word)
        if word in {"-print", "-print0", "-delete", "-exec"}:
            return self._act(word)
        return self._property(word)

    def _setting(self, word: str) -> Test:
        if word == "-maxdepth":
            self._deepest = int(self._value(word))
        elif word == "-mindepth":
            self._least = int(self._value(word))
        elif word == "-depth":
            self._children_first = True
        return _always

    def _act(self, word: str) -> Test:
        self._acts = True
        if word == "-exec":
            return self._executing()
        if word == "-delete":
            self._children_first = True
            return self._delete
        end = "\0" if word == "-print0" else "\n"

        async def show(path: str, _node: Node) -> bool:
            await self._call.out(path + end)
            return True

        return show

    async def _delete(self, path: str, node: Node) -> bool:
        tree, cwd = self._call.tree, self._call.cwd
        (tree.remove_folder if isinstance(node, Folder) else tree.remove)(path, cwd)
        return True

    def _executing(self) -> Test:
        words = list[str]()
        while (word := self._value("-exec")) not in {";", "+"}:
            words.append(word)
        if word == "+":
            paths = list[str]()
            self._batches.append((words[:-1] if words[-1:] == ["{}"] else words, paths))

            async def keep(path: str, _node: Node) -> bool:
                paths.append(path)
                return True

            return keep

        async def execute(path: str, _node: Node) -> bool:
            return await run_program(self._call, [one.replace("{}", path) for one in words]) == 0

        return execute

    def _property(self, word: str) -> Test:
        value = "" if word == "-empty" else self._value(word)
        if word == "-type":
            return _holding(lambda _, node: _letter(node) in value)
        if word in {"-name", "-iname", "-path"}:
            fits = fitting([(value.lower() if word == "-iname" else value, False)])
            return _holding(lambda path, _: fits.fullmatch(_shown(word, path)) is not None)
        if word == "-empty":
            return _holding(lambda _, node: _is_empty(node))
        if word == "-newer":
            than = self._call.tree.find(value, self._call.cwd).modified
            return _holding(lambda _, node: node.modified > than)
        if word == "-size":
            return _holding(_sized(value))
        raise Usage(f"unknown predicate '{word}'")


def _holding(test: Callable[[str, Node], bool]) -> Test:
    async def holds(path: str, node: Node) -> bool:
        return test(path, node)

    return holds


async def _always(_path: str, _node: Node) -> bool:
    return True


async def _negated(inner: Test, path: str, node: Node) -> bool:
    return not await inner(path, node)


def _shown(word: str, path: str) -> str:
    if word == "-path":
        return path
    name = path.rpartition("/")[2]
    return name.lower() if word == "-iname" else name


def _letter(node: Node) -> str:
    if isinstance(node, Folder):
        return "d"
    return "l" if isinstance(node, Link) else ("c" if node.mode & 0o170000 == 0o020000 else "f")


def _is_empty(node: Node) -> bool:
    return not list(node.names()) if isinstance(node, Folder) else node.size == 0


def _sized(text: str) -> Callable[[str, Node], bool]:
    found = re.fullmatch(r"([-+]?)(\d+)([ckMG]?)", text)
    if found is None:
        raise Usage(f"invalid -size argument '{text}'")
    unit = {"c": 1, "k": 1024, "M": 1024**2, "G": 1024**3}.get(found[3], 512)
    wanted = int(found[2])

    def fits(_path: str, node: Node) -> bool:
        blocks = -(-node.size // unit)
        if found[1] == "+":
            return blocks > wanted
        return blocks < wanted if found[1] == "-" else blocks == wanted

    return fits


async def build_and_run(call: Call) -> int:
    """xargs: run a command with words that are read."""
    given = options(call, "0rt", "nIPLd")
    whole = await call.contents()
    separator = b"\0" if "0" in given else None
    if "I" in given or given.get("d") in {"\\n", "\n"}:
        separator = b"\n"
    pieces = whole.split(separator) if separator else whole.split()
    read = [one.decode("utf-8", "surrogateescape") for one in pieces if one]
    words = call.words or ["echo"]
    if not read and ("r" in given or "I" in given):
        return 0
    if "I" in given:
        mark = given["I"]
        runs = [[word.replace(mark, one) for word in words] for one in read]
    else:
        size = int(given.get("n") or given.get("L") or len(read) or 1)
        groups = [read[at : at + size] for at in range(0, len(read), size)] or [[]]
        runs = [[*words, *group] for group in groups]
    status = 0
    for run in runs:
        if await run_program(call, run):
            status = 123
    return status


FINDING: dict[str, Command] = {"find": find, "xargs": build_and_run}
