"""What a person may set, and what this process was told: frozen values.

Every field that a person sets carries its `Setting`: the variable's name, what it is for, and how
its text is read. environment/ reads by these fields and docs/settings.md is written from them,
so a new setting is one field here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from pydantic import SecretStr

from vast_mcp.masking import Mask
from vast_mcp.settings import kinds
from vast_mcp.settings.addresses import Address, is_loopback
from vast_mcp.settings.kinds import LONGEST_LEASE_H
from vast_mcp.settings.limits import Limits
from vast_mcp.settings.times import Times
from vast_mcp.settings.variable import Setting, setting

__all__ = [
    "DEFAULT_URL",
    "KEYS_PAGE",
    "LONGEST_LEASE_H",
    "SANDBOX_URL",
    "SETTINGS",
    "Address",
    "Limits",
    "Setting",
    "Settings",
    "SettingsError",
    "Times",
    "is_loopback",
    "settings_of",
]

DEFAULT_URL = "https://console.vast.ai"
KEYS_PAGE = "https://cloud.vast.ai/manage-keys/"  # where a person makes an API key
SANDBOX_URL = "http://sandbox.localhost"


class SettingsError(Exception):
    """The settings contradict themselves; the message names the variable and what to do."""


def settings_of(kind: type[Limits | Settings]) -> dict[str, Setting]:
    """The settings among a class's fields, by the field's name."""
    return {one.name: one.metadata["setting"] for one in fields(kind) if "setting" in one.metadata}


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
    # The journal's folder; None keeps it in memory, as a sandbox inside the process does.
    state_dir: Path | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_STATE_DIR",
            "folder of the journal and of the shared sandbox; default the user's state directory",
            kinds.FOLDER,
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
    # Folders whose files may go to a machine, unseen by the model, and come from one.
    files: tuple[Path, ...] = field(
        default=(),
        metadata=setting(
            "VAST_MCP_FILES",
            "folders (comma separated) whose files `onstart_file` and `copy_files` may send to a "
            "machine, unseen by the model, and that `copy_files` may write to; never over HTTP",
            kinds.FOLDERS,
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
    confirm_commands: bool = field(
        default=False,
        metadata=setting(
            "VAST_MCP_CONFIRM_COMMANDS",
            "`1`: a person is asked before each new command in a machine",
            kinds.FLAG,
            stricter=any,
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
    ssh_key: Path | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_SSH_KEY",
            "the one private key file to enter machines with; over HTTP no other is used, and "
            "without it none",
            kinds.FOLDER,
        ),
    )
    check_url: str | None = field(
        default=None,
        metadata=setting(
            "VAST_MCP_CHECK_URL",
            "a file of 100 MB or more, of which `check_machine` downloads 256 MB at most to see "
            "how fast that is; default none",
            kinds.DOWNLOAD,
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
    key_notes: tuple[str, ...] = ()  # of places that look as if they held the key
    sandbox: bool = False
    # Where the sandbox's world is found that all processes of a person share; None: it is this
    # process's own.
    world_dir: Path | None = None
    ssh_dir: Path | None = None  # None: a server that others reach reads no local key files
    ssh_agent: str | None = None  # the socket of the person's agent; None like ssh_dir
    client_keys: tuple[Path, ...] = ()  # where the official client keeps keys of Vast's
    times: Times = field(default_factory=Times)

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine: no proxy is used, and times may be shortened. The
        sandbox's is a name for no resolver: its world is in this process.
        """
        return self.sandbox or is_loopback(self.base_url)

    @property
    def shared(self) -> bool:
        """Whether Vast is the sandbox that other processes meet too."""
        return self.sandbox and self.base_url != SANDBOX_URL

    @property
    def in_clear(self) -> bool:
        """Whether the address is plain http, which only this machine may have: there is no
        certificate to verify. Whatever else it is, is verified.
        """
        return self.loopback and Address.of(self.base_url).scheme == "http"

    def secrets(self) -> list[str]:
        """Every value here that no answer, error or log line may repeat."""
        return [one.get_secret_value() for one in self._secrets() if one is not None]

    @functools.cached_property
    def mask(self) -> Mask:
        """What hides these values, in whatever form they travel."""
        return Mask(self.secrets())

    def _secrets(self) -> Iterator[SecretStr | None]:
        if self.base_url != SANDBOX_URL:  # whose key is a plain word
            yield self.api_key
        yield self.http_token
        yield from self.env_pass.values()


# Every variable that a person may set (docs/settings.md is written from it).
SETTINGS = (*settings_of(Settings).values(), *settings_of(Limits).values())
