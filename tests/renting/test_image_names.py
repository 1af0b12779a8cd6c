"""Names of images: what Docker takes has its parts, and nothing else has any."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from vast_mcp.renting.image_names import AUTOMATIC_TAG, HUB, ImageName, image_name

SHA = "sha256:" + "0123456789abcdef" * 4

quickly = settings(derandomize=True, max_examples=so_many(200), deadline=None, database=None)

TAKEN = [
    ("ubuntu", ImageName(HUB, "ubuntu")),
    ("ubuntu:22.04", ImageName(HUB, "ubuntu", "22.04")),
    ("library/ubuntu", ImageName(HUB, "ubuntu")),
    ("docker.io/ubuntu", ImageName(HUB, "ubuntu")),
    ("docker.io/library/ubuntu", ImageName(HUB, "ubuntu")),
    ("index.docker.io/a/b", ImageName(HUB, "a/b")),
    ("registry-1.docker.io/a/b", ImageName(HUB, "a/b")),
    ("pytorch/pytorch", ImageName(HUB, "pytorch/pytorch")),
    ("foo/bar__x.y-z:Tag_1.2-RC", ImageName(HUB, "foo/bar__x.y-z", "Tag_1.2-RC")),
    ("a--b/c---d", ImageName(HUB, "a--b/c---d")),
    ("nvcr.io/nvidia/pytorch:24.05-py3", ImageName("nvcr.io", "nvidia/pytorch", "24.05-py3")),
    (f"ghcr.io/a/b@{SHA}", ImageName("ghcr.io", "a/b", None, SHA)),
    (f"a/b:t@{SHA}", ImageName(HUB, "a/b", "t", SHA)),
    ("GHCR.io/a/b", ImageName("ghcr.io", "a/b")),
    ("localhost/a", ImageName("localhost", "a")),
    ("localhost:5000/a/b:c", ImageName("localhost:5000", "a/b", "c")),
    ("registry:5000/a", ImageName("registry:5000", "a")),
    ("192.168.1.5:5000/a", ImageName("192.168.1.5:5000", "a")),
    ("[fd00::1]:5000/a", ImageName("[fd00::1]:5000", "a")),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:y",
        ImageName("123456789012.dkr.ecr.us-east-1.amazonaws.com", "x", "y"),
    ),
    ("us-docker.pkg.dev/p/r/i/j:1", ImageName("us-docker.pkg.dev", "p/r/i/j", "1")),
    ("vastai/base-image:@vastai-automatic-tag", ImageName(HUB, "vastai/base-image", AUTOMATIC_TAG)),
    ("docker.io/vastai/kvm:ubuntu_terminal", ImageName(HUB, "vastai/kvm", "ubuntu_terminal")),
    ("0" * 63, ImageName(HUB, "0" * 63)),
    (f"a/b:{'t' * 128}", ImageName(HUB, "a/b", "t" * 128)),
]

NOT_TAKEN = [
    "",
    " ubuntu",
    "ubuntu ",
    "ubuntu\n",
    "Ubuntu",
    "PyTorch/PyTorch",
    "ghcr.io/Owner/image",
    "https://hub.docker.com/r/a/b",
    "https://ghcr.io/a/b",
    "docker://a/b",
    "docker pull a/b",
    "'a/b'",
    "a/b:",
    "a/b:c:d",
    "a/b@",
    "a/b@latest",
    "a/b@sha256:12",
    f"a/b@{SHA.upper()}",
    "a/b/",
    "/a/b",
    "a//b",
    "a/-b",
    "a/b-",
    "a..b",
    "a___b",
    "_a",
    "a/b:.t",
    "a/b:-t",
    f"a/b:{'t' * 129}",
    "a" * 256,
    "0" * 64,
    SHA,
    "ubuntu@vastai-automatic-tag",
    "-ghcr.io/a",
    "ghcr.io:port/a",
    "größe/x",
    "a/b:\uff11",
]


@pytest.mark.parametrize(("image", "parts"), TAKEN, ids=[image[:40] for image, _ in TAKEN])
def test_what_docker_takes_has_these_parts(image: str, parts: ImageName) -> None:
    """The grammar is Docker's (distribution/reference), its one addition Vast's (docs/vast-api.md
    A.9).
    """
    assert image_name(image) == parts


@pytest.mark.parametrize("image", NOT_TAKEN, ids=[repr(image)[:40] for image in NOT_TAKEN])
def test_what_docker_does_not_take_has_no_parts(image: str) -> None:
    assert image_name(image) is None


def test_vasts_own_images_are_known_by_their_place_on_the_hub() -> None:
    """Only for those does Vast pick a tag (docs/vast-api.md A.9)."""
    for image in ("vastai/x", "docker.io/vastai/x:1", "vastai/x:@vastai-automatic-tag"):
        name = image_name(image)
        assert name is not None
        assert name.is_vasts
    for image in ("vastai", "ghcr.io/vastai/x", "a/vastai/x", "vastai-x/y"):
        name = image_name(image)
        assert name is not None
        assert not name.is_vasts


letters = st.text("abcxyz019", min_size=1, max_size=6)
separators = st.sampled_from([".", "_", "__", "-", "--", "----"])
paths = st.builds(
    lambda first, more: first + "".join(map("".join, more)),
    letters,
    st.lists(st.tuples(separators, letters), max_size=3),
)
labels = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?", fullmatch=True)
hosts = st.one_of(
    st.lists(labels, min_size=2, max_size=4).map(".".join),
    st.sampled_from(["localhost", "localhost:5000", "10.0.0.1", "[::1]:5000"]),
    st.builds("{}:{}".format, labels, st.integers(1, 65535)),
)
tags = st.one_of(
    st.just(AUTOMATIC_TAG), st.from_regex(r"[A-Za-z0-9_][\w.-]{0,127}", fullmatch=True)
)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)


@quickly
@given(
    host=st.none() | hosts,
    repository=st.lists(paths, min_size=1, max_size=4).map("/".join),
    tag=st.none() | tags.filter(str.isascii),
    digest=st.none() | digests,
)
def test_whatever_the_grammar_makes_is_taken_apart_again(
    host: str | None, repository: str, tag: str | None, digest: str | None
) -> None:
    if tag == AUTOMATIC_TAG:
        digest = None
    if host is None and "." in repository.split("/", maxsplit=1)[0]:
        host = HUB
    written = "/".join(filter(None, (host, repository)))
    written += f":{tag}" * (tag is not None) + f"@{digest}" * (digest is not None)
    name = image_name(written)
    assert name is not None
    assert (name.tag, name.digest) == (tag, digest)
    assert repository.removeprefix("library/") == name.repository
