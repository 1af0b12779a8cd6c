"""The official client against the sandbox: what it prints, and what the ledger says happened.
Run by `make compat`.
"""

import json
import time
from decimal import Decimal
from typing import Any

from box import ROOT, Box


def ours(box: Box, tool: str, **arguments: Any) -> dict[str, Any]:
    """What `vast-mcp call` answers beside the official client."""
    words = ("call", tool, json.dumps(arguments))
    where = {"VAST_MCP_TIME_SCALE": "0.01", "VAST_MCP_STATE_DIR": str(box.home / "state")}
    done = box.run(ROOT / ".venv/bin/python", "-m", "vast_mcp", *words, **where)
    return json.loads(done.stdout)


def test_search_offers_finds_and_prints_offers(box: Box) -> None:
    """Flat body, string numbers, exact Content-Type (docs/vast-api.md L)."""
    table = box.says("search", "offers", "gpu_name=RTX_4090 num_gpus=1 dph<2", "-o", "dph_total")
    assert "RTX_4090" in table
    rows = box.rows(
        "search",
        "offers",
        "gpu_name=RTX_4090 num_gpus=1 gpu_ram>=24 geolocation in [US,CA,SE,DE,NL,JP]",
    )
    assert rows
    assert all(row["gpu_name"] == "RTX 4090" and row["num_gpus"] == 1 for row in rows)


def test_search_offers_new_finds_the_same(box: Box) -> None:
    """PUT /search/asks/ with select_cols and q (docs/vast-api.md B.3)."""
    words = ("search", "offers", "num_gpus=2", "-o", "dph_total", "--limit", "5")
    old, new = box.rows(*words), box.rows(*words, "--new")
    assert [row["id"] for row in new] == [row["id"] for row in old]
    assert len(old) == 5


def test_create_instance_rents_one_machine(box: Box) -> None:
    """The official client's default body rents one machine (docs/vast-api.md A.12, L)."""
    offer = box.offer()
    reply = box.rows(
        "create",
        "instance",
        offer,
        "--image",
        "pytorch/pytorch",
        "--disk",
        "20",
        "--ssh",
        "--direct",
        "--env",
        "-e A=1 -p 8000:8000",
        "--label",
        "mine",
    )
    [rental] = box.rentals()
    assert (reply["success"], reply["new_contract"], rental["offer_id"]) == (
        True,
        rental["id"],
        offer,
    )
    assert (rental["image"], rental["disk"], rental["label"]) == ("pytorch/pytorch", 20, "mine")
    assert rental["env"] == {"A": "1", "-p 8000:8000": "1"}
    assert rental["runtype"] == "ssh_direc ssh_proxy"
    assert [entry["kind"] for entry in box.ledger()] == ["rent"]


def test_create_instance_in_words(box: Box) -> None:
    """Without --raw the official client prints the reply as text (docs/vast-api.md L)."""
    assert box.says("create", "instance", box.offer(), "--image", "example/image").startswith(
        "Started."
    )
    assert len(box.rentals()) == 1


def test_a_refused_create_is_shown_with_its_reason(box: Box) -> None:
    """The client prints `msg` of an error reply (docs/vast-api.md J)."""
    box.set(credit=0)
    done = box.vastai("create", "instance", box.offer(), "--image", "example/image")
    assert "Your account lacks credit" in done.stderr
    assert box.rentals() == []


def test_show_instances_lists_what_is_rented(box: Box) -> None:
    """v1 pages, start_date and extra_env in every row (docs/vast-api.md L)."""
    instance = box.rent()
    [row] = box.rows("show", "instances")
    assert (row["id"], row["label"], row["extra_env"]) == (instance, "mine", {"A": "1"})
    table = box.says("show", "instances")
    assert str(instance) in table


def test_show_instance_follows_it_to_running(box: Box) -> None:
    """A machine passes null and loading before it runs (docs/vast-api.md C.4, L)."""
    instance = box.rent()
    statuses = [box.rows("show", "instance", instance)["actual_status"] for _ in range(3)]
    assert statuses == [None, "loading", "running"]
    assert str(instance) in box.says("show", "instance", instance)


