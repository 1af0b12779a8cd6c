"""A row of Vast's lists, and which rows of a list can be understood."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from vast_mcp.errors import Json


class Row(BaseModel):
    """A row as Vast sends it: unknown keys ignored, numbers lenient, because the service adds and
    drops keys.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,
    )


R = TypeVar("R", bound=Row)


def rows_of(model: type[R], rows: list[Json]) -> list[R]:
    """The rows that can be understood; a row without an id cannot be named, so it is of no use to
    anybody.
    """
    found = [_understood(model, row) for row in rows]
    return [row for row in found if row is not None]


def _understood(model: type[R], row: Json) -> R | None:
    try:
        return model.model_validate(row)
    except ValidationError:
        return None
