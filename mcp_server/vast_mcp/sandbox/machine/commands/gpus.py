"""nvidia-smi: what the cards of a machine are, as its hardware says."""

import time
from collections.abc import Callable

from vast_mcp.sandbox.machine.calls import Call, Command
from vast_mcp.sandbox.machine.hardware import SLOWED_BY_HEAT, Hardware

NO_DEVICES, NO_DRIVER, NOT_A_FIELD = 6, 9, 2
FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that "
    "the latest NVIDIA driver is installed and running.\n"
)
IDLE_MHZ, FULL_MHZ = 210, 1980

# A field's value for a card by its number, and the unit that stands behind it.
Field = tuple[Callable[[Hardware, int], object], str]


def bus(number: int) -> str:
    """Where a card is plugged in."""
    return f"00000000:{number + 1:02X}:00.0"


def uuid(number: int) -> str:
    """What a card calls itself."""
    return f"GPU-5a4db0c5-0000-4000-8000-{number:012d}"


def _ecc(hardware: Hardware, value: object) -> object:
    return value if hardware.has_ecc else "[N/A]"


FIELDS: dict[str, Field] = {
    "index": (lambda _, number: number, ""),
    "count": (lambda one, _: one.gpus, ""),
    "name": (lambda one, _: one.gpu_name, ""),
    "gpu_name": (lambda one, _: one.gpu_name, ""),
    "uuid": (lambda _, number: uuid(number), ""),
    "gpu_uuid": (lambda _, number: uuid(number), ""),
    "pci.bus_id": (lambda _, number: bus(number), ""),
    "driver_version": (lambda one, _: one.driver, ""),
    "compute_cap": (lambda one, _: one.compute_cap, ""),
    "memory.total": (lambda one, _: one.gpu_mib, "MiB"),
    "memory.used": (lambda _one, _: 1, "MiB"),
    "memory.free": (lambda one, _: one.gpu_mib - 1, "MiB"),
    "utilization.gpu": (lambda _one, _: 0, "%"),
    "utilization.memory": (lambda _one, _: 0, "%"),
    "temperature.gpu": (lambda one, _: 91 if _is_hot(one) else 38, ""),
    "power.draw": (lambda _one, _: "21.40", "W"),
    "power.limit": (lambda one, _: f"{one.watts}.00", "W"),
    "power.default_limit": (lambda one, _: f"{one.watts}.00", "W"),
    "clocks.max.sm": (lambda _one, _: FULL_MHZ, "MHz"),
    "clocks.current.sm": (lambda _one, _: IDLE_MHZ, "MHz"),
    "clocks.sm": (lambda _one, _: IDLE_MHZ, "MHz"),
    "pcie.link.gen.current": (lambda _one, _: 1, ""),  # an idle card slows its link down
    "pcie.link.gen.max": (lambda one, _: one.pcie_generation, ""),
    "pcie.link.width.current": (lambda one, _: one.pcie_width_now, ""),
    "pcie.link.width.max": (lambda one, _: one.pcie_width, ""),
    "ecc.mode.current": (lambda one, _: _ecc(one, "Enabled"), ""),
    "ecc.errors.uncorrected.volatile.total": (lambda one, _: _ecc(one, one.ecc_errors), ""),
    "ecc.errors.corrected.volatile.total": (lambda one, _: _ecc(one, 0), ""),
    "mig.mode.current": (lambda one, _: _ecc(one, "Disabled"), ""),
    "persistence_mode": (lambda _one, _: "Enabled", ""),
    "pstate": (lambda _one, _: "P8", ""),
    "clocks_event_reasons.active": (lambda one, _: f"0x{one.clock_reasons:016x}", ""),
    "clocks_throttle_reasons.active": (lambda one, _: f"0x{one.clock_reasons:016x}", ""),
}


def _is_hot(hardware: Hardware) -> bool:
    return bool(hardware.clock_reasons & SLOWED_BY_HEAT)


