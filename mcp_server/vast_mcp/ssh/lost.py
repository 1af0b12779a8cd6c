"""The one way in which work over an open connection fails: the line is lost."""

from __future__ import annotations


class LineLost(Exception):
    """The connection broke, or the machine took no more of it. `begun`: what was asked for last may
    have begun there; false where it certainly did not.
    """

    def __init__(self, *, begun: bool = True) -> None:
        super().__init__("the connection to the machine broke")
        self.begun = begun
