"""A registry login as Vast takes it: `-u USER -p PASSWORD HOST`, in one text, no blanks inside
(docs/vast-api.md A.9).

What can only mean one thing is written so; the rest is refused, and no value is repeated.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.renting.image_names import HUB, image_name, registry_of
from vast_mcp.renting.image_rules import image_of_template
from vast_mcp.renting.placeholders import is_unfilled
from vast_mcp.vast.account import Template

FORM = f"-u USER -p PASSWORD HOST, with {HUB} for Docker Hub"

_FLAGS = {"-u": "user", "--username": "user", "-p": "password", "--password": "password"}
_COMMAND = re.compile(r"(?:[$#>]\s+)?(?:sudo\s+)?(?:docker|podman|nerdctl)\s+login\s+", re.I)
_HOST = re.compile(r"(?=.*[.:]|localhost)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?")
_QUOTED = re.compile(r"(?:^|[\s=])[\"']")
_ITS_API = re.compile(r"/v[12]/?")


_WORDS_OF_THE_FORM = frozenset({"USER", "USERNAME", "PASSWORD", "TOKEN"})


@dataclass(frozen=True)
class Login:
    """Who logs in where."""

    user: str
    password: str
    host: str

    def __repr__(self) -> str:
        return f"Login({self.host})"

    @property
    def text(self) -> str:
        return f"-u {self.user} -p {self.password} {self.host}"


def login_of(text: str) -> Login:
    """The login that a text is. Raises ValueError saying what is wrong, without a value of it."""
    given, others = _given_in(_words(text))
    if len(others) > 1:
        raise ValueError(f"holds more words than it may; write {FORM}, no blanks inside of a value")
    for name in ("user", "password"):
        if not given.get(name):
            raise ValueError(f"has no {name}; write {FORM}")
        if is_unfilled(given[name]) or given[name] in _WORDS_OF_THE_FORM:
            raise ValueError(f"has a {name} that is a placeholder; a kept one is image_login_from")
        if re.search(r"\s", given[name]):
            raise ValueError(f"has a blank inside of the {name}; Vast takes none")
    if not others:
        raise ValueError(f"names no registry; write {FORM}")
    return Login(given["user"], given["password"], _host_of(others[0]))


def login_in(body: Json, field: str) -> tuple[Json, list[Problem]]:
    """The login of a body as Vast takes it, and what is wrong with it, alone or with the image.
    `field`: the argument that it came by.
    """
    if "image_login" not in body:
        return {}, []
    try:
        login = login_of(body["image_login"])
    except ValueError as exc:
        return {}, [Problem(field, str(exc))]
    why = _not_for(login, body.get("image"), "image")
    return {"image_login": login.text}, [Problem(field, why)] if why else []


def check_login_of_template(body: Json, template: Template) -> None:
    """Raises BadArguments where the login is for another registry than the template's image."""
    if "image" in body or "image_login" not in body:
        return
    why = _not_for(login_of(body["image_login"]), image_of_template(template), "template's image")
    if why is not None:
        raise errors.bad("create_instance", [Problem("image_login", why)])


def _not_for(login: Login, image: str | None, whose: str) -> str | None:
    """Why a login is none for an image, which is at another registry."""
    name = image_name(image or "")
    if name is None or registry_of(login.host) == name.host:
        return None
    return (
        f"is for {registry_of(login.host)}, and the {whose} is at {name.host}: log in there, or "
        "leave it out"
    )


def _words(text: str) -> list[str]:
    """The words after `docker login`. Quotes are a shell's where they stand around whole words."""
    bare = _COMMAND.sub("", text.strip(), count=1).replace("\\\n", " ")
    if not _QUOTED.search(bare):
        return bare.split()
    try:
        return shlex.split(bare)
    except ValueError:
        return bare.split()


def _given_in(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """User and password, and the words that are neither. Raises ValueError."""
    given: dict[str, str] = {}
    others: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == "--password-stdin":
            raise ValueError(f"cannot be asked for a password; write {FORM}")
        name, value = _split_flag(word)
        if name is None:
            others.append(word)
            continue
        if name in given:
            raise ValueError(f"has the {name} twice; write {FORM}")
        given[name] = next(waiting, "") if value is None else value
    return given, others


def _split_flag(word: str) -> tuple[str | None, str | None]:
    """User or password by its flag, and the value in the same word; None for what is not there."""
    if word in _FLAGS:
        return _FLAGS[word], None
    flag, equals, value = word.partition("=")
    if equals and flag in _FLAGS:
        return _FLAGS[flag], value
    if word[:2] in _FLAGS and len(word) > 2:
        return _FLAGS[word[:2]], word[2:]
    return None, None


def _host_of(word: str) -> str:
    """The registry. Raises ValueError."""
    bare = re.sub(r"^https?://", "", word, flags=re.I)
    host, slash, path = bare.partition("/")
    if path and not _ITS_API.fullmatch(slash + path):
        raise ValueError(f"names more than a registry's host; write {FORM}")
    if host.lower() == "hub.docker.com" or not _HOST.fullmatch(host):
        raise ValueError(f"has no registry's host as its last word; write {FORM}")
    return HUB if registry_of(host) == HUB and host != word else host
