"""What dstack's own code does with Vast: `by_dstack.py JSON`, with a list of acts and what each is
to know; it prints the list of what they came to.

Runs in dstack's environment, not in ours. dstack has no setting for Vast's address, so the two
places that hold it are pointed at the sandbox; nothing else of it is touched.
"""

import json
import os
import sys
from typing import Any

import gpuhunt.providers.vastai as catalogue
import httpx
from dstack._internal.core.backends.vastai import compute
from dstack._internal.core.backends.vastai.api_client import (
    VastAICreateInstanceError,
    VastAIRateLimitError,
)
from dstack._internal.core.backends.vastai.models import VastAIConfig
from dstack._internal.core.models.resources import ResourcesSpec
from dstack._internal.core.models.runs import JobProvisioningData, Requirements


def compute_at(url: str, key: str) -> compute.VastAICompute:
    """dstack's Vast backend, at another address."""
    creds = {"type": "api_key", "api_key": key}
    backend = compute.VastAICompute(VastAIConfig(type="vastai", creds=creds))
    backend.api_client.s = httpx.Client(
        base_url=f"{url}/api/", headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    catalogue.bundles_url = f"{url}/api/v0/bundles/"
    return backend


def offers(backend: compute.VastAICompute, wanted: dict[str, Any]) -> Any:
    """The offers that dstack finds for resources in its own words."""
    requirements = Requirements(resources=ResourcesSpec.model_validate(wanted))
    found = backend.get_offers_by_requirements(requirements, True, False)
    return [
        {
            "id": int(offer.instance.name),
            "price": offer.price,
            "spot": offer.instance.resources.spot,
            "gpus": [gpu.name for gpu in offer.instance.resources.gpus],
            "backend_data": offer.backend_data,
        }
        for offer in found
    ]


def create(backend: compute.VastAICompute, wanted: dict[str, Any]) -> Any:
    """Rent, as its run_job does: the id, or the id of what was made and refused."""
    try:
        return {"id": backend.api_client.create_instance(**wanted)}
    except VastAICreateInstanceError as error:
        return {"refused": True, "made": error.created_instance_id}


def destroy(backend: compute.VastAICompute, wanted: dict[str, Any]) -> Any:
    """Destroy; dstack takes a machine that is gone for destroyed."""
    try:
        backend.terminate_instance(str(wanted["id"]), "")
    except VastAIRateLimitError:
        return {"limited": True}
    return {"done": True}


def update(backend: compute.VastAICompute, wanted: dict[str, Any]) -> Any:
    """Where dstack would log in by now; the error by which it gives a machine up."""
    data = JobProvisioningData.model_validate(
        {
            "backend": "vastai",
            "instance_type": {
                "name": "1",
                "resources": {"cpus": 1, "memory_mib": 1, "gpus": [], "spot": False},
            },
            "instance_id": str(wanted["id"]),
            "region": "",
            "price": 1.0,
            "username": "root",
            "dockerized": False,
        }
    )
    try:
        backend.update_provisioning_data(data, "", "")
    except compute.ProvisioningError as error:
        return {"gave_up": str(error)}
    return {"host": data.hostname, "port": data.ssh_port}


def may_enter(backend: compute.VastAICompute, wanted: dict[str, Any]) -> Any:
    """Whether dstack takes a key for a good one."""
    backend.api_client.s.headers["Authorization"] = f"Bearer {wanted['key']}"
    return backend.api_client.auth_test()


ACTS = {act.__name__: act for act in (offers, create, destroy, update, may_enter)}

if __name__ == "__main__":
    here = compute_at(os.environ["VAST_URL"], os.environ["VAST_API_KEY"])
    came_to = [ACTS[act](here, wanted) for act, wanted in json.loads(sys.argv[1])]
    sys.stdout.write(json.dumps(came_to))
