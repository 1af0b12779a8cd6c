"""A script is read as it comes, a line at a time, and no further than it is needed: what follows a
command on standard input may be that command's to read.
"""

from collections.abc import Awaitable, Callable

from .syntax import SyntaxFault

MOST = 4_000_000  # characters of one command


class Source:
    """A source gives characters; `line` reads one more line, "" at the end."""

    def __init__(self, line: Callable[[], Awaitable[str]]) -> None:
        self._line = line
        self._text, self._at = "", 0
        self._is_over = False

    async def peek(self, ahead: int = 0) -> str:
        """Look at a character, "" at the end."""
        while self._at + ahead >= len(self._text):
            if not await self._fill():
                return ""
        return self._text[self._at + ahead]

    async def starts(self, text: str) -> bool:
        """Whether this comes next."""
        for ahead, wanted in enumerate(text):
            if await self.peek(ahead) != wanted:
                return False
        return True

    async def take(self) -> str:
        """Take a character, "" at the end."""
        found = await self.peek()
        self._at += len(found)
        return found

    def skip(self, count: int = 1) -> None:
        """Pass over characters that were looked at."""
        self._at += count

    async def line(self) -> str:
        """Take the rest of the line, with its end where it has one."""
        taken = list[str]()
        while char := await self.take():
            taken.append(char)
            if char == "\n":
                break
        return "".join(taken)

    def forget(self) -> None:
        """Forget what was taken."""
        self._text, self._at = self._text[self._at :], 0

    async def _fill(self) -> bool:
        if self._is_over:
            return False
        more = await self._line()
        if not more:
            self._is_over = True
            return False
        if len(self._text) > MOST:
            raise SyntaxFault("the script is too long")
        self._text += more
        return True


def of_text(text: str) -> Source:
    """Make a source of a text that is there."""
    lines = text.splitlines(keepends=True) if text.isascii() else [text]
    lines.reverse()

    async def line() -> str:
        return lines.pop() if lines else ""

    return Source(line)
