"""The tools have one file each; the catalogue names them in the order of a rental."""

from vast_mcp.toolspec import Catalogue

CATALOGUE = Catalogue(
    __name__,
    (
        # find
        "search_offers",
        "search_templates",
        "search_volumes",
        # words to a machine
        "provision",
        # rent and enter
        "create_instance",
        "create_volume",
        "wait_for_instance",
        # work in it
        "run_command",
        "show_jobs",
        "copy_files",
        "copy_data",
        "check_machine",
        # look
        "show_instances",
        "show_instance",
        "show_logs",
        "show_account",
        "show_costs",
        "show_volumes",
        "show_ssh_keys",
        # manage
        "manage_instance",
        "recycle_instance",
        "update_instance",
        "destroy_instance",
        "manage_volume",
        "destroy_volume",
        # keys
        "create_ssh_key",
        "attach_ssh_key",
        "detach_ssh_key",
        "delete_ssh_key",
        # templates
        "create_template",
        "delete_template",
    ),
)
