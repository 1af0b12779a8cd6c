"""Spellings of env, the Docker options that Vast ignores, and values that nobody filled in."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from case import ABSENT, Case, Legal, answered, not_warned, refused, rented, renting, warned

DIRECT = {"direct_port_count": lambda ports: ports > 20}
ONE = {"A": "1"}


def _means(env: Any, becomes: dict[str, str], what: str = "") -> Case:
    return Case(
        f"env {what or repr(env)}",
        "create_instance",
        renting(DIRECT, runtype="args", env=env),
        rented(env=becomes),
    )


def _left_out(env: Any, *names: str, becomes: Any = None) -> Case:
    return Case(
        f"env {env!r} is taken without what Vast ignores",
        "create_instance",
        renting(DIRECT, env=env),
        (rented(env=ONE if becomes is None else becomes), warned("Left out of env", *names)),
    )


def _wrong(env: Any, *says: str, never: str = "planted") -> Case:
    return Case(
        f"env {env!r} is refused".replace("planted", "…"),
        "create_instance",
        renting(DIRECT, env=env),
        refused("env", *says, never=never),
    )


def _unfilled(value: str, name: str = "HF_TOKEN") -> Case:
    return Case(
        f"{name}={value} is refused, and env_from is named",
        "create_instance",
        renting(env={name: value}),
        refused("env", name, "env_from"),
    )


def _legal(env: Any, becomes: Any = None) -> Legal:
    return Legal(
        f"env {env!r}",
        "create_instance",
        renting(DIRECT, runtype="args", env=env),
        (rented(env=env if becomes is None else becomes), not_warned("env", "Vast sets")),
    )


ROWS: list[Case] = [
    _means("-e A=1 \\\n  -p 8000:8000", ONE | {"-p 8000:8000": "1"}),
    _means("-e A=1 \\\r\n-e B=2 \\\r\n", ONE | {"B": "2"}),
    _means("-e A=1 `\n-e B=2", ONE | {"B": "2"}, "continued as in PowerShell"),
    _means("-e A=1 ^\r\n-e B=2", ONE | {"B": "2"}, "continued as in cmd"),
    _means("A=1", ONE),
    _means("A=1 B=2", ONE | {"B": "2"}),
    _means("export A=1", ONE),
    _means("export A=1; export B='x y'", ONE | {"B": "x y"}),
    _means("# mine\nA=1\n\nexport B=2\nC=two words\n", ONE | {"B": "2", "C": "two words"}),
    _means('A=1\nB="one\ntwo"\n', ONE | {"B": "one\ntwo"}),
    _means([["A", "1"], ["-p 80:80", "1"]], ONE | {"-p 80:80": "1"}),
    _means([{"name": "A", "value": "1"}], ONE, "as Kubernetes has it"),
    _means([{"key": "A", "value": "1"}], ONE, "with keys and values"),
    _means([{"A": "1"}, {"B": "2"}], ONE | {"B": "2"}),
    _means('[{"name": "A", "value": "1"}]', ONE, "as JSON of objects"),
    _means(["-e", "A=1", "-p", "80:80"], ONE | {"-p 80:80": "1"}),
    _means(["export A=1"], ONE),
    _means({"A": 1, "B": 0.5}, ONE | {"B": "0.5"}),
    _means('{"A": 1}', ONE),
    _means({"-p 80:80": 1}, {"-p 80:80": "1"}),
    _means({"-p 80:80": True}, {"-p 80:80": "1"}),
    _means({"-p": "80:80"}, {"-p 80:80": "1"}),
    _means({"-p": ["80:80", "81"]}, {"-p 80:80": "1", "-p 81:81": "1"}),
    _means("-p 8000", {"-p 8000:8000": "1"}),
    _means("-p 8000/udp", {"-p 8000:8000/udp": "1"}),
    _means("-p 0.0.0.0:8000:80", {"-p 8000:80": "1"}),
    _means("-p 8000-8002:8000-8002", {f"-p {port}:{port}": "1" for port in (8000, 8001, 8002)}),
    _left_out("--shm-size 16g -e A=1", "--shm-size"),
    _left_out("--gpus all --ipc=host -e A=1 --ulimit memlock=-1", "--gpus", "--ipc", "--ulimit"),
    _left_out("-it -d --rm --name x -e A=1", "-it", "-d", "--rm", "--name"),
    _left_out("--privileged --cap-add SYS_ADMIN --restart always -e A=1", "--privileged"),
    _left_out({"A": "1", "--shm-size": "16g"}, "--shm-size"),
    _left_out({"A": "1", "--gpus all": "1"}, "--gpus"),
    _left_out(["A=1", "--memory=8g"], "--memory"),
    _left_out("--network bridge -e A=1", "--network"),
    _left_out("--shm-size=16g", "--shm-size", becomes={}),
    _left_out({"--gpus": "all"}, "--gpus", becomes={}),
    _means('A={"b":1}', {"A": '{"b":1}'}),
    _means("A=C:\\new\\x", {"A": "C:\\new\\x"}),
    _means("\ufeffA=1\nB=2", {"A": "1", "B": "2"}, "with a mark at its beginning"),
    _wrong('-e A={"planted":1}', "put 'NAME=VALUE' in quotes"),
    _wrong("A=1\\nB=planted", "-e NAME=VALUE"),
    _wrong('A="1"\\r\\nexport B=planted', "-e NAME=VALUE"),
    _wrong("A='1',B='planted'", "between commas"),
    _wrong([{"name": "A", "val": "planted"}], '"name" and "value"'),
    _wrong([{"name": "A"}, {"value": "planted"}], '"name" and "value"'),
    _wrong([{"key": "A", "default": "planted"}], '"name" and "value"'),
    _wrong({"Bearer plantedabcdefghijk": "1"}, "Bearer plan… is no variable name"),
    _wrong("-p 1234plantedabcdefgh", "-p 1234… is no port mapping"),
    _wrong("HF_TOKEN:planted", "HF_TOKEN:… has no value"),
    _wrong("HF_TOKEN:planted\nB:2", "HF_TOKEN:…"),
    _wrong(["HF_TOKEN:planted"], "HF_TOKEN:…"),
    _wrong("--network host -e A=1", "open each port with -p"),
    _wrong("--net=host -e A=1", "open each port with -p"),
    _wrong({"-n host": "1"}, "open each port with -p"),
    _wrong("--entrypoint planted", "args"),
    _wrong("-u planted -e A=1", "user"),
    _wrong("--user=planted", "argument user"),
    _wrong("--env-file planted", "env_from"),
    _wrong("--expose 80", "-p 8000:8000"),
    _wrong("-v /planted:/data", "volume"),
    _wrong("-p 127.0.0.1:80:80", "everybody"),
    _wrong("-p 1-65535", "at most 64"),
    _wrong("-e HF_TOKEN", "HF_TOKEN", "env_from"),
    _wrong("HF_TOKEN", "HF_TOKEN", "env_from"),
    _wrong("-e A=planted -e A=other", "A is there twice"),
    _wrong("A=planted\nB=2 # which one", "B has a comment"),
    _wrong("A=1,B=planted", "between commas"),
    _wrong({"A": True}, "A is true"),
    _wrong({"A": None}, "A is null"),
    _wrong({"ports": ["8000:8000"]}, '"-p 8000:8000"'),
    _wrong({"8000/tcp": "8000"}, "-p 8000:8000"),
    _wrong({"8000:8000": "1"}, "-p 8000:8000"),
    _wrong(["8000:8000"], "-p 8000:8000"),
    _wrong([{"name": "A", "valueFrom": {"secret": "planted"}}], "env_from"),
    _wrong("docker run -e A=planted x", "its options alone"),
    *(
        _unfilled(value)
        for value in (
            "$HF_TOKEN",
            "${HF_TOKEN}",
            "${HF_TOKEN:-x}",
            "%HF_TOKEN%",
            "{{HF_TOKEN}}",
            "${{ secrets.HF_TOKEN }}",
            "{env:HF_TOKEN}",
            "$(cat token)",
            "<your-token>",
            "<HF_TOKEN>",
            "[your token]",
            "YOUR_API_KEY",
            "your-token-here",
            "hf_xxxx",
            "hf_XXXXXXXXXXXXXXXXXXXX",
            "hf_your_token",
            "sk-...",
            "ghp_****",
            "xxx",
            "…",
            "...",
            "HF_TOKEN",
        )
    ),
    _unfilled("$MODEL", "MODEL_ID"),
    Case(
        "a placeholder in a text of flags is refused",
        "create_instance",
        renting(env="-e HF_TOKEN=$HF_TOKEN"),
        refused("env", "HF_TOKEN", "env_from"),
    ),
    Case(
        "a placeholder that the person keeps is refused",
        "create_instance",
        renting(env_from=["HF_TOKEN"]),
        refused("env_from.0", "HF_TOKEN", never="your"),
        settings={"env_pass": {"HF_TOKEN": SecretStr("<your-token>")}},
    ),
    Case(
        "a shell variable inside of a value is warned of",
        "create_instance",
        renting(env={"PATH": "/opt/bin:$PATH"}),
        (rented(env={"PATH": "/opt/bin:$PATH"}), warned("PATH names a shell variable")),
    ),
    Case(
        "a weak password is warned of",
        "create_instance",
        renting(env={"WEB_PASSWORD": "changeme"}),
        (rented(env={"WEB_PASSWORD": "changeme"}), warned("WEB_PASSWORD")),
    ),
    Case(
        "what Vast sets itself is warned of",
        "create_instance",
        renting(env={"PUBLIC_IPADDR": "1.2.3.4"}),
        warned("Vast sets PUBLIC_IPADDR itself"),
    ),
    Case(
        "a dry run says what is left out",
        "create_instance",
        renting(env="--shm-size 1g -e A=1", dry_run=True),
        (answered(warnings=lambda said: any("--shm-size" in one for one in said)),),
    ),
    _legal(ONE),
    _legal("-e A=1 -p 8000:8000 -h box", ONE | {"-p 8000:8000": "1", "-h": "box"}),
    _legal({"P": "pa$$w0rd"}),
    _legal({"P": "$ecret"}),
    _legal({"P": "a$B"}),
    _legal({"P": "%d%"}),
    _legal({"EOS_TOKEN": "<end_of_turn>", "PAD": "<pad>", "STOP": "</s>"}),
    _legal({"CHAT": "{{ bos }}{{ text }}", "ONE": "{{ messages }}", "STOP_AT": "[id]"}),
    Case(
        "a password that is the word for one is sent, with a warning",
        "create_instance",
        renting(env={"PASSWORD": "password"}),
        (rented(env={"PASSWORD": "password"}), warned("nobody seems to have filled in")),
    ),
    _legal({"HF_TOKEN": "hf_xxx123456789"}),
    _legal({"OPENAI_API_KEY": "none", "VLLM_API_KEY": "EMPTY", "KEY": "sk-1234"}),
    _legal({"OPEN_BUTTON_TOKEN": "1", "MODE": "MODE", "A": "x", "B": "xx", "C": "*", "D": ""}),
    _legal({"name": "x", "value": "y"}, {"name": "x", "value": "y"}),
    _legal([{"NAME": "x"}, {"B": "2"}], {"NAME": "x", "B": "2"}),
    _legal("-e 'A={\"b\": 1}'", {"A": '{"b": 1}'}),
    _legal('-e A="{\\"b\\": 1}" -e B=2', {"A": '{"b": 1}', "B": "2"}),
    _legal('A="x\\\\nB=1"', {"A": "x\\nB=1"}),
    _legal("A='x,B=1'", {"A": "x,B=1"}),
    _legal("A=a=b B='c d'", {"A": "a=b", "B": "c d"}),
    _legal({"PORTAL_CONFIG": "localhost:1111:11111:/:Instance Portal|localhost:7860:17860:/:Gym"}),
    _legal({"PROMPT": "enter your name", "NAME": "yourself"}),
    _legal({"my.name-2": "1"}),
    _legal({"-p 70000:70000": "1"}),
    _legal({"-p 80:80": ""}),
    _legal({"JUPYTER_TOKEN": "abc", "PORT": "8000"}),
    _legal("-e 'A=x\ny' -e B=#c", {"A": "x\ny", "B": "#c"}),
    _legal("-n mynet", {"-n mynet": "1"}),
    _legal("-n hosts", {"-n hosts": "1"}),
    Legal(
        "a shell's words in onstart and args are no placeholders",
        "create_instance",
        renting(onstart="echo $HOME ${X}\n"),
        (rented(onstart="echo $HOME ${X}\n", env=ABSENT), not_warned("env")),
    ),
    Legal(
        "a word of the image's own is no placeholder",
        "create_instance",
        renting(args=["serve", "$MODEL"]),
        rented(args=["serve", "$MODEL"]),
    ),
    Legal(
        "what the person keeps",
        "create_instance",
        renting(env_from=["HF_TOKEN"]),
        rented(env={"HF_TOKEN": "hf_AbCdEf123"}),
        settings={"env_pass": {"HF_TOKEN": SecretStr("hf_AbCdEf123")}},
    ),
]
