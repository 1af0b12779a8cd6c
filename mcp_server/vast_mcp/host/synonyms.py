"""Other words for arguments: what people, other clouds and the official client call them.

A call with one is refused, naming the right argument of the tool that was called: to read a value
under another name would be a guess about money, and to point at the argument that is merely spelled
alike was worse (a price cap became a bid).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VOLUME_INFO = "volume_info"  # its parts are named as a tool's arguments are


@dataclass(frozen=True)
class Meaning:
    """What several words mean: for each tool its argument and a short how, or a sentence. Of
    several for one tool, the first whose argument the tool has. "*" is every other tool.
    """

    words: str
    right: Mapping[str, str | tuple[str, ...]]


_INSTANCE = "instance_id, from show_instances"
_ONE_MACHINE = dict.fromkeys(
    ("show_instance", "wait_for_instance", "show_logs", "manage_instance", "recycle_instance",
     "update_instance", "attach_ssh_key", "detach_ssh_key", "check_machine"), _INSTANCE
)  # fmt: skip
_MANY = {"destroy_instance": "instance_ids, a list, from show_instances"}
_IN_AN_OFFER = "search_offers finds an offer by that, with {}; offer_id has it"
_CAP = "max_usd_per_hour, the most that it may cost in $/h"
_BID = "price, a bid in $/h for the machine: makes it interruptible"
_NEW_BID = 'price, with action "change_bid"'
_ACTION = (
    "action: start, stop, reboot, label, change_bid, extend_lease, accept_price, reject_price or "
    "reserve"
)
_SSH = "create_ssh_key registers a key before renting; machines rented afterwards accept it"
_KEY = "key_id, from show_ssh_keys"
_ON_KEYS = ("attach_ssh_key", "detach_ssh_key", "delete_ssh_key")
_LEASE = "lease_hours, after which it is destroyed by itself"
_PORTS = 'env, as "-p 8000:8000"'
_ONSTART = "onstart, a script that runs at start"
_LAUNCHES = ("create_instance", "create_template", "update_instance")
_VOLUME = "volume_info, an object: create_new, volume_id, size, mount_path"
_RUN = "onstart is a script beside SSH; args_str replaces the image's command, without SSH"
_VOLUMES_ID = dict.fromkeys(("destroy_volume", "manage_volume"), "volume_id, from show_volumes")
_SIZE_GB = dict.fromkeys(("search_volumes", "create_volume"), "size_gb")

MEANINGS = (
    Meaning(
        "params parameters input inputs kwargs body payload request data tool_input tool_args "
        "properties",
        {"*": "what it holds are arguments of their own"},
    ),
    Meaning(
        "max_price max_dph max_dph_total price_limit limit_price budget max_budget hourly_budget "
        "max_cost cost_limit price_cap price_max max_hourly_price max_hourly_cost max_usd max_rate "
        "max_price_per_hour max_cost_per_hour max_hourly_rate ceiling price_ceiling spend_limit "
        "spending_limit max_spend max_hourly_usd usd_limit budget_usd budget_per_hour "
        "budget_usd_per_hour max_usd_hour max_usd_hr max_usd_per_hr upto_price price_up_to cap",
        {
            "search_offers": _CAP,
            "create_instance": _CAP,
            "create_volume": _CAP,
            "manage_instance": 'amount_usd, with action "reserve"; no action has a cap',
            "provision": "max_usd_per_hour, of each machine in $/h; budget_usd is for the search",
        },
    ),
    Meaning(
        "price_per_hour hourly_price hourly_rate usd_per_hour cost_per_hour cost rate dph "
        "dph_total dollars_per_hour price_usd hourly_cost",
        {
            "search_offers": f"{_CAP}; order_by sorts by it",
            "create_instance": "max_usd_per_hour caps what it costs; price would be a bid",
            "manage_instance": _NEW_BID,
        },
    ),
    Meaning(
        "price",
        {"search_offers": f"{_CAP}; what it costs stands in each offer"},
    ),
    Meaning(
        "bid bid_price bid_per_hour bid_usd bid_amount spot_price max_bid my_bid new_bid min_bid "
        "bid_usd_per_hour new_price",
        {
            "search_offers": 'type "bid"; max_usd_per_hour bounds the lowest bid',
            "create_instance": _BID,
            "manage_instance": _NEW_BID,
        },
    ),
    Meaning(
        "spot interruptible preemptible is_bid is_spot use_spot spot_instance bidding rental_type "
        "offer_type market pricing pricing_type instance_type rent_type type "
        "listing_type capacity_type purchase_type",
        {
            "search_offers": 'type: "on-demand", "bid" (interruptible) or "reserved"',
            "create_instance": f"{_BID}; without it, on demand",
        },
    ),
    Meaning(
        "on_demand is_on_demand",
        {
            "search_offers": 'type "on-demand", the default',
            "create_instance": "without price it is on demand",
        },
    ),
    Meaning(
        "ports port expose expose_ports exposed_ports port_mapping port_mappings open_ports "
        "publish publish_ports port_forwarding http_ports tcp_ports container_port docker_ports",
        {
            "wait_for_instance": 'until "port:N"',
            "search_offers": "min_direct_ports, how many an offer has at least",
            "create_instance": _PORTS,
        },
    ),
    Meaning(
        "direct_ports direct_port_count num_ports port_count min_ports static_ports",
        {"search_offers": "min_direct_ports", "create_instance": _PORTS},
    ),
    Meaning(
        "region regions country countries country_code location locations place area continent "
        "zone geo data_center_id datacenter_location availability_zone where_is",
        {
            "search_offers": "geolocation",
            "create_instance": _IN_AN_OFFER.format("geolocation"),
        },
    ),
    Meaning(
        "gpu gpu_type gpu_types gpu_model gpu_names gpu_kind card cards accelerator accelerators "
        "model graphics_card gpu_name gpu_id gpu_type_id device",
        {
            "search_offers": "gpu_name",
            "create_instance": _IN_AN_OFFER.format("gpu_name"),
        },
    ),
    Meaning(
        "gpu_count count gpus n_gpus num_gpu number_of_gpus gpu_num gpu_number gpu_quantity "
        "quantity num_gpus min_gpus gpus_per_node accelerator_count amount ngpu min_num_gpus",
        {
            "search_offers": "num_gpus",
            "manage_instance": 'amount_usd, with action "reserve"',
            "create_instance": f"{_IN_AN_OFFER.format('num_gpus')}; one call rents one machine",
        },
    ),
    Meaning(
        "ssh_key ssh_keys ssh_public_key pubkey authorized_key authorized_keys "
        "ssh_key_name ssh_key_ids ssh_pub_key key_pair key_name ssh_key_path public_keys",
        {
            "create_instance": _SSH,
            "create_ssh_key": "public_key, its text or a *.pub file",
            **dict.fromkeys(_ON_KEYS, _KEY),
        },
    ),
    Meaning(
        "public_key ssh_key_id key",
        {
            "create_instance": _SSH,
            "create_ssh_key": "public_key, its text or a *.pub file",
            **dict.fromkeys(_ON_KEYS, _KEY),
            "attach_ssh_key": f"{_KEY}; create_ssh_key registers a new one",
        },
    ),
    Meaning(
        "startup_script start_script on_start on_start_script onstart_cmd startup "
        "startup_command init_script user_data script setup_script setup boot_script init "
        "cloud_init post_start provisioning_script bash_script start_cmd",
        dict.fromkeys(_LAUNCHES, _ONSTART),
    ),
    Meaning(
        "command commands cmd entrypoint entrypoint_args run docker_command "
        "start_command docker_start_cmd run_command exec arguments container_command docker_cmd",
        {
            "create_instance": _RUN,
            "manage_instance": _ACTION,
        },
    ),
    Meaning(
        "docker_options docker_args docker_run_args docker_flags run_options extra extra_options "
        "docker_run_options container_options options flags",
        {
            "create_instance": "env takes Docker flags: -e, -p, -h, -v, -n",
            "search_offers": "filters",
        },
    ),
    Meaning(
        "storage storage_gb disk_gb disk_space disk_size disk_size_gb disk_space_gb container_disk "
        "container_disk_gb container_disk_in_gb hdd ssd space space_gb min_disk min_storage "
        "min_disk_space allocated_storage disk storage_size root_disk volume_in_gb",
        {
            "search_offers": "min_disk_gb",
            "create_instance": "disk, GB",
            **_SIZE_GB,
            VOLUME_INFO: "size, GB of a new volume",
        },
    ),
    Meaning(
        "size size_gb volume_size volume_size_gb volume_gb size_in_gb gb",
        {
            "search_offers": "min_disk_gb",
            "create_instance": "disk, GB; volume_info has the size of a volume",
            **_SIZE_GB,
            VOLUME_INFO: "size, GB of a new volume",
        },
    ),
    Meaning(
        "machine_id machine machine_ids host_machine_id",
        {
            "search_offers": 'filters, as {"machine_id": {"eq": 5}}',
            "create_instance": "offer_id, from search_offers: a machine_id is a host's machine, "
            "which has several offers; filters finds them",
            **dict.fromkeys(_ONE_MACHINE, f"{_INSTANCE}: a machine_id is a host's machine"),
            "destroy_instance": "instance_ids, from show_instances: a machine_id is a host's "
            "machine",
            "show_instances": "show_instance shows one, by instance_id",
        },
    ),
    Meaning(
        "id ids contract_id contract contract_ids new_contract instance instances instance_id "
        "instance_ids vm_id pod_id server_id rental_id box_id container_id node_id vast_id",
        {
            **_ONE_MACHINE,
            **_MANY,
            **_VOLUMES_ID,
            "create_template": "from_instance_id, from show_instances",
            "delete_template": "template_hash_id, from search_templates",
            **dict.fromkeys(_ON_KEYS[2:], _KEY),
            "create_instance": "offer_id, from search_offers; an instance_id is what renting gives",
            "search_offers": 'filters, as {"ask_contract_id": {"eq": 5}}, has one offer by its id',
            "search_volumes": "offer_id or machine_id",
            "show_instances": "show_instance shows one, by instance_id",
            VOLUME_INFO: "volume_id",
        },
    ),
    Meaning(
        "offer offers offer_id offer_ids ask ask_id ask_contract_id bundle_id listing_id",
        {
            "create_instance": "offer_id, from search_offers",
            "search_offers": 'filters, as {"ask_contract_id": {"eq": 5}}, has one offer by its id',
            "search_volumes": "offer_id",
            "create_volume": "volume_offer_id, from search_volumes",
            VOLUME_INFO: "volume_id: with create_new, the volume offer's from search_volumes",
            **dict.fromkeys(_ONE_MACHINE, f"{_INSTANCE}: an offer's id is another"),
            "destroy_instance": "instance_ids, from show_instances: an offer's id is another",
        },
    ),
    Meaning(
        "volume volumes volume_ids volume_mount volume_mounts mounts network_volume "
        "network_volume_id attach_volume link_volume create_volume persistent_volume",
        {"create_instance": _VOLUME, **_VOLUMES_ID, VOLUME_INFO: "volume_id"},
    ),
    Meaning(
        "clone_of clone source_volume source_volume_id src_id copy_of from_volume",
        {"create_volume": "clone_of, the volume that is copied"},
    ),
    Meaning(
        "volume_offer_id volume_offer room room_id dst_id",
        {
            "create_volume": "volume_offer_id, from search_volumes",
            VOLUME_INFO: "volume_id: with create_new, the volume offer's from search_volumes",
        },
    ),
    Meaning(
        "volume_id mount mount_path mountpoint volume_mount_path volume_path path "
        "mount_dir mount_to target",
        {
            "create_instance": _VOLUME,
            VOLUME_INFO: "mount_path, e.g. /workspace",
            **_VOLUMES_ID,
        },
    ),
    Meaning("create new is_new make", {VOLUME_INFO: "create_new"}),
    Meaning(
        "name names tag tags title instance_name display_name label_name machine_name new_label "
        "hostname alias new_name description nickname",
        {
            "create_instance": "label",
            "create_template": "name",
            "create_volume": "name",
            "manage_instance": 'label, with action "label"',
            "show_instances": "label",
            "search_templates": "words",
            "search_offers": "gpu_name, the card's",
        },
    ),
    Meaning(
        "hours duration duration_hours ttl ttl_hours auto_destroy auto_terminate auto_stop "
        "max_hours max_duration max_runtime lifetime expires_in expires_at expiry end_after "
        "end_date lease destroy_after terminate_after time_limit rental_hours rental_duration "
        "runtime_hours rent_hours auto_shutdown stop_after days until_time max_lifetime "
        "rental_period",
        {
            "search_offers": "min_hours, until the host may take it back",
            "create_instance": _LEASE,
            "provision": _LEASE,
            "create_volume": "lease_hours, after which it is deleted with its data",
            "manage_volume": "lease_hours, from now; 0: never",
            "show_costs": 'period, days back as "30", or a month as "2026-10"',
            "manage_instance": 'lease_hours, with action "extend_lease"',
            "wait_for_instance": "timeout_s, seconds",
        },
    ),
    Meaning(
        "runtime",
        {
            "search_offers": "min_hours, until the host may take it back",
            "create_instance": "lease_hours says how long it lives; runtype is the launch mode",
            "provision": "lease_hours says how long it lives; runtype is the launch mode",
        },
    ),
    Meaning(
        "template template_id template_hash template_name template_uuid hash_id hash tmpl "
        "template_hash_ids recipe",
        {
            "create_instance": "template_hash_id, from search_templates",
            "update_instance": "template_hash_id, from search_templates",
            "delete_template": "template_hash_id, from search_templates",
            "create_template": "template_hash_id, of your own: edits it",
            "search_templates": "words",
        },
    ),
    Meaning(
        "docker_image image_name container_image container docker base_image image_uuid os_image "
        "image_url docker_image_name image_tag image_path img image_id docker_tag os image",
        {**dict.fromkeys(_LAUNCHES, "image"), "search_templates": "words"},
    ),
    Meaning(
        "environment env_vars envs env_var environment_variables variables vars extra_env env_dict "
        "environment_vars env_variables docker_env",
        dict.fromkeys(_LAUNCHES, "env"),
    ),
    Meaning(
        "secrets secret env_secrets secret_names hf_token",
        dict.fromkeys(_LAUNCHES, "env_from, names of values that the person keeps; env for others"),
    ),
    Meaning(
        "cuda cuda_version cuda_max_good min_cuda_version cuda_vers driver_cuda",
        {"search_offers": "min_cuda"},
    ),
    Meaning(
        "vram vram_gb min_vram min_vram_gb gpu_memory gpu_memory_gb gpu_mem gpu_ram gpu_ram_gb "
        "min_gpu_ram min_gpu_memory min_gpu_memory_gb gpu_vram memory_per_gpu vram_min gpu_mem_gb",
        {"search_offers": "min_gpu_ram_gb, GB per GPU"},
    ),
    Meaning(
        "ram ram_gb cpu_ram memory memory_gb min_ram min_ram_gb min_memory cpu_memory system_ram "
        "min_cpu_ram cpu_ram_gb system_memory mem",
        {
            "search_offers": (
                "min_cpu_ram_gb; min_gpu_ram_gb is the GPU's",
                'filters, as {"cpu_ram": {"gte": 64000}} in MB; min_gpu_ram_gb is the GPU\'s',
            ),
            "create_instance": _IN_AN_OFFER.format("filters"),
        },
    ),
    Meaning(
        "cpu cpus cpu_cores vcpus vcpu_count cores min_cpus min_vcpus cpu_count num_cpus min_cores",
        {"search_offers": 'filters, as {"cpu_cores_effective": {"gte": 16}}'},
    ),
    Meaning(
        "reliability reliability2 uptime min_uptime reliability_score min_reliability2 sla",
        {"search_offers": "min_reliability, 0 to 1"},
    ),
    Meaning(
        "verified only_verified verification verified_only unverified include_unverified rentable "
        "external rented secure static_ip cpu_arch arch disk_bw dlperf",
        {"search_offers": "filters; verified and rentable are true without it"},
    ),
    Meaning(
        "sort sort_by sorting order sort_order ordering order_direction rank_by",
        {"search_offers": "order_by"},
    ),
    Meaning(
        "max_results results num_results n_results top top_k page_size per_page n max_offers "
        "result_count results_limit max_count show",
        {"search_offers": "limit", "search_templates": "limit", "show_logs": "tail, last lines"},
    ),
    Meaning(
        "lines num_lines tail_lines max_lines last n_lines limit",
        {"show_logs": "tail, last lines"},
    ),
    Meaning(
        "query q search where criteria search_query filter conditions constraints filter_by",
        {
            "search_offers": "filters",
            "search_templates": "words",
            "show_logs": "filter, only lines with this",
            "show_instances": "label or state",
        },
    ),
    Meaning(
        "keyword keywords text word term search_term contains",
        {"search_templates": "words", "show_logs": "filter", "show_instances": "label"},
    ),
    Meaning(
        "grep pattern regex match",
        {"show_logs": "filter, only lines with this", "wait_for_instance": 'until "log:TEXT"'},
    ),
    Meaning(
        "daemon_logs daemon_log host_log host_logs system_logs",
        {"show_logs": "daemon true: the host's log"},
    ),
    Meaning(
        "bandwidth internet_speed download_speed inet_down min_inet_down min_download "
        "min_bandwidth network_speed down_mbps download min_down inet_down_mbps",
        {
            "search_offers": (
                "min_inet_down_mbps",
                'filters, as {"inet_down": {"gte": 500}} in Mb/s',
            )
        },
    ),
    Meaning(
        "upload_speed inet_up min_inet_up min_upload up_mbps upload",
        {"search_offers": 'filters, as {"inet_up": {"gte": 500}} in Mb/s'},
    ),
    Meaning(
        "traffic_price max_traffic_price bandwidth_cost inet_cost internet_cost usd_per_tb "
        "max_bandwidth_cost inet_down_cost inet_up_cost traffic_cost",
        {"search_offers": ("max_usd_per_tb, of traffic", 'filters, as {"inet_down_cost": …}')},
    ),
    Meaning(
        "compute_cap compute_capability sm_version sm cuda_capability min_compute_capability",
        {"search_offers": ("min_compute_cap", 'filters, as {"compute_cap": {"gte": 800}}')},
    ),
    Meaning(
        "exclude exclude_machines exclude_machine exclude_machine_id exclude_hosts avoid "
        "avoid_machines blacklist blocklist not_machines skip_machines exclude_ids",
        {
            "search_offers": (
                "exclude_machine_ids",
                'filters, as {"machine_id": {"notin": [5]}}',
            )
        },
    ),
    Meaning(
        "exclude_failed skip_failed without_failed not_failed avoid_failed no_failed failed "
        "exclude_bad skip_bad known_bad known_good worked only_worked worked_before history "
        "machine_history host_memory host_history rented_before previously_rented "
        "failed_before exclude_failed_machines only_good_machines",
        {"search_offers": 'before: "not_failed" or "worked", of machines rented here before'},
    ),
    Meaning(
        "datacenter secure_cloud dc datacenters only_datacenter datacentre",
        {"search_offers": "datacenter_only true"},
    ),
    Meaning(
        "is_vm virtual_machine kvm vms_enabled use_vm vm_only",
        {"search_offers": "vm true: machines that run VMs", "create_instance": "vm"},
    ),
    Meaning(
        "timeout timeout_seconds wait wait_seconds wait_time max_wait seconds timeout_ms "
        "max_seconds wait_s poll_timeout timeout_sec max_wait_seconds max_wait_s",
        {"wait_for_instance": "timeout_s, seconds"},
    ),
    Meaning(
        "log_line log_text log_pattern wait_for_log log_contains",
        {"wait_for_instance": 'until "log:TEXT"', "show_logs": "filter"},
    ),
    Meaning(
        "status state condition wait_for target_status desired_state statuses actual_status",
        {
            "wait_for_instance": "until",
            "show_instances": "state",
            "manage_instance": 'action, e.g. "start" or "stop"',
            "create_instance": "target_state",
        },
    ),
    Meaning(
        "action operation op verb do act",
        {"manage_instance": _ACTION},
    ),
    Meaning("start", {"manage_instance": 'action "start"'}),
    Meaning("stop pause", {"manage_instance": 'action "stop"'}),
    Meaning("reboot restart", {"manage_instance": 'action "reboot"'}),
    Meaning(
        "accept accept_increase accept_price_increase accept_rise agree",
        {"manage_instance": 'action "accept_price"'},
    ),
    Meaning(
        "reject decline reject_increase reject_price_increase reject_rise",
        {"manage_instance": 'action "reject_price"'},
    ),
    Meaning(
        "reserve prepay prepay_amount prepay_usd deposit deposit_usd pay_ahead usd dollars credit",
        {"manage_instance": 'amount_usd, with action "reserve"'},
    ),
    Meaning("extend extend_hours extend_by", {"manage_instance": "lease_hours, from now"}),
    Meaning(
        "registry_auth docker_login registry_login login registry registry_credentials docker_auth "
        "container_registry_auth container_registry_auth_id login_string docker_credentials",
        {
            **dict.fromkeys(_LAUNCHES, "image_login, as -u USER -p TOKEN REGISTRY"),
            "create_template": "none of it is kept: create_instance takes image_login",
        },
    ),
    Meaning(
        "launch_mode run_type mode launch_type runtype_mode ssh use_ssh ssh_direct direct "
        "connection_type jupyter use_jupyter start_ssh start_jupyter access",
        dict.fromkeys(
            ("create_instance", "create_template"),
            "runtype: ssh, ssh_direct, jupyter, jupyter_direct, args …",
        ),
    ),
    Meaning("jupyter_lab lab", {"create_instance": "use_jupyter_lab"}),
    Meaning(
        "jupyter_token show_token token reveal_token",
        {
            "show_instance": "show_jupyter_token true",
            "wait_for_instance": "show_jupyter_token true",
        },
    ),
    Meaning(
        "preview simulate check_only validate_only test test_only estimate estimate_only what_if",
        {"create_instance": "dry_run true"},
    ),
    Meaning(
        "idempotency_key request_id idempotency client_token idempotent_key",
        {"create_instance": "request_key"},
    ),
    Meaning(
        "until ready ready_if wait_until ready_check",
        {"provision": "ready_when, as until of wait_for_instance"},
    ),
    Meaning(
        "machines num_machines machine_count num_instances instance_count how_many replicas",
        {"provision": "count, of machines; num_gpus is of each"},
    ),
    Meaning(
        "max_total total_budget max_total_price max_total_usd max_total_cost",
        {"provision": "budget_usd, for the search; max_total_usd_per_hour is for all machines"},
    ),
    Meaning("allow_fewer partial allow_partial", {"provision": "as_many, true: fewer will do"}),
    Meaning("plan plan_id plan_name", {"provision": "request_key, which follows a plan alone"}),
    Meaning("abort cancel_plan", {"provision": "cancel, true, with the plan's request_key"}),
    Meaning(
        "retries max_retries tries max_tries attempts num_attempts",
        {"provision": "max_attempts, machines that are tried at most"},
    ),
    Meaning(
        "give_up_after give_up_minutes max_minutes start_timeout timeout_minutes",
        {"provision": "give_up_after_minutes, of each machine"},
    ),
    Meaning(
        "min_disk_gb",
        {"provision": "disk, in GB: what is searched for is what is rented"},
    ),
    Meaning(
        "min_reliability min_compute_cap min_cpu_ram_gb min_inet_down_mbps max_usd_per_tb "
        "datacenter_only",
        {"provision": 'filters, as "reliability>=0.98 inet_down>=500 cpu_ram>=64"'},
    ),
    Meaning(
        "src from source_path src_path from_path copy_from",
        {"copy_data": "source, a place as 7:/PATH", "copy_files": "local or remote"},
    ),
    Meaning(
        "dst dest to destination_path dst_path dest_path target_path copy_to",
        {"copy_data": "destination, a place as 7:/PATH", "copy_files": "local or remote"},
    ),
    Meaning(
        "from_instance save_from base_instance source_instance",
        {"create_template": "from_instance_id, from show_instances"},
    ),
    Meaning("username docker_user run_as uid", {"create_instance": "user, of Docker"}),
    Meaning(
        "day month months week weeks range date_range time_range timeframe time_period lookback "
        "lookback_days since since_date start_date from_date",
        {"show_costs": 'period, days back as "30", or a month as "2026-10"'},
    ),
)
