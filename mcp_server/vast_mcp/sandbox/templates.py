"""The template shelf holds a few recommended ones and those of the account (docs/vast-api.md E)."""

import hashlib
import json

from . import replies, search
from .shapes import Json

Template = Json

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
    "extra_filters": "{}",
    "recommended_disk_space": None,
    "readme": None,
    "readme_visible": True,
    "desc": None,
    "private": True,
    "volume_info": None,
}

# A live row has these keys, of which this shelf says nothing (E).
UNUSED: Template = {
    "command": None,
    "docker_login_user": "",
    "docker_login_pass": "***",
    "jupyter_tested": None,
    "jupyterlab_tested": None,
    "python_utf8": None,
    "lang_utf8": None,
    "min_cuda": None,
    "max_cuda": None,
    "created_from": None,
    "created_from_id": None,
    "desc_count": 0,
    "deleted_at": None,
    "cached": True,
    "autoscaler": False,
    "vm": False,
}

VAST = 1  # the user id of Vast's own templates
FIRST_TEMPLATE = 60_001
FAME: Json = {"count_created": 1_000, "recommended": True}

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
        "extra_filters": '{"cpu_arch": {"in": ["amd64", "arm64"]}, "compute_cap": {"gte": "500"}}',
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
        "extra_filters": '{"gpu_arch": "nvidia"}',  # without operator, as some are
        "desc": "An OpenAI-style server; the image's own entrypoint.",
    },
    {
        "name": "Ubuntu 22.04 VM",
        "image": "docker.io/vastai/kvm",
        "tag": "ubuntu_terminal",
        "runtype": "ssh",
        "ssh_direct": True,
        "recommended_disk_space": 40.0,
        "extra_filters": '{"vms_enabled": {"eq": true}}',
        "desc": "A virtual machine entered over SSH.",
    },
)


def content_hash(template: Template) -> str:
    """Hash the content, so that an edit changes the hash (A.10)."""
    text = json.dumps(_content_of(template), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _content_of(template: Template) -> Json:
    return {key: template[key] for key in BLANK}


def _given(body: Template) -> Template:
    given = {key: value for key, value in body.items() if key in BLANK}
    if "recommended_disk_space" in given:
        given["recommended_disk_space"] = search.as_number(given["recommended_disk_space"])
    if not isinstance(given.get("extra_filters", ""), str):
        given["extra_filters"] = json.dumps(given["extra_filters"] or {})  # told as text (E)
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
    """The shelf keeps every template by its hash."""

    def __init__(self, now: float, user_id: int) -> None:
        self.by_hash: dict[str, Template] = {}
        self.user_id = user_id
        before = now - 90 * 86_400
        for number, template in enumerate(RECOMMENDED, FIRST_TEMPLATE):
            content = {**BLANK, **template, "private": False}
            self._put(content, _origin(number, VAST, before) | FAME)

    def add(self, body: Template, now: float) -> Template:
        """Add a template of the account's own; its disk comes as text (E)."""
        return self._put(
            _checked(BLANK | _given(body)), _origin(self._next_id(), self.user_id, now)
        )

    def edit(self, body: Template, now: float) -> Template:
        """Give a template another content, so another hash under the same id: a stored hash goes
        stale (A.10).
        """
        old = self.by_hash.get(str(body.get("hash_id")))
        if old is None or old["creator_id"] != self.user_id:
            raise replies.invalid_args("hash_id is not a template of yours")
        template = _checked({key: old[key] for key in BLANK} | _given(body))
        del self.by_hash[old["hash_id"]]
        return self._put(template, _origin(old["id"], self.user_id, now))

    def find(self, filters: Json, limit: int | None) -> list[Template]:
        """Find those that answer the filters; values may come as text."""
        checked = search.read_filters(filters, FIELDS)
        found = search.select(self.by_hash.values(), checked, leaky=False)
        if limit is None:
            return found
        return found[: max(0, limit)]

    def _next_id(self) -> int:
        ids = [template["id"] for template in self.by_hash.values()]
        return max(ids, default=FIRST_TEMPLATE - 1) + 1

    def _put(self, content: Template, origin: Json) -> Template:
        """Shelve a content, unless the same one is there already."""
        hash_id = content_hash(content)
        if hash_id not in self.by_hash:
            self.by_hash[hash_id] = UNUSED | content | origin | _named(hash_id, content)
        return self.by_hash[hash_id]


def _named(hash_id: str, content: Template) -> Json:
    readme = (content["readme"] or "").encode()
    return {
        "hash_id": hash_id,
        "default_tag": content["tag"],
        "readme_hash": hashlib.md5(readme, usedforsecurity=False).hexdigest(),
    }


def _origin(number: int, creator: int, now: float) -> Json:
    return {
        "id": number,
        "sort_order": number % 2_000,
        "creator_id": creator,
        "created_at": now,
        "recent_create_date": now,
        "count_created": 0,
        "recommended": False,
    }
