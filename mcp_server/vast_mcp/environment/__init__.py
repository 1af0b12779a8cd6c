"""The environment and one named env file, read once into one frozen `Settings`.

Order, highest first: the real environment, the env file named by `--env-file` or
`VAST_MCP_ENV_FILE`, the official client's key files (`vast_tfa_key` before `vast_api_key`, XDG
honoured), defaults. An empty value or a placeholder (`${VAST_API_KEY}`, `%VAST_API_KEY%`,
`<your-key>`) is absent, and of the key that is noted; a limit that is a placeholder stops the
start, and so does the env file's name. The working directory's `.env` is never read: a host starts
this server inside whatever repository is open, and a stranger's `VAST_URL` there would be sent the
person's key.

Every source is read whole before one is followed, so that a wrong word in the one does not hide
behind a right one in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from vast_mcp.environment.env_file import texts_of
from vast_mcp.environment.key_files import (
    KEY,
    key_files_of,
    unfilled_keys,
    with_key_of_file,
    with_names_meant,
)
from vast_mcp.environment.sources import Source
from vast_mcp.environment.spelling import check_filled, check_names, unfilled
from vast_mcp.environment.values import value_of, values_of
from vast_mcp.settings import SANDBOX_URL, Limits, Settings, SettingsError, Times, settings_of

ENV_FILE = settings_of(Settings)["env_file"]
# What only the real service has: the sandbox is reached with no key and at no other address.
NOT_IN_SANDBOX = frozenset({"VAST_API_KEY", "VAST_URL", "VAST_MCP_ALLOW_BLIND"})
SANDBOX_SCALE = 0.01


def load(
    environ: Mapping[str, str],
    *,
    home: Path,
    env_file: Path | None = None,
    sandbox: bool = False,
    key_files: bool = True,
) -> Settings:
    """Read everything once.

    `sandbox` is for the pretended Vast: no key is read and no address but its own is used.
    Without `key_files` neither ~/.ssh, nor the agent, nor the official client's files are looked
    at: who calls over HTTP is not who owns them. Raises SettingsError when a named env file is
    missing or a setting cannot be read.
    """
    sources = _sources(environ, env_file)
    check_names(sources)
    check_filled(sources)
    if sandbox:
        sources = [source.without(NOT_IN_SANDBOX) for source in sources]
    told = _told(sources)
    if key_files:
        agent = environ.get("SSH_AUTH_SOCK") or None
        keys = tuple(key_files_of(environ, home))
        told = replace(told, ssh_dir=home / ".ssh", ssh_agent=agent, client_keys=keys)
    if sandbox:
        return _in_sandbox(_with_state_dir(told))
    if told.api_key is None and key_files:
        told = with_key_of_file(told, told.client_keys)
    return _scaled(_with_state_dir(with_names_meant(told, sources)))


# ── sources ────────────────────────────────────────────────────────────────────────────────────


def _sources(environ: Mapping[str, str], env_file: Path | None) -> list[Source]:
    """The environment, then the env file; a file that was named on the command line is nearer
    than the variable.
    """
    environment = Source.of(environ)
    if env_file is None:
        if ENV_FILE.name in environment.unfilled:
            raise unfilled(ENV_FILE.name)  # the file may hold limits
        env_file = value_of(ENV_FILE, [environment])
    if env_file is None:
        return [environment]
    texts = texts_of(env_file)
    texts.pop(ENV_FILE.name, None)  # a file names no other
    return [environment, Source.of(texts, env_file)]


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def _told(sources: Sequence[Source]) -> Settings:
    """What the sources say, and what follows from it."""
    limits = Limits(**values_of(Limits, sources))
    told = Settings(limits=limits, **values_of(Settings, sources))
    passed = {name: _secret(name, sources) for name in told.env_pass}
    return replace(
        told,
        env_pass=passed,
        env_file=sources[-1].file,
        lease_hours=_default_lease(told),
        key_source=_source_of(KEY.name, sources),
        key_notes=unfilled_keys(sources),
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
    """The settings of a sandbox. Its worlds lie in a folder beside the journal of the real
    service.
    """
    folder = told.state_dir
    return replace(
        told,
        state_dir=None,
        world_dir=None if folder is None else folder / "sandbox",
        base_url=SANDBOX_URL,
        api_key=SecretStr("sandbox"),
        key_source="sandbox",
        key_notes=(),
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
    folder = Path(user_state_dir("vast-mcp", appauthor=False))
    if not folder.is_absolute():
        raise SettingsError(
            "XDG_STATE_HOME is a relative path, so that every folder would have a journal of its "
            "own; set VAST_MCP_STATE_DIR to an absolute one."
        )
    return replace(told, state_dir=folder)
