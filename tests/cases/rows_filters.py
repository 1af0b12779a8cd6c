"""`filters`: the official client's query string, its names of fields, texts for numbers, names and
places inside, and values that cannot be meant (docs/vast-api.md B.1, B.2, B.4).
"""

from __future__ import annotations

import json
from typing import Any

from case import (
    ABSENT,
    Case,
    Legal,
    Seen,
    Want,
    answered,
    first_searched,
    refused,
    warned,
)

DEFAULTS = {"verified": {"eq": True}, "external": {"eq": False}, "rentable": {"eq": True}}


def _name(filters: Any) -> str:
    return filters if isinstance(filters, str) else json.dumps(filters)


def asks(filters: Any, **fields: Any) -> Case:
    """These filters are asked of Vast as these fields."""
    want = first_searched(**fields)
    return Case(f"filters {_name(filters)}", "search_offers", {"filters": filters}, want)


def still_asks(filters: Any, **fields: Any) -> Legal:
    want = first_searched(**fields)
    return Legal(f"filters {_name(filters)}", "search_offers", {"filters": filters}, want)


def _not_searched(seen: Seen) -> None:
    assert "search" not in [one.endpoint for one in seen.sent]


def wrong(filters: Any, field: str, *says: str) -> Case:
    """These filters are refused, saying so, before a search."""
    want: tuple[Want, ...] = (refused(field, *says), _not_searched)
    return Case(f"wrong filters {_name(filters)}", "search_offers", {"filters": filters}, want)


def meant(field: str, value: Any, probably: str) -> Case:
    """A value that cannot be meant is refused with the one that probably is."""
    return wrong({field: {"gte": value}}, f"filters.{field}", probably)


def least(field: str, value: Any) -> Legal:
    """The nearest value that can be meant goes through."""
    return still_asks({field: {"gte": value}}, **{field: {"gte": value}})


def _repeats_them(seen: Seen) -> None:
    """A next step has its filters as a text, and is a legal call."""
    steps = [step for step in seen.answer["next_steps"] if "filters" in step["arguments"]]
    assert steps, seen.answer
    for step in steps:
        assert json.loads(step["arguments"]["filters"])["cpu_ram"] == {"gte": 64000}


