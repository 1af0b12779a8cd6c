"""What an environment cannot mean, or probably does not (docs/vast-api.md A.4). Pure; names are
told, values never.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vast_mcp.errors import Problem, clean
from vast_mcp.renting.placeholders import is_unfilled_variable, warning_of_variable

_OF_VAST = re.compile(
    r"CONTAINER_ID|CONTAINER_API_KEY|GPU_COUNT|PUBLIC_IPADDR|SSH_PUBLIC_KEY|VAST_CONTAINERLABEL"
    r"|VAST_(?:TCP|UDP)_PORT_[0-9]+"
)


def problems_of(env: Mapping[str, str], kept: Sequence[str]) -> list[Problem]:
    """Values that nobody filled in. `kept`: variables whose values the person keeps."""
    unfilled = [name for name, value in _variables(env) if is_unfilled_variable(name, value)]
    given = [clean(name, 60) for name in unfilled if name not in kept]
    problems = [
        Problem(
            f"env_from.{kept.index(name)}",
            f"{name} is a placeholder that nobody filled in: the person sets it and restarts",
        )
        for name in unfilled
        if name in kept
    ]
    if given:
        said = (
            f"{', '.join(given)}: a placeholder that nobody filled in, and Vast replaces none; "
            "give the value, or name the variable in env_from, where the person keeps it"
        )
        problems.insert(0, Problem("env", said))
    return problems


def warnings_of(env: Mapping[str, str], left_out: Sequence[str]) -> list[str]:
    """What was left out, and what probably is not as it was meant."""
    warnings = [warning_of_variable(clean(name, 60), value) for name, value in _variables(env)]
    set_by_vast = [name for name, _ in _variables(env) if is_set_by_vast(name)]
    if left_out:
        warnings.append(
            f"Left out of env, since Vast knows no such Docker options: {', '.join(left_out)}."
        )
    if set_by_vast:
        warnings.append(f"Vast sets {', '.join(set_by_vast)} itself, over what env says.")
    return [warning for warning in warnings if warning]


def is_set_by_vast(name: str) -> bool:
    """Whether Vast gives a machine this variable, over whatever else says so."""
    return _OF_VAST.fullmatch(name) is not None


def _variables(env: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in env.items() if not name.startswith("-")]
