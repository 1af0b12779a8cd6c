"""The tools have one file each; the catalogue lists them in the order of a rental."""

from vast_mcp.toolspec import ToolSpec
from vast_mcp_tools import (
    attach_ssh_key,
    create_instance,
    create_ssh_key,
    destroy_instance,
    destroy_volume,
    manage_instance,
    recycle_instance,
    search_offers,
    search_templates,
    search_volumes,
    show_account,
    show_instance,
    show_instances,
    show_logs,
    show_ssh_keys,
    show_volumes,
    wait_for_instance,
)

CATALOGUE: tuple[ToolSpec, ...] = (
    # find
    search_offers.SPEC,
    search_templates.SPEC,
    search_volumes.SPEC,
    # rent and enter
    create_instance.SPEC,
    wait_for_instance.SPEC,
    # look
    show_instances.SPEC,
    show_instance.SPEC,
    show_logs.SPEC,
    show_account.SPEC,
    show_volumes.SPEC,
    show_ssh_keys.SPEC,
    # manage
    manage_instance.SPEC,
    recycle_instance.SPEC,
    destroy_instance.SPEC,
    destroy_volume.SPEC,
    # keys
    create_ssh_key.SPEC,
    attach_ssh_key.SPEC,
)
