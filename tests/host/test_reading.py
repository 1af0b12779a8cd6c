"""Numbers and flags as hosts write them: what is exact is read, and nothing else
(docs/hosts.md, "arguments").
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp import errors
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.schema import published
from vast_mcp_tools import create_instance, show_instance

EXACT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


def an_id(value: Any) -> int | None:
    """The id that is read; None where it is refused."""
    spec = show_instance.SPEC
    try:
        made = arguments_of(spec, {"instance_id": value}, published(spec).input_schema)
    except errors.BadArguments:
        return None
    return made.model_dump()["instance_id"]


def option(name: str, value: Any) -> Any:
    """What is read of an option of create_instance; None where it is absent."""
    spec = create_instance.SPEC
    given = {"offer_id": 1, name: value}
    return getattr(arguments_of(spec, given, published(spec).input_schema), name)


@given(st.integers(1, 10**39))
def test_an_id_is_the_same_in_every_exact_form(number: int) -> None:
    assert an_id(number) == an_id(str(number)) == an_id(f"{number}.0") == number


@given(st.integers(1, 2**53 - 1))
def test_a_whole_float_is_its_id_while_it_is_exact(number: int) -> None:
    assert an_id(float(number)) in {number, None}
    assert an_id(float(number)) == (number if number <= 10**15 else None)


@given(st.text(max_size=12) | st.text("0123456789.eE+-_, x", max_size=8))
def test_no_other_text_is_a_number(text: str) -> None:
    """What could act on a machine is never guessed."""
    read = an_id(text)
    if read is not None:
        assert EXACT.fullmatch(text)
        assert read == Decimal(text)


@given(st.decimals(8, 10**6, places=3))
def test_a_quantity_is_read_exactly(number: Decimal) -> None:
    assert option("disk", str(number)) == float(number)


@given(st.text(max_size=6) | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_nothing_but_true_is_true(value: Any) -> None:
    """A dry run that is none would rent."""
    if str(value).lower() in {"true", "false"} or value == "":
        return
    with pytest.raises(errors.BadArguments):
        option("dry_run", value)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("runtype", "SSH Direct", "ssh_direct"),
        ("target_state", "Stopped", "stopped"),
        ("vm", "True", True),
        ("args", '["a", ""]', ["a", ""]),
        ("args", "[]", None),
        ("env_from", "A, B", ["A", "B"]),
        ("label", 7.0, "7"),
        ("volume_info", {"create_new": "false", "mount_path": None}, None),
    ],
)
def test_what_is_plain_is_read(name: str, value: Any, read: Any) -> None:
    assert option(name, value) == read
