"""What we refuse, or warn of, before money moves.

The first half is pure: the `env` grammar and the rules between arguments. The second half only reads: the offer, the
template, the account's SSH keys. Each refusal is for a case in which Vast would bill for something useless, most of
them without saying so (vast-api.md A.4 to A.8).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from vast_mcp import errors, volumes
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.limits import Price
from vast_mcp.toolspec import Call
from vast_mcp.vast.wire import Offer, SshKey, Template

ENV_BYTES = 32_768
ENV_PORTS = 64
LOOK_S = 15.0  # seconds that all looks before a rent may take, so that the PUT has its own time
DAY_H = 24.0
FRESH_S = 120.0  # how old a price may be where a limit or a question to the person rests on it
DEFAULT_DISK_GB = 10.0  # what Vast's own client asks for; the server's own default is reported as 8 and as 10

# ── env ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

_FLAGS = {
    "-e": "-e", "--env": "-e", "-p": "-p", "--publish": "-p", "-h": "-h", "--hostname": "-h",
    "-v": "-v", "--volume": "-v", "-n": "-n", "--network": "-n",
}  # fmt: skip
_NAME = re.compile(r"[^\s=\-][^\s=]*")
_PORT = re.compile(r"([0-9]{1,6}):([0-9]{1,6})(/tcp|/udp)?")
_VOLUME = re.compile(r"[^\s:]+:[^\s\0]+")


def env_of(value: object) -> dict[str, str]:
    """Any of the three spellings of `env` as the object that the wire wants (A.4).

    Raises ValueError naming the token that cannot be understood; what follows its `=` is not shown.
    """
    env: dict[str, str]
    if isinstance(value, str):
        text = value.strip()
        env = env_of(_from_json(text)) if text[:1] in {"{", "["} else _from_flags(text)
    elif isinstance(value, list):
        env = {}
        for item in cast("list[object]", value):
            if not isinstance(item, str):
                raise ValueError("as a list it holds NAME=VALUE strings")
            env |= _from_flags(item) if item.startswith("-") else dict([_pair(item)])
    elif isinstance(value, dict):
        env = dict(_entry(key, val) for key, val in cast("dict[object, object]", value).items())
    else:
        raise ValueError("must be an object of strings, a string of Docker flags, or a list of NAME=VALUE strings")
    _within_limits(env)
    return env


def _entry(key: object, value: object) -> tuple[str, str]:
    if not isinstance(key, str) or not isinstance(value, str):
        raise ValueError(f"{_shown(str(key))} must have a string as its value; put it in quotes")
    return _checked(key, value)


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("looks like JSON and is not; give an object of strings") from None


def _from_flags(text: str) -> dict[str, str]:
    """`-e A=1 -p 8000:8000/udp -h name -v V.1:/mnt -n net`; quotes as in a shell, `-eA=1` and `--env=A=1` too."""
    try:
        tokens = shlex.split(text)
    except ValueError:
        raise ValueError("has a quote that is not closed") from None
    env: dict[str, str] = {}
    waiting = iter(tokens)
    for token in waiting:
        flag, value = _split_flag(token)
        if flag is None:
            raise ValueError(f"cannot understand {_shown(token)}; expected -e NAME=VALUE, -p, -h, -v or -n")
        if value is None:
            value = next(waiting, None)
        if value is None:
            raise ValueError(f"{flag} is the last word and has no value")
        key, val = _pair(value) if flag == "-e" else _checked(*_flag_entry(flag, value))
        env[key] = val
    return env


def _split_flag(token: str) -> tuple[str | None, str | None]:
    name, equals, rest = token.partition("=")
    if name in _FLAGS:
        return _FLAGS[name], rest if equals else None
    if token[:2] in _FLAGS and len(token) > 2:
        return token[:2], token[2:]
    return None, None


def _flag_entry(flag: str, value: str) -> tuple[str, str]:
    return ("-h", value) if flag == "-h" else (f"{flag} {value}", "1")


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise ValueError(f"{_shown(item)} has no value; write NAME=VALUE")
    return _checked(name, value)


def _checked(key: str, value: str) -> tuple[str, str]:
    """One entry of the object form, keys as the wire knows them."""
    flag, _, rest = key.partition(" ")
    if "\0" in key or "\0" in value:
        raise ValueError(f"{_shown(key)} holds a NUL character")
    if not key.startswith("-"):
        if not _NAME.fullmatch(key):
            name, equals, _ = key.partition("=")
            shown = errors.clean(name, 60) + ("=…" if equals else "")
            raise ValueError(f"{shown or 'an empty word'} is no variable name")
        return key, value
    if flag == "-e":
        raise ValueError(f"write the name alone as the key, without -e ({_shown(rest)})")
    if key == "-h":
        return key, value
    if flag == "-p":
        _check_port(rest)
    elif flag == "-v":
        if not _VOLUME.fullmatch(rest):
            raise ValueError("-v wants VOLUME:/path, as in -v V.1:/mnt")
    elif flag != "-n" or not _NAME.fullmatch(rest):
        raise ValueError(f"cannot understand the key {_shown(key)}; flags are -p, -h, -v and -n")
    return key, value


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    # 70000 and above ask for the same number outside as inside (A.4).
    if match is None or not all(1 <= int(port) <= 65535 or int(port) >= 70000 for port in match.group(1, 2)):
        raise ValueError(f"-p {_shown(text)} is no port mapping; write -p 8000:8000, with /udp for UDP, no ranges")


def _shown(token: str) -> str:
    """A token as an error may show it. A secret stands after the `=`, or is a long word that lost its name."""
    name, equals, _ = token.partition("=")
    if equals:
        return f"{errors.clean(name, 60)}=…"
    name = name.split()[0] if name.split() else ""
    harmless = name.startswith("-") or len(name) <= 16 or not any(c.isalpha() for c in name)
    masked = name if harmless else f"{name[:4]}…"
    return errors.clean(masked, 60) or "an empty word"


def _within_limits(env: dict[str, str]) -> None:
    size = len(json.dumps(env, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENV_BYTES:
        raise ValueError(f"is {size} bytes; Vast takes at most {ENV_BYTES}")
    ports = sum(key.startswith("-p ") for key in env)
    if ports > ENV_PORTS:
        raise ValueError(f"opens {ports} ports; an instance has at most {ENV_PORTS}")


# ── rules between arguments ──────────────────────────────────────────────────────────────────────────────────────────


def contradictions(body: Json) -> list[Problem]:
    """What is wrong between the fields of a create body, all of it knowable offline."""
    found: list[Problem] = []
    size = len(body.get("onstart", "")) + len(body.get("args_str", "")) + sum(map(len, body.get("args", [])))
    if size > 4096:
        found.append(Problem("onstart", f"args, args_str and onstart are {size} characters; Vast takes 4096 together"))
    if "args" in body and "args_str" in body:
        found.append(Problem("args_str", "an alternative to args: give one of them"))
    if ("args" in body or "args_str" in body) and body.get("runtype", "args") != "args":
        found.append(Problem("runtype", 'args and args_str reach the image only with runtype "args"'))
    found += _volume_problems(body)
    if body.get("vm"):
        found += _vm_problems(body)
    return found


def _volume_problems(body: Json) -> list[Problem]:
    volume: Json | None = body.get("volume_info")
    if volume is None:
        return []
    found: list[Problem] = []
    new = bool(volume.get("create_new"))
    if "volume_id" not in volume:
        meaning = "the id of a volume offer" if new else "the id of your volume"
        found.append(Problem("volume_info.volume_id", f"required: {meaning}"))
    if "mount_path" not in volume:
        found.append(Problem("volume_info.mount_path", "required, for example /workspace"))
    if new and "size" not in volume:
        found.append(Problem("volume_info.size", "required in GB with create_new true"))
    if not new and "size" in volume:
        found.append(Problem("volume_info.size", "only with create_new true; an existing volume keeps its size"))
    if any(key.startswith("-v ") for key in body.get("env", {})):
        found.append(Problem("env", "-v mounts a volume and so does volume_info; an instance has one volume"))
    return found


def _vm_problems(body: Json) -> list[Problem]:
    found: list[Problem] = []
    if body.get("runtype", "ssh").startswith(("args", "jupyter")):
        found.append(Problem("runtype", "a VM is entered by SSH only: ssh, ssh_proxy or ssh_direct"))
    found += [
        Problem(name, "not possible on a VM")
        for name in ("args", "args_str", "use_jupyter_lab", "jupyter_dir", "volume_info")
        if body.get(name)
    ]
    if any(key.startswith("-v ") for key in body.get("env", {})):
        found.append(Problem("env", "-v mounts a volume, and a VM has none"))
    image: str | None = body.get("image")
    if image is not None and not has_registry_host(image):
        found.append(Problem("image", VM_IMAGE))
    return found


VM_IMAGE = (
    "a VM's image needs its registry host, for example docker.io/vastai/kvm:ubuntu_terminal; "
    "without it Vast makes a container and says nothing"
)


def has_registry_host(image: str) -> bool:
    """Whether the first part of an image name is a host, by Docker's rule: it has a dot or a port, or is localhost."""
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


