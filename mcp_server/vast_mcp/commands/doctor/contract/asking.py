"""Asking every question once, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import anyio

from vast_mcp import errors
from vast_mcp.commands.doctor.at_vast import right_in
from vast_mcp.commands.doctor.contract.kinds import Comparing, Difference
from vast_mcp.commands.doctor.contract.questions import QUESTIONS, Known, Question
from vast_mcp.settings import Settings
from vast_mcp.vast.client import Vast
from vast_mcp.vast.hearing import HearingLink
from vast_mcp.vast.replies import Reply

ALL_S = 300.0  # seconds for all questions, each in the service's turn

Status = Literal["ok", "not seen", "not asked", "differs"]

# They say nothing of what is relied on: the moment, or the key, is why there is no answer.
_OF_THE_MOMENT = (
    errors.Unreachable,
    errors.VastUnavailable,
    errors.RateLimited,
    errors.SearchQuotaExceeded,
)
_OF_THE_KEY = (errors.Forbidden, errors.AuthFailed, errors.TwoFactorRequired)


@dataclass(frozen=True)
class Compared:
    """What came of one question; `why` says why it was not asked or saw nothing."""

    question: Question
    status: Status
    differences: Sequence[Difference] = ()
    unseen: Sequence[str] = ()
    why: str | None = None


@dataclass(frozen=True)
class Asking:
    """The questions, with one key."""

    settings: Settings
    app: Any

    async def compare(self, progress: Callable[[str], None]) -> list[Compared]:
        """Ask every question, and compare each answer with the contract."""
        link = HearingLink(self.settings, self.app)
        try:
            return await self._compare(link, progress)
        finally:
            await link.close()

    async def _compare(self, link: HearingLink, progress: Callable[[str], None]) -> list[Compared]:
        vast, known = Vast(link, anyio.current_time() + ALL_S), Known()
        compared: list[Compared] = []
        shut: str | None = None
        for question in QUESTIONS:
            progress(f"asking {question.route} …")
            if shut is None:
                one = await _asked(question, link, vast, known)
                shut = one.why if one.why in _SHUT.values() else None
            else:
                one = Compared(question, "not asked", why=shut)
            compared.append(one)
        return compared


async def _asked(question: Question, link: HearingLink, vast: Vast, known: Known) -> Compared:
    if question.needs is not None and not question.needs(known):
        return Compared(question, "not seen", why="there is nothing to ask it about")
    begun = len(link.heard)
    failure: Exception | None = None
    try:
        await question.ask(vast, known)
    except Exception as exc:  # a reply that brings out a defect is what is looked for
        failure = exc
    return judged(question, link.heard[begun:], failure, known)


def judged(
    question: Question, replies: Sequence[Reply], failure: Exception | None, known: Known
) -> Compared:
    """What the answers to a question come to. `failure`: what the client made of them."""
    unasked = _unasked(question, failure)
    if unasked is not None:
        return unasked
    if replies and question.is_none(replies[-1]):
        return _none(question)
    comparing = Comparing()
    telling = [reply for reply in replies if reply.status not in _PASSING]
    for reply in telling:
        _compare_reply(question, reply, comparing)
    bodies = [reply.body for reply in telling if reply.ok]
    for difference in question.judge(bodies, known):
        comparing.differences[difference] = None
    for body in bodies:
        known.learn(body)
    if failure is not None and not comparing.differences:
        comparing.differs("the reply", "an answer that vast-mcp can read", _named(failure))
    return _compared(question, comparing)


_PASSING = frozenset({429, 500, 502, 503, 504})  # tried again; the last answer counts
_SHUT = {
    errors.AuthFailed: "the key is not accepted",
    errors.TwoFactorRequired: "a second factor is wanted",
}


def _compared(question: Question, comparing: Comparing) -> Compared:
    differences, unseen = list(comparing.differences), comparing.unseen
    if differences:
        return Compared(question, "differs", differences, unseen)
    if any(name.endswith("[]") for name in unseen):
        return _none(question, unseen)
    return Compared(question, "ok", unseen=unseen)


def _none(question: Question, unseen: Sequence[str] = ()) -> Compared:
    """There is none: as it has to be where nothing was asked for."""
    if question.of_nothing:
        return Compared(question, "ok")
    return Compared(question, "not seen", unseen=unseen, why="there is none")


def _unasked(question: Question, failure: Exception | None) -> Compared | None:
    """The verdict where there is no answer about what was asked."""
    if isinstance(failure, _OF_THE_MOMENT):
        status = failure.http_status
        why = failure.code if status is None else f"{failure.code}, HTTP {status}"
        return Compared(question, "not asked", why=why)
    if not isinstance(failure, _OF_THE_KEY):
        return None
    if isinstance(failure, errors.Forbidden):
        return _forbidden(question, failure)
    return Compared(question, "not asked", why=_SHUT[type(failure)])


def _forbidden(question: Question, failure: errors.Forbidden) -> Compared:
    """A right that the key lacks, which Vast names (docs/vast-api.md I)."""
    named = right_in(failure.vast_message).strip(" ()")
    if named and named != question.scope:
        relied = question.scope or "no right"
        return Compared(question, "differs", [Difference("its right", relied, named)])
    return Compared(question, "not asked", why=f"the key lacks {question.scope or 'a right'}")


def _compare_reply(question: Question, reply: Reply, comparing: Comparing) -> None:
    if not 200 <= reply.status < 300:
        comparing.differs("the reply", "HTTP 200", f"HTTP {reply.status}")
    elif reply.data is None:
        comparing.differs("the reply", "JSON", _form_of(reply.text))
    elif reply.body.get("success") is False:
        comparing.differs("success", "true", "false")
    else:
        question.relied_on.compare(reply.data, "", comparing)


def _form_of(text: str) -> str:
    begin = text.lstrip()[:1]
    if not begin:
        return "nothing"
    return "a page of HTML" if begin == "<" else "text"


def _named(failure: Exception) -> str:
    if isinstance(failure, errors.VastMcpError):
        return failure.code
    return f"a defect of vast-mcp ({type(failure).__name__})"
