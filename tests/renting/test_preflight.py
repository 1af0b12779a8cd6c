"""The grammar of env and the small judgements before a rent. Letters name the section of the API
notes.
"""

import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, call, so_many
from vast_mcp.machines.keyfiles import key_blob
from vast_mcp.renting.env_grammar import ENV_BYTES, env_of
from vast_mcp.renting.rules import has_registry_host
from vast_mcp.sandbox.world import World

quickly = settings(
    derandomize=True,
    max_examples=so_many(60),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# ── env: what is understood ───────────────────────────────────────────────────────────────────────

FLAGS = [
    ("", {}),
    ("   ", {}),
    ("-e A=1", {"A": "1"}),
    ("  -e A=1\n -e B=2  ", {"A": "1", "B": "2"}),
    ("-eA=1", {"A": "1"}),
    ("-e=A=1", {"A": "1"}),
    ("--env A=1", {"A": "1"}),
    ("--env=A=1", {"A": "1"}),
    ("-e A=", {"A": ""}),
    ("-e A=b=c==", {"A": "b=c=="}),
    ("-e 'A=two words'", {"A": "two words"}),
    ('-e A="two words"', {"A": "two words"}),
    ('-e A="it\'s"', {"A": "it's"}),
    (r"-e A=two\ words", {"A": "two words"}),
    ("-e A=$HOME", {"A": "$HOME"}),
    ("-e A=#x", {"A": "#x"}),
    ("-e A=-p", {"A": "-p"}),
    ("-e my.name-2=1", {"my.name-2": "1"}),
    ("-e A=1 -e A=1", {"A": "1"}),
    ("A=1", {"A": "1"}),
    ("A=1 B='two words' -p 80:80", {"A": "1", "B": "two words", "-p 80:80": "1"}),
    ("export A=1", {"A": "1"}),
    ("export A=1; export B=2", {"A": "1", "B": "2"}),
    (
        '# mine\nA=1\n\nexport B=2\nC=two words\r\nD="x # y" # z\n',
        {
            "A": "1",
            "B": "2",
            "C": "two words",
            "D": "x # y",
        },
    ),
    ("A=C:\\\nB=2", {"A": "C:\\", "B": "2"}),
    ("-e A=1 \\\n  -e B=2", {"A": "1", "B": "2"}),
    ("-e A=1 \\\r\n-e 'B=x\\\ny' \\", {"A": "1", "B": "x\\\ny"}),
    ("-e A=1 `\n-e B=2 ^\n-e C=`", {"A": "1", "B": "2", "C": "`"}),
    ("-p 8000", {"-p 8000:8000": "1"}),
    ("-p 8000/UDP", {"-p 8000:8000/udp": "1"}),
    ("-p 0.0.0.0:80:8080", {"-p 80:8080": "1"}),
    ("-p 8000-8002:9000-9002", {"-p 8000:9000": "1", "-p 8001:9001": "1", "-p 8002:9002": "1"}),
    ("--shm-size 8g --gpus=all --ipc host -it -d --rm -e A=1", {"A": "1"}),
    ("--network bridge -e A=1", {"A": "1"}),
    ("-p 8000:8000", {"-p 8000:8000": "1"}),
    ("-p8000:80", {"-p 8000:80": "1"}),
    ("--publish=8000:8000/tcp", {"-p 8000:8000/tcp": "1"}),
    ("-p 8081:8081/udp", {"-p 8081:8081/udp": "1"}),
    ("-p 1:65535", {"-p 1:65535": "1"}),
    ("-p 70000:70000", {"-p 70000:70000": "1"}),
    ("-h box", {"-h": "box"}),
    ("--hostname box", {"-h": "box"}),
    ("-v V.881:/mnt", {"-v V.881:/mnt": "1"}),
    ("--volume V.881:/mnt", {"-v V.881:/mnt": "1"}),
    ("-n mynet", {"-n mynet": "1"}),
    ("--network=mynet", {"-n mynet": "1"}),
    (
        "-e A=1 -p 80:80 -h box -v V.1:/m -n net",
        {"A": "1", "-p 80:80": "1", "-h": "box", "-v V.1:/m": "1", "-n net": "1"},
    ),
    ('{"A": "1", "-p 80:80": "1"}', {"A": "1", "-p 80:80": "1"}),
    ('["A=1", "-p 80:80"]', {"A": "1", "-p 80:80": "1"}),
]


@pytest.mark.parametrize(("text", "env"), FLAGS, ids=[text[:30] for text, _ in FLAGS])
def test_a_string_of_flags_means_this_object(text: Any, env: Any) -> None:
    """Words are split as a shell splits them, where Vast's own client splits at every space
    (docs/vast-api.md A.4).
    """
    assert env_of(text) == env


def test_the_object_that_vast_wants_is_left_as_it_is() -> None:
    """Vast's own object grammar passes through unchanged (docs/vast-api.md A.4)."""
    env = {
        "A": "1",
        "-p 8000:8000": "1",
        "-p 8081:8081/udp": "1",
        "-h": "box",
        "-v V.881:/mnt": "1",
        "-n mynet": "1",
    }
    assert env_of(env) == env


def test_a_list_holds_pairs_as_docker_compose_has_them_and_flags() -> None:
    """Hosts send lists of NAME=VALUE (docs/hosts.md)."""
    assert env_of(["A=1", "B=two words", "-p 80:80", "-e C=3"]) == {
        "A": "1",
        "B": "two words",
        "-p 80:80": "1",
        "C": "3",
    }
    assert env_of([]) == {}
    assert env_of(["-e", "A=1", "-p", "80:80", "export B=2"]) == {
        "A": "1",
        "-p 80:80": "1",
        "B": "2",
    }


def test_pairs_objects_and_numbers_are_entries_too() -> None:
    """Kubernetes, compose and rows of Vast's own write them so (docs/vast-api.md A.4)."""
    wanted = {"A": "1", "-p 80:80": "1"}
    assert env_of([["A", "1"], ["-p 80:80", "1"]]) == wanted
    assert env_of([{"name": "A", "value": "1"}, {"-p 80:80": 1}]) == wanted
    assert env_of([{"key": "A", "value": 1}, "-p 80"]) == wanted
    assert env_of({"A": 1, "-p": "80:80"}) == wanted
    assert env_of({"A": 1.5, "B": -3, "-h": "box"}) == {"A": "1.5", "B": "-3", "-h": "box"}
    assert env_of('{"A": 1.10}') == {"A": "1.10"}


def test_what_is_left_out_is_named() -> None:
    env = env_of("--shm-size 8g -it --gpus all -e A=1 --gpus all")
    assert (dict(env), env.left_out) == ({"A": "1"}, ["--shm-size", "-it", "--gpus"])
    assert env_of({"--shm-size": "8g", "--gpus all": "1"}).left_out == ["--shm-size", "--gpus"]
    assert env_of("-e A=1").left_out == []


async def test_the_three_spellings_arrive_as_the_same_object(client: Client, world: World) -> None:
    """The live service takes the object only (docs/vast-api.md A.4)."""
    spellings = ["-e A='x y' -p 80:80", {"A": "x y", "-p 80:80": "1"}, ["A=x y", "-p 80:80"]]
    for env in spellings:
        offer = world.offer(ports=True)
        await call(client, "create_instance", offer_id=offer["id"], disk=20, env=env)
    assert [request.body["env"] for request in world.asked("create")] == [
        {"A": "x y", "-p 80:80": "1"}
    ] * 3
    assert all(rental.launch.env["A"] == "x y" for rental in world.living)


names = st.from_regex(r"[^\s=\-][^\s=]{0,20}", fullmatch=True).filter(
    lambda name: (
        "\0" not in name
        and name.isascii() | name.isprintable()
        and not re.match(r"[0-9]", name)  # may be a port
    )
)
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
environments = st.dictionaries(names, values, max_size=5)


@quickly
@given(env=environments)
@example(
    env={
        "A": 'it\'s "quoted"',
        "B": "a=b == c",
        "C": "  spaces  ",
        "D": "größe ✓ 日本",
        "E": "",
        "F": "-e X=1",
    }
)
@example(env={"A": "line\nbreak\ttab", "B": "\\", "C": "'", "D": '"', "E": "$(x) `y` #z"})
def test_any_value_survives_every_spelling(env: dict[str, str]) -> None:
    """Quotes, spaces, = and any script come out as they went in, in each of the spellings."""
    pairs = [f"{name}={value}" for name, value in env.items()]
    assert env_of(env) == env
    assert env_of(json.dumps(env)) == env
    assert env_of(pairs) == env
    assert env_of(" ".join(f"-e {shlex.quote(pair)}" for pair in pairs)) == env
    assert env_of(" ".join(f"--env={shlex.quote(pair)}" for pair in pairs)) == env
    assert env_of(" \\\n ".join(f"-e {shlex.quote(pair)}" for pair in pairs)) == env
    assert env_of([[name, value] for name, value in env.items()]) == env
    assert env_of([{"name": name, "value": value} for name, value in env.items()]) == env


@quickly
@given(env=st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True), values))
def test_any_value_survives_in_quotes_behind_its_name(env: dict[str, str]) -> None:
    """As an .env file, a shell and a list of words have it."""
    pairs = [f"{name}={shlex.quote(value)}" for name, value in env.items()]
    assert env_of("\n".join(pairs)) == env
    assert env_of("# mine\n\n" + "\r\n".join(f"export {pair}" for pair in pairs)) == env
    words = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
    assert env_of(words) == env