def test_ssh_url_names_the_mapped_port(box: Box) -> None:
    """Direct first (docs/vast-api.md C.6)."""
    instance = box.rent()
    for _ in range(3):
        row = box.http.get(f"/api/v0/instances/{instance}/").json()["instances"]
    port = row["ports"]["22/tcp"][0]["HostPort"]
    assert (
        box.says("ssh-url", instance).strip() == f"ssh://root@{row['public_ipaddr'].strip()}:{port}"
    )


def test_ssh_url_adds_one_to_the_proxys_port_with_jupyter(box: Box) -> None:
    """The proxy's port is one higher where the runtype has jupyter (docs/vast-api.md C.6)."""
    instance = box.rent(runtype="jupyter_proxy")
    row = box.show(instance)
    assert (
        box.says("ssh-url", instance).strip()
        == f"ssh://root@{row['ssh_host']}:{row['ssh_port'] + 1}"
    )


def test_logs_are_waited_for_and_printed(box: Box) -> None:
    """404 until uploaded; the address is fetched without the key (docs/vast-api.md C.7)."""
    instance = box.rent()
    box.set(logs={"instance_id": instance, "text": "one\nan error\ntwo", "daemon": "of the host"})
    last = box.says("logs", instance, "--tail", "2")
    assert "an error\ntwo\n" in last
    assert "one" not in last
    found = box.says("logs", instance, "--filter", "error")
    assert "an error" in found
    assert "two" not in found
    assert "of the host" in box.says("logs", instance, "--daemon-logs")
    requests = box.http.get("/_sandbox/requests").json()["requests"]
    fetched = [request["with_key"] for request in requests if request["endpoint"] == "log_text"]
    assert len(fetched) >= 9
    assert not any(fetched)


def test_reboot_and_recycle_instance(box: Box) -> None:
    """The official client reads `success` of both replies (docs/vast-api.md C.7)."""
    instance = box.rent()
    assert f"Rebooting instance {instance}" in box.says("reboot", "instance", instance)
    assert box.show(instance)["actual_status"] == "rebooting"
    assert f"Recycling instance {instance}" in box.says("recycle", "instance", instance)
    assert box.show(instance)["actual_status"] == "recycling"
    assert [entry["kind"] for entry in box.ledger()] == ["rent", "reboot", "recycle"]
    assert "Instance 1 not found." in box.vastai("reboot", "instance", 1).stderr


def test_change_bid_moves_the_price(box: Box) -> None:
    """Null is the winning bid (docs/vast-api.md C.7)."""
    instance = box.rent(price=1.5)
    floor = box.show(instance)["min_bid"]
    assert "bid price changed" in box.says("change", "bid", instance, "--price", 2)
    assert "bid price changed" in box.says("change", "bid", instance)
    assert [entry["price"] for entry in box.ledger()[1:]] == [2, floor]
    assert box.rentals()[0]["price"] == floor


def test_attach_ssh_gives_one_instance_a_key(box: Box) -> None:
    """The file's text, newline and all (docs/vast-api.md D)."""
    instance = box.rent()
    key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d "
        "test@example\n"
    )
    path = box.home / "id.pub"
    path.write_text(key, encoding="utf-8")
    assert "added" in box.says("attach", "ssh", instance, path)
    entry = box.ledger()[-1]
    assert (entry["kind"], entry["instance_id"]) == ("key_attach", instance)
    assert entry["detail"]["public_key"].strip() == key.strip()
    assert "already associated" in box.vastai("attach", "ssh", instance, path).stdout
    assert len(box.ledger()) == 2