# ── looks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Findings:
    """What the looks before a rent found: the offer where it is known, and what to warn of."""

    offer: Offer | None = None
    disk_gb: float | None = None
    volume_usd_per_hour: float | None = 0.0  # of a volume made with the machine; None where that is not known
    warnings: list[str] = field(default_factory=list)

    @property
    def counted_disk_gb(self) -> float:
        """The disk that prices count: what was asked for, the template's, else the usual default."""
        return self.disk_gb or DEFAULT_DISK_GB

    def usd_per_hour(self, body: Json) -> float | None:
        """$/h of the machine with its disk, without a volume."""
        price = replace(self.price(body), volume=0.0).total
        return None if price is None else round(price, 4)

    def price(self, body: Json) -> Price:
        """What it costs by the offer's own figures (A.6), the new volume included."""
        offer, bid = self.offer, body.get("price")
        return Price(
            gpu=bid if bid is not None else (offer.dph_base if offer else None),
            disk=offer.disk_usd_per_hour(self.counted_disk_gb) if offer else None,
            volume=self.volume_usd_per_hour,
        )


async def look(call: Call, offer_id: int, body: Json, *, priced: bool = False) -> Findings:
    """Read what decides whether this rent is sound. Nothing is changed. `priced`: a limit rests on the price.

    Raises a leaf of Refused where Vast would bill for something useless.
    """
    findings = Findings(disk_gb=body.get("disk"))
    vm = bool(body.get("vm"))
    if vm:
        await _check_keys(call, body, None, findings)
    template: Template | None = None
    if "template_hash_id" in body and (_needs_template(body) or (priced and "disk" not in body)):
        template = await _template(call, body)
    if template and findings.disk_gb is None and (template.recommended_disk_space or 0) > 0:
        findings.disk_gb = template.recommended_disk_space
    if vm:
        _check_vm_image(body, template)
    findings.offer = await _offer(call, offer_id, body, findings, fresh=priced)
    if priced and body.get("volume_info", {}).get("create_new"):
        findings.volume_usd_per_hour = await _volume_usd_per_hour(call, body["volume_info"], findings.offer)
    if vm:
        _check_vm_offer(offer_id, findings.offer)
    _check_bid(body, findings.offer)
    _warn_of_offer(findings)
    if not vm:
        await _check_keys(call, body, template, findings)
    return findings


