"""Whether what nvidia-smi calls a card is what Vast's names promise: another name of one card is
none that is worse, and another card always is.
"""

from __future__ import annotations

import pytest

from vast_mcp.working.checks import SameCard

# Of Vast's own list (docs/vast-api.md B.5), as a search leaves them with the process.
KNOWN = (
    *("A100 PCIE", "A100 SXM", "A100 SXM4", "H100 NVL", "H100 PCIE", "H100 SXM", "H200"),
    *("H200 NVL", "L40", "L40S", "RTX 4090", "RTX 4090D", "RTX 6000Ada", "RTX A6000"),
    *("RTX PRO 6000", "RTX PRO 6000 Max-Q", "RTX PRO 6000 S", "RTX PRO 6000 WS"),
)
WS = "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"


@pytest.mark.parametrize(
    ("found", "promised", "same"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100 SXM4", True),
        ("NVIDIA A100-SXM4-80GB", "A100 SXM", None),
        (WS, "RTX PRO 6000 WS", True),
        (WS, "RTX PRO 6000", None),
        (WS.replace("Work", "Max-Q Work"), "RTX PRO 6000", None),
        (WS, "RTX PRO 6000 S", False),
        (WS.replace("6000", "5000"), "RTX PRO 6000", False),
        ("NVIDIA H100 PCIe", "H100 SXM", False),
        ("NVIDIA A100-PCIE-40GB", "A100 SXM", False),
        ("NVIDIA H100 80GB HBM3", "H200", False),
        ("NVIDIA GeForce RTX 4090 D", "RTX 4090", False),
        ("NVIDIA L40", "L40S", False),
    ],
)
def test_a_card_has_several_names(found: str, promised: str, same: bool | None) -> None:
    assert SameCard(KNOWN)(found, promised) is same