@quickly
@given(env=environments)
def test_what_was_read_once_reads_the_same_again(env: dict[str, str]) -> None:
    """The object form is the fixed point."""
    once = env_of([f"{name}={value}" for name, value in env.items()])
    assert env_of(once) == once


# ── env: what is refused, and what the refusal says ───────────────────────────────────────────────

SECRET = "hunter2"
REFUSED = [
    (f"-e A=1 B={SECRET}", "cannot understand B=…; expected -e NAME=VALUE"),
    ("A=1 stray", "stray has no value"),
    (f"A=1,B={SECRET}", "between commas"),
    (f"A={SECRET} # x\nB=2", "A has a comment or another variable on its line"),
    (f"A=1\nB={SECRET} C=3", "B has a comment or another variable on its line"),
    (f"docker run -e A={SECRET} x", "holds a command"),
    (f"-e A=1 -e A={SECRET}", "A is there twice"),
    (f'{{"A": "1", "A": "{SECRET}"}}', "A is there twice"),
    (f"--wrong {SECRET}", "cannot understand --wrong"),
    ("--gpus", "--gpus is the last word"),
    ("--network host", "leave --network out, and open each port with -p"),
    ("--net=container:x", "leave --network out"),
    (f"--entrypoint {SECRET}", "runtype args"),
    (f"-u {SECRET}", "give the argument user"),
    (f"--env-file {SECRET}", "env_from"),
    ("-v /data:/data", "and no folder"),
    ("-v ./x:/data", "and no folder"),
    ("-e A=1 stray", "cannot understand stray"),
    (f"-x A={SECRET}", "cannot understand -x"),
    (f"--nome=A={SECRET}", "cannot understand --nome=…"),
    ("-e NAME", "NAME has no value"),
    ("-e", "-e is the last word"),
    ("-e A=1 -p", "-p is the last word"),
    (f"-e ={SECRET}", "an empty word is no variable name"),
    (f"-e -A={SECRET}", "flags are -p, -h, -v and -n"),
    (f"-e 'A={SECRET}", "a quote that is not closed"),
    ("-p 8000:", "-p 8000: is no port mapping"),
    ("-p 8000-8010:8000-8011", "-p 8000-8010:8000-8011 is no port mapping"),
    ("-p 8010-8000", "-p 8010-8000 is no port mapping"),
    ("-p 1-65535", "opens 65535 ports"),
    ("-p 8000-8040 -p 9000-9040", "opens 82 ports"),
    ("-p 8000:8000/sctp", "-p 8000:8000/sctp is no port mapping"),
    ("-p 0:80", "-p 0:80 is no port mapping"),
    ("-p 65536:80", "-p 65536:80 is no port mapping"),
    ("-p 127.0.0.1:80:80", "opens it to everybody"),
    (f"-p 80:80={SECRET}", "-p 80:80=… is no port mapping"),
    ("-v /mnt", "-v wants VOLUME:/path"),
    ("-n ''", "cannot understand the key -n"),
    ([f"A={SECRET}", "B"], "B has no value"),
    ([f"A={SECRET}", 5], "as a list it holds NAME=VALUE strings"),
    ([["A", SECRET, "x"]], "as a list of pairs"),
    ([{"name": "A", "valueFrom": {"x": SECRET}}], "A has no value here"),
    (["8000:8000"], "8000:8000 is a port"),
    ({"8000/tcp": {}}, "8000/tcp is a port"),
    ({"ports": ["80:80"]}, '"-p 8000:8000"'),
    ({"-p 80:80": None}, "-p is set to nothing"),
    ({"A": True}, "A is true"),
    ({"A": [SECRET]}, "A must have a string as its value"),
    ([f"my name={SECRET}"], "my name is no variable name"),
    ({"A": None}, "A is null"),
    ({f"A={SECRET}": "1"}, "A=… is no variable name"),
    ({f"-e A={SECRET}": "1"}, "without -e (A=…)"),
    ({"-e A": SECRET}, "without -e (A)"),
    ({"-p x": "1"}, "-p x is no port mapping"),
    ({"-x": SECRET}, "cannot understand the key -x"),
    ({"": SECRET}, "an empty word is no variable name"),
    ({"two words": SECRET}, "two words is no variable name"),
    ({"A": f"{SECRET}\0"}, "A holds a NUL character"),
    (f'{{"A": "{SECRET}"', "looks like JSON and is not"),
    (f'["A={SECRET}"', "looks like JSON and is not"),
    ('{"A": {}}', "A must have a string as its value"),
    ("[" * 60_000, "looks like JSON and is not"),
    (r'{"A": "\ud800"}', "half a character"),
    (5, "must be an object of strings, a string of Docker flags, or a list"),
    (True, "must be an object of strings, a string of Docker flags, or a list"),
]


