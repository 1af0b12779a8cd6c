"""An image that Docker would not take is refused, with the repaired name where one is certain; what
Docker takes is rented as it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from case import Case, Legal, not_warned, refused, rented, renting, warned
from house import an_offer
from vast_mcp.sandbox.world import World

SHA = "sha256:" + "0123456789abcdef" * 4


def _meant(image: str, repair: str) -> Case:
    return Case(
        f"image {image!r} is refused, and {repair} is named",
        "create_instance",
        renting(image=image),
        refused("image", f"write {repair}"),
    )


def _wrong(image: str, *says: str, never: str = "") -> Case:
    return Case(
        f"image {image!r} is refused",
        "create_instance",
        renting(image=image),
        refused("image", *says, never=never),
    )


def _legal(image: str, warning: str = "The image") -> Legal:
    return Legal(
        f"image {image!r}",
        "create_instance",
        renting(image=image),
        (rented(image=image), not_warned(warning)),
    )


def _of_template(image: str) -> Callable[[World], Any]:
    def given(world: World) -> dict[str, Any]:
        made = world.add_template({"name": "t", "image": image})
        return {"offer_id": an_offer(world)["id"], "disk": 20, "template_hash_id": made["hash_id"]}

    return given


MEANT = [
    ("https://hub.docker.com/r/pytorch/pytorch", "pytorch/pytorch"),
    ("https://hub.docker.com/r/pytorch/pytorch/tags?page=1", "pytorch/pytorch"),
    ("hub.docker.com/r/pytorch/pytorch", "pytorch/pytorch"),
    ("https://hub.docker.com/_/ubuntu", "ubuntu"),
    ("https://hub.docker.com/layers/library/ubuntu/22.04/images/sha256-ab?x=1", "ubuntu:22.04"),
    ("https://ghcr.io/a/b:1", "ghcr.io/a/b:1"),
    ("https://github.com/o/r/pkgs/container/n/12?tag=v1", "ghcr.io/o/n:v1"),
    ("https://quay.io/repository/a/b?tab=tags&tag=1", "quay.io/a/b:1"),
    (
        "https://catalog.ngc.nvidia.com/orgs/nvidia/containers/pytorch/tags",
        "nvcr.io/nvidia/pytorch",
    ),
    ("docker://a/b", "a/b"),
    ("docker pull pytorch/pytorch:latest", "pytorch/pytorch:latest"),
    ("$ sudo docker image pull a/b", "a/b"),
    (
        "docker run --gpus all -it -p 80:80 --rm -e A=1 nvcr.io/nvidia/pytorch:24.05-py3 bash",
        "nvcr.io/nvidia/pytorch:24.05-py3",
    ),
    ("FROM a/b:1 AS base", "a/b:1"),
    ("image: a/b:1", "a/b:1"),
    (" a/b ", "a/b"),
    ("'a/b'", "a/b"),
    ("`a/b`", "a/b"),
    ("a/b : latest", "a/b:latest"),
    ("a/b/", "a/b"),
    ("PyTorch/PyTorch", "pytorch/pytorch"),
    ("PyTorch/pytorch:2.1-CUDA", "pytorch/pytorch:2.1-CUDA"),
    ("ghcr.io/Owner/Image:Tag", "ghcr.io/owner/image:Tag"),
    ("Ubuntu:22.04", "ubuntu:22.04"),
    ("vastai/pytorch@vastai-automatic-tag", "vastai/pytorch:@vastai-automatic-tag"),
]

ROWS: list[Case] = [
    *[_wrong(filler, "filler", "leave it out") for filler in ("string", "default", "No", "image")],
    *(_meant(image, repair) for image, repair in MEANT),
    _wrong("pytorch/pytorch latest", "blanks"),
    _wrong("a/b:c:d", "two tags"),
    _wrong("a/b:", "a tag that is none"),
    _wrong("a/b@sha256:12", "whole digest"),
    _wrong("a/b@latest", "whole digest"),
    _wrong("0" * 64),
    _wrong(SHA),
    _wrong("$IMAGE"),
    _wrong("<your-image>"),
    _wrong("https://huggingface.co/a/b", "address of a page"),
    _wrong("https://someone:planted-pass@ghcr.io/a/b", never="planted-pass"),
    _wrong("hf_AbCdEfGhIjKlMnOpQrStUvWx", never="hf_abcdef"),
    _wrong("pytorch/pytorch:@vastai-automatic-tag", "Vast's own images"),
    Case(
        "a registry of one's own machine is warned of",
        "create_instance",
        renting(image="localhost:5000/a/b"),
        (rented(image="localhost:5000/a/b"), warned("private network")),
    ),
    Case(
        "a private address is warned of",
        "create_instance",
        renting(image="192.168.1.5:5000/a"),
        (rented(image="192.168.1.5:5000/a"), warned("private network")),
    ),
    Case(
        "an example's name is warned of",
        "create_instance",
        renting(image="your-name/your-image"),
        warned("nobody filled in"),
    ),
    *(
        _legal(image)
        for image in (
            "x",
            "ubuntu:22.04",
            "library/ubuntu",
            "docker.io/library/ubuntu",
            "foo/bar__x.y-z:Tag_1.2-RC",
            "nvcr.io/nvidia/pytorch:24.05-py3",
            f"ghcr.io/a/b@{SHA}",
            f"a/b:t@{SHA}",
            "GHCR.io/a/b",
            "registry.example.com:5000/a/b:c",
            "8.8.8.8:5000/a",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:y",
            "us-docker.pkg.dev/p/r/i:1",
            "registry.gitlab.com/a/b/c:1",
            "quay.io/repository/x",
            "vastai/base-image:@vastai-automatic-tag",
            "docker.io/vastai/pytorch:@vastai-automatic-tag",
            "vastai/pytorch",
            "yourbase/image",
            "dockerpull/x",
            "from/x",
        )
    ),
    Legal(
        "a template's own image is not judged as one's own",
        "create_instance",
        _of_template("a/b"),
        (rented(), not_warned("template's image")),
    ),
    Case(
        "a template's image that Docker would not take is warned of",
        "create_instance",
        _of_template("PyTorch/PyTorch"),
        warned("template's image"),
    ),
]
