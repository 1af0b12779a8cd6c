"""Commands with a body: conditions, loops, cases, subshells."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .syntax import Case, Compound, For, Group, If, Loop, Script, Subshell

if TYPE_CHECKING:
    from .running import Shell


class Left(Exception):
    """A loop, or a function, is left."""

    def __init__(self, what: str, levels: int = 1, status: int = 0) -> None:
        super().__init__(what)
        self.what, self.levels, self.status = what, levels, status


async def run_body(shell: "Shell", command: Compound) -> None:
    """Run what stands between a compound command's words."""
    body = command.body
    if isinstance(body, Group):
        await shell.run(body.body)
    elif isinstance(body, Subshell):
        await shell.in_child(body.body)
    elif isinstance(body, If):
        await _if(shell, body)
    elif isinstance(body, Loop):
        await _looped(shell, lambda: _while(shell, body))
    elif isinstance(body, For):
        await _looped(shell, lambda: _for(shell, body))
    else:
        await _case(shell, body)


async def _if(shell: "Shell", body: If) -> None:
    for condition, then in body.branches:
        if await shell.holds(condition):
            await shell.run(then)
            return
    if body.otherwise is not None:
        await shell.run(body.otherwise)
    else:
        shell.status = 0


async def _looped(shell: "Shell", loop: Callable[[], Awaitable[None]]) -> None:
    shell.loops += 1
    try:
        await loop()
    finally:
        shell.loops -= 1


async def _once(shell: "Shell", body: Script) -> bool:
    """Run a loop's body once: false where the loop is left."""
    try:
        await shell.run(body)
    except Left as left:
        if left.what == "function":
            raise
        if left.levels > 1 and shell.loops > 1:
            raise Left(left.what, left.levels - 1) from None
        shell.status = 0
        return left.what == "continue"
    return True


async def _while(shell: "Shell", body: Loop) -> None:
    status, goes_on = 0, True
    while goes_on and await shell.holds(body.condition) != body.until:
        goes_on = await _once(shell, body.body)
        status = shell.status
    shell.status = status


async def _for(shell: "Shell", body: For) -> None:
    words = shell.arguments if body.words is None else await shell.expansion.fields(body.words)
    shell.status = 0
    for word in list(words):
        shell.put(body.name, word)
        if not await _once(shell, body.body):
            break


async def _case(shell: "Shell", body: Case) -> None:
    text = await shell.expansion.text(body.word)
    shell.status = 0
    for patterns, script in body.branches:
        for pattern in patterns:
            if (await shell.expansion.pattern(pattern)).fullmatch(text):
                await shell.run(script)
                return