def test_a_created_template_is_found_and_rented_with(box: Box) -> None:
    """The disk of 10 that the client always sends wins over the template's
    (docs/vast-api.md E, A.10).
    """
    box.says(
        "create",
        "template",
        "--name",
        "mine",
        "--image",
        "example/server",
        "--image_tag",
        "v1",
        "--env",
        "-e A=1 -p 8000:8000",
        "--ssh",
        "--direct",
        "--disk_space",
        "50",
    )
    entry = box.ledger()[-1]
    assert (entry["kind"], entry["detail"]["name"]) == ("template", "mine")
    hash_id = entry["detail"]["hash_id"]
    [row] = json.loads(box.says("search", "templates", f"hash_id={hash_id}"))
    assert (row["name"], row["recommended_disk_space"]) == ("mine", 50)
    box.says("create", "instance", box.offer(), "--template_hash", hash_id, "--env", "-e B=2")
    [rental] = box.rentals()
    assert rental["env"] == {"A": "1", "-p 8000:8000": "1", "B": "2"}
    assert (rental["image"], rental["disk"], rental["runtype"]) == (
        "example/server:v1",
        10,
        "ssh_direc ssh_proxy",
    )


def test_volumes_are_searched_created_shown_and_deleted(box: Box) -> None:
    """The official client takes a volume through its whole life (docs/vast-api.md F, L)."""
    rooms = box.rows("search", "volumes", "disk_space>=20")
    assert rooms
    assert str(rooms[0]["id"]) in box.says("search", "volumes")
    made = box.rows("create", "volume", rooms[0]["id"], "--size", 15, "--name", "data")
    assert (made["success"], made["volume_name"]) == (True, f"V.{made['volume_id']}")
    [row] = box.rows("show", "volumes")
    assert (row["label"], row["machine_id"], row["instances"]) == (
        "data",
        rooms[0]["machine_id"],
        [],
    )
    assert "data" in box.says("show", "volumes")
    box.says("delete", "volume", made["volume_id"])
    assert [entry["kind"] for entry in box.ledger()] == ["volume", "volume_delete"]


def test_a_volume_is_made_and_copied_as_ours_does(box: Box) -> None:
    """Beside it our own calls have the same effect on the ledger (docs/vast-api.md F)."""
    room, other = (one["id"] for one in box.rows("search", "volumes", "disk_space>=90")[:2])
    theirs = box.rows("create", "volume", room, "--size", 15)["volume_id"]
    assert box.rows("clone", "volume", theirs, other, "--size", 15)["success"]
    before = box.ledger()
    wish = {"volume_offer_id": room, "size_gb": 15}
    made = box.ours("create_volume", wish)["volume_id"]
    box.ours("create_volume", {"volume_offer_id": other, "clone_of": made})
    mine = box.ledger()[len(before) :]
    assert [one["kind"] for one in before] == [one["kind"] for one in mine] == ["volume"] * 2
    sizes = [row["disk_space"] for row in box.rows("show", "volumes")]
    assert sizes == [15] * 4


def test_label_instance_sets_it(box: Box) -> None:
    """A PUT with a label sets it (docs/vast-api.md C.7)."""
    instance = box.rent()
    assert f"label for {instance} set to yours" in box.says("label", "instance", instance, "yours")
    assert (box.ledger()[-1]["kind"], box.ledger()[-1]["label"]) == ("label", "yours")


def test_stop_and_start_instance(box: Box) -> None:
    """A PUT with a state stops and starts (docs/vast-api.md C.7)."""
    instance = box.rent()
    assert "stopping instance" in box.says("stop", "instance", instance)
    assert box.rentals()[0]["intended_status"] == "stopped"
    assert "starting instance" in box.says("start", "instance", instance)
    assert [entry["kind"] for entry in box.ledger()] == ["rent", "stop", "start"]


def test_destroy_instance_ends_it_and_a_second_one_says_why_not(box: Box) -> None:
    """A destroyed id is a 404 to the next DELETE (docs/vast-api.md C.7)."""
    instance = box.rent()
    assert "destroying instance" in box.says("destroy", "instance", instance, "-y")
    assert (box.rentals()[0]["alive"], box.ledger()[-1]["kind"]) == (False, "destroy")
    assert str(instance) in box.vastai("destroy", "instance", instance, "-y").stderr
    assert "not found or no longer exists" in box.vastai("show", "instance", instance).stderr
    assert box.rows("show", "instances") == []


