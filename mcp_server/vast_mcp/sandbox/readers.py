"""Readers take one field out of a body, or refuse it."""

from collections.abc import Iterable
from typing import Any, TypeGuard, cast

from . import replies
from .shapes import Json


def read_text(body: Json, name: str, most: int | None = None) -> str:
    """Read a text that has to be there."""
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise replies.invalid_args(f"{name}: Input should be a valid string")
    if most is not None and len(text) > most:
        raise replies.invalid_args(f"{name}: at most {most} characters")
    return text


def read_number(body: Json, name: str) -> int:
    """Read a whole number that has to be there."""
    number = body.get(name)
    if not is_whole(number):
        raise replies.invalid_args(f"{name}: Input should be a valid integer")
    return number


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is a whole number; to Python a flag is one too."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_choice(body: Json, name: str, choices: Iterable[str]) -> str:
    """Read one of some words."""
    word = body.get(name)
    if not isinstance(word, str) or word not in choices:
        raise replies.invalid_args(f"{name}: must be one of {', '.join(choices)}")
    return word


def as_list(value: Any) -> list[Any] | None:
    """The value as a list, None where it is none."""
    if not isinstance(value, list):
        return None
    return cast("list[Any]", value)
