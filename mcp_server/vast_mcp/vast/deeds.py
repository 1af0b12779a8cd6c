"""What a call sent to Vast that acts, and what came of it: the truth that its error begins with."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from vast_mcp import errors

# held: it did not leave. unknown: it may have been done. made_nothing: unknown once, and proven.
Fate = Literal["held", "unknown", "refused", "queued", "accepted", "made_nothing"]

_NO_VERDICT = (
    errors.Unreachable,
    errors.VastUnavailable,
    errors.UnexpectedReply,
    errors.OutcomeUnknown,
)
_STANDING = frozenset({"unknown", "queued", "accepted"})
_ACCEPTED = (errors.CreatedStopped,)  # made, and not as it was to be


def may_have_happened(error: errors.VastMcpError) -> bool:
    """Whether an answer refuses nothing for certain: what was sent may have been done, and a yes
    to it is used.
    """
    if error.never_left:
        return False
    return error.no_refusal or isinstance(error, _NO_VERDICT)


@dataclass
class Deed:
    """One request that acts, with its repetitions. `left`: whether one of them may have. `lost`:
    whether one of them had no answer that settles it.
    """

    left: bool = False
    lost: bool = False
    fate: Fate = "held"

    def leaves(self) -> None:
        """Take note that it may be under way: unknown, until an answer settles it."""
        self.left = True
        self.fate = "unknown"

    def heard(self, error: errors.VastMcpError | None) -> None:
        """Take note of what one try was answered: a later refusal says nothing of a lost one."""
        self.lost = self.lost or isinstance(error, _NO_VERDICT)

    def ended(self, error: errors.VastMcpError) -> None:
        """Take note of the error that it came to."""
        if not self.left:
            error.never_left = isinstance(error, errors.Unreachable)
        else:
            self.fate = _fate_of(error)
        if self.lost and self.fate == "refused":
            self.fate = "unknown"


def _fate_of(error: errors.VastMcpError) -> Fate:
    if isinstance(error, errors.StartQueued):
        return "queued"
    if isinstance(error, _ACCEPTED):
        return "accepted"
    return "unknown" if may_have_happened(error) else "refused"


@dataclass
class Deeds:
    """The deeds of one call, by kind (pace.INTERVALS) and what they are done to."""

    _all: dict[tuple[str, str], Deed] = field(default_factory=dict[tuple[str, str], Deed])

    @contextmanager
    def one(self, kind: str, path: str) -> Generator[Deed]:
        """A request that acts: what the block raises, or does not, is what became of it."""
        deed = Deed()
        try:
            yield deed
            deed.fate = "accepted"
        except errors.VastMcpError as exc:
            deed.ended(exc)
            raise
        finally:
            self._keep((kind, path), deed)

    def _keep(self, of: tuple[str, str], deed: Deed) -> None:
        """What is refused says nothing of one before it that was lost; one that is held neither."""
        before = self._all.get(of)
        if before is not None and before.left:
            stands = before.fate in _STANDING and deed.fate == "refused"
            if stands or not deed.left:
                return
        self._all[of] = deed

    def settle(self, kind: str, fate: Fate) -> None:
        """Say what is known by now of requests of this kind that had no verdict."""
        for (its_kind, _), deed in self._all.items():
            if its_kind == kind and deed.fate == "unknown":
                deed.fate = fate

    def doubt(self, kind: str) -> None:
        """Say that what Vast answered to requests of this kind does not tell what came of them."""
        for (its_kind, _), deed in self._all.items():
            if its_kind == kind and deed.fate == "accepted":
                deed.fate = "unknown"

    @property
    def any_left(self) -> bool:
        """Whether any request that acts may have left."""
        return any(deed.left for deed in self._all.values())

    def fates(self, kinds: tuple[str, ...]) -> list[Fate]:
        """What became of each request of these kinds; nothing, where none of them may have left."""
        found = [deed for (kind, _), deed in self._all.items() if kind in kinds]
        return [deed.fate for deed in found] if any(deed.left for deed in found) else []
