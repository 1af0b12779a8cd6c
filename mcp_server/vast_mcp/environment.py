"""TODO: one line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from vast_mcp.settings import (
    DEFAULT_URL,
    LONGEST_LEASE_H,
    SANDBOX_URL,
    Limits,
    Settings,
    SettingsError,
    Times,
    is_loopback,
)

KNOWN = frozenset(
    {
        "VAST_API_KEY",
        "VAST_URL",
        "VAST_MCP_STATE_DIR",
        "VAST_MCP_ALLOW_BLIND",
        "VAST_MCP_TIME_SCALE",
        "VAST_MCP_ENV_PASS",
        "VAST_MCP_LOG_HOSTS",
        "VAST_MCP_HTTP_TOKEN",
    }
)


# What the person allows. Of environment and file the stricter wins, so neither can widen the
# other: for these, the smaller number; for READ_ONLY, yes; for CONFIRM, whichever asks sooner.
LIMITS = {
    "VAST_MCP_MAX_USD_PER_HOUR": "max_usd_per_hour",
    "VAST_MCP_MAX_TOTAL_USD_PER_HOUR": "max_total_usd_per_hour",
    "VAST_MCP_MAX_INSTANCES": "max_instances",
    "VAST_MCP_MIN_CREDIT_HOURS": "min_credit_hours",
    "VAST_MCP_MAX_LEASE_HOURS": "max_lease_hours",
}


OURS = (
    KNOWN
    | LIMITS.keys()
    | {"VAST_MCP_ENV_FILE", "VAST_MCP_READ_ONLY", "VAST_MCP_CONFIRM", "VAST_MCP_LEASE_HOURS"}
)


SHORTEST_TOKEN = 16  # characters


def load(
    environ: Mapping[str, str],
    *,
    home: Path,
    env_file: Path | None = None,
    sandbox: bool = False,
    key_files: bool = True,
) -> Settings:
    """Read everything once.

    `sandbox` serves the in-process world: no key is read and no address but its own is used.
    Without `key_files` neither ~/.ssh nor the official client's files are looked at: who calls
    over HTTP is not who owns them. Raises SettingsError when a named env file is missing or an
    address is not usable.
    """
    env_file = env_file or _path(_given(environ.get("VAST_MCP_ENV_FILE")))
    from_file = _from_file(env_file) if env_file else {}
    _check_names(from_file, environ)
    values = _chosen(KNOWN, from_file, environ)
    env_pass = _env_pass(values, from_file, environ)
    log_hosts = _log_hosts(values)
    limits = _limits(from_file, environ)
    confirm_above = _stricter("VAST_MCP_CONFIRM", from_file, environ, _confirm)
    lease_hours = _lease_hours(from_file, environ, limits)
    http_token = _http_token(values)
    told = Settings(
        ssh_dir=home / ".ssh" if key_files else None,
        env_pass=env_pass,
        log_hosts=log_hosts,
        http_token=http_token,
        limits=limits,
        confirm_above=confirm_above,
        lease_hours=lease_hours,
    )
    scale = _scale(values)
    if sandbox:
        return replace(
            told,
            base_url=SANDBOX_URL,
            api_key=SecretStr("sandbox"),
            key_source="sandbox",
            sandbox=True,
            times=Times().scaled(scale or 0.01),
        )
    base_url = _checked_url(values.get("VAST_URL", DEFAULT_URL))
    key, source = _key(values, environ, home if key_files else None)
    if source == "VAST_API_KEY" and not _given(environ.get(source)):
        source = f"VAST_API_KEY in {env_file}"
    if scale is not None and not is_loopback(base_url):
        raise SettingsError("VAST_MCP_TIME_SCALE only applies to a loopback VAST_URL; unset it.")
    return replace(
        told,
        base_url=base_url,
        api_key=key,
        key_source=source,
        state_dir=_path(values.get("VAST_MCP_STATE_DIR")) or _usual_state_dir(),
        allow_blind=_yes(values, "VAST_MCP_ALLOW_BLIND"),
        times=Times() if scale is None else Times().scaled(scale),
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


def _chosen(
    names: Collection[str], from_file: Mapping[str, str | None], environ: Mapping[str, str]
) -> dict[str, str]:
    """These names and no others, the environment before the file."""
    found = {name: _given(environ.get(name)) or _given(from_file.get(name)) for name in names}
    return {name: value for name, value in found.items() if value}


def _check_names(*sources: Mapping[str, str | None]) -> None:
    """A misspelt limit must not vanish. An empty one is absent, as ever."""
    for name in sorted({name for source in sources for name in source if _given(source[name])}):
        if name.startswith("VAST_MCP_") and name not in OURS:
            near = difflib.get_close_matches(name, OURS, n=1)
            nearest = f"; the nearest is {near[0]}" if near else ""
            raise SettingsError(f"{name} is no setting{nearest}. Rename or unset it.")


def _words(values: Mapping[str, str], name: str) -> list[str]:
    return [word for part in values.get(name, "").split(",") if (word := part.strip())]


def _env_pass(
    values: Mapping[str, str], from_file: Mapping[str, str | None], environ: Mapping[str, str]
) -> dict[str, SecretStr | None]:
    names = _words(values, "VAST_MCP_ENV_PASS")
    if not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) for name in names):
        raise SettingsError(
            "VAST_MCP_ENV_PASS lists names of variables, separated by commas; values are set apart."
        )
    if any(name == "VAST_API_KEY" or name.startswith("VAST_MCP_") for name in names):
        raise SettingsError(
            "VAST_MCP_ENV_PASS may not list VAST_API_KEY or VAST_MCP_*: strangers own the machines."
        )
    given = _chosen(names, from_file, environ)
    return {name: SecretStr(given[name]) if name in given else None for name in names}


def _log_hosts(values: Mapping[str, str]) -> tuple[str, ...]:
    hosts = [
        word.lower() if "/" not in word else word for word in _words(values, "VAST_MCP_LOG_HOSTS")
    ]
    if not all(
        re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/[A-Za-z0-9._/-]*)?", host)
        for host in hosts
    ):
        raise SettingsError(
            "VAST_MCP_LOG_HOSTS lists HOST, HOST/PATH or .DOMAIN, separated by commas, without "
            "https."
        )
    return tuple(hosts)


def _stricter(
    name: str,
    from_file: Mapping[str, str | None],
    environ: Mapping[str, str],
    read: Callable[[str, str], float | None],
) -> float | None:
    """The smaller of what the environment and the file say; None where neither says anything
    that limits.
    """
    given = [
        read(name, text) for source in (environ, from_file) if (text := _given(source.get(name)))
    ]
    return min((value for value in given if value is not None), default=None)


def _amount(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (value >= 0 and math.isfinite(value)):
        raise SettingsError(f"{name} must be a number, 0 or more; unset it for no limit.")
    return value


def _whole(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise SettingsError(f"{name} must be a whole number, 0 or more; unset it for no limit.")
    return int(text)


def _hours(name: str, text: str) -> float:
    hours = _amount(name, text)
    if not 0 < hours <= LONGEST_LEASE_H:
        raise SettingsError(f"{name} must be hours, above 0 and at most {LONGEST_LEASE_H:g}.")
    return hours


def _confirm(name: str, text: str) -> float | None:
    if text.lower() in {"never", "always"}:
        return 0.0 if text.lower() == "always" else None
    try:
        return _amount(name, text)
    except SettingsError:
        raise SettingsError(
            f"{name} must be never, always, or the $/hour above which to ask."
        ) from None


def _limits(from_file: Mapping[str, str | None], environ: Mapping[str, str]) -> Limits:
    reads = {"VAST_MCP_MAX_INSTANCES": _whole, "VAST_MCP_MAX_LEASE_HOURS": _hours}
    found = {
        field: _stricter(name, from_file, environ, reads.get(name, _amount))
        for name, field in LIMITS.items()
    }
    most = found.pop("max_instances")
    name = "VAST_MCP_READ_ONLY"
    # Both are read before either is believed: a wrong word in one must not hide behind a right
    # one in the other.
    read_only = [_yes(_chosen({name}, source, {}), name) for source in (from_file, environ)]
    return Limits(
        **found, max_instances=None if most is None else int(most), read_only=any(read_only)
    )


def _lease_hours(
    from_file: Mapping[str, str | None], environ: Mapping[str, str], limits: Limits
) -> float | None:
    """The default lease. With a longest lease and no default, every rental gets the longest."""
    hours = _stricter("VAST_MCP_LEASE_HOURS", from_file, environ, _hours)
    both = [value for value in (hours, limits.max_lease_hours) if value is not None]
    return min(both, default=None)


def _usual_state_dir() -> Path:
    """Where a user's state belongs on this system."""
    from platformdirs import user_state_dir

    return Path(user_state_dir("vast-mcp", appauthor=False))


