"""The options of `docker run`: which take a value, and what becomes of them at Vast, which knows
-e, -p, -h, -v and -n alone (docs/vast-api.md A.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What Vast knows, in its short form.
KNOWN = {
    "-e": "-e",
    "--env": "-e",
    "-p": "-p",
    "--publish": "-p",
    "-h": "-h",
    "--hostname": "-h",
    "-v": "-v",
    "--volume": "-v",
    "-n": "-n",
    "--network": "-n",
    "--net": "-n",
}

# What would change what runs, or lose something that was meant: what is written instead.
INSTEAD = {
    "--entrypoint": "give the program as onstart and its words as args, with runtype args",
    "-u": "give the argument user",
    "--user": "give the argument user",
    "-w": "change the directory in onstart",
    "--workdir": "change the directory in onstart",
    "--env-file": "write its variables here, or name those the person keeps in env_from",
    "--expose": "open the port with -p, as in -p 8000:8000",
    "--mount": "link a volume with volume_info",
    "--volumes-from": "link a volume with volume_info",
    "--volume-driver": "link a volume with volume_info",
}

_WORDS = re.compile(r"\S+")
_SWITCHES = frozenset(
    _WORDS.findall(
        "-d --detach -i --interactive -t --tty --rm --init --privileged -P --publish-all "
        "--read-only --no-healthcheck --oom-kill-disable --sig-proxy --disable-content-trust "
        "-q --quiet --use-api-socket"
    )
)
_WITH_VALUE = frozenset(
    _WORDS.findall(
        "-a --attach --add-host --annotation --blkio-weight --blkio-weight-device --cap-add "
        "--cap-drop --cgroup-parent --cgroupns --cidfile --cpu-count --cpu-percent --cpu-period "
        "--cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus "
        "--cpuset-mems --detach-keys --device --device-cgroup-rule --device-read-bps "
        "--device-read-iops --device-write-bps --device-write-iops --dns --dns-opt --dns-option "
        "--dns-search --domainname --gpus --group-add --health-cmd --health-interval "
        "--health-retries --health-start-interval --health-start-period --health-timeout --ip "
        "--ip6 --ipc --isolation --kernel-memory -l --label --label-file --link --link-local-ip "
        "--log-driver --log-opt --mac-address -m --memory --memory-reservation --memory-swap "
        "--memory-swappiness --name --net-alias --network-alias --oom-score-adj --pid "
        "--pids-limit --platform --pull --restart --runtime --security-opt --shm-size "
        "--stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --ulimit --userns --uts"
    )
)
_BUNDLE = re.compile(r"-[dit]{2,3}")  # switches in one word, as in -it


@dataclass(frozen=True)
class Option:
    """One word that begins an option: its name, and the value that is in the same word."""

    name: str
    value: str | None = None

    @property
    def is_known(self) -> bool:
        return self.name in KNOWN

    @property
    def takes_value(self) -> bool:
        """Whether a value follows, in this word or the next."""
        return self.is_known or self.name in INSTEAD or self.name in _WITH_VALUE


def option_of(word: str) -> Option | None:
    """The option that a word begins; None for any other word."""
    name, equals, value = word.partition("=")
    if name in _SWITCHES or _BUNDLE.fullmatch(word):
        return Option(name)
    option = Option(name, value if equals else None)
    if option.takes_value:
        return option
    if not word.startswith("--") and len(word) > 2 and Option(word[:2]).takes_value:
        return Option(word[:2], word[2:])
    return None
