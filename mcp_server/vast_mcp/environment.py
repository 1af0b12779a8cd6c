"""The environment and one named env file, read once into one frozen `Settings`.

Order, highest first: the real environment, the env file named by `--env-file` or
`VAST_MCP_ENV_FILE`, the official client's key files (`vast_tfa_key` before `vast_api_key`, XDG
honoured), defaults. An empty value or a literal `${VAST_API_KEY}` (a host that did not expand
its own placeholder) is absent. The working directory's `.env` is never read: a host starts this
server inside whatever repository is open, and a stranger's `VAST_URL` there would be sent the
person's key.

Every source is read whole before one is followed, so that a wrong word in the one does not hide
behind a right one in the other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from vast_mcp.settings import (
    SANDBOX_URL,
    SETTINGS,
    Limits,
    Setting,
    Settings,
    SettingsError,
    Times,
    kinds,
    settings_of,
)
from vast_mcp.settings.kinds import Kind

T = TypeVar("T")

NAMES = frozenset(one.name for one in SETTINGS)
ENV_FILE = settings_of(Settings)["env_file"]
# What only the real service has: the sandbox is reached with no key and at no other address.
NOT_IN_SANDBOX = frozenset(
    {"VAST_API_KEY", "VAST_URL", "VAST_MCP_STATE_DIR", "VAST_MCP_ALLOW_BLIND"}
)
SANDBOX_SCALE = 0.01
PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Source:
    """One place that settings come from: its texts by name, without those that are absent."""

    texts: Mapping[str, str]
    file: Path | None = None  # None: the environment

    @classmethod
    def of(cls, texts: Mapping[str, str | None], file: Path | None = None) -> Source:
        """A source without its absent texts."""
        given = {name: _given(text) for name, text in texts.items()}
        return cls(_set(given), file)

    def without(self, names: frozenset[str]) -> Source:
        """The same source, as if it did not have these names."""
        kept = {name: text for name, text in self.texts.items() if name not in names}
        return replace(self, texts=kept)

    def named(self, name: str) -> str:
        """What an error calls a variable of this source."""
        if self.file is None:
            return name
        return f"{name} in {self.file}"


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
    over HTTP is not who owns them. Raises SettingsError when a named env file is missing or a
    setting cannot be read.
    """
    sources = _sources(environ, env_file)
    _check_names(sources)
    if sandbox:
        sources = [source.without(NOT_IN_SANDBOX) for source in sources]
    told = _told(sources)
    if key_files:
        told = replace(told, ssh_dir=home / ".ssh")
    if sandbox:
        return _in_sandbox(told)
    if told.api_key is None and key_files:
        told = _with_key_of_file(told, _key_files(environ, home))
    return _scaled(_with_state_dir(told))


# ── sources ────────────────────────────────────────────────────────────────────────────────────


def _given(text: str | None) -> str | None:
    """A value that is really there: not empty, and not an unexpanded `${NAME}`."""
    stripped = (text or "").strip()
    if not stripped or PLACEHOLDER.fullmatch(stripped):
        return None
    return stripped


def _sources(environ: Mapping[str, str], env_file: Path | None) -> list[Source]:
    """The environment, then the env file; a file that was named on the command line is nearer
    than the variable.
    """
    environment = Source.of(environ)
    if env_file is None:
        env_file = _value_of(ENV_FILE, [environment])
    if env_file is None:
        return [environment]
    texts = _texts_of(env_file)
    texts.pop(ENV_FILE.name, None)  # a file names no other
    return [environment, Source.of(texts, env_file)]