async def test_a_refusal_names_the_word_and_never_what_follows_its_equals_sign(
    client: Client, world: World
) -> None:
    """Vast's own client drops what it does not understand (A.4); a token's value is
    often a secret.
    """
    for env, said in REFUSED:
        result = await client.call_tool("create_instance", {"offer_id": 1, "env": env})
        error = result.structured_content["error"]
        [problem] = error["problems"]
        assert (error["code"], problem["field"][:3]) == ("bad_arguments", "env"), env
        assert said in problem["problem"], env
        assert SECRET not in result.model_dump_json(), env
    assert world.requests == []


def test_a_port_is_written_in_the_ten_digits_that_vast_knows() -> None:
    """The key goes to Vast as it is written; other scripts have digits of their own
    (docs/vast-api.md A.4).
    """
    with pytest.raises(ValueError, match="no port mapping"):
        env_of("-p \uff18\uff10:80")


@quickly
@given(
    junk=st.recursive(
        values | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(values, inner),
    )
)
def test_whatever_comes_it_is_an_object_of_strings_or_a_refusal(junk: Any) -> None:
    """No input is a defect."""
    try:
        env = env_of(junk)
    except ValueError:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in env.items())


def test_the_whole_of_env_may_be_32_kb_and_not_a_byte_more() -> None:
    """Over 32768 bytes Vast answers 400, as was recorded (docs/vast-api.md A.4)."""
    room = ENV_BYTES - len(json.dumps({"A": ""}, separators=(",", ":")))
    assert env_of({"A": "x" * room}) == {"A": "x" * room}
    with pytest.raises(ValueError, match=f"is {ENV_BYTES + 1} bytes; Vast takes at most 32768"):
        env_of({"A": "x" * (room + 1)})