def test_ssh_keys_are_created_and_shown(box: Box) -> None:
    """A POST keeps the key and a GET lists it (docs/vast-api.md D)."""
    key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d "
        "test@example"
    )
    assert "No SSH keys found" in box.vastai("show", "ssh-keys").stderr
    assert "ssh-key created" in box.says("create", "ssh-key", key)
    assert [row["public_key"] for row in box.rows("show", "ssh-keys")] == [key]
    assert box.ledger()[-1]["detail"]["public_key"] == key


def test_a_path_given_as_a_key_is_posted_as_text(box: Box) -> None:
    """vast-cli#498; the sandbox shows the mistake as the service does (docs/vast-api.md D)."""
    box.says("create", "ssh-key", "~/.ssh/id_ed25519.pub")
    assert box.ledger()[-1]["detail"]["public_key"] == "~/.ssh/id_ed25519.pub"


def test_show_user_prints_the_account_without_its_key(box: Box) -> None:
    """The official client takes api_key out before it prints (docs/vast-api.md G)."""
    row = box.rows("show", "user")
    assert (isinstance(row["id"], int), row["credit"]) == (True, 25.0)
    assert "api_key" not in row
    assert "someone@example.com" in box.says("show", "user")


def test_search_templates_prints_the_shelf(box: Box) -> None:
    """Filter values come as text (docs/vast-api.md E)."""
    rows = json.loads(box.says("search", "templates", "recommended=true count_created>100"))
    assert "PyTorch (Vast)" in {row["name"] for row in rows}


def test_the_client_repeats_a_create_whose_reply_was_lost(box: Box) -> None:
    """Three attempts for every method; the reason this project exists, kept as a fact about the
    client (docs/vast-api.md J).
    """
    box.set(rent_again=True)
    fault = {"endpoint": "create", "kind": "html502", "times": 2, "when": "after"}
    box.http.post("/_sandbox/faults", json=fault)
    box.vastai("create", "instance", box.offer(), "--image", "example/image")
    assert len(box.rentals()) == 3
    box.set(rent_again=False)


# What came with 1.9 beside the life of one machine (docs/vast-api.md L)


def test_create_instances_rents_many(box: Box) -> None:
    """One request for all of them (docs/vast-api.md A.11)."""
    rows = box.http.post("/api/v0/bundles/", json={"limit": 2}).json()["offers"]
    offers = [row["id"] for row in rows]
    box.says("create", "instances", *offers, "--image", "example/image", "--disk", "10")
    assert [rental["offer_id"] for rental in box.rentals()] == offers


def test_launch_instance_searches_and_rents(box: Box) -> None:
    """One request that searches and rents (docs/vast-api.md A.11)."""
    words = ("-g", "RTX_4090", "-n", "1", "-i", "example/image")
    box.says("launch", "instance", *words)
    assert [entry["kind"] for entry in box.ledger()] == ["rent"]


def test_many_instances_are_stopped_started_and_destroyed(box: Box) -> None:
    """Bulk routes with their ids (docs/vast-api.md C.7)."""
    ids = [box.rent(), box.rent()]
    box.vastai("stop", "instances", *ids)
    assert [one["intended_status"] for one in box.rentals()] == ["stopped", "stopped"]
    box.vastai("start", "instances", *ids)
    assert [one["intended_status"] for one in box.rentals()] == ["running", "running"]
    box.vastai("destroy", "instances", *ids, "-y")
    assert not any(one["alive"] for one in box.rentals())


def test_update_instance_changes_its_image(box: Box) -> None:
    """The next container has it (docs/vast-api.md C.7)."""
    instance = box.rent()
    said = box.says("update", "instance", instance, "--image", "other/image")
    assert "updated successfully" in said
    assert box.rentals()[0]["image"] == "other/image"


