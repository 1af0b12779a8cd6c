"""What SkyPilot's own code does with Vast: `by_skypilot.py JSON`, with a list of acts and what each
is to know; it prints the list of what they came to.

Runs in SkyPilot's environment, not in ours; the official SDK below it reads VAST_URL and
VAST_API_KEY.
"""

import json
import sys
from typing import Any

from sky.adaptors import vast
from sky.provision import common
from sky.provision.vast import instance, utils

instance.POLL_INTERVAL = 0.05


def search(wanted: dict[str, Any]) -> Any:
    """The offers of the query that its catalogue and its launch send."""
    return vast.vast().search_offers(query=wanted["query"], limit=wanted.get("limit"))


def run(wanted: dict[str, Any]) -> Any:
    """Bring a cluster of `count` machines up and wait until each has an SSH port."""
    record = instance.run_instances(
        wanted["region"],
        wanted["name"],
        wanted["name"],
        common.ProvisionConfig(
            provider_config={"create_instance_kwargs": wanted.get("more", {})},
            authentication_config={},
            docker_config={},
            node_config={
                "ImageId": "example/image",
                "InstanceType": wanted["type"],
                "DiskSize": wanted.get("disk", 20),
                "Preemptible": wanted.get("spot", False),
            },
            count=wanted.get("count", 1),
            tags={},
            resume_stopped_nodes=wanted.get("resume", True),
            ports_to_open_on_launch=None,
        ),
    )
    return {"made": record.created_instance_ids, "head": record.head_instance_id}


def info(wanted: dict[str, Any]) -> Any:
    """The addresses that SkyPilot would log in to."""
    cluster = instance.get_cluster_info("", wanted["name"])
    return {
        machine: [found[0].external_ip, found[0].ssh_port]
        for machine, found in cluster.instances.items()
    }


def states(wanted: dict[str, Any]) -> Any:
    """What SkyPilot takes each machine of a cluster for."""
    found = instance.query_instances("", wanted["name"], {}, non_terminated_only=False)
    return {machine: state.value for machine, (state, _why) in found.items()}


def stop(wanted: dict[str, Any]) -> Any:
    """Stop a cluster."""
    instance.stop_instances(wanted["name"])


def terminate(wanted: dict[str, Any]) -> Any:
    """Destroy a cluster."""
    instance.terminate_instances(wanted["name"])


def machines(_wanted: dict[str, Any]) -> Any:
    """Every machine of the account, as SkyPilot lists them."""
    return {machine: row["status"] for machine, row in utils.list_instances().items()}


ACTS = {act.__name__: act for act in (search, run, info, states, stop, terminate, machines)}

if __name__ == "__main__":
    came_to = [ACTS[act](wanted) for act, wanted in json.loads(sys.argv[1])]
    sys.stdout.write("\n" + json.dumps(came_to))
