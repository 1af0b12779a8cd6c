"""SKILL.md as the tools for skills see it."""

from __future__ import annotations

from pathlib import Path

from trial import a_checkout, a_program, block


def test_the_checkout_is_a_valid_skill(tmp_path: Path) -> None:
    """agentskills: the front matter, and a folder that is called like the skill."""
    assert "Valid skill" in a_program(
        tmp_path, "agentskills", "validate", str(a_checkout(tmp_path))
    )


def test_the_skills_installer_finds_the_skill_at_the_root(tmp_path: Path) -> None:
    """What its line would install (docs/hosts.md)."""
    npx, *words = block("skills").split()
    assert npx == "npx"
    said = a_program(tmp_path, *words, "--list", cwd=a_checkout(tmp_path))
    assert "Found 1 skill" in said
    assert "vast-mcp" in said


def test_the_skills_installer_installs_it(tmp_path: Path) -> None:
    """For an agent of the person's choice, without a question (docs/hosts.md)."""
    _, *words = block("skills").split()
    checkout = a_checkout(tmp_path)
    a_program(
        tmp_path, *words, "--global", "--agent", "claude-code", "--yes", "--copy", cwd=checkout
    )
    installed = tmp_path / "home/.claude/skills/vast-mcp/SKILL.md"
    assert installed.read_text(encoding="utf-8") == (checkout / "SKILL.md").read_text(
        encoding="utf-8"
    )
