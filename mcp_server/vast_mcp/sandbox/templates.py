"""The template shelf holds a few recommended ones and those of the account (docs/vast-api.md E)."""

import hashlib
import json
from typing import Any, cast

from . import replies, search
from .readers import is_whole
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

EDITED = frozenset({*BLANK, "hash_id", "docker_login_user", "docker_login_pass"})
PARTS = ("name", "image")
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


def _ops(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {"eq": value}


def _holds(text: Any, part: str) -> bool:
    return part.lower() in str(text).lower()


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

    def like(self, body: Template) -> Template | None:
        """Find the one that has this content already."""
        return self.by_hash.get(content_hash(_checked(BLANK | _given(body))))

    def edit(self, body: Template, now: float) -> Template:
        """Give a template another content, so another hash under the same id: a stored hash goes
        stale (A.10).
        """
        hash_id = str(body.get("hash_id"))
        old = self.by_hash.get(hash_id)
        if old is None:
            msg = f"Unable to Update Template. None found for given Hash ID: {hash_id[:40]}"
            raise replies.invalid_args(msg)
        if old["creator_id"] != self.user_id:
            msg = "Only the Template Creator may Update Existing Template."
            raise replies.invalid_args(msg)
        for name in body:
            if name not in EDITED:
                raise replies.invalid_args(f"Unexpected Key '{name[:40]}' found in Template.")
        return self._put_in_place(old, _checked(_content_of(old) | _given(body)), now)

    def numbered(self, body: Template) -> Template:
        """Find the template of this number and hash."""
        found = self.by_hash.get(str(body.get("hash_id")))
        if found is None or found["id"] != body.get("id"):
            raise replies.refusal(404, "invalid_template", "No such template.")
        return found

    def replace(
        self, old: Template, body: Template, now: float, *, copied: bool
    ) -> tuple[str, Template]:
        """Write every field anew: nulls overwrite. Somebody else's, or one that instances use, is
        copied instead.
        """
        content = _checked(BLANK | _given(body))
        if content_hash(content) == old["hash_id"]:
            return f"No Edits made for template {old['id']}", old
        if copied or old["creator_id"] != self.user_id:
            new = self._put(content, _origin(self._next_id(), self.user_id, now))
            msg = f"Created an Edited Copy of Template {old['id']}. New Template ID: {new['id']}"
            return msg, new
        msg = f"Template {old['id']} Updated Successfully"
        return msg, self._put_in_place(old, content, now)

    def _put_in_place(self, old: Template, content: Template, now: float) -> Template:
        del self.by_hash[old["hash_id"]]
        return self._put(content, _origin(old["id"], self.user_id, now))

    def delete(self, body: Template) -> Template:
        """Take away one of the account's own, by its number."""
        number = body.get("template_id")
        if "hash_id" in body or not is_whole(number):
            raise replies.invalid_args("Template ID must be integer")
        found = [one for one in self.by_hash.values() if one["id"] == number]
        if not found:
            raise replies.invalid_args("Invalid Template ID or User ID")
        [template] = found
        if template["creator_id"] != self.user_id:
            msg = "Templates can ONLY be Deleted by their Creator"
            raise replies.refusal(401, "not_authorized", msg)
        return self.by_hash.pop(template["hash_id"])

    def find(self, filters: Json) -> list[Template]:
        """Find those that answer the filters; values may come as text, and without an operator: a
        bare name or image matches parts, other bare values are equal, which is ours (E).
        """
        parts = {name: filters[name] for name in PARTS if isinstance(filters.get(name), str)}
        rest = {name: _ops(value) for name, value in filters.items() if name not in parts}
        checked = search.read_filters(rest, FIELDS)
        found = search.select(self.by_hash.values(), checked, leaky=False)
        return [one for one in found if all(_holds(one[name], parts[name]) for name in parts)]

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
