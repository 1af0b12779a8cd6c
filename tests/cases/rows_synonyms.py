"""Another word for an argument or a tool is refused, naming the right one; a hint by spelling never
leads to what costs.
"""

from __future__ import annotations

from case import Case, Legal, Want, answered, refused, rented, renting
from rows_absence import on_a_machine

# The tool, the name, what the refusal must say, and what it must not.
SAID: list[tuple[str, str, str, str]] = [
    # A cap is no bid.
    ("create_instance", "max_price", "max_usd_per_hour", "it is price"),
    ("create_instance", "price_limit", "max_usd_per_hour", "it is price"),
    ("create_instance", "budget", "max_usd_per_hour", "it is price"),
    ("create_instance", "maxPrice", "max_usd_per_hour", "it is price"),
    ("create_instance", "price_per_hour", "max_usd_per_hour caps", "nearest"),
    ("search_offers", "max_price", "max_usd_per_hour", "nearest"),
    ("search_offers", "dph_total", "max_usd_per_hour", "nearest"),
    ("search_offers", "price", "max_usd_per_hour", "nearest"),
    # A bid is one.
    ("create_instance", "bid", "price, a bid in $/h", "nearest"),
    ("create_instance", "bid_price", "makes it interruptible", "nearest"),
    ("create_instance", "interruptible", "price, a bid", "nearest"),
    ("create_instance", "spot", "price, a bid", "nearest"),
    ("create_instance", "on_demand", "without price", "nearest"),
    ("search_offers", "bid", 'type "bid"', "nearest"),
    ("search_offers", "interruptible", '"bid"', "nearest"),
    ("manage_instance", "bid", 'price, with action "change_bid"', "nearest"),
    # What the newer tools have.
    ("manage_instance", "prepay", 'amount_usd, with action "reserve"', "nearest"),
    ("manage_instance", "accept_increase", 'action "accept_price"', "nearest"),
    ("manage_instance", "budget_usd", "no action has a cap", "nearest"),
    ("create_volume", "max_price", "max_usd_per_hour", "nearest"),
    ("create_volume", "ttl_hours", "lease_hours", "nearest"),
    ("create_template", "instance_id", "from_instance_id", "nearest"),
    ("create_template", "docker_login", "none of it is kept", "nearest"),
    ("update_instance", "docker_image", "image", "nearest"),
    ("copy_data", "src", "source, a place", "nearest"),
    ("show_costs", "days", "period", "nearest"),
    # What became of a machine before.
    ("search_offers", "exclude_failed", 'before: "not_failed"', "nearest"),
    ("search_offers", "known_good", '"worked"', "nearest"),
    ("search_offers", "history_of_machine", "not an argument", "offer_id"),
    # Ids.
    ("create_instance", "id", "offer_id", "nearest"),
    ("create_instance", "ask_id", "offer_id, from search_offers", "nearest"),
    ("create_instance", "machine_id", "a machine_id is a host's machine", "nearest"),
    ("create_instance", "contract_id", "offer_id", "nearest"),
    ("create_instance", "offerId", "it is written offer_id", ""),
    ("show_instance", "machine_id", "instance_id", "nearest"),
    ("show_instance", "offer_id", "an offer's id is another", "nearest"),
    ("destroy_instance", "id", "instance_ids", "not_ours,"),
    ("destroy_instance", "instanceIds", "it is written instance_ids", ""),
    ("destroy_volume", "id", "volume_id", "nearest"),
    ("wait_for_instance", "instance", "instance_id", "nearest"),
    ("search_offers", "machine_id", "filters", "nearest"),
    # The offer's.
    ("search_offers", "gpu", "gpu_name", ""),
    ("search_offers", "gpuType", "gpu_name", "nearest"),
    ("search_offers", "gpu-name", "it is written gpu_name", ""),
    ("search_offers", "gpu_count", "num_gpus", "nearest"),
    ("search_offers", "count", "num_gpus", "nearest"),
    ("search_offers", "vram", "min_gpu_ram_gb", "nearest"),
    ("search_offers", "gpu_memory", "min_gpu_ram_gb", "nearest"),
    ("search_offers", "region", "geolocation", "nearest"),
    ("search_offers", "countryCode", "geolocation", "nearest"),
    ("search_offers", "storage", "min_disk_gb", "nearest"),
    ("search_offers", "ports", "min_direct_ports", "nearest"),
    ("search_offers", "hours", "min_hours", "nearest"),
    ("search_offers", "cuda_version", "min_cuda", "nearest"),
    ("search_offers", "reliability", "min_reliability", "nearest"),
    ("search_offers", "sort_by", "order_by", "nearest"),
    ("search_offers", "max_results", "limit", "nearest"),
    ("search_offers", "query", "filters", "nearest"),
    ("create_instance", "region", "search_offers", "nearest"),
    ("create_instance", "gpu_name", "search_offers", "nearest"),
    ("create_instance", "num_gpus", "one call rents one machine", "nearest"),
    # The machine's.
    ("create_instance", "ports", '"-p 8000:8000"', "nearest"),
    ("create_instance", "ssh_key", "create_ssh_key", "nearest"),
    ("create_instance", "public_key", "create_ssh_key", "nearest"),
    ("create_instance", "startup_script", "onstart", "nearest"),
    ("create_instance", "command", "args_str", "nearest"),
    ("create_instance", "entrypoint", "args_str", "nearest"),
    ("create_instance", "docker_image", "it is image", "nearest"),
    ("create_instance", "diskSize", "it is disk", "nearest"),
    ("create_instance", "name", "it is label", "nearest"),
    ("create_instance", "duration", "lease_hours", "nearest"),
    ("create_instance", "auto_destroy", "lease_hours", "nearest"),
    ("create_instance", "template_id", "template_hash_id", "nearest"),
    ("create_instance", "env_vars", "it is env", "nearest"),
    ("create_instance", "environment", "it is env", "nearest"),
    ("create_instance", "volume_id", "volume_info", "nearest"),
    ("create_instance", "idempotency_key", "request_key", "nearest"),
    ("create_ssh_key", "ssh_key", "public_key", "nearest"),
    ("attach_ssh_key", "ssh_key", "key_id", "nearest"),
    ("manage_instance", "name", 'label, with action "label"', "nearest"),
    ("manage_instance", "ttl", "lease_hours", "nearest"),
    ("manage_instance", "state", "action", "nearest"),
    ("show_logs", "lines", "tail", "nearest"),
    ("show_logs", "grep", "filter", "nearest"),
    ("show_instances", "status", "state", "nearest"),
    ("wait_for_instance", "timeout", "timeout_s", "nearest"),
    ("search_templates", "query", "words", "nearest"),
    ("search_volumes", "size", "size_gb", "nearest"),
    # What resembles nothing, or what costs, has no hint.
    ("create_instance", "prise", "known: offer_id", "nearest"),
    ("create_instance", "fource", "known: offer_id", "nearest"),
    ("create_instance", "cancel_unavial", "known: offer_id", "nearest"),
    ("destroy_instance", "not_your", "known: instance_ids", "nearest"),
    ("search_offers", "min_usd_per_hour", "known: gpu_name", "nearest"),
    ("search_offers", "max_gpu_ram_gb", "known: gpu_name", "nearest"),
    ("show_account", "currency", "it takes no arguments", "nearest"),
]
SAID_BEFORE = [
    ("create_instance", "max_dph", "max_usd_per_hour"),
    ("create_instance", "max-price-per-hour", "max_usd_per_hour"),
    ("destroy_instance", "instance_id", "instance_ids"),
    ("create_instance", "imgae", "the nearest is image"),
    ("create_instance", "lable", "the nearest is label"),
    ("search_offers", "geolocaton", "the nearest is geolocation"),
]


