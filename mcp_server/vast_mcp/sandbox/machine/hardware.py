"""What a machine has, as its offer says (docs/vast-api.md B.4)."""

from dataclasses import dataclass
from typing import Any

from .disk import GIB

MIB = 1024**2

# What drivers call the cards that Vast names otherwise.
DRIVER_NAMES = {
    "Tesla V100": "Tesla V100-SXM2-32GB",
    "A100 PCIE": "NVIDIA A100 80GB PCIe",
    "A100 SXM4": "NVIDIA A100-SXM4-80GB",
    "H100 PCIE": "NVIDIA H100 PCIe",
    "H100 SXM": "NVIDIA H100 80GB HBM3",
    "GH200 SXM": "NVIDIA GH200 480GB",
    "RTX 4000Ada": "NVIDIA RTX 4000 Ada Generation",
    "RTX 6000Ada": "NVIDIA RTX 6000 Ada Generation",
}
# Cards whose memory corrects its errors.
WITH_ECC = ("A100", "H100", "H200", "GH200", "V100", "L40S", "A4000", "A5000", "A6000", "Ada")
IDLE, SLOWED_BY_HEAT = 0x1, 0x40  # reasons for a clock, as nvidia-smi numbers them


@dataclass(frozen=True)
class Hardware:
    """What commands in a machine find; sizes in bytes unless they say otherwise."""

    gpus: int
    gpu_name: str
    gpu_mib: int
    driver: str
    cuda: str
    compute_cap: str
    watts: int
    pcie_generation: int
    pcie_width: int
    has_ecc: bool
    cpu_name: str
    host_cores: int
    cores: float
    host_memory: int
    memory: int
    disk: int
    disk_mb_per_second: float
    download_mbit: float
    pcie_width_now: int = 16
    ecc_errors: int = 0
    clock_reasons: int = IDLE
    xid: int | None = None
    driver_fails: bool = False


def promised(offer: dict[str, Any], disk_gb: float) -> Hardware:
    """What a machine of this offer has that is as it should be."""
    share = min(1.0, max(offer["gpu_frac"], offer["cpu_cores_effective"] / offer["cpu_cores"]))
    name = offer["gpu_name"]
    return Hardware(
        gpus=offer["num_gpus"],
        gpu_name=driver_name(name),
        gpu_mib=offer["gpu_ram"],
        driver=offer["driver_version"],
        cuda=f"{offer['cuda_max_good']:.1f}",
        compute_cap=f"{offer['compute_cap'] // 100}.{offer['compute_cap'] // 10 % 10}",
        watts=int(offer["gpu_max_power"]),
        pcie_generation=int(offer["pci_gen"]),
        pcie_width=offer["gpu_lanes"],
        has_ecc=any(one in name for one in WITH_ECC),
        cpu_name=offer["cpu_name"],
        host_cores=offer["cpu_cores"],
        cores=offer["cpu_cores_effective"],
        host_memory=offer["cpu_ram"] * MIB,
        memory=int(offer["cpu_ram"] * share) * MIB,
        disk=int(disk_gb * GIB),
        disk_mb_per_second=offer["disk_bw"],
        download_mbit=offer["inet_down"],
        pcie_width_now=offer["gpu_lanes"],
    )


def driver_name(name: str) -> str:
    """What the driver calls a card."""
    if name in DRIVER_NAMES:
        return DRIVER_NAMES[name]
    if name.startswith(("GTX", "RTX")) and not name.startswith("RTX A"):
        return f"NVIDIA GeForce {name}"
    return f"NVIDIA {name}"
