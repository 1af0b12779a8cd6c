"""What a template is to hold, from a call's arguments and from a machine that runs, in the fields
that Vast keeps (docs/vast-api.md E). Pure.

No secret is written into one: of a call it is refused, of a machine it is left out and named.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

from vast_mcp.account.asked import launch_of
from vast_mcp.errors import Json, Problem, clean
from vast_mcp.leases import labels, watchdog
from vast_mcp.renting import env_rules, image_rules, rules
from vast_mcp.renting.arguments import OFFICIAL_RUNTYPES
from vast_mcp.renting.image_names import AUTOMATIC_TAG, image_name
from vast_mcp.renting.onstart import onstart_of
from vast_mcp.renting.template_secrets import has_secret, is_random, is_secret
from vast_mcp.settings import Settings
from vast_mcp.vast.templates import Launch

MOST_NAMED = 20

_SSH: Json = {"runtype": "ssh", "ssh_direct": False, "jup_direct": False, "use_ssh": True}
_JUPYTER: Json = _SSH | {"runtype": "jupyter"}
# The words of create_instance's runtype, as a template keeps them.
_MODES: dict[str, Json] = {
    "ssh": _SSH,
    "ssh_proxy": _SSH,
    "ssh_direct": _SSH | {"ssh_direct": True},
    "jupyter": _JUPYTER,
    "jupyter_proxy": _JUPYTER,
    "jupyter_direct": _JUPYTER | {"ssh_direct": True, "jup_direct": True},
    "args": _SSH | {"runtype": "args", "use_ssh": False},
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]*")
_QUOTABLE = re.compile(r'[^"\\$`!]*')
# Names whose values somebody is to give, as they stand in a template's description.
_NEEDS = re.compile(r"env_from: [A-Za-z_]\w{0,63}(?:, [A-Za-z_]\w{0,63})*", re.A)
_MACHINE_NAME = "machine"


@dataclass(frozen=True)
class Base:
    """What a machine gives to a template: arguments as create_instance takes them, the names of
    variables that are left out since they look secret, and what else is to be said.
    """

    given: Json = field(default_factory=dict[str, object], repr=False)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def base_of(launch: Launch, asked_image: str | None, settings: Settings) -> Base:
    """A machine as it was launched, without its secrets, its watchdog and its volume.
    `asked_image`: the image as it was asked for, where the journal has that.
    """
    left_out: list[str] = []
    env: dict[str, str] = {}
    notes: list[str] = []
    for name, value in (launch.extra_env or {}).items():
        if env_rules.is_set_by_vast(name):
            continue
        if name.startswith("-v "):
            notes.append("Its volume is not in the template: a volume is on one machine.")
        elif has_secret(name, settings.mask):
            notes.append("A variable or option of it holds what looks like a secret in its name.")
        elif _is_left_out(name, value, settings):
            left_out.append(clean(name, 60))
        else:
            env[name] = value
    if "extra_env" in launch.unread:
        notes.append("Not all of its env could be read, and the rest is not in the template.")
    given: Json = {
        "image": _image_of(asked_image or launch.image_uuid, notes, settings),
        "runtype": launch_of(launch.image_runtype),
        "env": env,
        "disk": launch.disk_space,
        "name": _name_of(launch, settings),
    }
    for part, left in (_onstart_of(launch, settings), _args_of(launch, settings)):
        given |= part
        notes += left
    notes.append("A registry login, if it had one, is not in it: image_login_from gives it again.")
    return Base({k: v for k, v in given.items() if v is not None}, tuple(left_out), tuple(notes))


def _name_of(launch: Launch, settings: Settings) -> str:
    name = labels.name_in(launch.label)
    return name if name and not has_secret(name, settings.mask) else _MACHINE_NAME


def _image_of(image: str | None, notes: list[str], settings: Settings) -> str | None:
    if image is None or not has_secret(image, settings.mask):
        return image
    notes.append("Its image's name holds what looks like a secret: give another in image.")
    return None


def _is_left_out(name: str, value: str, settings: Settings) -> bool:
    if name.startswith("-"):
        return has_secret(value, settings.mask)
    return is_random(value) or is_secret(name, value, settings.env_pass, settings.mask)


def _onstart_of(launch: Launch, settings: Settings) -> tuple[Json, list[str]]:
    """Its start script as somebody wrote it."""
    script = watchdog.without(launch.onstart) if launch.onstart else None
    if script is None:
        return {}, []
    if has_secret(script, settings.mask):
        return {}, ["Its onstart holds what looks like a secret, and is not in the template."]
    return {"onstart": script}, []


def _args_of(launch: Launch, settings: Settings) -> tuple[Json, list[str]]:
    words = launch.image_args
    if not isinstance(words, list) or not words:
        return {}, []
    text = shlex.join(str(word) for word in cast("list[object]", words))
    if has_secret(text, settings.mask):
        return {}, ["Its args hold what looks like a secret, and are not in the template."]
    return {"args_str": text}, []


# ── the arguments, as Vast keeps them ──────────────────────────────────────────────────────────


def problems_of(given: Json, names: Sequence[str], settings: Settings) -> list[Problem]:
    """What is wrong with a call's own arguments. `names`: those of its env_from."""
    env: dict[str, str] = given.get("env", {})
    script, problems = onstart_of(given)
    found = [
        *env_rules.problems_of(env, []),
        *image_rules.problems_of(given.get("image")),
        *_mode_problems(given),
        *problems,
        *_secret_problems(given, settings),
    ]
    found += [
        Problem("env_from", f"{name} is in env too: give it once") for name in names if name in env
    ]
    if any(has_secret(name, settings.mask) for name in names):
        found.append(Problem("env_from", "holds a secret itself: name the variable that has it"))
    if any(name.startswith("-v ") for name in env):
        found.append(
            Problem("env", "-v mounts a volume, and a volume is on one machine: leave it out")
        )
    named = {problem.field for problem in found}
    return found + [one for one in rules.contradictions(given | script) if one.field not in named]


