"""How a machine lies: it is not what its offer says, or lacks what machines have."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from .hardware import SLOWED_BY_HEAT, Hardware

DIGESTS = ("md5sum", "openssl", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum")


def _same(hardware: Hardware) -> Hardware:
    return hardware


@dataclass(frozen=True)
class Lie:
    """A lie changes what is found, takes programs away, or spoils the disk or the login."""

    change: Callable[[Hardware], Hardware] = _same
    without: tuple[str, ...] = ()
    disk_is_full: bool = False
    is_noisy: bool = False


LIES: dict[str, Lie] = {
    "fewer_gpus": Lie(lambda one: replace(one, gpus=one.gpus - 1)),
    "no_gpu": Lie(lambda one: replace(one, gpus=0)),
    "other_gpu": Lie(lambda one: replace(one, gpu_name="NVIDIA GeForce GTX 1650")),
    "less_gpu_memory": Lie(lambda one: replace(one, gpu_mib=one.gpu_mib // 2)),
    "old_driver": Lie(lambda one: replace(one, driver="470.57.02", cuda="11.4")),
    "driver_fails": Lie(lambda one: replace(one, driver_fails=True)),
    "narrow_link": Lie(lambda one: replace(one, pcie_width_now=1)),
    "throttled": Lie(lambda one: replace(one, clock_reasons=SLOWED_BY_HEAT)),
    "ecc_errors": Lie(lambda one: replace(one, has_ecc=True, ecc_errors=14)),
    "xid": Lie(lambda one: replace(one, xid=79)),
    "less_memory": Lie(lambda one: replace(one, memory=one.memory // 4)),
    "fewer_cores": Lie(lambda one: replace(one, cores=one.cores / 4)),
    "small_disk": Lie(lambda one: replace(one, disk=one.disk // 4)),
    "slow_disk": Lie(lambda one: replace(one, disk_mb_per_second=12.0)),
    "slow_download": Lie(lambda one: replace(one, download_mbit=3.0)),
    "full_disk": Lie(disk_is_full=True),
    "no_digest": Lie(without=(*DIGESTS, "shasum")),
    "no_detach": Lie(without=("setsid", "nohup")),
    "no_bash": Lie(without=("bash",)),
    "no_timeout": Lie(without=("timeout",)),
    "no_nvidia_smi": Lie(without=("nvidia-smi",)),
    "noisy": Lie(is_noisy=True),
}
NAMES = sorted(LIES)


def check(names: Iterable[str]) -> tuple[str, ...]:
    """Take the names of lies; ValueError for one that is none."""
    found = tuple(names)
    for name in found:
        if name not in LIES:
            raise ValueError(f"no lie {name!r}; one of {NAMES}")
    return found


def told(hardware: Hardware, names: Iterable[str]) -> Hardware:
    """What a machine that tells these lies has."""
    for name in names:
        hardware = LIES[name].change(hardware)
    return hardware
