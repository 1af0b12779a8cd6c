"""Every wait of the server."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Times:
    """Every wait of the server, in seconds: this project's choice (docs/protocol.md;
    docs/vast-api.md H).
    """

    budget_s: float = 50.0  # a tool answers within this: Claude Desktop cuts at 60
    # Beyond that, for the end of a machine that turned out to be over its limit.
    end_s: float = 8.0
    connect_s: float = 10.0
    read_s: float = 15.0
    put_s: float = 25.0  # the whole PUT that rents, from connection to the last byte
    retry_s: float = 1.0  # first wait after a 5xx on a read; doubles
    rate_limit_s: float = 5.0  # wait after a 429 that names no time
    verify_s: float = 1.5  # between looks that prove a destroy
    # First pause before asking again for a log that is not uploaded yet; grows.
    log_s: float = 0.5
    # How long a newer log is waited for while an earlier one is still there.
    log_fresh_s: float = 10.0
    look_s: float = 2.0  # first pause between lists while a rental is in doubt; grows
    seen_apart_s: float = 2.0  # between the two sights that confirm a machine
    lists_apart_s: float = 60.0  # between the two whole lists that prove an absence
    absent_after_s: float = 90.0  # from knowing of a doubt to calling it absent
    taken_after_s: float = 600.0  # the same where somebody has taken the offer
    young_s: float = 600.0  # a confirmed machine this young lives, whatever a list says
    # A start of which nothing has moved for so long stands still (docs/vast-api.md C.9, silence).
    stuck_s: float = 900.0
    # Between looks at this computer's clock while a lease runs: it may have slept.
    lease_look_s: float = 60.0
    # After a server's start, and after a lease: the machine's own watchdog comes first.
    lease_margin_s: float = 30.0
    # How long a sweep waits for whoever moves or ends a lease, who may be stopped.
    lease_wait_s: float = 20.0
    hear_s: float = 5.0  # after a list, until what hosts announce is read in the background
    # Of plans (docs/provision.md): a driver that shows no sign of itself for so long lost its turn.
    driver_s: float = 60.0
    gone_apart_s: float = 2.0  # between the two looks that prove a failed try gone
    to_end_s: float = 600.0  # that a failed try may bill on, as its worst case counts it
    unasked_s: float = 1800.0  # nobody asks after a plan: it ends what is not of use yet
    minute_s: float = 60.0  # of give_up_after_minutes
    pace: float = 1.0  # factor on the published minimum intervals of section H

    def scaled(self, factor: float) -> Times:
        """The same waits, shortened: for loopback only, so that tests run the real code in less
        time.
        """
        shorter = {
            f.name: getattr(self, f.name) * factor
            for f in fields(self)
            if f.name not in {"budget_s", "connect_s", "read_s", "hear_s"}
        }
        return replace(self, **shorter)