def _needs_template(body: Json) -> bool:
    """Only a VM is refused by what a template holds; anything else leaves the merge to Vast (A.10)."""
    return bool(body.get("vm")) and "image" not in body


async def template_of(call: Call, hash_id: str) -> Template | None:
    """A template by its hash, which is of its content (A.10): read once a call, as Vast spaces those reads by 3 s."""
    if hash_id not in call.templates:
        call.templates[hash_id] = await call.within(LOOK_S).template(hash_id)
    return call.templates[hash_id]


async def _template(call: Call, body: Json) -> Template:
    template = await template_of(call, body["template_hash_id"])
    if template is None:
        raise errors.NoSuchTemplate("No template has this template_hash_id; editing a template changes its hash.")
    return template


def _check_vm_image(body: Json, template: Template | None) -> None:
    image = body.get("image") or (template.image if template else None)
    if image is None or not has_registry_host(image):
        where = "the template's image" if "image" not in body and template else "image"
        raise errors.VmNotPossible(f"Nothing was sent: {where}: {VM_IMAGE}.")


async def _volume_usd_per_hour(call: Call, volume: Json, offer: Offer | None) -> float | None:
    """What the new volume will bill: room is listed by machine."""
    if offer is None or offer.machine_id is None:
        return None
    try:
        found = await call.within(LOOK_S).search_volumes(volumes.room_query(offer.machine_id, volume["size"]))
    except errors.VastMcpError:
        return None
    room = next((room for room in found if room.id == volume["volume_id"]), None)
    return volumes.room_usd_per_hour(room, volume["size"]) if room else None


