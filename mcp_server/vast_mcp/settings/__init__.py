"""What a person may set, and what this process was told: frozen values.

Every field that a person sets carries its `Setting`: the variable's name, what it is for, and how
its text is read. environment.py reads by these fields and docs/settings.md is written from them,
so a new setting is one field here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from vast_mcp.settings import kinds
from vast_mcp.settings.kinds import LONGEST_LEASE_H, Kind, is_loopback

__all__ = [
    "DEFAULT_URL",
    "LONGEST_LEASE_H",
    "SANDBOX_URL",
    "SETTINGS",
    "Limits",
    "Setting",
    "Settings",
    "SettingsError",
    "Times",
    "is_loopback",
    "settings_of",
]

DEFAULT_URL = "https://console.vast.ai"
SANDBOX_URL = "http://sandbox.localhost"
LONG_WORD = 8  # characters: a word of a secret that is hidden on its own too


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
    # Between looks at this computer's clock while a lease runs: it may have slept.
    lease_look_s: float = 60.0
    # After a server's start, and after a lease: the machine's own watchdog comes first.
    lease_margin_s: float = 30.0
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
class Setting:
    """A variable that a person sets."""

    name: str
    meaning: str  # completes the table of settings (docs/settings.md)
    kind: Kind
    # Of two values, the one that holds, so that neither the environment nor the file can widen what
    # the other allows. None: the environment's holds.
    stricter: Callable[[list[Any]], Any] | None = None

    def chosen(self, values: list[Any]) -> Any:
        """The value that holds, of those that the sources give, nearest first."""
        if self.stricter is None:
            return values[0]
        return self.stricter(values)


def setting(
    name: str,
    meaning: str,
    kind: Kind,
    stricter: Callable[[list[Any]], Any] | None = None,
) -> dict[str, Setting]:
    """The metadata of a field that a person sets."""
    return {"setting": Setting(name, meaning, kind, stricter)}


def settings_of(kind: type[Limits | Settings]) -> dict[str, Setting]:
    """The settings among a class's fields, by the field's name."""
    return {one.name: one.metadata["setting"] for one in fields(kind) if "setting" in one.metadata}


@dataclass(frozen=True)
class Limits:
    """What the person allows every call through this server; None is no limit."""

    max_usd_per_hour: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_USD_PER_HOUR",
            "the most one machine may cost, with disk, new volume or bid",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_total_usd_per_hour: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_TOTAL_USD_PER_HOUR",
            "the most all machines of the account may cost together",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_instances: int | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_INSTANCES",
            "how many machines may exist on the account, stopped ones too",
            kinds.COUNT,
            stricter=min,
        ),
    )
    min_credit_hours: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MIN_CREDIT_HOURS",
            "how many hours the credit must last at the new rate",
            kinds.AMOUNT,
            stricter=min,
        ),
    )
    max_lease_hours: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_MAX_LEASE_HOURS",
            "how long a machine may live, from its birth; then every rental has a lease",
            kinds.HOURS,
            stricter=min,
        ),
    )
    read_only: bool = field(
        default=False,
        metadata=setting(
            "VAST_MCP_READ_ONLY", "`1`: looks, and nothing else", kinds.FLAG, stricter=any
        ),
    )

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

    api_key: SecretStr | None = field(
        default=None,
        metadata=setting(
            "VAST_API_KEY",
            "the key; without it, the official client's key files in `~/.config/vastai`",
            kinds.KEY,
        ),
    )
    base_url: str = field(
        default=DEFAULT_URL,
        metadata=setting(
            "VAST_URL", "another address of the API, https unless loopback", kinds.ADDRESS
        ),
    )
    env_file: Path | None = field(
        default=None, metadata=setting("VAST_MCP_ENV_FILE", "the env file to read", kinds.PATH)
    )
    # The journal's folder; None keeps it in memory, as the sandbox does.
    state_dir: Path | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_STATE_DIR",
            "folder of the journal; default the user's state directory",
            kinds.PATH,
        ),
    )
    allow_blind: bool = field(
        default=False,
        metadata=setting(
            "VAST_MCP_ALLOW_BLIND",
            "`1` rents with a key that may not list instances, whose lost replies cannot be "
            "settled",
            kinds.FLAG,
        ),
    )
    # Names that a rental may ask for, and their values; None where the person allowed a name and
    # set no value.
    env_pass: Mapping[str, SecretStr | None] = field(
        default_factory=dict[str, SecretStr | None],
        metadata=setting(
            "VAST_MCP_ENV_PASS",
            "names (comma separated) whose values `env_from` and `image_login_from` may send to a "
            "machine, unseen by the model",
            kinds.PASSED_NAMES,
        ),
    )
    limits: Limits = field(default_factory=Limits)
    lease_hours: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_LEASE_HOURS",
            "the lease of a rental that asks for none; default none",
            kinds.HOURS,
            stricter=min,
        ),
    )
    # 0 always asks, None never.
    confirm_above: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_CONFIRM",
            "`never` (default), `always`, or the $/hour above which a person is asked",
            kinds.ASKED_ABOVE,
            stricter=min,
        ),
    )
    http_token: SecretStr | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_HTTP_TOKEN",
            "what clients of `vast-mcp serve --http` show; 16 characters or more",
            kinds.TOKEN,
        ),
    )
    log_hosts: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "VAST_MCP_LOG_HOSTS", "further hosts that logs may be fetched from", kinds.LOG_HOSTS
        ),
    )
    time_scale: float | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_TIME_SCALE", "shortens the waits, on loopback only, for tests", kinds.SCALE
        ),
    )

    # What follows from the above and from how the process was started.
    key_source: str | None = None
    sandbox: bool = False
    ssh_dir: Path | None = None  # None: a server that others reach reads no local key files
    times: Times = field(default_factory=Times)

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine: no proxy is used, and times may be shortened."""
        return is_loopback(self.base_url)

    def secrets(self) -> list[str]:
        """Every value here that no answer, error or log line may repeat, and the long words of
        those with several.
        """
        values = [one.get_secret_value() for one in self._secrets() if one is not None]
        long_words = [word for value in values for word in value.split() if len(word) >= LONG_WORD]
        return values + long_words

    def _secrets(self) -> Iterator[SecretStr | None]:
        if not self.sandbox:  # whose key is a plain word
            yield self.api_key
        yield self.http_token
        yield from self.env_pass.values()


# Every variable that a person may set (docs/settings.md is written from it).
SETTINGS = (*settings_of(Settings).values(), *settings_of(Limits).values())
