"""What an image's name says of its machine (CUDA, maker of the card, processor), against the offer:
refused where it cannot run, a warning where it probably does not, and nothing where nothing is
known.
"""

from __future__ import annotations

from typing import Any

from case import Case, Legal, Want, not_warned, refused, rented, warned
from rows_known_room import having, on

GEFORCE = {"gpu_name": "RTX 4090", "compute_cap": 890, "gpu_arch": "nvidia", "cpu_arch": "amd64"}
BLACKWELL = GEFORCE | {"gpu_name": "RTX 5090", "compute_cap": 1200, "cuda_max_good": 12.8}
A100 = GEFORCE | {"gpu_name": "A100 SXM4", "compute_cap": 800}
H100 = GEFORCE | {"gpu_name": "H100 SXM", "compute_cap": 900, "cuda_max_good": 12.8}
PASCAL = GEFORCE | {"gpu_name": "GTX 1080 Ti", "compute_cap": 610, "cuda_max_good": 13.0}
GRACE = {"gpu_name": "GH200 SXM", "compute_cap": 900, "cpu_arch": "arm64", "cuda_max_good": 12.8}
RADEON = {"gpu_name": "RX 7900 XTX", "gpu_arch": "amd", "compute_cap": None, "cuda_max_good": None}
VM = {"vm": True, "image": "docker.io/vastai/kvm:cuda-13.0.1-auto"}


def row(
    name: str, has: dict[str, Any], image: str, *wants: Want, kind: type[Case] = Case, **more: Any
) -> Case:
    """One image on one offer."""
    return kind(name, "create_instance", on(image=image, **more), wants, world=having(**has))


def legal(name: str, has: dict[str, Any], image: str, *wants: Want, **more: Any) -> Case:
    """The image is rented, and nothing is said of what the name says."""
    silent = wants or (not_warned("CUDA", "cuda", "arm64", "AMD"),)
    return row(name, has, image, rented(image=image), *silent, kind=Legal, **more)


def driver(cuda: float | None, card: dict[str, Any] = GEFORCE) -> dict[str, Any]:
    return card | {"cuda_max_good": cuda}


def brought(name: str, has: dict[str, Any], template: dict[str, Any], *wants: Want) -> Case:
    """The image is a template's."""
    return Case(name, "create_instance", on(template=template), wants, world=having(**has))


NEWER_MAJOR = ("min_cuda", "driver has 12.2")

