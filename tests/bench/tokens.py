"""What text costs a model: o200k_base where gpt-tokenizer is installed, else characters over 3.6,
which is more.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

BOX = Path(__file__).resolve().parents[2] / ".venv-bench"  # scripts/bench fills it
_COUNT = """
const {countTokens} = require("gpt-tokenizer/encoding/o200k_base");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map(text => countTokens(text))));
"""


def exact() -> bool:
    return shutil.which("node") is not None and (BOX / "node_modules" / "gpt-tokenizer").is_dir()


def tokens(*texts: str) -> list[int]:
    """How many tokens each text is."""
    if not exact():
        return [math.ceil(len(text) / 3.6) for text in texts]
    done = subprocess.run(
        ["node", "-e", _COUNT],
        input=json.dumps(texts),
        cwd=BOX,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
