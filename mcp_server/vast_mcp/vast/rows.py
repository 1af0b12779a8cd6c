"""A row of Vast's lists, read cell by cell: only its name may fail it.

Any other cell that cannot be read is unknown, and `unread` has its name: what cannot be read is
never told as none, and what may bill unread counts as billing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from vast_mcp.vast import cells, names


class Row(BaseModel):
    """A row as Vast sends it: unknown keys ignored, because the service adds and drops keys."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,
    )

    what: ClassVar[str]  # it is a row of, as a warning begins
    named_by: ClassVar[str] = "id"
    never_null: ClassVar[frozenset[str]] = frozenset()  # cells in which null is unknown too
    never_absent: ClassVar[frozenset[str]] = frozenset()  # cells that may be null

    _unread: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def unread(self) -> frozenset[str]:
        """The names of the cells that could not be read, in Vast's words."""
        return self._unread

    @field_validator("*", mode="wrap")
    @classmethod
    def _cell(
        cls, value: object, read: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        field = info.field_name or ""
        if field == cls.named_by:
            return read(value)
        wire = str(cls.model_fields[field].validation_alias or field)
        try:
            found = read(value)
        except ValueError:
            cells.note(info, wire)
            return cls.model_fields[field].default
        if found == names.UNREADABLE:
            cells.note(info, wire)
        return found

    def noting(self, unread: Iterable[str]) -> Self:
        """The same row, with the cells that were not read, and those that are not as every row has
        them.
        """
        lacking = {name for name in self.never_null if getattr(self, name) is None}
        self._unread = frozenset({*unread, *lacking, *(self.never_absent - self.model_fields_set)})
        return self


R = TypeVar("R", bound=Row)


class Listing(list[R]):
    """The rows that have a name, and how many have none: any of those may be the one that is looked
    for, so a list with one proves no absence.
    """

    def __init__(self, rows: Iterable[R] = (), nameless: int = 0) -> None:
        super().__init__(rows)
        self.nameless = nameless

    @property
    def total(self) -> int:
        """How many rows there are, with and without a name."""
        return len(self) + self.nameless

    @property
    def is_whole(self) -> bool:
        """Whether what it lacks is not there."""
        return self.nameless == 0


def row_of(model: type[R], row: Any) -> R | None:
    """The row; None where its name cannot be read."""
    unread: set[str] = set()
    try:
        found = model.model_validate(row, context=unread).noting(unread)
    except ValidationError:
        return None
    if not getattr(found, model.named_by):
        return None
    return found


def rows_of(model: type[R], rows: Iterable[Any]) -> Listing[R]:
    """Every row that has a name, and how many have none."""
    found = [row_of(model, row) for row in rows]
    named = [row for row in found if row is not None]
    return Listing(named, len(found) - len(named))