def named(field: str, says: str, never: str = "") -> tuple[Want, ...]:
    """Refused with these words, and not merely with a list of what there is."""
    wants = (refused(field, says, never=never), refused(field, never="planted-value"))
    if says.startswith(("known", "it takes no")):
        return wants
    return (*wants, refused(field, never="; known:"))


ROWS: list[Case] = [
    *[
        Case(name, tool, {name: "planted-value"}, named(name, says, never))
        for tool, name, says, never in SAID
    ],
    *[
        Legal(name, tool, {name: "planted-value"}, refused(name, says))
        for tool, name, says in SAID_BEFORE
    ],
    *[
        Legal(
            f"volume_info.{name}",
            "create_instance",
            renting(volume_info={"volume_id": 7, name: "/data"}),
            named(f"volume_info.{name}", says),
        )
        for name, says in [("path", "mount_path"), ("mountPath", "mount_path"), ("size_gb", "size")]
    ],
    *[
        Case(name, name, {}, refused(None, says, code="unknown_tool", never="nearest"))
        for name, says in [
            ("rent_gpu", "create_instance does that"),
            ("launch_instance", "create_instance does that"),
            ("list_instances", "show_instances does that"),
            ("get_instance", "show_instance does that"),
            ("stop_instance", "manage_instance does that, with action stop"),
            ("delete_instance", "destroy_instance does that"),
            ("terminate_instance", "destroy_instance does that"),
            ("recreate_instance", "recycle_instance does that"),
            ("get_balance", "show_account does that"),
            ("list_gpus", "search_offers does that"),
            ("instance_logs", "show_logs does that"),
            ("mcp__vast__show_logs", "it is called show_logs"),
            ("searchOffers", "it is called search_offers"),
            ("execute_command", "run_command does that"),
            ("execute_query", "There is no such tool. Tools:"),
            ("transfer_instance", "There is no such tool. Tools:"),
        ]
    ],
    Legal("an argument by its name", "create_instance", renting(max_usd_per_hour=100), rented()),
    Legal("a machine by its id", "show_instance", on_a_machine(), answered()),
]