def test_execute_reaches_a_stopped_instance_and_the_client_crashes_on_the_text(box: Box) -> None:
    """vast-cli#422: a fact about the client (docs/vast-api.md C.7)."""
    instance = box.rent()
    box.vastai("stop", "instance", instance)
    box.vastai("execute", instance, "ls")
    assert box.ledger()[-1]["kind"] == "execute"


def test_take_snapshot_is_refused_for_the_id_that_the_client_sends_twice(box: Box) -> None:
    """A fact about the client (docs/vast-api.md C.7)."""
    instance = box.rent()
    words = ("--repo", "me/mine", "--docker_login_user", "me", "--docker_login_pass", "x")
    done = box.vastai("take", "snapshot", instance, *words)
    assert "duplicated" in done.stdout + done.stderr
    assert [entry["kind"] for entry in box.ledger()] == ["rent"]


def test_two_instances_copy(box: Box) -> None:
    """copy_direct (docs/vast-api.md C.10)."""
    first, second = box.rent(), box.rent()
    said = box.says("copy", f"C.{first}:/workspace/", f"C.{second}:/workspace/")
    assert "Remote to Remote copy initiated" in said


def test_our_update_has_the_same_effect_and_makes_the_container_anew(box: Box) -> None:
    """The official client leaves the recycling to its user (docs/vast-api.md C.7)."""
    first, second = box.rent(), box.rent()
    box.vastai("update", "instance", first, "--image", "other/image")
    ours(box, "update_instance", instance_id=second, image="other/image", not_ours=True)
    assert [one["image"] for one in box.rentals()] == ["other/image", "other/image"]
    kinds = [entry["kind"] for entry in box.ledger()]
    assert kinds == ["rent", "rent", "update_template", "update_template", "recycle"]


def test_our_copies_and_commands_leave_the_same_in_the_ledger(box: Box) -> None:
    """copy_direct, rclone and the command of a stopped machine (docs/vast-api.md C.7, C.10)."""
    box.set(clouds=[{"id": 101, "cloud_type": "s3", "name": "mine"}])
    first, second = box.rent(), box.rent()
    there = {"destination": f"{second}:/data/", "not_ours": True}
    box.says("copy", f"C.{first}:/data/", f"C.{second}:/data/")
    assert ours(box, "copy_data", source=f"{first}:/data/", **there)["state"] == "taken"
    words = ("--src", "/data", "--dst", "/x", "--instance", first, "--connection", 101)
    box.says("cloud", "copy", *words, "--transfer", "Instance To Cloud")
    cloud = {"source": f"{first}:/data", "destination": "s3.101:/x", "not_ours": True}
    assert ours(box, "copy_data", **cloud)["state"] == "taken"
    box.says("cancel", "copy", second)
    ours(box, "copy_data", source=f"{first}:/data/", **there, stop=True)
    box.vastai("stop", "instance", first)
    box.vastai("execute", first, "ls")
    listed = ours(box, "run_command", instance_id=first, command="ls", not_ours=True)
    assert "root" in listed["untrusted_stdout"]
    acts = [
        {name: entry[name] for name in ("kind", "instance_id") if name in entry}
        for entry in box.ledger()
        if entry["kind"] not in {"rent", "stop"}
    ]
    assert acts[::2] == acts[1::2]


def test_env_vars_are_created_shown_changed_and_deleted(box: Box) -> None:
    """Secrets of the account (docs/vast-api.md G)."""
    box.says("create", "env-var", "hf_token", "x")
    assert "HF_TOKEN" in box.says("show", "env-vars")
    box.says("update", "env-var", "HF_TOKEN", "y")
    box.says("delete", "env-var", "HF_TOKEN")
    assert [entry["kind"] for entry in box.ledger()] == ["secret", "secret", "secret_delete"]


