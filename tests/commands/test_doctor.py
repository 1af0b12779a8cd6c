"""`vast-mcp doctor`: what it finds, that what it says fixes it, and that it changes and shows
nothing.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from house import KEY_LINE, OTHER_KEY_LINE
from processes import asked, ledger, post, ran
from vast_mcp.commands.cli import run

pytestmark = pytest.mark.processes

KEY = "planted-key-of-length"
READS = {"user", "list", "keys", "search", "templates", "volumes"}

Found = dict[str, dict[str, Any]]
Doctor = Callable[..., tuple[int, Found]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def doctor(
    url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Run it with JSON: the exit status, and the checks by name. In an empty folder, with a key,
    on a sandbox.
    """
    (home / "folder").mkdir()
    monkeypatch.chdir(home / "folder")
    for name, value in {
        "VAST_URL": url,
        "VAST_API_KEY": KEY,
        "VAST_MCP_TIME_SCALE": "0.01",
        "VAST_MCP_STATE_DIR": str(home / "state"),
    }.items():
        monkeypatch.setenv(name, value)

    def check(*arguments: str) -> tuple[int, Found]:
        status = run(["doctor", "--json", *arguments])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        assert err == ""
        said = json.loads(out)
        assert (status == 0) == said["ok"]
        assert all("fix" in one for one in said["checks"] if one["status"] != "ok")
        return status, {one["name"]: one for one in said["checks"]}

    return check


def fixed(found: dict[str, Any]) -> int:
    """Do what it says: a command of ours in this process, any other in a shell."""
    if found["fix"].startswith("vast-mcp "):
        return run(shlex.split(found["fix"])[1:])
    return subprocess.run(found["fix"], shell=True, check=False, timeout=30).returncode  # noqa: S602


def ssh_key(home: Path, line: str = KEY_LINE) -> None:
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519.pub").write_text(line, encoding="utf-8")


def test_with_everything_there_nothing_fails_and_nothing_is_changed(
    doctor: Doctor, url: str, home: Path
) -> None:
    """Every check has a line; a doctor only reads, here and at Vast."""
    ssh_key(home)
    post(f"{url}/_sandbox/world", keys=[KEY_LINE])
    status, found = doctor()
    assert status == 0
    assert {name: one["status"] for name, one in found.items()} == dict.fromkeys(
        (
            "versions",
            "bytecode",
            "key",
            "accepted",
            "scopes",
            "ssh_keys",
            "journal",
            "limits",
            "hosts",
        ),
        "ok",
    )
    assert found["key"]["said"] == "found: VAST_API_KEY"
    assert "account " in found["accepted"]["said"]
    assert set(asked(url)) <= READS
    assert ledger(url)["ledger"] == []
    assert not (home / "state").exists()


# ── the key ────────────────────────────────────────────────────────────────────────────────────


