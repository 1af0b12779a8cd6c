"""What answers tell of machines, and whether they arrived: only then is a machine told of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from weakref import WeakSet

import anyio

from vast_mcp.journal.records import News

TAKEN_S = 1.0
TAKEN_LOOK_S = 0.01


@dataclass
class Told:
    """What one answer tells: news of the journal's machines, and what no journal knows: ends of
    leases, a new world of the sandbox.
    """

    news: set[News] = field(default_factory=set[News])
    made_at: float = 0.0  # on anyio's clock
    unsaid: list[str] = field(default_factory=list[str])


@dataclass(eq=False)
class Telling:
    """The answers of a process, from the moment that they are made until they have arrived.

    `look`: lets whoever writes answers note which ones have arrived by now. Where nobody does
    (`watched` is false) an answer arrives as it is made: an in-process client takes it.
    """

    watched: bool = False
    look: Callable[[], None] = lambda: None
    unsaid: list[str] = field(default_factory=list[str])  # to be told
    # Attempts whose own calls are still under way here, by token, and the names of their answers.
    answering: dict[str, Hashable] = field(default_factory=dict[str, Hashable])
    # Answers that nobody waits for any more, as long as they are being made.
    left: WeakSet[Hashable] = field(default_factory=WeakSet[Hashable])
    _heard: set[News] = field(default_factory=set[News])
    _on_its_way: dict[Hashable, Told] = field(default_factory=dict[Hashable, Told])

    def answered(self, request: Hashable, news: set[News]) -> list[str]:
        """The answer to this request tells these news, and the sentences that are
        returned.
        """
        if request in self.left:
            return []
        unsaid, self.unsaid = self.unsaid, []
        if self.watched and request is not None:
            self._on_its_way[request] = Told(news, anyio.current_time(), unsaid)
        else:
            self._heard |= news
        return unsaid

    def arrived(self, request: Hashable) -> None:
        """The answer to this request has arrived, if there is one."""
        told = self._on_its_way.pop(request, Told())
        self._heard |= told.news

    def lost(self, request: Hashable) -> None:
        """The answer to this request will not arrive: what it told is to be told again."""
        self.unsaid += self._on_its_way.pop(request, Told()).unsaid

    def lost_all(self) -> None:
        """Nothing that is on its way will arrive."""
        for request in list(self._on_its_way):
            self.lost(request)

    def arrived_all(self) -> None:
        """Everything that was on its way has arrived."""
        for request in list(self._on_its_way):
            self.arrived(request)

    async def drain(self) -> None:
        """Give what is on its way a moment to arrive: a host that ends us may be reading still."""
        with anyio.move_on_after(TAKEN_S, shield=True):
            while self._on_its_way:
                await anyio.sleep(TAKEN_LOOK_S)
                self.look()

    def expects(self, news: News, since: float) -> bool:
        """Whether this is told, or will be by an answer that was not made yet at `since`, anyio's
        clock: who asked then did not ask for want of it.
        """
        token, _ = news
        if news in self._heard:
            return True
        if token in self.answering and self.answering[token] not in self.left:
            return True
        return any(
            news in told.news and told.made_at >= since and request not in self.left
            for request, told in self._on_its_way.items()
        )

    def heard(self) -> set[News]:
        """What arrived answers have told and the journal still announces."""
        self.look()
        return set(self._heard)

    def settled(self, news: set[News]) -> None:
        """The journal announces these no more."""
        self._heard -= news
