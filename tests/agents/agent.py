"""An agent that follows blindly: it makes its first call, then the first next step of each answer
with the arguments as they stand there, and knows nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mcp import Client

from house import call
from vast_mcp.sandbox.world import World

Answer = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What a person wants, the call that it leads to, and the answer that fulfils it."""

    tool: str
    arguments: dict[str, Any]
    fulfilled: Callable[[Answer], bool]
    # what the wish itself asks for; anything beyond that is harm
    rents: int = 0
    destroys: frozenset[int] = frozenset()
    stops: frozenset[int] = frozenset()


# Arranges a world, and says what is wanted there. It may use the tools, as a person did before.
Arrange = Callable[[World, Client], Awaitable[Wish]]


@dataclass
class Trail:
    """The calls that were made, with their answers."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def __str__(self) -> str:
        lines: list[str] = []
        for (tool, arguments), answer in zip(self.calls, self.answers, strict=True):
            lines += [f"{tool} {arguments}", f"    {answer}"]
        return "\n".join(lines)


async def follow(client: Client, wish: Wish, most: int) -> tuple[bool, Trail]:
    """Whether the wish was fulfilled in at most so many calls, and how it went."""
    trail = Trail()
    tool, arguments = wish.tool, wish.arguments
    for _ in range(most):
        answer = await call(client, tool, **arguments)
        trail.calls.append((tool, arguments))
        trail.answers.append(answer)
        if wish.fulfilled(answer):
            return True, trail
        steps = next_steps(answer)
        if not steps:
            break
        tool, arguments = steps[0]["tool"], steps[0]["arguments"]
    return False, trail


def next_steps(answer: Answer) -> list[Answer]:
    """What an answer says comes next, an error's too."""
    return answer.get("error", answer).get("next_steps", [])
