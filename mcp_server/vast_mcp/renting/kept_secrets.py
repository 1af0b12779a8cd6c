"""The values that a call names and the person keeps (VAST_MCP_ENV_PASS): variables by `env_from`, a
registry login by `image_login_from`.

An agent never sees them: a value goes from the settings into the body of the request. Both
functions return fields of that body, and what is wrong with the arguments that they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp.errors import Json, Problem
from vast_mcp.renting import env_grammar
from vast_mcp.settings import Settings


def kept_env(given: Json, settings: Settings) -> tuple[Json, list[Problem]]:
    """The variables with those whose values the person keeps (env_from)."""
    names: list[str] = given.get("env_from", [])
    if not names:
        return {}, []
    own: dict[str, str] = given.get("env", {})
    kept, problems = kept_values(names, settings)
    problems += [
        Problem("env_from", f"{name} is in env too: give it once") for name in kept if name in own
    ]
    if problems:
        return {}, problems
    try:
        return {"env": env_grammar.env_of(own | kept)}, []
    except ValueError as exc:
        return {}, [Problem("env_from", f"env with these {exc}")]


def kept_values(names: Sequence[str], settings: Settings) -> tuple[dict[str, str], list[Problem]]:
    """The values of names that an `env_from` lists, and what is wrong with those that have none."""
    kept: dict[str, str] = {}
    problems: list[Problem] = []
    for at, name in enumerate(names):
        value = settings.env_pass.get(name)
        if value is None:
            problems.append(Problem(f"env_from.{at}", _not_kept(name, settings)))
        else:
            kept[name] = value.get_secret_value()
    return kept, problems


def kept_login(given: Json, settings: Settings) -> tuple[Json, list[Problem]]:
    """The registry login that the person keeps (image_login_from)."""
    name: str | None = given.get("image_login_from")
    if name is None:
        return {}, []
    value = settings.env_pass.get(name)
    if value is None:
        return {}, [Problem("image_login_from", _not_kept(name, settings))]
    if "image_login" in given:
        twice = "an alternative to image_login: give one of them"
        return {}, [Problem("image_login_from", twice)]
    return {"image_login": value.get_secret_value()}, []


def _not_kept(name: str, settings: Settings) -> str:
    """What the person does about a name. A secret in a name's place is not repeated: a secret is
    rarely all capitals.
    """
    shown = name
    if not name.isupper() and len(name) > 16:
        shown = f"{name[:4]}…"
    if name in settings.env_pass:
        return (
            f"{shown} has no value: the person sets it where VAST_API_KEY is set, and restarts "
            "this server"
        )
    known = ", ".join(settings.env_pass) or "none"
    return (
        f"{shown} is not allowed: the person adds it to VAST_MCP_ENV_PASS, sets it, and restarts "
        f"(listed: {known})"
    )
