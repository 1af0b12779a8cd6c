"""Places as they are read: each country by every name and code, each region whole, nothing twice.

The same over MCP is in tests/cases/rows_places.py.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from vast_mcp.offers import place_table, places
from vast_mcp.offers.places import NoPlace

# code, long code, names
COUNTRIES = [
    (code, *rest.split(maxsplit=1))
    for text in place_table.COUNTRIES.values()
    for code, rest in (entry.split(maxsplit=1) for entry in " ".join(text.split()).split("; "))
]
CODES = {code for code, _, _ in COUNTRIES}
CONTINENTS = [name for name in place_table.COUNTRIES if name]

# The official client's second list (docs/vast-api.md B.6), of which each is a part of ours.
OFFICIAL = {
    "North America": "AG BS BB BZ CA CR CU DM DO SV GD GT HT HN JM MX NI PA KN LC VC TT US",
    "South America": "AR BO BR CL CO EC FK GF GY PY PE SR UY VE",
    "Europe": "AL AD AT BY BE BA BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LI LT LU MT MD MC ME"
    " NL MK NO PL PT RO RU SM RS SK SI ES SE CH UA GB VA XK",
    "Asia": "AF AM AZ BH BD BT BN KH CN GE IN ID IR IQ IL JP JO KZ KW KG LA LB MY MV MN MM NP KP OM"
    " PK PH QA SA SG KR LK SY TW TJ TH TL TR TM AE UZ VN YE HK MO",
    "Oceania": "AS AU CK FJ PF GU KI MH FM NR NC NZ NU MP PW PG PN WS SB TK TO TV VU WF",
    "Africa": "DZ AO BJ BW BF BI CV CM CF TD KM CG CD CI DJ EG GQ ER SZ ET GA GM GH GN GW KE LS LR"
    " LY MG MW ML MR MU MA MZ NA NE NG RW ST SN SC SL SO ZA SS SD TZ TG TN UG ZM ZW",
}


def test_every_country_is_there_once() -> None:
    """ISO 3166 has 249 codes, and Kosovo uses XK."""
    assert len(COUNTRIES) == len(CODES) == len({long for _, long, _ in COUNTRIES}) == 250
    names = [name for _, _, listed in COUNTRIES for name in listed.split("/")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("code", "long", "names"), COUNTRIES, ids=lambda one: str(one)[:20])
def test_a_country_is_meant_by_both_its_codes_and_all_its_names(
    code: str, long: str, names: str
) -> None:
    """Whatever their case; except a name that is a state's too, which is refused."""
    for one in (code, code.lower(), long, long.lower(), *names.split("/")):
        if one.lower() in place_table.SEVERAL:
            with pytest.raises(NoPlace):
                places.read(one)
            continue
        for spelled in (one, one.upper(), one.lower(), f" {one} ", one.replace(" ", "_")):
            assert places.read(spelled).codes == (code,), spelled


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_continent_holds_what_the_official_clients_does(name: str) -> None:
    """Also in its spelling with an underscore (docs/vast-api.md B.6)."""
    assert set(OFFICIAL[name].split()) <= set(places.read(name.replace(" ", "_")).codes)


def test_no_country_lies_on_two_continents() -> None:
    """The official client has Kazakhstan on two (docs/vast-api.md B.6)."""
    for one, other in itertools.combinations(CONTINENTS, 2):
        assert not set(places.read(one).codes) & set(places.read(other).codes)


def test_a_region_holds_countries_alone_and_says_so() -> None:
    """RD and SUR of the official client's list are none (docs/vast-api.md B.6)."""
    names = [*CONTINENTS, *place_table.ALSO]
    names += [name for listed in place_table.REGIONS for name in listed.split("/")]
    for name in names:
        found = places.read(name)
        assert len(found.codes) == len(set(found.codes))
        assert set(found.codes) <= CODES, name
        assert found.told, name


@settings(max_examples=so_many(300))
@given(st.text(max_size=64))
def test_any_text_is_a_place_or_is_refused_in_words(text: str) -> None:
    """A place is a caller's text."""
    listed = places.as_list(text)
    assert isinstance(listed, list)
    refused = places.problem_with(map(str, listed))
    if refused is None:
        found = places.read_all(map(str, listed))
        assert {code for place in found for code in place.codes} <= CODES


@settings(max_examples=so_many(200))
@given(st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=6, unique=True))
def test_codes_in_one_text_are_a_list(codes: list[str]) -> None:
    """Between commas, blanks, or in the official client's brackets."""
    for text in (",".join(codes), ", ".join(codes), f"[{','.join(codes)}]", " ".join(codes)):
        listed = places.as_list(text)
        assert isinstance(listed, list)
        found = places.read_all(map(str, listed))
        assert [code for place in found for code in place.codes] == codes, text