def test_no_key_fails_and_vast_is_not_asked(
    doctor: Doctor, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key there is nothing to ask."""
    monkeypatch.delenv("VAST_API_KEY")
    status, found = doctor()
    assert (status, found["key"]["status"]) == (1, "fail")
    assert "VAST_API_KEY" in found["key"]["said"]
    assert found["key"]["fix"].endswith("cat > ~/.config/vastai/vast_api_key)")
    assert "accepted" not in found
    assert asked(url) == []


def test_a_placeholder_in_place_of_the_key_is_named_with_its_place(
    doctor: Doctor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a key file has the key it is used, and the placeholder is a warning."""
    monkeypatch.setenv("VAST_API_KEY", "<your-key>")
    placeholder = "VAST_API_KEY holds a placeholder that nobody filled in, which counts as no key."
    status, found = doctor()
    assert (status, found["key"]["status"]) == (1, "fail")
    assert placeholder.rstrip(".") in found["key"]["said"]
    official = home / "config" / "vastai" / "vast_api_key"
    official.parent.mkdir(parents=True)
    official.write_text(KEY, encoding="utf-8")
    status, found = doctor()
    assert found["key"]["status"] == "warn"
    assert found["key"]["said"] == f"found: {official}. {placeholder}"
    assert found["accepted"]["status"] == "ok"


def test_it_says_which_file_the_key_came_from(
    doctor: Doctor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment over the env file over the official client's key files (docs/architecture.md)."""
    monkeypatch.delenv("VAST_API_KEY")
    official = home / "config" / "vastai" / "vast_api_key"
    official.parent.mkdir(parents=True)
    official.write_text(KEY, encoding="utf-8")
    assert doctor()[1]["key"]["said"] == f"found: {official}"
    (home / "vast.env").write_text(f"VAST_API_KEY={KEY}\n", encoding="utf-8")
    assert (
        doctor("--env-file", str(home / "vast.env"))[1]["key"]["said"]
        == f"found: VAST_API_KEY in {home}/vast.env"
    )


def test_a_key_that_vast_does_not_know_fails(doctor: Doctor, url: str) -> None:
    """It answers 404 or 401 with the same words (docs/vast-api.md I)."""
    post(f"{url}/_sandbox/world", api_keys=["another"])
    status, found = doctor()
    assert (status, found["accepted"]["status"]) == (1, "fail")
    assert "does not know this key" in found["accepted"]["said"]


def test_no_connection_is_not_a_wrong_key(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two faults with different cures."""
    monkeypatch.setenv("VAST_URL", "http://127.0.0.1:9")
    status, found = doctor()
    assert (status, found["accepted"]["status"]) == (1, "fail")
    assert "unreachable" in found["accepted"]["said"]


@pytest.mark.parametrize(
    ("missing", "blind", "status", "verdict"),
    [
        pytest.param(
            "instance_read", False, 1, "fail", id="the list, without which nothing is rented"
        ),
        pytest.param("instance_read", True, 0, "warn", id="the list, and that was allowed"),
        pytest.param("misc", False, 0, "warn", id="search"),
        pytest.param("user_read", False, 0, "warn", id="the account"),
    ],
)
def test_a_scope_that_the_key_lacks_is_named(
    doctor: Doctor,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    blind: bool,
    status: int,
    verdict: str,
) -> None:
    """Vast names the missing group; rights that change things are not tried, and it says so
    (docs/vast-api.md I).
    """
    post(f"{url}/_sandbox/world", missing_permissions=[missing])
    monkeypatch.setenv("VAST_MCP_ALLOW_BLIND", str(int(blind)))
    ended, found = doctor()
    assert (ended, found["scopes"]["status"]) == (status, verdict)
    assert f"({missing})" in found["scopes"]["said"]
    assert missing in found["scopes"]["untrusted_vast_message"]
    assert "rights that change things" in found["scopes"]["said"]


# ── SSH keys ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("registered", [[], [OTHER_KEY_LINE]], ids=["none", "another"])
def test_a_computer_without_a_registered_key_is_warned_and_the_command_registers_it(
    doctor: Doctor, url: str, home: Path, registered: list[str]
) -> None:
    """Each warning has the command that fixes it, ready to run."""
    ssh_key(home)
    post(f"{url}/_sandbox/world", keys=registered)
    status, found = doctor()
    assert (status, found["ssh_keys"]["status"]) == (0, "warn")
    with contextlib.redirect_stdout(None):
        assert fixed(found["ssh_keys"]) == 0
    assert doctor()[1]["ssh_keys"]["status"] == "ok"


# ── the journal ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rented(doctor: Doctor, url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The journal of somebody who has rented one machine."""
    assert run(["call", "search_offers", '{"limit": 1}']) == 0
    offer_id = json.loads(capsys.readouterr().out)["offers"][0]["offer_id"]
    assert run(["call", "create_instance", json.dumps({"offer_id": offer_id, "disk": 16})]) == 0
    capsys.readouterr()
    return home / "state" / "journal.db"


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_a_sound_journal_is_told_with_its_version(doctor: Doctor, rented: Path) -> None:
    """Path, mode, version and open intents."""
    _, found = doctor()
    assert (found["journal"]["status"], found["open_intents"]["status"]) == ("ok", "ok")
    assert str(rented) in found["journal"]["said"]
    assert "version 2" in found["journal"]["said"]


def test_a_journal_that_others_may_read_is_warned_of_and_the_command_closes_it(
    doctor: Doctor, rented: Path
) -> None:
    """It says which machines somebody rents."""
    rented.chmod(0o644)
    _, found = doctor()
    assert found["journal"]["status"] == "warn"
    assert fixed(found["journal"]) == 0
    assert doctor()[1]["journal"]["status"] == "ok"


def test_a_rental_in_doubt_is_warned_of_and_the_command_settles_it(
    doctor: Doctor, rented: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine may exist and bill; `reconcile` finds it by its label (docs/protocol.md)."""
    change(rented, "UPDATE intents SET state = 'unknown', instance_id = NULL")
    status, found = doctor()
    assert (status, found["open_intents"]["status"]) == (0, "warn")
    assert "1 in doubt" in found["open_intents"]["said"]
    assert fixed(found["open_intents"]) == 0
    capsys.readouterr()
    assert doctor()[1]["open_intents"]["status"] == "ok"


def test_a_doubt_of_another_account_is_not_this_keys_to_settle(
    doctor: Doctor, rented: Path
) -> None:
    """Reconcile settles what this key's account has, and doctor promises no more
    (docs/protocol.md).
    """
    change(
        rented,
        "UPDATE intents SET state = 'unknown', instance_id = NULL, account = 'http://elsewhere#1'",
    )
    _, found = doctor()
    assert found["open_intents"]["status"] == "ok"
    assert "1 in doubt on other accounts" in found["open_elsewhere"]["said"]


def test_a_folder_that_cannot_be_looked_into_is_a_finding(
    doctor: Doctor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name too long stands in for rights that root always has."""
    monkeypatch.setenv("VAST_MCP_STATE_DIR", str(home / ("x" * 300)))
    status, found = doctor()
    assert (status, found["journal"]["status"]) == (1, "fail")


def test_a_damaged_journal_fails_and_is_left_where_it_is(doctor: Doctor, rented: Path) -> None:
    """A doctor does not operate; the next rental puts it aside."""
    size = rented.stat().st_size
    rented.write_bytes(b"x" * size)
    status, found = doctor()
    assert (status, found["journal"]["status"]) == (1, "fail")
    assert rented.read_bytes() == b"x" * size
    assert [path.name for path in rented.parent.glob("*damaged*")] == []


def test_a_journal_of_a_newer_version_fails(doctor: Doctor, rented: Path) -> None:
    """A newer schema is left alone, so an older vast-mcp rents nothing (docs/protocol.md)."""
    change(rented, "PRAGMA user_version = 99")
    status, found = doctor()
    assert (status, found["journal"]["status"]) == (1, "fail")
    assert "99" in found["journal"]["said"]


# ── settings and limits ────────────────────────────────────────────────────────────────────────


def test_the_limits_in_force_are_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person believes to have set, and what is in force, are two things until
    somebody looks.
    """
    assert doctor()[1]["limits"]["said"].startswith("none")
    for name, value in {
        "MAX_USD_PER_HOUR": "0.5",
        "MAX_INSTANCES": "2",
        "READ_ONLY": "1",
        "LEASE_HOURS": "8",
        "CONFIRM": "0.4",
    }.items():
        monkeypatch.setenv(f"VAST_MCP_{name}", value)
    said = doctor()[1]["limits"]["said"]
    assert (
        said == "max_usd_per_hour 0.5, max_instances 2, read_only, lease_hours 8, confirm above "
        "$0.4/h"
    )


def test_a_setting_that_cannot_be_used_is_a_finding_and_not_the_end(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who runs a doctor has something wrong already."""
    monkeypatch.setenv("VAST_MCP_MAX_INSTANCES", "two")
    status, found = doctor()
    assert (status, found["settings"]["status"]) == (1, "fail")
    assert "VAST_MCP_MAX_INSTANCES" in found["settings"]["said"]


# ── hosts ──────────────────────────────────────────────────────────────────────────────────────

SERVER = {"command": "/usr/local/bin/vast-mcp", "args": ["--sandbox"]}
CLEAR = {
    "command": "uvx",
    "args": ["vast-mcp"],
    "env": {"VAST_API_KEY": KEY, "OTHER": "planted-other"},
}
BEARER = {"Authorization": "Bearer planted-token"}
FILLED = {"command": "vast-mcp", "env": {"VAST_API_KEY": "${VAST_API_KEY}"}}


@pytest.mark.parametrize(
    ("path", "content", "status", "said"),
    [
        pytest.param(
            ".claude.json", {"mcpServers": {"vast": SERVER}}, "ok", "Claude Code", id="Claude Code"
        ),
        pytest.param(
            ".claude.json",
            {"projects": {"/p": {"mcpServers": {"gpu": SERVER}}}},
            "ok",
            "gpu",
            id="a project",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {"mcpServers": {"vast": FILLED}},
            "ok",
            "Cursor",
            id="a key filled in",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {"mcpServers": {"vast": CLEAR}},
            "warn",
            "key",
            id="a key written in it",
        ),
        pytest.param(
            "folder/.vscode/mcp.json", {"servers": {"vast": SERVER}}, "ok", "VS Code", id="VS Code"
        ),
        pytest.param(
            "folder/.mcp.json",
            {"mcpServers": {"vast": {"command": "python", "args": ["-m", "vast_mcp"]}}},
            "ok",
            "Claude Code",
            id="the repository's",
        ),
        pytest.param(
            ".codex/config.toml",
            '[mcp_servers.vast]\ncommand = "vast-mcp"\n',
            "ok",
            "Codex",
            id="Codex",
        ),
        pytest.param(
            ".config/Claude/claude_desktop_config.json",
            {"mcpServers": {"vast": CLEAR}},
            "warn",
            "Claude Desktop",
            id="Claude Desktop",
        ),
        pytest.param(
            "folder/.vscode/mcp.json",
            '{"servers": {"vast": {"command": "vast-mcp"}}, // mine\n}',
            "warn",
            "no plain JSON",
            id="comments",
        ),
        pytest.param(
            ".gemini/settings.json",
            {"mcpServers": {"vast": FILLED | {"env": {"VAST_API_KEY": "$VAST_API_KEY"}}}},
            "ok",
            "Gemini CLI",
            id="Gemini CLI",
        ),
        pytest.param(
            ".gemini/settings.json",
            {"mcpServers": {"vast": {"httpUrl": "http://127.0.0.1:8000/mcp", "headers": BEARER}}},
            "warn",
            "key written in it",
            id="Gemini CLI over HTTP",
        ),
        pytest.param(
            ".config/opencode/opencode.json",
            {"mcp": {"vast": {"type": "local", "command": ["vast-mcp", "--sandbox"]}}},
            "ok",
            "OpenCode",
            id="OpenCode",
        ),
        pytest.param(
            "folder/opencode.json",
            {"mcp": {"vast": {"command": ["vast-mcp"], "environment": {"VAST_API_KEY": KEY}}}},
            "warn",
            "key written in it",
            id="OpenCode with a key",
        ),
        pytest.param(
            "folder/opencode.json",
            {
                "mcp": {
                    "vast": {"command": ["vast-mcp"], "environment": {"VAST_API_KEY": "{env:K}"}}
                }
            },
            "ok",
            "OpenCode",
            id="OpenCode with a key filled in",
        ),
        pytest.param(
            ".codeium/windsurf/mcp_config.json",
            {"mcpServers": {"vast": SERVER}},
            "ok",
            "Windsurf",
            id="Windsurf",
        ),
        pytest.param(
            ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/"
            "cline_mcp_settings.json",
            {"mcpServers": {"vast": CLEAR}},
            "warn",
            "Cline",
            id="Cline",
        ),
        pytest.param(
            ".config/zed/settings.json",
            {"context_servers": {"vast": SERVER}},
            "ok",
            "Zed",
            id="Zed",
        ),
        pytest.param(
            ".config/goose/config.yaml",
            "extensions:\n  vast:\n    type: stdio\n    cmd: vast-mcp\n",
            "ok",
            "Goose",
            id="Goose",
        ),
        pytest.param(
            ".config/goose/config.yaml",
            f"extensions:\n  vast:\n    cmd: /bin/vast-mcp\n    envs:\n      VAST_API_KEY: {KEY}\n",
            "warn",
            "key written in it",
            id="Goose with a key",
        ),
        pytest.param(
            ".config/goose/config.yaml",
            "extensions:\n  vast:\n    cmd: not-vast-mcp\n",
            "ok",
            "no known host",
            id="Goose, another server",
        ),
        pytest.param(
            ".claude/settings.json",
            {"enabledPlugins": {"vast-mcp@vast-mcp": True}},
            "ok",
            "the plugin",
            id="the plugin",
        ),
        pytest.param(
            ".claude/settings.json",
            {"enabledPlugins": {"vast-mcp@vast-mcp": False}},
            "ok",
            "no known host",
            id="the plugin, switched off",
        ),
        pytest.param(
            ".claude.json",
            {
                "mcpServers": {
                    "vast": {
                        "type": "http",
                        "url": "http://127.0.0.1:8000/mcp",
                        "headers": {"Authorization": "Bearer planted-token"},
                    }
                }
            },
            "warn",
            "key",
            id="over HTTP",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {
                "mcpServers": {
                    "vast": {"command": "env", "args": ["VAST_API_KEY=planted-key", "vast-mcp"]}
                }
            },
            "warn",
            "key",
            id="a key among the arguments",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {
                "mcpServers": {
                    "vast": {
                        "command": "vast-mcp",
                        "env": {"VAST_MCP_ENV_PASS": "HF_TOKEN", "HF_TOKEN": "planted-hf"},
                    }
                }
            },
            "warn",
            "key",
            id="a value to pass on",
        ),
        pytest.param(
            "folder/.mcp.json",
            {
                "mcpServers": {
                    "vast": {
                        "command": "uvx",
                        "args": ["--from", "${CLAUDE_PLUGIN_ROOT}", "vast-mcp"],
                    }
                }
            },
            "ok",
            "no known host",
            id="the plugin's own",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {"mcpServers": {"other": {"command": "not-vast-mcp"}}},
            "ok",
            "no known host",
            id="another server",
        ),
        pytest.param(
            ".cursor/mcp.json",
            {"mcpServers": ["vast-mcp", {"command": 1, "args": 2}]},
            "ok",
            "no known host",
            id="another shape",
        ),
    ],
)
def test_it_says_which_hosts_start_it_and_never_what_they_set(
    doctor: Doctor,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    content: Any,
    status: str,
    said: str,
) -> None:
    """Hosts configured here; values stay there, and a key in clear is warned of."""
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    _, found = doctor()
    assert (found["hosts"]["status"], said in found["hosts"]["said"]) == (status, True)
    assert "planted" not in json.dumps(found)


# ── the command ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.thorough
def test_for_people_every_fault_is_a_line_with_its_cure_below(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Each failing line with the command that fixes it; plain text where nobody watches."""
    status, out, err = ran("doctor", env=env | {"VAST_MCP_TIME_SCALE": ""}, cwd=tmp_path)
    assert (status, err) == (1, "")
    assert "\x1b" not in out
    lines = out.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("fail  key ")]
    assert "→ mkdir -p ~/.config/vastai" in "".join(lines[place + 1 : place + 4])


def test_a_line_that_fixes_keeps_the_settings_it_was_found_with(
    doctor: Doctor, url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command for the sandbox must not register a key on the real account."""
    ssh_key(home)
    assert doctor("--sandbox")[1]["ssh_keys"]["fix"].startswith(
        "vast-mcp --sandbox call create_ssh_key "
    )
    given = home / "some.env"
    given.write_text("VAST_MCP_MAX_INSTANCES=2\n", encoding="utf-8")
    assert doctor("--env-file", str(given))[1]["ssh_keys"]["fix"].startswith(
        f"vast-mcp --env-file {given} call "
    )


@pytest.mark.thorough
def test_missing_bytecode_is_warned_of(env: dict[str, str], tmp_path: Path) -> None:
    """Without it every start takes twice the time, and some images forbid Python to
    write it (docs/hosts.md).
    """
    env |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPYCACHEPREFIX": str(tmp_path / "empty"),
        "VAST_MCP_TIME_SCALE": "",
    }
    _, out, _ = ran("doctor", "--json", env=env, cwd=tmp_path)
    [found] = [one for one in json.loads(out)["checks"] if one["name"] == "bytecode"]
    assert (found["status"], "PYTHONDONTWRITEBYTECODE" in found["said"]) == ("warn", True)
    assert " -m compileall " in found["fix"]


def test_an_unknown_option_is_wrong_usage(env: dict[str, str], tmp_path: Path) -> None:
    """`vast-mcp doctor --help`: 2."""
    assert ran("doctor", "--fix", env=env, cwd=tmp_path)[0] == 2


def test_a_used_up_search_quota_is_named_and_no_missing_right(
    doctor: Doctor, url: str, home: Path
) -> None:
    """It says that the key may search, and until when it cannot (docs/vast-api.md H)."""
    post(f"{url}/_sandbox/world", search_quota=0)
    _, found = doctor()
    assert found["scopes"]["status"] == "warn"
    assert "search quota is used up until 00:00 UTC" in found["scopes"]["said"]
    assert "may not" not in found["scopes"]["said"]
