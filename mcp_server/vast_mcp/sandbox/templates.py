"""The template shelf: a few recommended ones, and what the account adds (E)."""

import hashlib
import json
from typing import Any

from . import replies, search

Template = dict[str, Any]

FIELDS = frozenset(
    {
        "creator_id",
        "created_at",
        "count_created",
        "default_tag",
        "docker_login_repo",
        "id",
        "image",
        "jup_direct",
        "hash_id",
        "private",
        "name",
        "recent_create_date",
        "recommended_disk_space",
        "recommended",
        "ssh_direct",
        "tag",
        "use_ssh",
    }
)

BLANK: Template = {
    "name": "",
    "image": "",
    "tag": None,
    "href": None,
    "repo": None,
    "env": None,
    "onstart": None,
    "args_str": None,
    "jup_direct": False,
    "ssh_direct": False,
    "use_jupyter_lab": False,
    "runtype": "ssh",
    "use_ssh": True,
    "jupyter_dir": None,
    "docker_login_repo": None,
    "extra_filters": {},
    "recommended_disk_space": None,
    "readme": None,
    "readme_visible": True,
    "desc": None,
    "private": True,
}

RECOMMENDED: tuple[Template, ...] = (
    {
        "name": "PyTorch (Vast)",
        "image": "vastai/pytorch",
        "tag": "@vastai-automatic-tag",
        "env": "-p 1111:1111 -p 6006:6006 -p 8080:8080 -e OPEN_BUTTON_PORT=1111 -e "
        "DATA_DIRECTORY=/workspace/",
        "onstart": "entrypoint.sh",
        "runtype": "jupyter",
        "jup_direct": True,
        "ssh_direct": True,
        "use_jupyter_lab": True,
        "recommended_disk_space": 32.0,
        "desc": "PyTorch with Jupyter and SSH.",
    },
    {
        "name": "NVIDIA CUDA",
        "image": "vastai/base-image",
        "tag": "@vastai-automatic-tag",
        "env": "-p 1111:1111 -e OPEN_BUTTON_PORT=1111",
        "runtype": "ssh",
        "ssh_direct": True,
        "recommended_disk_space": 16.0,
        "desc": "CUDA on Ubuntu with SSH.",
    },
    {
        "name": "vLLM",
        "image": "vllm/vllm-openai",
        "tag": "latest",
        "env": "-p 8000:8000 -e MODEL_ID=example/small-model -e MAX_TOKENS=4096",
        "args_str": "--host 0.0.0.0 --port 8000",
        "runtype": "args",
        "recommended_disk_space": 60.0,
        "desc": "An OpenAI-style server; the image's own entrypoint.",
    },
    {
        "name": "Ubuntu 22.04 VM",
        "image": "docker.io/vastai/kvm",
        "tag": "ubuntu_terminal",
        "runtype": "ssh",
        "ssh_direct": True,
        "recommended_disk_space": 40.0,
        "extra_filters": {"vms_enabled": {"eq": True}},
        "desc": "A virtual machine entered over SSH.",
    },
)


def content_hash(template: Template) -> str:
    """The hash is of the content, so an edit changes it (A.10)."""
    content = {key: template[key] for key in BLANK}
    return hashlib.md5(
        json.dumps(content, sort_keys=True).encode(), usedforsecurity=False
    ).hexdigest()


def _given(body: Template) -> Template:
    given = {key: value for key, value in body.items() if key in BLANK}
    if "recommended_disk_space" in given:
        given["recommended_disk_space"] = search.as_number(given["recommended_disk_space"])
    return given


def _checked(template: Template) -> Template:
    for name in ("name", "image"):
        if not template[name] or not isinstance(template[name], str):
            raise replies.invalid_args(f"{name} is required")
    for name in ("env", "docker_login_repo"):
        if not isinstance(template[name], str | None):
            raise replies.invalid_args(f"{name}: Input should be a valid string")
    return template


class Shelf:
    """Templates by hash."""

    def __init__(self, now: float, user_id: int) -> None:
        self.by_hash: dict[str, Template] = {}
        self.user_id = user_id
        for number, template in enumerate(RECOMMENDED):
            self._put(
                {**BLANK, **template, "private": False}, 60_001 + number, now - 90 * 86_400, 1, True
            )

    def add(self, body: Template, now: float) -> Template:
        """What the account creates; the disk comes as text (E)."""
        return self._put(
            _checked({**BLANK, **_given(body)}), self._next_id(), now, self.user_id, False
        )

    def edit(self, body: Template, now: float) -> Template:
        """Another content, so another hash under the same id: a stored hash goes stale (A.10)."""
        old = self.by_hash.get(str(body.get("hash_id")))
        if old is None or old["creator_id"] != self.user_id:
            raise replies.invalid_args("hash_id is not a template of yours")
        template = _checked({key: old[key] for key in BLANK} | _given(body))
        del self.by_hash[old["hash_id"]]
        return self._put(template, old["id"], now, self.user_id, False)

    def _next_id(self) -> int:
        return max((template["id"] for template in self.by_hash.values()), default=60_000) + 1

    def _put(
        self, template: Template, number: int, now: float, creator: int, recommended: bool
    ) -> Template:
        hash_id = content_hash(template)
        if hash_id not in self.by_hash:
            self.by_hash[hash_id] = template | {
                "id": number,
                "hash_id": hash_id,
                "creator_id": creator,
                "created_at": now,
                "recent_create_date": now,
                "count_created": 1_000 if recommended else 0,
                "default_tag": template["tag"],
                "recommended": recommended,
            }
        return self.by_hash[hash_id]

    def find(self, filters: dict[str, Any], limit: int | None) -> list[Template]:
        """Those that answer the filters; values may come as text."""
        checked = search.read_filters(filters, FIELDS)
        found = search.select(self.by_hash.values(), checked, leaky=False)
        return found if limit is None else found[: max(0, limit)]
