"""A machine's own time. What it takes to pretend does not count, so that a speed that is measured
in it does not depend on how busy this computer is.
"""

import time

UP_BEFORE = 864_000.0  # seconds that the computer under it was up already
OF_A_START = 0.001  # seconds that the start of a program takes


class Uptime:
    """Seconds since a boot. They stand still while something is worked out, are made to pass by
    what takes time in a machine, and catch up with ours when somebody waited or comes in.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._skipped = 0.0
        self.now = UP_BEFORE

    def catch_up(self) -> None:
        """Let pass what has passed here."""
        ours = UP_BEFORE + time.monotonic() - self._began + self._skipped
        self.now = max(self.now, ours)

    def skip(self, seconds: float) -> None:
        """Let time pass for which nobody has to wait."""
        self._skipped += seconds
        self.now += seconds

    def start_program(self) -> None:
        """Let the time of a start pass; who counts starts comes to an end."""
        self.now += OF_A_START
