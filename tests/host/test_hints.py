"""The tables of other words say what is true of the catalogue as it is."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.host import bookkeeping, hints
from vast_mcp.host.other_tools import OTHER_TOOLS
from vast_mcp.host.reading import squashed
from vast_mcp.host.schema import published
from vast_mcp.host.synonyms import MEANINGS, VOLUME_INFO
from vast_mcp_tools import CATALOGUE

PROPERTIES = {spec.name: published(spec).input_schema["properties"] for spec in CATALOGUE}
PARTS = PROPERTIES["create_instance"][VOLUME_INFO]["properties"]
ARGUMENTS = {tool: set(properties) for tool, properties in PROPERTIES.items()}
ALL = set().union(*ARGUMENTS.values()) | set(PARTS)
WORDS = [word for meaning in MEANINGS for word in meaning.words.split()]
# Words of descriptions that look like names: fields of the API, values and what Docker takes.
NO_NAMES = {
    "cpu_ram", "cpu_cores_effective", "ask_contract_id", "inet_down", "inet_up", "inet_down_cost",
    "compute_cap", "change_bid", "extend_lease", "ssh_direct", "jupyter_direct", "not_failed",
    "accept_price", "reject_price",
}  # fmt: skip


def test_no_word_means_two_things() -> None:
    assert [word for word, times in Counter(map(squashed, WORDS)).items() if times > 1] == []
    tools = [squashed(word) for words in OTHER_TOOLS for word in words.split()]
    assert [word for word, times in Counter(tools).items() if times > 1] == []
    assert not set(tools) & {squashed(name) for name in PROPERTIES}


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.words.split()[0])
def test_a_meaning_names_what_there_is(meaning: hints.synonyms.Meaning) -> None:
    """What it says is the tool's own argument, or the name of a tool. Of several, the last is
    always there.
    """
    for tool, right in meaning.right.items():
        said = right if isinstance(right, str) else right[-1]
        names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", said)) - NO_NAMES
        assert names <= ALL | set(PROPERTIES), said
        own = set(PARTS) if tool == VOLUME_INFO else ARGUMENTS.get(tool, set[str]())
        first = re.split(r"\W", said, maxsplit=1)[0]
        assert first in own | set(PROPERTIES) or "_" not in first, said


def test_no_bookkeeping_is_an_argument_or_another_word_for_one() -> None:
    """What was meant must never vanish without a word."""
    taken = {squashed(word) for word in (*WORDS, *ALL)}
    assert [name for name in bookkeeping.ADDED if squashed(name) in taken] == []
    assert all(bookkeeping.ADDED.values())


@pytest.mark.parametrize("tool", PROPERTIES)
def test_another_form_of_a_name_is_that_name(tool: str) -> None:
    """camelCase, kebab-case and capitals."""
    for name in ARGUMENTS[tool]:
        head, *rest = name.split("_")
        for form in (head + "".join(map(str.title, rest)), name.replace("_", "-"), name.upper()):
            said = hints.of_argument(tool, form, ARGUMENTS[tool])
            assert said == f"unknown argument; it is written {name}", form


@given(st.sampled_from(sorted(PROPERTIES)), st.text(max_size=30) | st.sampled_from(WORDS))
def test_no_spelling_leads_to_what_costs(tool: str, name: str) -> None:
    """A hint to the nearest name once turned a price cap into a bid that cost more than renting."""
    said = hints.of_argument(tool, name, ARGUMENTS[tool])
    for costly in ("price", "force", "vm", "not_ours", "cancel_unavail", "allow_unresolved"):
        assert f"nearest is {costly}" not in said
    assert name not in said or name in " ".join(ALL) or len(name) < 4 or name in WORDS


@pytest.mark.parametrize(
    ("word", "other", "alike"),
    [
        ("imgae", "image", True),
        ("lables", "label", False),
        ("labels", "label", True),
        ("max", "min", False),
        ("mix", "min", False),
        ("dist", "disk", True),
        ("runtime", "runtype", False),
        ("", "image", False),
    ],
)
def test_a_slip_is_one_letter(word: str, other: str, alike: bool) -> None:
    """A decision of this project: what differs by more is another word."""
    near = hints.of_argument("show_account", word, [other]).endswith(f"nearest is {other}")
    assert near is alike
