"""What a shell does at signals, and at its end."""

import asyncio

from vast_mcp.sandbox.machine.processes import NAMES, SIGNALS, Process


class Traps:
    """A shell's traps by the names of signals; EXIT is its end."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.acts: dict[str, str] = {}
        self.alarm = asyncio.Event()  # there is something to do
        self._pending: list[str] = []
        process.caught = self._caught

    def set(self, name: str, act: str | None) -> None:
        """Set what is done at a signal, or at the end; None is what is usual, "" is nothing."""
        number = SIGNALS.get(name, 0)
        self.acts.pop(name, None)
        self._process.ignored.discard(number)
        if act is not None:
            self.acts[name] = act
        if act == "" and number:
            self._process.ignored.add(number)

    def inherited(self) -> dict[str, str]:
        """What a child has of them: only what is ignored."""
        return {name: act for name, act in self.acts.items() if not act}

    def due(self) -> str | None:
        """Take the next thing to do."""
        self.alarm.clear()
        return self.acts.get(self._pending.pop(0), "") if self._pending else None

    @property
    def interrupted_by(self) -> int:
        """The signal for which there is something to do."""
        return SIGNALS[self._pending[0]] if self._pending else 0

    def _caught(self, number: int) -> bool:
        name = NAMES.get(number, "")
        if not self.acts.get(name):
            return False
        self._pending.append(name)
        self.alarm.set()
        return True