DRIVER = [
    row(
        "CUDA of the next major version on a GeForce",
        driver(12.2),
        "foo/bar:cu130",
        refused("image", "CUDA 13.0", *NEWER_MAJOR, "'min_cuda': 13.0", "'RTX 4090'"),
    ),
    row(
        "the same by its major number alone",
        driver(12.2),
        "ghcr.io/ggml-org/llama.cpp:server-cuda13-b11223",
        refused("image", "CUDA 13.0", *NEWER_MAJOR),
    ),
    row(
        "CUDA 12 on a driver of 11",
        driver(11.8),
        "nvidia/cuda:12.8.1-devel-ubuntu22.04",
        refused("image", "CUDA 12.8", "driver has 11.8", "an image for CUDA 11"),
    ),
    row(
        "on trial too",
        driver(11.8),
        "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime",
        refused("image", "CUDA 12.4", "driver has 11.8"),
        dry_run=True,
    ),
    row(
        "CUDA of the next major version on a data centre card",
        driver(12.2, A100),
        "foo/bar:cu130",
        rented(),
        warned("forward compatibility", "min_cuda 13.0"),
    ),
    *(
        row(
            f"a newer minor version in {image}",
            driver(12.2),
            image,
            rented(image=image),
            warned(f"says CUDA {said}, and this host's driver has 12.2", f"min_cuda {said}"),
        )
        for image, said in (
            ("pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime", "12.4"),
            ("nvidia/cuda:12.8.1-devel-ubuntu22.04", "12.8"),
            ("nvcr.io/nvidia/cuda:12.6.3-base-ubuntu24.04", "12.6"),
            ("foo/bar:2.1-cu124", "12.4"),
            ("foo/bar:CUDA-12.6", "12.6"),
            ("vastai/base-image:cuda-12.4.1-auto", "12.4"),
            ("runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404", "12.8"),
            ("rapidsai/base:24.04-cuda12.5-py3.11", "12.5"),
            ("foo/bar-cuda12.4", "12.4"),
        )
    ),
    brought(
        "a template's image of the next major version",
        driver(12.2),
        {"image": "example/cuda", "tag": "13.0.1-devel"},
        refused("template_hash_id", "CUDA 13.0", *NEWER_MAJOR, never="example/cuda"),
    ),
    brought(
        "a template's image of a newer minor version",
        driver(12.2),
        {"image": "example/mine:cu128"},
        rented(),
        warned("Its image's name says CUDA 12.8"),
    ),
    Case(
        "the call's image is the one that counts",
        "create_instance",
        on(template={"image": "example/mine:cu118"}, image="foo/bar:cu130"),
        refused("image", "CUDA 13.0"),
        world=having(**driver(12.2)),
    ),
    Legal(
        "the call's image beats the template's",
        "create_instance",
        on(template={"image": "example/mine:cu130"}, image="foo/bar:cu121"),
        (rented(image="foo/bar:cu121"), not_warned("CUDA")),
        world=having(**driver(12.2)),
    ),
    *(
        legal(f"no CUDA above the driver's in {image}", driver(12.4), image)
        for image in (
            "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime",
            "nvidia/cuda:11.8.0-base-ubuntu22.04",
            "nvidia/cuda:latest",
            "foo/bar:cu118",
            "foo/bar:cu12",
            "foo/bar:cuda12",
            "vllm/vllm-openai",
            "vllm/vllm-openai:v0.25.1",
            "nvcr.io/nvidia/pytorch:25.12-py3",
            "ghcr.io/ggml-org/llama.cpp:server-cuda-b11347",
            "foo/bar:cuda-20251224",
            "foo/bar:cuda-25.04",
            "foo/docu130:1",
            "foo/barracuda:13.0",
            "foo/app:13.0",
            "foo/bar:cudnn9",
            "ubuntu:24.04",
            "vastai/pytorch:@vastai-automatic-tag",
        )
    ),
    legal("a driver that is not known", driver(None), "foo/bar:cu130"),
    legal("a choice of several", driver(12.4), "foo/bar:cu121-cu130"),
    legal(
        "the image's demand switched off",
        driver(12.2),
        "nvidia/cuda:12.8.1-devel-ubuntu22.04",
        env={"NVIDIA_DISABLE_REQUIRE": "1"},
    ),
    legal("a VM has a driver of its own", driver(12.2) | {"vms_enabled": True}, **VM),
]

CARDS = [
    row(
        "Blackwell with CUDA before 12.8",
        BLACKWELL,
        "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime",
        rented(),
        warned("compute capability 12) came with 12.8"),
    ),
    row(
        "B200 with CUDA before 12.8",
        BLACKWELL | {"gpu_name": "B200", "compute_cap": 1000},
        "foo/bar:cu126",
        rented(),
        warned("compute capability 10) came with 12.8"),
    ),
    row("Hopper with CUDA before 11.8", H100, "foo/bar:cu117", rented(), warned("came with 11.8")),
    row(
        "Ampere with CUDA 10",
        A100 | {"cuda_max_good": 12.8},
        "foo/bar:cu102",
        rented(),
        warned("came with 11.0"),
    ),
    row(
        "Pascal with CUDA 13",
        PASCAL,
        "nvidia/cuda:13.0.1-runtime-ubuntu24.04",
        rented(),
        warned("begin at compute capability 7.5; this card has 6.1"),
    ),
    row("Pascal with cuda13", PASCAL, "foo/bar:cuda13", rented(), warned("this card has 6.1")),
    legal("Blackwell with CUDA 12.8", BLACKWELL, "foo/bar:cu128"),
    legal("Blackwell with CUDA 12 of any minor", BLACKWELL, "foo/bar:cu12"),
    legal("Hopper with CUDA 11.8", H100, "foo/bar:cu118"),
    legal("Ada runs the code for Ampere", driver(12.4), "foo/bar:cu113"),
    legal("Pascal with CUDA 12", PASCAL, "foo/bar:cu126"),
    legal("a card of unknown capability", driver(12.8) | {"compute_cap": None}, "foo/bar:cu102"),
    Legal(
        "a template that wants a better card, as before",
        "create_instance",
        on(template={"extra_filters": {"compute_cap": {"gte": "800"}}}),
        (rented(), warned("compute_cap at least 800, the offer has 750")),
        world=having(**driver(12.4) | {"compute_cap": 750}),
    ),
]

