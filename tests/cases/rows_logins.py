"""A registry login is `-u USER -p PASSWORD HOST`, and is for the image's own registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from case import Case, Legal, refused, rented, renting
from house import an_offer
from vast_mcp.sandbox.world import World

GHCR = "ghcr.io/a/b:1"
LOGIN = "-u someone -p planted-pass ghcr.io"


def _mended(login: str, becomes: str = LOGIN, image: str = GHCR) -> Case:
    return Case(
        f"login {login.replace('planted-pass', '…')!r} is written as Vast takes it",
        "create_instance",
        renting(image=image, image_login=login),
        rented(image_login=becomes, image=image),
    )


def _wrong(login: str, *says: str, image: str = GHCR) -> Case:
    return Case(
        f"login {login.replace('planted-pass', '…')!r} is refused for {image}",
        "create_instance",
        renting(image=image, image_login=login),
        refused("image_login", *says, never="planted-pass"),
    )


def _legal(login: str, image: str) -> Legal:
    return Legal(
        f"login {login!r} for {image}",
        "create_instance",
        renting(image=image, image_login=login),
        rented(image_login=login, image=image),
    )


def _kept(login: str, want: Any, name: str, **more: Any) -> Case:
    return Case(
        name,
        "create_instance",
        renting(image_login_from="REGISTRY", **{"image": GHCR, **more}),
        want,
        settings={"env_pass": {"REGISTRY": SecretStr(login)}},
    )


def _of_template(image: str, login: str) -> Callable[[World], Any]:
    def given(world: World) -> dict[str, Any]:
        made = world.add_template({"name": "t", "image": image})
        asked = {"template_hash_id": made["hash_id"], "image_login": login}
        return {"offer_id": an_offer(world)["id"], "disk": 20, **asked}

    return given


ROWS: list[Case] = [
    _mended("docker login -u someone -p planted-pass ghcr.io"),
    _mended("$ sudo docker login --username someone --password planted-pass ghcr.io"),
    _mended("--username=someone --password=planted-pass ghcr.io"),
    _mended("ghcr.io -u someone -p planted-pass"),
    _mended("-p planted-pass -u someone ghcr.io"),
    _mended("-u someone -p planted-pass https://ghcr.io"),
    _mended("-u someone -p planted-pass ghcr.io/"),
    _mended("-u 'someone' -p \"planted-pass\" ghcr.io"),
    _mended(
        "-u someone -p planted-pass https://index.docker.io/v1/",
        "-u someone -p planted-pass docker.io",
        "a/b",
    ),
    _wrong("-u someone -p planted-pass", "no registry"),
    _wrong("-u someone ghcr.io", "no password"),
    _wrong("-p planted-pass ghcr.io", "no user"),
    _wrong("someone:planted-pass", "no user"),
    _wrong("someone planted-pass ghcr.io", "more words"),
    _wrong("-u someone -p planted-pass x ghcr.io", "more words"),
    _wrong("-u someone -p 'planted-pass x' ghcr.io", "blank inside"),
    _wrong("-u someone --password-stdin ghcr.io", "-p PASSWORD"),
    _wrong("echo planted-pass | docker login ghcr.io -u someone --password-stdin"),
    _wrong("-u someone -p planted-pass ghcr.io/a", "more than a registry's host"),
    _wrong("-u someone -p planted-pass ghcr", "registry's host"),
    _wrong("-u someone -p planted-pass hub.docker.com", "docker.io", image="a/b"),
    _wrong("-u someone -p $TOKEN ghcr.io", "placeholder", "image_login_from"),
    _wrong("-u USER -p TOKEN ghcr.io", "placeholder"),
    _wrong("-u someone -p <your-token> ghcr.io", "placeholder"),
    _wrong("-u someone -p ghp_xxxxxxxx ghcr.io", "placeholder"),
    _wrong(LOGIN, "ghcr.io", "docker.io", image="a/b"),
    _wrong("-u someone -p planted-pass docker.io", "ghcr.io", "docker.io"),
    _wrong("-u someone -p planted-pass nvcr.io", "nvcr.io", "ghcr.io"),
    Case(
        "a login for another registry than the default image's is refused",
        "create_instance",
        renting(image_login=LOGIN),
        refused("image_login", "docker.io", never="planted-pass"),
    ),
    Case(
        "a login for another registry than the template's image is refused",
        "create_instance",
        _of_template("a/b", LOGIN),
        refused("image_login", "template's image", "docker.io", never="planted-pass"),
    ),
    Legal(
        "a login for the registry of the template's image",
        "create_instance",
        _of_template("ghcr.io/a/b", LOGIN),
        rented(image_login=LOGIN),
    ),
    _kept(
        "docker login -u someone -p planted-pass ghcr.io",
        rented(image_login=LOGIN),
        "a login that the person keeps is written as Vast takes it",
    ),
    _kept(
        "someone:planted-pass",
        refused("image_login_from", "-u USER", never="planted-pass"),
        "a login that the person keeps is none",
    ),
    _kept(
        LOGIN,
        refused("image_login_from", "docker.io", never="planted-pass"),
        "a login that the person keeps is for another registry",
        image="a/b",
    ),
    _legal(LOGIN, GHCR),
    _legal("-u someone -p b ghcr.io:443", GHCR),
    _legal("-u a -p b docker.io", "x"),
    _legal("-u a -p b index.docker.io", "a/b"),
    _legal("-u a -p b docker.io", "index.docker.io/a/b"),
    _legal("-u a -p b registry-1.docker.io", "docker.io/a/b"),
    _legal("-u $oauthtoken -p b nvcr.io", "nvcr.io/nvidia/pytorch:24.05-py3"),
    _legal("-u a -p b GHCR.io", "ghcr.io/a/b"),
    _legal("-u AWS -p b 1.dkr.ecr.us-east-1.amazonaws.com", "1.dkr.ecr.us-east-1.amazonaws.com/x"),
    _legal("-u a -p pa$$w'rd=x ghcr.io", GHCR),
    _legal("-u a -p b registry.example.com:5000", "registry.example.com:5000/a"),
]