ROWS: list[Case] = [
    # the official client's query string, in its units
    asks(
        "gpu_name=RTX_4090 num_gpus>=2 reliability>0.98 geolocation in [US,CA] rented=any",
        gpu_name={"eq": "RTX 4090"},
        num_gpus={"gte": 2},
        reliability={"gt": 0.98},
        geolocation={"in": ["US", "CA"]},
        rented=ABSENT,
        **DEFAULTS,
    ),
    asks(
        'gpu_name in ["RTX 4090", "RTX 3090"] geolocation notin [CN,VN]',
        gpu_name={"in": ["RTX 4090", "RTX 3090"]},
        geolocation={"notin": ["CN", "VN"]},
    ),
    asks("cpu_ram>=64", cpu_ram={"gte": 64000}),
    asks("gpu_ram > 10 duration>24", gpu_ram={"gt": 10000}, duration={"gt": 2073600}),
    asks("gpu_total_ram<=96", gpu_total_ram={"lte": 96000}),
    asks("cuda_vers>=12.1", cuda_max_good={"gte": 12.1}),
    asks("driver_version >= 535.86.05", driver_vers={"gte": 535086005}),
    asks("dph<0.5", dph_total={"lt": 0.5}),
    asks("dlperf_usd>100 flops_usd>10", dlperf_per_dphtotal={"gt": 100}),
    asks("display_active=False", gpu_display_active={"eq": False}),
    asks("ubuntu_version=22.04", os_version={"eq": "22.04"}),
    asks("verified=False external=any", verified={"eq": False}, external=ABSENT),
    asks("verified=any rentable=any", verified=ABSENT, rentable=ABSENT),
    asks("num_gpus==1, static_ip=true", num_gpus={"eq": 1}, static_ip={"eq": True}),
    asks("num_gpus>=2 num_gpus<=4", num_gpus={"gte": 2, "lte": 4}),
    asks("cpu_arch!=arm64 vms_enabled=true", cpu_arch={"neq": "arm64"}),
    # a cap behind a comma is no part of the text before it
    asks("cpu_name!=EPYC,dph<0.5", cpu_name={"neq": "EPYC"}, dph_total={"lt": 0.5}),
    asks("dph<0.5;num_gpus=1", dph_total={"lt": 0.5}, num_gpus={"eq": 1}),
    asks(
        "geolocation in US,CA,dph<=0.5",
        geolocation={"in": ["US", "CA"]},
        dph_total={"lte": 0.5},
    ),
    # a flag that is off filters nothing, and an argument's names may be narrowed
    Case(
        "flags that a caller fills with false",
        "search_offers",
        {"vm": False, "datacenter_only": False, "filters": "vms_enabled=true datacenter=true"},
        first_searched(vms_enabled={"eq": True}, datacenter={"eq": True}),
    ),
    Case(
        "a region without one of its countries",
        "search_offers",
        {"geolocation": "Nordics", "filters": "geolocation notin [FI,IS]"},
        first_searched(geolocation={"in": ["DK", "FI", "IS", "NO", "SE"], "notin": ["FI", "IS"]}),
    ),
    Case(
        "a card without one of its forms",
        "search_offers",
        {"gpu_name": "A100", "filters": "gpu_name!=A100_PCIE"},
        first_searched(gpu_name={"in": ["A100 PCIE", "A100 SXM4"], "neq": "A100 PCIE"}),
    ),
    Case(
        "a region twice",
        "search_offers",
        {"geolocation": "Nordics", "filters": "geolocation in [FI]"},
        refused("filters.geolocation", "given twice"),
    ),
    wrong("geolocation=US geolocation in [CA]", "filters.geolocation", "one list"),
    wrong("cpu_ram>=64GB", "filters.cpu_ram", "in MB (a query string: GB)"),
    wrong({"duration": {"gte": 72}}, "filters.duration", "72 days 6220800"),
    # a second cap never takes the place of a first
    wrong({"dph_total": {"<=": 0.3, "lte": 0.5}}, "filters", "two values"),
    wrong('{"dph_total": {"lte": 0.3}, "dph_total": {"lte": 0.5}}', "filters", "there twice"),
    wrong('{"dph_total": {"lte": 0.3, "lte": 0.5}}', "filters", "two values"),
    wrong("dph<1,000 num_gpus=1", "filters.dph", "wants a number"),
    asks("cpu_arch=x86_64", cpu_arch={"eq": "amd64"}),
    asks("geolocation=[US,CA]", geolocation={"in": ["US", "CA"]}),
    asks("gpu_name='RTX 4090'", gpu_name={"eq": "RTX 4090"}),
    asks("gpu_name!=A100 num_gpus eq 1", gpu_name={"notin": ["A100 PCIE", "A100 SXM4"]}),
    asks("gpu_name=any num_gpus=1", gpu_name=ABSENT, num_gpus={"eq": 1}),
    wrong("verified", "filters", "wants comparisons"),
    wrong("gpu_name=RTX 4090", "filters", "underscores or quotes"),
    wrong("cheap", "filters", "wants comparisons"),
    wrong("num_gpus>=2 num_gpus>=4", "filters", "twice"),
    wrong("num_gpus=>2", "filters", "operators are"),
    wrong("gpu_ram>=24000", "filters.gpu_ram", "24000 (24)"),
    wrong("duration>=86400", "filters.duration", "86400 (1)"),
    wrong("order=dph_total", "filters.order", "order_by"),
    # as JSON text, and in other shapes
    still_asks('{"cpu_ram": {"gte": 64000}}', cpu_ram={"gte": 64000}),
    asks('{"dph": {"<=": 0.5}}', dph_total={"lte": 0.5}),
    asks({"num_gpus": 2}, num_gpus={"eq": 2}),
    asks({"geolocation": ["US", "CA"]}, geolocation={"in": ["US", "CA"]}),
    asks({"gpu_name": {"eq": ["4090", "3090"]}}, gpu_name={"in": ["RTX 4090", "RTX 3090"]}),
    asks(["num_gpus>=2", "reliability>0.98"], num_gpus={"gte": 2}, reliability={"gt": 0.98}),
    wrong("{cpu_ram: 64}", "filters", "as JSON"),
    wrong("min_gpu_ram_gb>=24", "filters.min_gpu_ram_gb", "an argument of its own"),
    # aliases of fields, texts of values
    asks({"reliability2": {"gte": "0.9"}}, reliability={"gte": 0.9}),
    asks({"gpu_ram_GB": {"gte": 24}}, gpu_ram={"gte": 24000}),
    asks({"driver_version": {"gte": "550"}}, driver_vers={"gte": 550000000}),
    asks({"verified": {"eq": "false"}}, verified={"eq": False}),
    asks({"num_gpus": {"eq": "2"}}, num_gpus={"eq": 2}),
    asks({"verification": {"eq": "unverified"}}, verified=ABSENT),
    wrong({"static_ip": {"eq": "maybe"}}, "filters.static_ip", "true or false"),
    wrong({"num_gpus": {"gte": "two"}}, "filters.num_gpus", "a number"),
    wrong({"dph": {"lt": 1}, "dph_total": {"lt": 2}}, "filters.dph_total", "given twice"),
    wrong({"vram": {"gte": 24}}, "filters.vram", "gpu_ram"),
    wrong({"region": {"eq": "EU"}}, "filters.region", "geolocation"),
    wrong({"gpu_nam": {"eq": "H200"}}, "filters.gpu_nam", "gpu_name"),
    wrong({"colour": {"eq": "red"}}, "filters.colour", "fields: ", "cpu_ram"),
    Case(
        "an alias, and its argument too",
        "search_offers",
        {"filters": "dph<0.5", "max_usd_per_hour": 1},
        refused("filters.dph", "max_usd_per_hour"),
    ),
    # names and places
    asks({"gpu_name": {"eq": "NVIDIA GeForce RTX 4090"}}, gpu_name={"eq": "RTX 4090"}),
    asks({"gpu_name": {"in": ["4090", "l40s"]}}, gpu_name={"in": ["RTX 4090", "L40S"]}),
    asks({"gpu_name": {"notin": ["4090"]}}, gpu_name={"neq": "RTX 4090"}),
    Case(
        "a memory in a name in filters",
        "search_offers",
        {"filters": "gpu_name=A100-80GB"},
        (
            first_searched(gpu_name={"in": ["A100 PCIE", "A100 SXM4"]}),
            answered(gpu_names_searched=["A100 PCIE 80GB", "A100 SXM4 80GB"]),
        ),
    ),
    wrong({"gpu_name": {"eq": "RTX 6000"}}, "filters.gpu_name", "several cards"),
    wrong({"gpu_name": {"eq": "RTX 9999"}}, "filters.gpu_name", "knows no such GPU"),
    wrong({"gpu_name": {"eq": "8xA100"}}, "filters.gpu_name", "num_gpus"),
    wrong({"gpu_name": {"notin": ["A100 40GB"]}}, "filters.gpu_name", "gpu_ram"),
    asks({"geolocation": {"eq": "germany"}}, geolocation={"eq": "DE"}),
    asks({"geolocation": {"notin": ["China", "Vietnam"]}}, geolocation={"notin": ["CN", "VN"]}),
    Case(
        "a region in filters",
        "search_offers",
        {"filters": "geolocation=Scandinavia"},
        (first_searched(geolocation={"in": ["DK", "NO", "SE"]}), warned("DK NO SE")),
    ),
    wrong({"geolocation": {"eq": "Germny"}}, "filters.geolocation", "nearest: Germany"),
    # values that cannot be meant, and their nearest
    meant("cpu_ram", 64, "64 GB is 64000"),
    least("cpu_ram", 1000),
    meant("gpu_ram", 24, "24 GB is 24000"),
    least("gpu_ram", 1000),
    meant("gpu_total_ram", 96, "96 GB is 96000"),
    meant("duration", 3, "3 hours is 10800, 3 days 259200"),
    least("duration", 3600),
    meant("duration", 1_789_311_600, "seconds"),
    meant("compute_cap", 8.0, "8 is 800"),
    meant("compute_cap", 86, "86 is 860"),
    meant("compute_cap", 12, "12 is 1200"),
    meant("compute_cap", 120, "120 is 1200"),
    least("compute_cap", 140),
    meant("reliability", 98, "probably 0.98"),
    meant("reliability", 99.5, "probably 0.995"),
    least("reliability", 1),
    meant("gpu_frac", 50, "probably 0.5"),
    meant("inet_down", 1, "1 Gbit/s is 1000"),
    meant("inet_up", 500_000_000, "probably 500"),
    least("inet_down", 10),
    meant("disk_space", 2, "2 TB is 2000"),
    meant("disk_space", 512_000, "probably 512"),
    least("disk_space", 8),
    meant("disk_bw", 3.5, "3.5 GB/s is 3500"),
    meant("gpu_mem_bw", 2, "2 TB/s is 2000"),
    least("gpu_mem_bw", 20),
    meant("inet_down_cost", 5, "probably 0.005"),
    least("inet_down_cost", 0.02),
    meant("cuda_max_good", 124, "probably 12.4"),
    meant("cuda_max_good", 12040, "probably 12.04"),
    least("cuda_max_good", 13.2),
    meant("driver_vers", 535, "535 is 535000000"),
    meant("cpu_ghz", 3500, "probably 3.5"),
    meant("num_gpus", -1, "0 to 1000"),
    wrong({"dph_total": {"lte": 0}}, "filters.dph_total", "nothing costs 0"),
    wrong({"cpu_ram": {"in": [32, 64]}}, "filters.cpu_ram", "32 GB is 32000"),
    still_asks({"num_gpus": {"gte": 0}}, num_gpus={"gte": 0}),
    still_asks({"ask_contract_id": {"eq": 20000001}}, ask_contract_id={"eq": 20000001}),
    still_asks({"machine_id": {"notin": [1, 2]}}, machine_id={"notin": [1, 2]}),
    still_asks({"hosting_type": {"eq": 1}}, hosting_type={"eq": 1}),
    wrong({"driver_version": {"gte": 550.120}}, "filters.driver_version", "text"),
    # what comes next
    Case(
        "a next step repeats the query string as a text",
        "search_offers",
        {"filters": "cpu_ram>=64", "gpu_name": "RTX 4090", "max_usd_per_hour": 0.01},
        _repeats_them,
    ),
]
