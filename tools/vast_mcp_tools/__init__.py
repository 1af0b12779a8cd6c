"""The counter: one file a tool, and the catalogue of them, in the order of a rental."""

from vast_mcp.toolspec import ToolSpec
from vast_mcp_tools import create_instance, create_ssh_key, destroy_instance, search_offers, show_instances

CATALOGUE: tuple[ToolSpec, ...] = (
    search_offers.SPEC,
    create_instance.SPEC,
    show_instances.SPEC,
    destroy_instance.SPEC,
    create_ssh_key.SPEC,
)