async def _offer(call: Call, offer_id: int, body: Json, findings: Findings, *, fresh: bool) -> Offer | None:
    """The offer as a search showed it, or one look. Not finding it is no verdict: Vast's answer to the rent is."""
    known = call.office.offers.get(offer_id)
    if known is not None and not (fresh and call.office.age_s(offer_id) > FRESH_S):
        return known
    bid = "price" in body
    try:
        found = await call.within(LOOK_S).find_offer(offer_id, bid=bid, disk_gb=findings.counted_disk_gb)
    except (errors.RateLimited, errors.SearchQuotaExceeded, errors.VastUnavailable, errors.Unreachable) as exc:
        findings.warnings.append(f"The offer's price could not be looked up ({exc.code}).")
        return None
    if found:
        call.office.remember([found], bid=bid)
    return found


def _check_vm_offer(offer_id: int, offer: Offer | None) -> None:
    search = NextStep("search_offers", {"vm": True}, "offers that can run a VM")
    if offer is None:
        raise errors.VmNotPossible(
            "Nothing was sent: the offer could not be looked up, so whether it can run a VM is not known.",
            offer_id=offer_id,
            next_steps=[search],
        )
    if not offer.vms_enabled:
        raise errors.VmNotPossible(
            "Nothing was sent: this offer cannot run a VM; Vast would make a container.",
            offer_id=offer_id,
            next_steps=[search],
        )
    if not offer.direct_port_count:
        raise errors.VmNotPossible(
            "Nothing was sent: this offer has no direct ports, and Vast's SSH proxy does not reach a VM.",
            offer_id=offer_id,
            next_steps=[search],
        )


def _check_bid(body: Json, offer: Offer | None) -> None:
    bid = body.get("price")
    if bid is None or offer is None or offer.min_bid is None or bid >= offer.min_bid:
        return
    raise errors.BidTooLow(
        f"Nothing was sent: the bid of {bid:g} $/h is under this offer's minimum of {offer.min_bid:g}; Vast would make "
        "a stopped machine that bills its disk.",
        offer_id=offer.ask_contract_id,
        problems=[Problem("price", f"at least {offer.min_bid:g} for this offer, or none to rent on demand")],
    )