async def look_at_gpus(call: Call) -> int:
    hardware = call.machine.hardware
    if hardware.driver_fails:
        await call.out(FAILED)
        return NO_DRIVER
    given = _given(call)
    if hardware.gpus <= 0:
        await call.out("No devices were found\n")
        return NO_DEVICES
    if "-L" in given:
        for number in range(hardware.gpus):
            await call.out(f"GPU {number}: {hardware.gpu_name} (UUID: {uuid(number)})\n")
        return 0
    if "--query-gpu" in given:
        return await _queried(call, given)
    if any(name.startswith("--query") for name in given):
        return 0  # nothing uses the cards
    await call.out(_table(hardware, call.machine.now))
    return 0


def _given(call: Call) -> dict[str, str]:
    given, words = dict[str, str](), list(call.words)
    while words:
        name, sign, value = words.pop(0).partition("=")
        if not sign and name in {"-i", "--id", "--format", "--query-gpu"} and words:
            value = words.pop(0)
        given["--id" if name == "-i" else name] = value
    return given


async def _queried(call: Call, given: dict[str, str]) -> int:
    names = [name.strip() for name in given["--query-gpu"].split(",")]
    for name in names:
        if name not in FIELDS:
            await call.out(f'Field "{name}" is not a valid field to query.\n\n')
            return NOT_A_FIELD
    form = given.get("--format", "csv").replace(" ", "").split(",")
    with_units = "nounits" not in form
    if "noheader" not in form:
        heads = [
            f"{name} [{FIELDS[name][1]}]" if _has_unit(name, with_units) else name for name in names
        ]
        await call.out(", ".join(heads) + "\n")
    hardware = call.machine.hardware
    for number in range(hardware.gpus):
        if "--id" in given and str(number) not in given["--id"].split(","):
            continue
        cells = [_cell(hardware, number, name, with_units=with_units) for name in names]
        await call.out(", ".join(cells) + "\n")
    return 0


def _has_unit(name: str, with_units: bool) -> bool:
    return with_units and FIELDS[name][1] != ""


def _cell(hardware: Hardware, number: int, name: str, *, with_units: bool) -> str:
    tell, unit = FIELDS[name]
    text = str(tell(hardware, number))
    return f"{text} {unit}" if unit and with_units else text


LINE = "+" + "-" * 89 + "+"
SPLIT = "|" + "-" * 41 + "+" + "-" * 24 + "+" + "-" * 22 + "|"
HEADS = (
    ("GPU  Name", "Persist.-M", "Bus-Id          Disp.A", "Volatile Uncorr. ECC"),
    ("Fan  Temp   Perf", "Pwr:Usage/Cap", "Memory-Usage", "GPU-Util  Compute M."),
)


def _table(hardware: Hardware, now: float) -> str:
    """Draw what is shown without options."""
    driver = f"| NVIDIA-SMI {hardware.driver:<22} Driver Version: {hardware.driver:<16}"
    rows = [time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(now)), LINE]
    rows += [f"{driver} CUDA Version: {hardware.cuda:<9}|", SPLIT]
    rows += [*(_row(*head) for head in HEADS), SPLIT.replace("-", "=")]
    errors = str(hardware.ecc_errors) if hardware.has_ecc else "N/A"
    heat = 91 if _is_hot(hardware) else 38
    memory = f"1MiB / {hardware.gpu_mib}MiB"
    for number in range(hardware.gpus):
        name = f"{number:3d}  {hardware.gpu_name:<29.29}"
        rows.append(_row(name, "On", f"{bus(number)} Off", errors))
        rows.append(_row(f"30%  {heat}C    P8", f"21W / {hardware.watts}W", memory, "0%  Default"))
        rows.append(SPLIT)
    rows += ["", LINE, f"| {'Processes:':<88}|", f"|  {'No running processes found':<87}|", LINE]
    return "\n".join(rows) + "\n"


def _row(left: str, right: str, middle: str, last: str) -> str:
    return f"| {left}{right:>{39 - len(left)}} |{middle:>23} |{last:>21} |"


GPUS: dict[str, Command] = {"nvidia-smi": look_at_gpus}
