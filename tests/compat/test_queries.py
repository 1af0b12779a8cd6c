"""The official client's own reading of its query strings is what the golden file says."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
import json, sys
from vastai.api.query import offers_alias, offers_fields, offers_mult, parse_query
for query in json.load(sys.stdin):
    base = {"verified": {"eq": True}, "external": {"eq": False}, "rentable": {"eq": True}}
    print(json.dumps(parse_query(query, base, offers_fields, offers_alias, offers_mult)))
"""


def test_the_golden_queries_are_what_the_client_sends() -> None:
    """`vastai search offers QUERY` sends what its parser makes (docs/vast-api.md B.1)."""
    golden = json.loads((ROOT / "tests/golden/official_queries.json").read_text("utf-8"))
    done = subprocess.run(
        [str(ROOT / ".venv-vastai/bin/python"), "-c", ASKED],
        input=json.dumps(list(golden)),
        capture_output=True,
        text=True,
        check=True,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert dict(zip(golden, said, strict=True)) == golden