def test_a_template_is_updated_and_deleted(box: Box) -> None:
    """v1 edit; the delete goes by number (docs/vast-api.md E)."""
    box.says("create", "template", "--name", "mine", "--image", "example/image", "--ssh")
    old = box.ledger()[-1]["detail"]["hash_id"]
    box.says("update", "template", old, "--name", "yours", "--image", "example/image", "--ssh")
    new = box.ledger()[-1]["detail"]["hash_id"]
    [row] = json.loads(box.says("search", "templates", f"hash_id={new}"))
    assert row["name"] == "yours"
    box.says("delete", "template", "--template-id", row["id"])
    assert box.ledger()[-1]["kind"] == "template_delete"


def test_a_volume_is_cloned(box: Box) -> None:
    """Another volume that bills (docs/vast-api.md F)."""
    first, second = box.rows("search", "volumes", "disk_space>=50")[:2]
    made = box.rows("create", "volume", first["id"], "--size", 15)
    box.says("clone", "volume", made["volume_id"], second["id"])
    assert [entry["kind"] for entry in box.ledger()] == ["volume", "volume"]


def test_charges_and_invoices_are_shown(box: Box) -> None:
    """Amounts as the sandbox bills them (docs/vast-api.md G)."""
    instance = box.rent()
    box.set(age={"instance_id": instance, "hours": 5})
    charges = box.says("show", "invoices-v1", "--charges")
    assert str(instance) in charges
    box.http.put(
        "/api/v0/commands/transfer_credit/", json={"recipient": "x@example.com", "amount": 2}
    )
    # By itself the client asks until the second that has begun.
    now = int(time.time())
    days = ("--start-date", now - 86_400, "--end-date", now + 60)
    assert "$2.00" in box.says("show", "invoices-v1", "--invoices", *days)


def test_our_sums_are_those_of_the_charges_that_the_official_client_shows(box: Box) -> None:
    """Both read the same, page by page, and neither changes anything (docs/vast-api.md G)."""
    for hours in (5, 30, 80):
        box.set(age={"instance_id": box.rent(), "hours": hours})
    before = box.ledger()
    now = int(time.time())
    words = ("show", "invoices-v1", "--charges", "--start-date", now - 6 * 86_400)
    words = (*words, "--end-date", now + 60, "--limit", 2)
    page = box.rows(*words)
    rows = page["results"] + box.rows(*words, "--next-token", page["next_token"])["results"]
    told = ours(box, "show_costs")
    parts = {row["instance_id"]: Decimal(str(row["usd"])) for row in told["rows"]}
    theirs = {int(row["source"].split("-")[1]): Decimal(str(row["amount"])) for row in rows}
    # A thousandth of a $ may pass between the two.
    assert parts.keys() == theirs.keys()
    assert all(abs(parts[one] - usd) <= Decimal("0.002") for one, usd in theirs.items())
    assert Decimal(str(told["spent_usd"])) == sum(parts.values())
    assert box.ledger() == before


def test_prepay_and_price_increases(box: Box) -> None:
    """Paid ahead; a higher price is listed and accepted (docs/vast-api.md C.7)."""
    instance = box.rent()
    box.says("prepay", "instance", instance, 1)
    assert box.ledger()[-1]["kind"] == "prepay"
    box.set(raise_price={"instance_id": instance})
    assert str(instance) in box.says("show", "pending-price-increases")
    box.vastai("accept", "price-increase", instance, "-y")
    assert box.ledger()[-1]["kind"] == "rise_accepted"


def test_api_keys_are_created_shown_and_deleted(box: Box) -> None:
    """The key is said once (docs/vast-api.md G)."""
    (box.home / "rights.json").write_text('{"api": {"misc": {}}}', encoding="utf-8")
    words = ("--name", "reads", "--permission_file", box.home / "rights.json")
    box.vastai("create", "api-key", *words)
    number = box.ledger()[-1]["detail"]["key_id"]
    assert "reads" in box.says("show", "api-keys")
    box.vastai("delete", "api-key", number)
    assert box.ledger()[-1]["kind"] == "api_key_delete"
