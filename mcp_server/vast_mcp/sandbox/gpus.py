"""These are the GPUs of the shop window, with figures in the range of real ones (docs/vast-api.md
B.4, B.5).
"""

from typing import NamedTuple


class Gpu(NamedTuple):
    """A model of GPU has the figures that rows report."""

    name: str  # as Vast displays it
    ram: int  # MB
    usd: float  # a usual price of an hour
    cap: int  # compute capability
    tflops: float
    dlperf: float
    bandwidth: float  # of its memory, GB/s
    watts: int


GPUS = (
    Gpu("RTX 4090", 24564, 0.38, 890, 82.6, 92.0, 1008.0, 450),
    Gpu("RTX 3090", 24576, 0.19, 860, 35.6, 41.0, 936.0, 350),
    Gpu("RTX 5090", 32607, 0.55, 1200, 104.8, 128.0, 1790.0, 575),
    Gpu("RTX 4080", 16376, 0.22, 890, 48.7, 56.0, 716.0, 320),
    Gpu("RTX 4070 Ti", 12282, 0.14, 890, 40.1, 43.0, 504.0, 285),
    Gpu("RTX 4060 Ti", 16380, 0.10, 890, 22.1, 25.0, 288.0, 165),
    Gpu("RTX 3090 Ti", 24564, 0.22, 860, 40.0, 45.0, 1008.0, 450),
    Gpu("RTX 3080", 10240, 0.11, 860, 29.8, 33.0, 760.0, 320),
    Gpu("RTX 3060", 12288, 0.06, 860, 12.7, 14.0, 360.0, 170),
    Gpu("GTX 1080 Ti", 11264, 0.07, 610, 11.3, 9.0, 484.0, 250),
    Gpu("RTX A4000", 16376, 0.12, 860, 19.2, 24.0, 448.0, 140),
    Gpu("RTX A5000", 24564, 0.20, 860, 27.8, 34.0, 768.0, 230),
    Gpu("RTX A6000", 49140, 0.44, 860, 38.7, 45.0, 768.0, 300),
    Gpu("RTX 4000Ada", 20475, 0.24, 890, 26.7, 33.0, 360.0, 130),
    Gpu("RTX 6000Ada", 49140, 0.66, 890, 91.1, 84.0, 960.0, 300),
    Gpu("Tesla V100", 32768, 0.26, 700, 15.7, 26.0, 900.0, 300),
    Gpu("L40S", 46068, 0.62, 890, 91.6, 80.0, 864.0, 350),
    Gpu("A100 PCIE", 81920, 0.75, 800, 19.5, 72.0, 1935.0, 300),
    Gpu("A100 SXM4", 81920, 0.88, 800, 19.5, 78.0, 2039.0, 400),
    Gpu("H100 PCIE", 81559, 1.65, 900, 51.2, 130.0, 2039.0, 350),
    Gpu("H100 SXM", 81559, 1.95, 900, 66.9, 160.0, 3350.0, 700),
    Gpu("H200", 143771, 2.45, 900, 66.9, 185.0, 4800.0, 700),
)

# A few offers stand on machines that run no amd64 image (B.2), by their number in the window.
ARM64 = {
    87: Gpu("GH200 SXM", 97871, 1.75, 900, 66.9, 150.0, 4000.0, 700),
    178: Gpu("GB10", 122570, 0.35, 1210, 31.0, 40.0, 273.0, 140),
}

GPU_NAMES = sorted(gpu.name for gpu in (*GPUS, *ARM64.values()))