PROCESSOR = [
    row(
        "an amd64 image on arm64",
        GRACE,
        "foo/bar:1.0-amd64",
        refused("image", "says amd64, and this machine is arm64", "cpu_arch", never="GH200"),
    ),
    row("an x86_64 image on arm64", GRACE, "foo/bar:x86_64", refused("image", "is arm64")),
    row("amd64 in the name", GRACE, "amd64/ubuntu:22.04", refused("image", "is arm64")),
    row(
        "an arm64 image on amd64",
        driver(12.4),
        "foo/bar:1.0-arm64",
        refused("image", "says arm64, and this machine is amd64"),
    ),
    row("an aarch64 image on amd64", driver(12.4), "foo/bar:aarch64", refused("image", "is amd64")),
    row("arm64v8 in the name", driver(12.4), "arm64v8/ubuntu:22.04", refused("image", "is amd64")),
    row(
        "an image of unknown architecture on arm64",
        GRACE,
        "foo/bar:1.0",
        rented(),
        warned("machine is arm64, and many images are for amd64 only"),
    ),
    brought(
        "a template's amd64 image on arm64",
        GRACE,
        {"image": "example/mine", "tag": "amd64"},
        refused("template_hash_id", "is arm64"),
    ),
    legal("an arm64 image on arm64", GRACE, "foo/bar:1.0-arm64", not_warned("arm64")),
    legal("an amd64 image on amd64", driver(12.4), "foo/bar:1.0-amd64"),
    legal("an image for both", driver(12.4), "foo/bar:1.0-amd64-arm64"),
    legal("a processor that is not known", driver(12.4) | {"cpu_arch": None}, "foo/bar:arm64"),
    legal("Vast's own choice on arm64", GRACE, "vastai/pytorch:@vastai-automatic-tag"),
    Legal(
        "a template whose maker says that it runs on arm64",
        "create_instance",
        on(template={"extra_filters": {"cpu_arch": {"in": ["amd64", "arm64"]}}}),
        (rented(), not_warned("arm64")),
        world=having(**GRACE),
    ),
]

MAKER = [
    row(
        "a CUDA image on a Radeon",
        RADEON,
        "nvidia/cuda:12.4.1-base-ubuntu22.04",
        refused("image", "says CUDA, and this offer's card is AMD", "gpu_arch", never="RX 7900"),
    ),
    row("cu121 on a Radeon", RADEON, "foo/bar:cu121", refused("image", "card is AMD")),
    row(
        "a CUDA image on an Instinct whose row says no maker",
        RADEON | {"gpu_name": "InstinctMI100", "gpu_arch": None},
        "foo/llama:server-cuda",
        refused("image", "card is AMD"),
    ),
    row(
        "a ROCm image on a GeForce",
        driver(12.4),
        "rocm/pytorch:rocm6.2_ubuntu22.04_py3.10",
        refused("image", "says ROCm, and this offer's card is NVIDIA", "gpu_arch"),
    ),
    row("a tag of ROCm", driver(12.4), "ollama/ollama:rocm", refused("image", "says ROCm")),
    row(
        "an image that says neither on a Radeon",
        RADEON,
        "foo/bar:1.0",
        rented(),
        warned("card is AMD's: only images for ROCm"),
    ),
    brought(
        "a template's CUDA image on a Radeon",
        RADEON,
        {"image": "example/mine:cuda12.4"},
        refused("template_hash_id", "card is AMD"),
    ),
    legal("a ROCm image on a Radeon", RADEON, "rocm/vllm", not_warned("AMD", "ROCm")),
    legal("a card of unknown make", driver(12.4) | {"gpu_arch": None}, "rocm/vllm"),
    legal("a name of both", driver(12.4), "foo/bar:cuda-rocm"),
    legal("an image without CUDA", RADEON, "foo/bar:no-cuda", not_warned("NVIDIA")),
    legal("procmail is no ROCm", driver(12.4), "foo/procmail:1"),
]

ROWS: list[Case] = [*DRIVER, *CARDS, *PROCESSOR, *MAKER]