def _mode_problems(given: Json) -> list[Problem]:
    if "runtype" not in given or given["runtype"] in _MODES:
        return []
    return [Problem("runtype", f"one of {', '.join(_MODES)}")]


def _secret_problems(given: Json, settings: Settings) -> list[Problem]:
    env: dict[str, str] = given.get("env", {})
    names = [
        clean(name, 60)
        for name, value in env.items()
        if not name.startswith("-") and is_secret(name, value, settings.env_pass, settings.mask)
    ]
    found: list[Problem] = []
    options = [f"{name} {value}" for name, value in env.items() if name.startswith("-")]
    if any(has_secret(text, settings.mask) for text in [*env, *options]):
        said = "an option or a name holds what looks like a secret: leave it out"
        found.append(Problem("env", said))
    if names:
        said = (
            f"{', '.join(names[:MOST_NAMED])}: looks like a secret, and a template is kept at "
            "Vast; name it in env_from, and create_instance gives the value"
        )
        found.append(Problem("env", said))
    texts = ("name", "image", "onstart", "args_str")
    return found + [
        Problem(
            one,
            "holds what looks like a secret, and a template is kept at Vast; read it from a "
            "variable of env_from",
        )
        for one in texts
        if has_secret(given.get(one, ""), settings.mask)
    ]


def spoken_runtype(runtype: str) -> str:
    """A runtype in create_instance's words, where the official client's say the same."""
    return OFFICIAL_RUNTYPES.get(re.sub(r"[^a-z]", "", runtype.lower()), runtype)


def fields_of(given: Json) -> Json:
    """The arguments in a template's own fields."""
    fields: Json = {}
    if "name" in given:
        fields["name"] = given["name"]
    if "image" in given:
        fields |= _image_fields(given["image"])
    mode = given.get("runtype", "args" if "args_str" in given else None)
    if mode is not None:
        fields |= _MODES[mode]
    if "env" in given:
        fields["env"] = flags_of(given["env"])
    fields |= onstart_of(given)[0]
    if "args_str" in given:
        fields["args_str"] = given["args_str"]
    if "disk" in given:
        fields["recommended_disk_space"] = given["disk"]
    return fields


def _image_fields(image: str) -> Json:
    """Image and tag apart, as Vast's own templates have them."""
    name = image_name(image)
    if name is None or name.tag is None or name.digest is not None:
        return {"image": image, "tag": None}
    tag = AUTOMATIC_TAG if name.has_automatic_tag else name.tag
    return {"image": image.removesuffix(f":{tag}"), "tag": tag}


def flags_of(env: Json) -> str:
    """An environment as the text of Docker flags that a template keeps (docs/vast-api.md A.4)."""
    words: list[str] = []
    for key, value in env.items():
        if key == "-h":
            words.append(f"-h {value}")
        elif key.startswith("-"):
            words.append(key)
        elif _PLAIN.fullmatch(value):
            words.append(f"-e {key}={value}")
        elif _QUOTABLE.fullmatch(value):
            words.append(f'-e {key}="{value}"')
        else:
            words.append(f"-e {shlex.quote(f'{key}={value}')}")
    return " ".join(words)


# ── names whose values are given when it is rented ─────────────────────────────────────────────


def described(names: Collection[str], before: str | None) -> str:
    """A description that says which names a rental is to give, in the place of what it said."""
    rest = _NEEDS.sub("", before or "").strip()
    needs = f"env_from: {', '.join(sorted(names))}" if names else ""
    return " ".join(filter(None, (rest, needs)))


def wanted_in(desc: str | None) -> list[str]:
    """The names that a description of one's own says are to be given."""
    found = _NEEDS.search(desc or "")
    return [] if found is None else found[0].removeprefix("env_from: ").split(", ")


def nameable(names: Sequence[str]) -> list[str]:
    """Those that an env_from takes."""
    return [name for name in names if _NAME.fullmatch(name)]
