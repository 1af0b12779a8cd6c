"""The grammar of filters that a caller writes in the API's own terms (docs/vast-api.md B.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vast_mcp.errors import Json, Problem
from vast_mcp.vast.columns import COMPARE, LISTED

OPERATORS = (*COMPARE, "in", "notin")
NOT_FILTERS = {
    "id": "finds nothing; ask_contract_id is the field that holds an offer_id",
    "order": "not a filter: order_by",
    "limit": "not a filter: limit is an argument of its own",
    "type": "not a filter: type is an argument of its own",
    "allocated_storage": "not a filter: min_disk_gb sets it",
    "disable_bundling": "not a filter",
}
SAME_FIELD = {"reliability2": "reliability", "hosting_type": "datacenter"}


def problem_with(field: str, ops: Json, given: Mapping[str, str]) -> Problem | None:
    """What Vast would answer with silence or with a riddle; None for a filter that can be sent.

    `given` maps the fields of arguments that were given to the arguments' names.
    """
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", field):
        return Problem("filters", "names of fields are lower-case letters, digits and underscores")
    problem = _field_problem(field, given) or _operators_problem(ops)
    if problem is None:
        return None
    return Problem(f"filters.{field}", problem)


def _field_problem(field: str, given: Mapping[str, str]) -> str | None:
    if field in NOT_FILTERS:
        return NOT_FILTERS[field]
    argument = given.get(SAME_FIELD.get(field, field))
    if argument is None:
        return None
    return f"given twice: {argument} is the same filter"


def _operators_problem(ops: Json) -> str | None:
    if not ops or not ops.keys() <= set(OPERATORS):
        return f"wants operators among {' '.join(OPERATORS)}"
    problems = [_operand_problem(op, value) for op, value in ops.items()]
    return next(filter(None, problems), None)


def _operand_problem(op: str, value: Any) -> str | None:
    if op in LISTED:
        if isinstance(value, list):
            return None
        return f"{op} wants a list"
    if isinstance(value, list | dict | None):
        return f"{op} wants one value"
    return None
