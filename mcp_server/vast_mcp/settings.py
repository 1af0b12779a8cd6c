"""The environment and one named env file, read once into one frozen `Settings`.

Order, highest first: the real environment, the env file named by `--env-file` or
`VAST_MCP_ENV_FILE`, the official client's key files (`vast_tfa_key` before `vast_api_key`, XDG
honoured), defaults. An empty value or a literal `${VAST_API_KEY}` (a host that did not expand
its own placeholder) is absent. The working directory's `.env` is never
read: a host starts this server inside whatever repository is open, and a stranger's `VAST_URL`
there would be sent the person's key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

DEFAULT_URL = "https://console.vast.ai"


SANDBOX_URL = "http://sandbox.localhost"


LONGEST_LEASE_H = 8760.0


class SettingsError(Exception):
    """The settings contradict themselves; the message names the variable and what to do."""


@dataclass(frozen=True)
class Times:
    """Every wait of the server, in seconds: this project's choice (docs/protocol.md;
    docs/vast-api.md H).
    """

    budget_s: float = 50.0  # a tool answers within this: Claude Desktop cuts at 60
    connect_s: float = 10.0
    read_s: float = 15.0
    put_s: float = 25.0  # the whole PUT that rents, from connection to the last byte
    retry_s: float = 1.0  # first wait after a 5xx on a read; doubles
    rate_limit_s: float = 5.0  # wait after a 429 that names no time
    verify_s: float = 1.5  # between looks that prove a destroy
    # first pause before asking again for a log that is not uploaded yet; grows
    log_s: float = 0.5
    log_fresh_s: float = (
        10.0  # how long a newer log is waited for while an earlier one is still there
    )
    look_s: float = 2.0  # first pause between lists while a rental is in doubt; grows
    seen_apart_s: float = 2.0  # between the two sights that confirm a machine
    lists_apart_s: float = 60.0  # between the two whole lists that prove an absence
    absent_after_s: float = 90.0  # from knowing of a doubt to calling it absent
    taken_after_s: float = 600.0  # the same where somebody has taken the offer
    young_s: float = 600.0  # a confirmed machine this young lives, whatever a list says
    lease_look_s: float = (
        60.0  # between looks at this computer's clock while a lease runs: it may have slept
    )
    lease_margin_s: float = (
        30.0  # after a server's start, and after a lease: the machine's own watchdog comes first
    )
    pace: float = 1.0  # factor on the published minimum intervals of section H

    def scaled(self, factor: float) -> Times:
        """The same waits, shortened: for loopback only, so that tests run the real code in less
        time.
        """
        shorter = {
            f.name: getattr(self, f.name) * factor
            for f in fields(self)
            if f.name not in {"budget_s", "connect_s", "read_s"}
        }
        return replace(self, **shorter)


@dataclass(frozen=True)
class Limits:
    """What the person allows every call through this server; None is no limit."""

    max_usd_per_hour: float | None = None  # one machine: GPU or bid, disk, new volume
    max_total_usd_per_hour: float | None = None  # everything on the account
    max_instances: int | None = None  # on the account, stopped ones too
    min_credit_hours: float | None = None  # the credit must last this long at the new rate
    max_lease_hours: float | None = None  # a machine's whole life, from its birth
    read_only: bool = False

    @property
    def any_price(self) -> bool:
        """Whether a price must be known before money moves."""
        prices = (self.max_usd_per_hour, self.max_total_usd_per_hour, self.min_credit_hours)
        return any(limit is not None for limit in prices)

    @property
    def any_account(self) -> bool:
        """Whether a limit counts what is on the account already."""
        counted = (self.max_total_usd_per_hour, self.max_instances, self.min_credit_hours)
        return any(limit is not None for limit in counted)


@dataclass(frozen=True)
class Settings:
    """What this process was told. Nothing else reads the environment."""

    base_url: str = DEFAULT_URL
    api_key: SecretStr | None = None
    key_source: str | None = None
    sandbox: bool = False
    ssh_dir: Path | None = None  # None: a server that others reach reads no local key files
    state_dir: Path | None = None  # the journal's folder; None keeps it in memory
    allow_blind: bool = False
    # Names that a rental may ask for, and their values; None where the person allowed a name and
    # set no value.
    env_pass: Mapping[str, SecretStr | None] = field(default_factory=dict[str, SecretStr | None])
    log_hosts: tuple[str, ...] = ()  # HOST, HOST/PATH or .DOMAIN beside Vast's own
    http_token: SecretStr | None = None  # what a client of `serve --http` shows
    limits: Limits = field(default_factory=Limits)
    confirm_above: float | None = None  # $/h above which a person is asked; 0 always, None never
    lease_hours: float | None = None  # of a rental that asks for no other
    times: Times = field(default_factory=Times)

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine: no proxy is used, and times may be shortened."""
        return is_loopback(self.base_url)

    def secrets(self) -> list[str]:
        """Every value here that no answer, error or log line may repeat, and the long words of
        those with several.
        """
        key = None if self.sandbox else self.api_key  # the sandbox's is a plain word
        held = [key, self.http_token, *self.env_pass.values()]
        values = [one.get_secret_value() for one in held if one is not None]
        return [
            part
            for value in values
            for part in (value, *(word for word in value.split() if len(word) >= 8))
        ]


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