def test_the_size_of_env_is_counted_in_bytes() -> None:
    """Bytes, not characters (docs/vast-api.md A.4)."""
    with pytest.raises(ValueError, match="bytes"):
        env_of({"A": "ä" * (ENV_BYTES // 2)})


async def test_the_largest_env_is_taken_by_the_sandbox_as_well(
    client: Client, world: World
) -> None:
    """What is let through here must not be refused there (docs/vast-api.md A.4)."""
    env = {f"-p {port}:{port}": "1" for port in range(8000, 8064)}
    env["A"] = "x" * (ENV_BYTES - len(json.dumps(env | {"A": ""}, separators=(",", ":"))))
    offer = world.offer(direct_port_count=lambda ports: ports >= 64)
    made = await call(
        client, "create_instance", offer_id=offer["id"], disk=20, runtype="args", env=env
    )
    assert "error" not in made
    assert world.asked("create")[0].body["env"] == env


def test_an_instance_opens_64_ports_and_not_one_more() -> None:
    """DOCS networking (docs/vast-api.md A.4)."""
    ports = {f"-p {port}:{port}": "1" for port in range(8000, 8064)}
    assert env_of(ports) == ports
    with pytest.raises(ValueError, match="opens 65 ports; an instance has at most 64"):
        env_of(ports | {"-p 9000:9000": "1"})


# ── Images, keys, labels ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("image", "has_host"),
    [
        ("docker.io/vastai/kvm:ubuntu_terminal", True),
        ("ghcr.io/owner/image", True),
        ("localhost/image", True),
        ("localhost:5000/image", True),
        ("registry:5000/image", True),
        ("127.0.0.1/image", True),
        ("vastai/kvm:ubuntu_terminal", False),
        ("vastai/kvm:v1.2", False),
        ("ubuntu", False),
        ("ubuntu:22.04", False),
        ("docker.io", False),
        ("owner/docker.io/image", False),
        ("", False),
    ],
)
def test_an_image_has_a_registry_host_by_dockers_own_rule(image: str, has_host: bool) -> None:
    """The first part before a slash, if it holds a dot or a colon or is localhost
    (docs/vast-api.md A.5).
    """
    assert has_registry_host(image) is has_host


BLOB = KEY_LINE.split()[1]


@pytest.mark.parametrize(
    ("line", "blob"),
    [
        (KEY_LINE, BLOB),
        (f"ssh-ed25519 {BLOB}", BLOB),
        (f"  ssh-ed25519   {BLOB}  a comment of words \n", BLOB),
        (f'command="x" ssh-ed25519 {BLOB}', BLOB),
        (f"ecdsa-sha2-nistp256 {BLOB}", BLOB),
        (f"sk-ssh-ed25519@openssh.com {BLOB}", BLOB),
        ("/home/someone/.ssh/id_ed25519.pub", None),
        ("ssh-ed25519", None),
        ("", None),
    ],
)
def test_a_public_key_line_is_known_by_its_base64_part(line: Any, blob: Any) -> None:
    """What Vast stores may be a path (its client's bug), and comments differ
    (docs/vast-api.md D).
    """
    assert key_blob(line) == blob


def test_two_keys_differ() -> None:
    """Keys are compared by their blob, so two keys must not have the same one."""
    assert key_blob(KEY_LINE) != key_blob(OTHER_KEY_LINE)


LABELS = [
    ("vast-mcp#0123456789abcdef", True),
    ("a #b#0123456789abcdef", True),
    ("#0123456789abcdef", True),
    ("vast-mcp#0123456789ABCDEF", False),
    ("vast-mcp#0123456789abcde", False),
    ("vast-mcp#0123456789abcdef0", False),
    ("vast-mcp#0123456789abcdef x", False),
    ("vast-mcp#0123456789abcdef\n", False),
    ("0123456789abcdef", False),
    ("vast-mcp", False),
    ("", False),
    (None, False),
]


async def test_a_machine_is_ours_when_its_label_ends_in_a_token(
    client: Client, world: World
) -> None:
    """Parsed at the last #, strictly; anything else somebody else made, and is not destroyed
    unasked (docs/protocol.md).
    """
    expected = {
        world.rent(world.offer()["id"], {"label": label, "disk": 20}).id: (label, ours)
        for label, ours in LABELS
    }
    rows = (await call(client, "show_instances"))["instances"]
    assert {
        row["instance_id"]: (expected[row["instance_id"]][0], row["ours"]) for row in rows
    } == expected
