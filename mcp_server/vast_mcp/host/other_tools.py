"""Other names for tools: what other clouds, the official client and its REST API call them.

Where no tool does what is meant, that is said too.
"""

from __future__ import annotations

_ACT = "manage_instance does that, with action {}"

OTHER_TOOLS = {
    "rent rent_gpu rent_machine rent_instance rent_offer launch launch_instance launch_gpu "
    "provision_instance provision_gpu deploy deploy_instance create_pod create_machine "
    "create_vm create_server create_gpu new_instance start_new_instance run_instance run_instances "
    "create_rental accept_offer spin_up": "create_instance does that, by offer_id",
    "list_instances get_instances list_machines show_machines list_pods list_rentals my_instances "
    "ls_instances list_vms describe_instances list_servers instances": "show_instances does that",
    "get_instance instance_status get_instance_status show_machine describe_instance get_machine "
    "instance_info get_instance_info instance_details check_instance get_pod ssh_url scp_url "
    "get_ssh_command get_ssh_url": "show_instance does that",
    "stop_instance stop stop_machine pause_instance stop_pod halt_instance shutdown_instance "
    "stop_instances": _ACT.format("stop"),
    "start_instance start start_machine resume_instance start_pod unpause_instance "
    "start_instances": _ACT.format("start"),
    "reboot_instance restart_instance reboot restart restart_machine": _ACT.format("reboot"),
    "label_instance rename_instance set_label tag_instance": _ACT.format("label"),
    "change_bid update_bid set_bid change_price bid": _ACT.format("change_bid"),
    "extend_lease extend_instance prolong_instance renew_lease extend_rental": _ACT.format(
        "extend_lease"
    ),
    "accept_price_increase accept_increase accept_new_price": _ACT.format("accept_price"),
    "reject_price_increase reject_increase decline_price_increase": _ACT.format("reject_price"),
    "prepay prepay_instance reserve_instance pay_ahead": _ACT.format("reserve"),
    "modify_instance edit_instance control_instance": "manage_instance does that",
    "delete_instance terminate_instance kill_instance remove_instance destroy_instances destroy "
    "delete_instances terminate destroy_machine delete_machine delete_pod terminate_pod destroy_vm "
    "cancel_instance end_instance end_rental release_instance": "destroy_instance does that",
    "recreate_instance reset_instance recycle rebuild_instance reinstall_instance "
    "reimage_instance": "recycle_instance does that; what is on the disk is lost",
    "search search_gpus find_gpus list_gpus list_offers find_offers get_offers search_machines "
    "search_instances find_instances browse_offers list_gpu_offers search_gpu_offers gpus "
    "search_asks list_available_gpus show_offers offers search_bundles": "search_offers does that",
    "list_templates find_templates get_templates show_templates templates": (
        "search_templates does that"
    ),
    "save_template new_template make_template update_template edit_template save_as_template "
    "template_from_instance": "create_template does that; template_hash_id edits one of your own",
    "remove_template destroy_template": "delete_template does that",
    "list_volumes get_volumes volumes": "show_volumes does that",
    "delete_volume remove_volume": "destroy_volume does that",
    "new_volume make_volume clone_volume copy_volume": (
        "create_volume does that; create_instance makes one with a machine (volume_info)"
    ),
    "attach_volume": "create_instance mounts a volume as it rents (volume_info)",
    "extend_volume set_volume_lease": "manage_volume does that",
    "find_volumes search_volume search_volume_offers": "search_volumes does that",
    "copy cloud_copy sync_data copy_direct rclone transfer_data copy_between copy_instance "
    "backup_data cancel_copy cancel_sync": "copy_data does that, between places",
    "execute execute_command": "run_command does that, also ls, du and rm on a stopped machine",
    "change_template change_image set_image set_env update_template_of_instance": (
        "update_instance does that; what is on the disk is lost"
    ),
    "logs get_logs instance_logs show_log show_instance_logs get_instance_logs fetch_logs "
    "tail_logs view_logs read_logs container_logs": "show_logs does that",
    "wait wait_instance wait_until_ready wait_for_ready wait_for_ssh wait_ready poll_instance "
    "wait_until_running": "wait_for_instance does that",
    "balance get_balance account get_account show_user get_user whoami billing credit get_credit "
    "show_balance account_info burn_rate show_credit": "show_account does that",
    "costs get_costs list_costs spending show_spending show_spent charges get_charges show_charges "
    "invoices get_invoices show_invoices show_invoices_v1 get_billing show_billing billing_summary "
    "billing_history spend_rate": "show_costs does that",
    "list_ssh_keys get_ssh_keys ssh_keys list_keys": "show_ssh_keys does that",
    "add_ssh_key register_ssh_key upload_ssh_key new_ssh_key create_key import_ssh_key": (
        "create_ssh_key does that"
    ),
    "attach_ssh attach_key attach_ssh_keys": "attach_ssh_key does that",
    "detach_ssh detach_key remove_ssh_key_from_instance": "detach_ssh_key does that",
    "remove_ssh_key delete_key remove_key unregister_ssh_key revoke_ssh_key": (
        "delete_ssh_key does that"
    ),
    "verify_machine verify_instance validate_machine validate_instance test_machine test_instance "
    "benchmark benchmark_machine benchmark_instance self_test gpu_info nvidia_smi inspect_machine "
    "inspect_gpu check_gpu check_gpus check_hardware": "check_machine does that",
    "report_machine report_instance report_host": (
        "no tool reports to Vast; check_machine writes what a person may report"
    ),
}
