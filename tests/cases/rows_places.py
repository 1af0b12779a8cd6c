"""Where a machine may stand, as people and other clients say it (docs/vast-api.md B.6)."""

from __future__ import annotations

from typing import Any

from case import Case, Legal, Seen, Want, answered, first_searched, not_warned, refused, warned

EU = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
]


def _is(*codes: str) -> Want:
    """The first search asked for exactly these countries."""
    return first_searched(geolocation={"eq": codes[0]} if len(codes) == 1 else {"in": list(codes)})


def _holds(*codes: str, never: str = "") -> Want:
    """The first search asked for these countries among others."""

    def check(seen: Seen) -> None:
        [first, *_] = [one for one in seen.sent if one.endpoint == "search"]
        asked = first.body["geolocation"]["in"]
        assert set(codes) <= set(asked), asked
        assert not set(never.split()) & set(asked), asked
        assert len(asked) == len(set(asked))

    return check


def _stand_in(*places: str) -> Want:
    """Something was found, and it stands there."""

    def check(seen: Seen) -> None:
        found = {offer["location"] for offer in seen.answer["offers"]}
        assert found
        assert found <= set(places), found

    return check


def means(place: Any, *want: Want) -> Case:
    return Case(f"place {place}", "search_offers", {"geolocation": place}, want)


def still_means(place: Any, *want: Want) -> Legal:
    return Legal(f"place {place}", "search_offers", {"geolocation": place}, want)


def no_place(place: Any, *says: str, never: str = "") -> Case:
    want = refused("geolocation", *says, never=never)
    return Case(f"no place: {place}", "search_offers", {"geolocation": place}, want)


ROWS: list[Case] = [
    # countries by name
    means("United States", _is("US"), not_warned("geolocation")),
    means("USA", _is("US")),
    means("U.S.", _is("US")),
    means("United Kingdom", _is("GB")),
    means("Great Britain", _is("GB")),
    means("England", _is("GB")),
    means("germany", _is("DE")),
    means("Deutschland", _is("DE")),
    means("DEU", _is("DE")),
    means("Czech Republic", _is("CZ")),
    means("Czechia", _is("CZ")),
    means("South Korea", _is("KR")),
    means("Korea, KR", _is("KR")),
    means("Holland", _is("NL")),
    means("Korea, Republic of", _is("KR")),
    means(["Iran, Islamic Republic of", "PRC"], _is("IR", "CN")),
    means("The Netherlands", _is("NL")),
    means("Türkiye", _is("TR")),
    means("Viet Nam", _is("VN")),
    means("hong_kong", _is("HK")),
    means("Germany, Poland", _is("DE", "PL")),
    means(["South Korea, KR", "Sweden, SE"], _is("KR", "SE")),
    means(["Sweden", "NO", "uk"], _is("SE", "NO", "GB")),
    means("US or Canada", _is("US", "CA")),
    means("[US,CA]", _is("US", "CA")),
    means("SE NO", _is("SE", "NO")),
    # regions
    means("EU", _is(*EU), warned("EU is 27 countries")),
    means("European Union", _is(*EU)),
    means("Europe", _holds("NO", "GB", "IE", "CH", "DE", never="US TR AU"), warned("Europe is")),
    means("North America", _holds("US", "CA", "MX", never="BR")),
    means("north_america", _holds("US", "CA")),
    means("South America", _holds("BR", "AR", never="US")),
    means("Asia", _holds("JP", "KR", "TW", "IN", never="AU AR LV"), warned("Asia is")),
    means("Oceania", _holds("AU", "NZ", never="US")),
    means("OC", _holds("AU", "NZ")),
    means("Africa", _holds("ZA", "EG")),
    means("Scandinavia", _is("DK", "NO", "SE"), warned("Scandinavia is DK NO SE")),
    means(["Scandinavia", "Europe"], _holds("SE", "FR")),
    means(["North America", "DE"], _holds("US", "DE")),
    means("APAC", _holds("JP", "AU", never="US")),
    means("EEA", _holds("NO", "DE", never="GB CH")),
    # a code that is a country's and another client's region
    means("NA", _is("NA"), warned("NA is Namibia, not North America")),
    means("AS", _is("AS"), warned("not Asia")),
    still_means("CA", _is("CA"), not_warned("geolocation")),
    still_means("GA", _is("GA"), not_warned("geolocation")),
    still_means("DE", _is("DE"), not_warned("geolocation")),
    still_means("uk", _is("GB")),
    still_means("XK", _is("XK")),
    still_means("us,ca", _is("US", "CA")),
    # a part of a country
    means("California, US", _is("US"), _stand_in("California, US"), warned("by country alone")),
    means("Texas", _is("US"), _stand_in("Texas, US")),
    means("TX", _is("US"), _stand_in("Texas, US")),
    means("US-TX", _is("US"), _stand_in("Texas, US")),
    means("Quebec, CA", _is("CA"), _stand_in("Quebec, CA")),
    means(
        ["California, US", "Sweden"],
        _is("US", "SE"),
        _stand_in("California, US", "Sweden, SE"),
    ),
    means("Washington, US, NO", _is("US", "NO"), _stand_in("Washington, US", "Norway, NO")),
    means("Georgia, US", _is("US")),
    still_means(
        ["US", "CA"], _stand_in("California, US", "Texas, US", "Washington, US", "Quebec, CA")
    ),
    Case(
        "a state without machines leads to its country",
        "search_offers",
        {"geolocation": "Nevada"},
        answered(relax=lambda told: told[0]["to"] == ["US"]),
    ),
    # no place
    no_place("Georgia", "GE", "Georgia, US"),
    no_place("Congo", "CD and CG"),
    no_place("Germny", "nearest: Germany"),
    no_place("Frnce, DE", "nearest: France"),
    no_place("us-east-1", "a country by name or code", "Europe"),
    no_place("ZZ", "a country by name or code"),
    no_place("not China", "notin"),
    no_place("!CN", "notin"),
    no_place("non-US", "notin"),
    no_place("no CN", "notin"),
    no_place("in US", "a country by name or code"),
    no_place("Siberia", "a country by name or code", never="Liberia"),
    no_place("Netherland", "nearest: Netherlands", never="Netherlands, Netherlands"),
    Case(
        "a state that is to be left out would take its whole country along",
        "search_offers",
        {"filters": "geolocation!=Texas"},
        refused("filters.geolocation", "only whole countries"),
    ),
    means("CA, US", _is("CA", "US"), warned("CA is Canada, not California")),
    still_means("US, CA", _is("US", "CA"), not_warned("geolocation")),
    means("Washington, D.C.", warned("District of Columbia"), not_warned(" Washington ")),
    means("Alemania", _is("DE")),
    means("États-Unis", _is("US")),
    means("Südkorea", _is("KR")),
    means("Central Asia", _holds("KG", "KZ", "TJ", "TM", "UZ")),
    no_place("anywhere", "leave it out"),
    no_place("*", "leave it out"),
    no_place(["US", "worldwide"], "leave it out"),
    Case(
        "a place where nothing is",
        "search_offers",
        {"geolocation": "Iceland", "gpu_name": "RTX 4090"},
        (_is("IS"),),
    ),
]