def _from_file(path: Path) -> dict[str, str | None]:
    """Everything in the file; which names count is decided by _chosen."""
    from dotenv import dotenv_values

    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise SettingsError(
            f"The env file {path} {what}; create it or drop --env-file / VAST_MCP_ENV_FILE."
        )
    # interpolate=False: a `${OTHER}` in the file must not pull values out of the environment.
    try:
        return dict(dotenv_values(path, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The env file {path} cannot be read as text.") from None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SettingsError(
            "VAST_URL is not an http(s) address; unset it to use Vast.ai itself."
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise SettingsError("VAST_URL is not an http(s) address; unset it to use Vast.ai itself.")
    if parts.scheme == "http" and not is_loopback(url):
        raise SettingsError(
            "VAST_URL must be https unless it is a loopback address: your key would travel in "
            "clear."
        )
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


def _http_token(values: Mapping[str, str]) -> SecretStr | None:
    token = values.get("VAST_MCP_HTTP_TOKEN")
    if token is not None and not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", token):
        raise SettingsError(
            f"VAST_MCP_HTTP_TOKEN must be {SHORTEST_TOKEN} or more ASCII characters without spaces."
        )
    return SecretStr(token) if token else None


def _key(
    values: Mapping[str, str], environ: Mapping[str, str], home: Path | None
) -> tuple[SecretStr | None, str | None]:
    """The key and where it was found; without `home` only what was given, no file."""
    if key := values.get("VAST_API_KEY"):
        return _checked_key(key, "VAST_API_KEY"), "VAST_API_KEY"
    if home is None:
        return None, None
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "vastai"
    for path in (config / "vast_tfa_key", config / "vast_api_key", home / ".vast_api_key"):
        try:
            key = _given(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
        if key:
            return _checked_key(key, str(path)), str(path)
    return None, None


def _checked_key(key: str, source: str) -> SecretStr:
    """A header carries it: anything but printable ASCII would fail there, late and in other
    words.
    """
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingsError(
            f"The key in {source} is no key: it has spaces, lines or letters that none has. Set "
            f"it "
            f"anew."
        )
    return SecretStr(key)