def _texts_of(path: Path) -> dict[str, str | None]:
    """Everything in an env file."""
    from dotenv import dotenv_values

    if not path.exists():
        raise _no_env_file(path, "does not exist")
    if not path.is_file():
        raise _no_env_file(path, "is no file")
    # interpolate=False: a `${OTHER}` in the file must not pull values out of the environment.
    try:
        return dict(dotenv_values(path, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The env file {path} cannot be read as text.") from None


def _no_env_file(path: Path, what: str) -> SettingsError:
    return SettingsError(
        f"The env file {path} {what}; create it or drop --env-file / VAST_MCP_ENV_FILE."
    )


def _check_names(sources: Sequence[Source]) -> None:
    """Refuse a name that is misspelt: a person's limit must not vanish."""
    for name in sorted({name for source in sources for name in source.texts}):
        if name.startswith("VAST_MCP_") and name not in NAMES:
            raise _misspelt(name)


def _misspelt(name: str) -> SettingsError:
    near = difflib.get_close_matches(name, NAMES, n=1)
    if not near:
        return SettingsError(f"{name} is no setting. Rename or unset it.")
    return SettingsError(f"{name} is no setting; the nearest is {near[0]}. Rename or unset it.")


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def _read(kind: Kind, text: str, what: str) -> Any:
    """The value of a text. The error says what the text must be, and never what it is."""
    try:
        return kind.read(text)
    except ValueError:
        raise SettingsError(f"{what} must be {kind.rule}.") from None


def _values(kind: type[Settings | Limits], sources: Sequence[Source]) -> dict[str, Any]:
    """The fields that the sources set. A field that no source sets keeps its default."""
    return _set({name: _value_of(one, sources) for name, one in settings_of(kind).items()})


def _set(found: Mapping[str, T | None]) -> dict[str, T]:
    """What is set, of all that was looked for."""
    return {name: value for name, value in found.items() if value is not None}


def _value_of(setting: Setting, sources: Sequence[Source]) -> Any:
    """What the sources say of one setting: the value that holds, None where none is set."""
    said = [
        _read(setting.kind, source.texts[setting.name], source.named(setting.name))
        for source in sources
        if setting.name in source.texts
    ]
    values = [value for value in said if value is not None]
    if not values:
        return None
    return setting.chosen(values)


def _told(sources: Sequence[Source]) -> Settings:
    """What the sources say, and what follows from it."""
    limits = Limits(**_values(Limits, sources))
    told = Settings(limits=limits, **_values(Settings, sources))
    passed = {name: _secret(name, sources) for name in told.env_pass}
    return replace(
        told,
        env_pass=passed,
        env_file=sources[-1].file,
        lease_hours=_default_lease(told),
        key_source=_source_of("VAST_API_KEY", sources),
    )


def _secret(name: str, sources: Sequence[Source]) -> SecretStr | None:
    for source in sources:
        if name in source.texts:
            return SecretStr(source.texts[name])
    return None


def _source_of(name: str, sources: Sequence[Source]) -> str | None:
    for source in sources:
        if name in source.texts:
            return source.named(name)
    return None


def _default_lease(told: Settings) -> float | None:
    """The default lease. With a longest lease and no default, every rental gets the longest."""
    both = (told.lease_hours, told.limits.max_lease_hours)
    return min((hours for hours in both if hours is not None), default=None)


# ── what follows ───────────────────────────────────────────────────────────────────────────────


def _in_sandbox(told: Settings) -> Settings:
    """The settings of the in-process world."""
    return replace(
        told,
        base_url=SANDBOX_URL,
        api_key=SecretStr("sandbox"),
        key_source="sandbox",
        sandbox=True,
        times=Times().scaled(told.time_scale or SANDBOX_SCALE),
    )


def _scaled(told: Settings) -> Settings:
    """The settings with their waits as long as they are told to be."""
    if told.time_scale is None:
        return told
    if not told.loopback:
        raise SettingsError("VAST_MCP_TIME_SCALE only applies to a loopback VAST_URL; unset it.")
    return replace(told, times=Times().scaled(told.time_scale))


def _with_state_dir(told: Settings) -> Settings:
    """The settings with the folder where a user's state belongs on this system."""
    from platformdirs import user_state_dir

    if told.state_dir is not None:
        return told
    return replace(told, state_dir=Path(user_state_dir("vast-mcp", appauthor=False)))


def _key_files(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where the official client keeps its key, in its order (docs/vast-api.md J)."""
    config = _config_dir(environ, home) / "vastai"
    return [config / "vast_tfa_key", config / "vast_api_key", home / ".vast_api_key"]


def _config_dir(environ: Mapping[str, str], home: Path) -> Path:
    """Where programs keep their settings (XDG Base Directory)."""
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config")


def _with_key_of_file(told: Settings, paths: Sequence[Path]) -> Settings:
    """The settings with the key of the first file that holds one. A file that cannot be read is
    passed over: the next may hold the key.
    """
    for path in paths:
        try:
            text = _given(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
        if text is not None:
            key = _read(kinds.KEY, text, f"The key in {path}")
            return replace(told, api_key=key, key_source=str(path))
    return told
