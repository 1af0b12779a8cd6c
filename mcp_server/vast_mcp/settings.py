"""The environment and one named env file, read once into one frozen `Settings`.

Order, highest first: the real environment, the env file named by `--env-file` or `VAST_MCP_ENV_FILE`, the official
client's key files (`vast_tfa_key` before `vast_api_key`, XDG honoured), defaults. An empty value or a literal
`${VAST_API_KEY}` (a host that did not expand its own placeholder) is absent. The working directory's `.env` is never
read: a host starts this server inside whatever repository is open, and a stranger's `VAST_URL` there would be sent
the person's key.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from platformdirs import user_state_dir
from pydantic import SecretStr

DEFAULT_URL = "https://console.vast.ai"
SANDBOX_URL = "http://sandbox.localhost"
KNOWN = frozenset(
    {
        "VAST_API_KEY", "VAST_URL", "VAST_MCP_STATE_DIR", "VAST_MCP_ALLOW_BLIND", "VAST_MCP_TIME_SCALE",
        "VAST_MCP_ENV_PASS", "VAST_MCP_LOG_HOSTS",
    }
)  # fmt: skip


class SettingsError(Exception):
    """The settings contradict themselves; the message names the variable and what to do."""


@dataclass(frozen=True)
class Times:
    """Every wait of the server, in seconds. Our choice, from renting.md and vast-api.md section H."""

    budget_s: float = 50.0  # a tool answers within this: Claude Desktop cuts at 60
    connect_s: float = 10.0
    read_s: float = 15.0
    put_s: float = 25.0  # the whole PUT that rents, from connection to the last byte
    retry_s: float = 1.0  # first wait after a 5xx on a read; doubles
    rate_limit_s: float = 5.0  # wait after a 429 that names no time
    verify_s: float = 1.5  # between looks that prove a destroy
    log_s: float = 0.5  # first pause before asking again for a log that is not uploaded yet; grows
    log_fresh_s: float = 10.0  # how long a newer log is waited for while an earlier one is still there
    look_s: float = 2.0  # first pause between lists while a rental is in doubt; grows
    seen_apart_s: float = 2.0  # between the two sights that confirm a machine
    lists_apart_s: float = 60.0  # between the two whole lists that prove an absence
    absent_after_s: float = 90.0  # from knowing of a doubt to calling it absent
    taken_after_s: float = 600.0  # the same where somebody has taken the offer
    young_s: float = 600.0  # a confirmed machine this young lives, whatever a list says
    pace: float = 1.0  # factor on the published minimum intervals of section H

    def scaled(self, factor: float) -> Times:
        """The same waits, shortened: for loopback only, so that tests run the real code in less time."""
        shorter = {
            f.name: getattr(self, f.name) * factor
            for f in fields(self)
            if f.name not in {"budget_s", "connect_s", "read_s"}
        }
        return replace(self, **shorter)


@dataclass(frozen=True)
class Settings:
    """What this process was told. Nothing else reads the environment."""

    base_url: str = DEFAULT_URL
    api_key: SecretStr | None = None
    key_source: str | None = None
    sandbox: bool = False
    ssh_dir: Path | None = None
    state_dir: Path | None = None  # the journal's folder; None keeps it in memory
    allow_blind: bool = False
    # Names that a rental may ask for, and their values; None where the person allowed a name and set no value.
    env_pass: Mapping[str, SecretStr | None] = field(default_factory=dict[str, SecretStr | None])
    log_hosts: tuple[str, ...] = ()  # HOST, HOST/PATH or .DOMAIN beside Vast's own
    times: Times = field(default_factory=Times)

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine: no proxy is used, and times may be shortened."""
        return is_loopback(self.base_url)

    def secrets(self) -> list[str]:
        """Every value here that no answer, error or log line may repeat, and the long words of those with several."""
        held = [None if self.sandbox else self.api_key, *self.env_pass.values()]  # the sandbox's key is a plain word
        values = [one.get_secret_value() for one in held if one is not None]
        return [part for value in values for part in (value, *(word for word in value.split() if len(word) >= 8))]


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(environ: Mapping[str, str], *, home: Path, env_file: Path | None = None, sandbox: bool = False) -> Settings:
    """Read everything once.

    `sandbox` serves the in-process world: no key is read and no address but its own is used.
    Raises SettingsError when a named env file is missing or an address is not usable.
    """
    env_file = env_file or _path(_given(environ.get("VAST_MCP_ENV_FILE")))
    from_file = _from_file(env_file) if env_file else {}
    values = _chosen(KNOWN, from_file, environ)
    env_pass = _env_pass(values, from_file, environ)
    log_hosts = _log_hosts(values)
    ssh_dir = home / ".ssh"
    if sandbox:
        return Settings(
            base_url=SANDBOX_URL,
            api_key=SecretStr("sandbox"),
            key_source="sandbox",
            sandbox=True,
            ssh_dir=ssh_dir,
            env_pass=env_pass,
            log_hosts=log_hosts,
            times=Times().scaled(_scale(values) or 0.01),
        )
    base_url = _checked_url(values.get("VAST_URL", DEFAULT_URL))
    key, source = _key(values, environ, home)
    scale = _scale(values)
    if scale is not None and not is_loopback(base_url):
        raise SettingsError("VAST_MCP_TIME_SCALE only applies to a loopback VAST_URL; unset it.")
    times = Times() if scale is None else Times().scaled(scale)
    return Settings(
        base_url=base_url,
        api_key=key,
        key_source=source,
        ssh_dir=ssh_dir,
        state_dir=_path(values.get("VAST_MCP_STATE_DIR")) or Path(user_state_dir("vast-mcp", appauthor=False)),
        allow_blind=_yes(values, "VAST_MCP_ALLOW_BLIND"),
        env_pass=env_pass,
        log_hosts=log_hosts,
        times=times,
    )