def _warn_of_offer(findings: Findings) -> None:
    offer = findings.offer
    if findings.disk_gb is None:
        findings.warnings.append(
            "No disk size was given: Vast picks 8 to 10 GB or the template's, and it cannot be changed later."
        )
    if offer is None:
        findings.warnings.append("Vast lists no offer with this id now, so its price is not known.")
        return
    if offer.duration is not None and offer.duration < DAY_H * 3600:
        hours = offer.duration / 3600
        findings.warnings.append(f"The host's offer ends in {hours:.1f} hours; the machine may be taken back then.")
    if offer.disk_space is not None and findings.disk_gb is not None and findings.disk_gb > offer.disk_space:
        findings.warnings.append(f"The offer has {offer.disk_space:.0f} GB of disk free, less than was asked for.")


# ── SSH keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _check_keys(call: Call, body: Json, template: Template | None, findings: Findings) -> None:
    """A VM without a key can never be entered; a container without one can still be given one (specification)."""
    vm = bool(body.get("vm"))
    if not vm and by_args(body, template):
        return
    if vm or not call.office.ssh_keys:
        try:
            call.office.ssh_keys = await call.within(LOOK_S).ssh_keys()
        except errors.VastMcpError as exc:
            if vm:
                raise
            findings.warnings.append(f"The account's SSH keys could not be read ({exc.code}).")
            return
    keys = call.office.ssh_keys
    if not keys and vm:
        raise no_ssh_key(call)
    if not keys:
        findings.warnings.append(
            "The account has no SSH key: register one with create_ssh_key; a container made before needs it attached."
        )
    elif not has_local_match(keys, call.settings.ssh_dir):
        findings.warnings.append(
            "No public key in ~/.ssh of this computer is registered with Vast, so ssh from here may be refused."
        )


def by_args(body: Json, template: Template | None) -> bool:
    """Whether the image's own entrypoint runs, by the request or by what the template brings (A.3, A.10)."""
    runtype = body.get("runtype") or (template.runtype if template else None)
    return runtype == "args" or (runtype is None and ("args" in body or "args_str" in body))


def no_ssh_key(call: Call, **facts: object) -> errors.NoSshKey:
    """The refusal, with a call that registers the key that is here."""
    local = local_public_keys(call.settings.ssh_dir)
    arguments: Json = {"public_key": f"~/.ssh/{local[0].name}" if local else "~/.ssh/id_ed25519.pub"}
    why = "registers the key" if local else "after `ssh-keygen -t ed25519` made one: there is no public key in ~/.ssh"
    if call.settings.ssh_dir is None:
        arguments, why = {}, "with the text of a public key: this server reads no key files"
    return errors.NoSshKey(
        "The account has no SSH key, and a VM takes its keys at birth only: it could never be entered. "
        "Nothing was rented.",
        next_steps=[NextStep("create_ssh_key", arguments, f"{why}; then the same create_instance call")],
        **facts,  # pyright: ignore[reportArgumentType]
    )


def local_public_keys(ssh_dir: Path | None) -> list[Path]:
    """The `*.pub` files of ~/.ssh, in name order; none where this server may not read there."""
    try:
        return sorted(ssh_dir.glob("*.pub")) if ssh_dir else []
    except OSError:
        return []


def key_blob(text: str) -> str | None:
    """The base64 part of a public key line: what makes two lines the same key. None where there is none."""
    words = text.split()
    for kind, blob in itertools.pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
            return blob
    return None


def fingerprint_of(blob: str) -> str | None:
    """SHA256 fingerprint of a key's base64 part, as ssh-keygen -l prints it. None where it is no base64."""
    try:
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def has_local_match(keys: list[SshKey], ssh_dir: Path | None) -> bool:
    """Whether a public key of this computer is registered. True where this server may not look."""
    if ssh_dir is None:
        return True
    registered = {blob for key in keys if (blob := key_blob(key.public_key))}
    for path in local_public_keys(ssh_dir):
        try:
            if key_blob(path.read_text(encoding="utf-8")) in registered:
                return True
        except (OSError, UnicodeDecodeError):
            continue
    return False
