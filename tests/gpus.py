"""Programs of a pretended GPU machine, as shell scripts: what each prints has the shape of the
real one's, the numbers are made up.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

# All that the script may use of coreutils or busybox.
TOOLS = ("cat", "date", "dd", "df", "grep", "head", "nproc", "rm", "sed", "tr", "wc", "ls")
# Which are programs to some shells.
MORE_TOOLS = ("timeout", "printf", "echo", "[")

_RULE = f"+{'-' * 41}+{'-' * 24}+{'-' * 22}+"
_VERSIONS = "NVIDIA-SMI 580.159.04    Driver Version: 580.159.04    CUDA Version: 13.0"
HEAD = f"{_RULE}\n| {_VERSIONS} |\n{_RULE}"


@dataclass(frozen=True)
class Gpu:
    """One card, as nvidia-smi would tell of it."""

    name: str = "NVIDIA H100 80GB HBM3"
    memory: str = "81559"
    driver: str = "580.159.04"
    gen: str = "5"
    gen_max: str = "5"
    width: str = "16"
    power: str = "700.00"
    power_default: str = "700.00"
    ecc: str = "Enabled"
    ecc_errors: str = "0"
    busy: str = "0"
    cap: str = "9.0"
    mig: str = "Disabled"
    slowed: str = "0x0000000000000001"

    def base(self, number: int) -> str:
        return ", ".join(
            (
                *(f"00000000:{number + 6:02X}:00.0", self.name, self.memory, self.driver),
                *(self.gen, self.gen_max, self.width, "16", self.power, self.power_default),
                *(self.ecc, self.ecc_errors, self.busy),
            )
        )


RTX_4090 = Gpu(
    name="NVIDIA GeForce RTX 4090",
    memory="24564",
    gen="1",
    gen_max="4",
    power="450.00",
    power_default="450.00",
    ecc="[N/A]",
    ecc_errors="[N/A]",
    cap="8.9",
    mig="[N/A]",
)


def nvidia_smi(*gpus: Gpu, old: bool = False) -> str:
    """The program. `old`: a driver that has neither compute capabilities nor event reasons."""
    answers = {
        "*pci.bus_id*": "\n".join(gpu.base(number) for number, gpu in enumerate(gpus)),
        f"*clocks_{'throttle' if old else 'event'}_reasons*": "\n".join(g.slowed for g in gpus),
    }
    if not old:
        answers["*compute_cap*"] = "\n".join(f"{gpu.cap}, {gpu.mig}" for gpu in gpus)
    cases = "".join(f"{asked}) cat <<'E'\n{text}\nE\n;;\n" for asked, text in answers.items())
    unknown = "*query*) echo 'Field is not a valid field to query.'; exit 2;;\n"
    return f"#!/bin/sh\ncase \"$*\" in\n{cases}{unknown}*) cat <<'E'\n{HEAD}\nE\nesac\n"


def says(text: str, status: int = 0) -> str:
    """A program that prints a text and ends."""
    return f"#!/bin/sh\ncat <<'E'\n{text}\nE\nexit {status}\n"


ROCM = """device,VRAM Total Memory (B),VRAM Total Used Memory (B),Card Series,Card Model
card0,68702699520,10960896,AMD Instinct MI210,0x740f
card1,68702699520,10960896,AMD Instinct MI210,0x740f
"""


def a_path(folder: Path, shell: list[str], programs: dict[str, str], without: str = "") -> Path:
    """A folder of programs: the shell's own tools, and these in their place. `without`: what is not
    there.
    """
    folder.mkdir()
    busybox = shutil.which("busybox") if shell[0] == "busybox" else None
    names = (*TOOLS, *(MORE_TOOLS if shell[0] != "dash" else ("timeout",)))
    for name in names:
        if name not in programs and name not in without.split():
            (folder / name).symlink_to(busybox or shutil.which(name) or "/nowhere")
    (folder / "sh").symlink_to(shutil.which(shell[0]) or "/nowhere")
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


# What most tests need none of: a kernel's log, and 256 MiB written.
QUICK = {"dmesg": says(""), "dd": "#!/bin/sh\nexec head -c 100 /dev/zero\n"}
