"""JSON has one name in the sandbox, and a few questions that every reader of it asks."""

from typing import Any, TypeGuard

Json = dict[str, Any]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number; to Python a flag is one too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def known(facts: Json) -> Json:
    """Leave out what is None."""
    return {name: value for name, value in facts.items() if value is not None}