def _path(text: str | None) -> Path | None:
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:
        raise SettingsError(f"The path {text} names a home folder that does not exist.") from None


def _given(value: str | None) -> str | None:
    """A value that is really there: not empty, and not an unexpanded `${NAME}`."""
    if value is None or not value.strip() or re.fullmatch(r"\$\{[^}]*\}", value.strip()):
        return None
    return value.strip()


def _chosen(names: Collection[str], from_file: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, str]:
    """These names and no others, the environment before the file."""
    found = {name: _given(environ.get(name)) or _given(from_file.get(name)) for name in names}
    return {name: value for name, value in found.items() if value}


def _words(values: Mapping[str, str], name: str) -> list[str]:
    return [word for part in values.get(name, "").split(",") if (word := part.strip())]


def _env_pass(
    values: Mapping[str, str], from_file: Mapping[str, str | None], environ: Mapping[str, str]
) -> dict[str, SecretStr | None]:
    names = _words(values, "VAST_MCP_ENV_PASS")
    if not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) for name in names):
        raise SettingsError("VAST_MCP_ENV_PASS lists names of variables, separated by commas; values are set apart.")
    if any(name == "VAST_API_KEY" or name.startswith("VAST_MCP_") for name in names):
        raise SettingsError("VAST_MCP_ENV_PASS may not list VAST_API_KEY or VAST_MCP_*: strangers own the machines.")
    given = _chosen(names, from_file, environ)
    return {name: SecretStr(given[name]) if name in given else None for name in names}


def _log_hosts(values: Mapping[str, str]) -> tuple[str, ...]:
    hosts = [word.lower() if "/" not in word else word for word in _words(values, "VAST_MCP_LOG_HOSTS")]
    if not all(re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/[A-Za-z0-9._/-]*)?", host) for host in hosts):
        raise SettingsError("VAST_MCP_LOG_HOSTS lists HOST, HOST/PATH or .DOMAIN, separated by commas, without https.")
    return tuple(hosts)


def _from_file(path: Path) -> dict[str, str | None]:
    """Everything in the file; which names count is decided by _chosen."""
    if not path.is_file():
        raise SettingsError(f"The env file {path} does not exist; create it or drop --env-file / VAST_MCP_ENV_FILE.")
    # interpolate=False: a `${OTHER}` in the file must not pull values out of the environment.
    try:
        return dict(dotenv_values(path, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The env file {path} cannot be read as text.") from None


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise SettingsError("VAST_URL is not an http(s) address; unset it to use Vast.ai itself.")
    if parts.scheme == "http" and not is_loopback(url):
        raise SettingsError("VAST_URL must be https unless it is a loopback address: your key would travel in clear.")
    return url.rstrip("/")


def _yes(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "0").lower()
    if text not in {"0", "1", "false", "true", "no", "yes"}:
        raise SettingsError(f"{name} must be 1 or 0.")
    return text in {"1", "true", "yes"}


def _scale(values: Mapping[str, str]) -> float | None:
    text = values.get("VAST_MCP_TIME_SCALE")
    if text is None:
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 < scale <= 1:
        raise SettingsError("VAST_MCP_TIME_SCALE must be a number above 0 and at most 1.")
    return scale


def _key(values: Mapping[str, str], environ: Mapping[str, str], home: Path) -> tuple[SecretStr | None, str | None]:
    if key := values.get("VAST_API_KEY"):
        return SecretStr(key), "VAST_API_KEY"
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "vastai"
    for path in (config / "vast_tfa_key", config / "vast_api_key", home / ".vast_api_key"):
        try:
            key = _given(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if key:
            return SecretStr(key), path.name
    return None, None
