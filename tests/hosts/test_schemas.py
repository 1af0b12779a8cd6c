"""Manifests against schemas and rules that are not ours."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from trial import ROOT, a_checkout, a_program

RELEASED = (
    "import importlib.resources as r; print(r.files('skillsaw') / "
    "'schemas/mcp_registry/v2025_12_11')"
)


def test_the_registrys_released_schema_accepts_the_server(tmp_path: Path) -> None:
    """The schema that server.json names, as skillsaw carries it (docs/hosts.md)."""
    folder = Path(a_program(tmp_path, str(ROOT / ".venv-hosts/bin/python"), "-c", RELEASED).strip())
    schema = json.loads((folder / "server.schema.json").read_text(encoding="utf-8"))
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    assert schema["$id"] == server["$schema"]
    jsonschema.validators.validator_for(schema)(
        schema, format_checker=jsonschema.FormatChecker()
    ).validate(server)


def test_an_independent_validator_finds_no_error_in_any_manifest(tmp_path: Path) -> None:
    """Skillsaw's rules for Claude, Cursor, the registry and skills (docs/hosts.md)."""
    said = a_program(
        tmp_path, "skillsaw", "lint", str(a_checkout(tmp_path)), "--no-plugins", "--no-custom-rules"
    )
    assert "Repo type: agentskills, cursor-plugin, marketplace, mcp-registry" in said
    assert "Errors:   0" in said
