"""Where settings come from, in which order, and what is never read."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

from vast_mcp.commands import cli
from vast_mcp.environment import load
from vast_mcp.settings import (
    DEFAULT_URL,
    SANDBOX_URL,
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
    Times,
    is_loopback,
)

ABSENT = ["", "   ", "${VAST_API_KEY}", " ${VAST_API_KEY} ", "${env:VAST_API_KEY}"]


def key_of(settings: Settings) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key else None


def env_file(folder: Path, *lines: str, name: str = "vast.env") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def key_file(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


# ── the order of sources ───────────────────────────────────────────────────────────────────────


def test_with_nothing_given_there_is_an_address_and_no_key(tmp_path: Path) -> None:
    """Without a key tools answer no_api_key; the sandbox is never entered silently
    (docs/architecture.md).
    """
    settings = load({}, home=tmp_path)
    assert (settings.base_url, settings.api_key, settings.key_source, settings.sandbox) == (
        DEFAULT_URL,
        None,
        None,
        False,
    )
    assert settings.times == Times()


def test_each_source_yields_to_the_one_above_it(tmp_path: Path) -> None:
    """Environment over env file over the official client's key files over defaults
    (docs/architecture.md).
    """
    named = env_file(tmp_path, "VAST_API_KEY=from-env-file", "VAST_URL=https://file.example")
    key_file(tmp_path / ".config" / "vastai", "vast_api_key", "from-key-file")
    environ = {"VAST_API_KEY": "from-environment", "VAST_URL": "https://environment.example"}
    both = load(environ, home=tmp_path, env_file=named)
    assert (key_of(both), both.base_url) == ("from-environment", "https://environment.example")
    file_only = load({}, home=tmp_path, env_file=named)
    assert (key_of(file_only), file_only.base_url) == ("from-env-file", "https://file.example")
    neither = load({}, home=tmp_path)
    assert (key_of(neither), neither.base_url) == ("from-key-file", DEFAULT_URL)


def test_sources_are_joined_name_by_name(tmp_path: Path) -> None:
    """An address in the environment does not hide a key in the file."""
    named = env_file(tmp_path, "VAST_API_KEY=from-env-file")
    settings = load({"VAST_URL": "https://environment.example"}, home=tmp_path, env_file=named)
    assert (key_of(settings), settings.base_url) == ("from-env-file", "https://environment.example")


def test_the_flag_beats_the_variable_that_names_an_env_file(tmp_path: Path) -> None:
    """--env-file or VAST_MCP_ENV_FILE; what a person typed is nearer (docs/architecture.md)."""
    flag = env_file(tmp_path, "VAST_API_KEY=flag", name="flag.env")
    variable = env_file(tmp_path, "VAST_API_KEY=variable", name="variable.env")
    environ = {"VAST_MCP_ENV_FILE": str(variable)}
    assert key_of(load(environ, home=tmp_path, env_file=flag)) == "flag"
    assert key_of(load(environ, home=tmp_path)) == "variable"


@pytest.mark.parametrize("value", ABSENT)
def test_an_empty_value_or_an_unexpanded_placeholder_is_absent(tmp_path: Path, value: str) -> None:
    """Hosts hand over the literal ${VAST_API_KEY}; the official client would send it
    (docs/architecture.md; docs/vast-api.md J).
    """
    named = env_file(tmp_path, "VAST_API_KEY=from-env-file")
    assert key_of(load({"VAST_API_KEY": value}, home=tmp_path, env_file=named)) == "from-env-file"
    assert load({"VAST_API_KEY": value}, home=tmp_path).api_key is None


@pytest.mark.parametrize("value", ABSENT)
def test_the_same_holds_for_addresses_and_files(tmp_path: Path, value: str) -> None:
    """The same rule, for every name and source."""
    named = env_file(tmp_path, f"VAST_API_KEY={value}", f'VAST_URL="{value}"')
    key_file(tmp_path / ".config" / "vastai", "vast_tfa_key", value)
    key_file(tmp_path / ".config" / "vastai", "vast_api_key", "from-key-file")
    settings = load({"VAST_URL": value}, home=tmp_path, env_file=named)
    assert (key_of(settings), settings.base_url) == ("from-key-file", DEFAULT_URL)


UNFILLED = [
    *(
        "$VAST_API_KEY",
        "$vast_api_key",
        "${VAST_API_KEY}",
        "${env:VAST_API_KEY}",
        "$env:VAST_API_KEY",
    ),
    *("%VAST_API_KEY%", "{env:VAST_API_KEY}", "{file:~/key}", "{{VAST_API_KEY}}", "$(cat key)"),
    *(
        "<your-key>",
        "<YOUR_API_KEY>",
        "your-api-key",
        "YOUR_VAST_API_KEY",
        "your key here",
        "[key]",
    ),
    *('"${VAST_API_KEY}"', "'$VAST_API_KEY'", '"<your-key>"', " `%VAST_API_KEY%` ", "“<your key>”"),
    *("xxxxxxxx", "***", "...", "…", "changeme", "PASTE_YOUR_KEY_HERE", "${input:vast_api_key}"),
]


@pytest.mark.parametrize("value", UNFILLED)
def test_a_key_that_nobody_filled_in_is_none_and_its_place_is_named(
    tmp_path: Path, value: str
) -> None:
    """Whatever placeholder a host or a page uses: the key file still counts, and each place that
    only looks as if it held the key is said.
    """
    config = tmp_path / ".config" / "vastai"
    key_file(config, "vast_tfa_key", value)
    for environ, file in (({"VAST_API_KEY": value}, None), ({}, f"VAST_API_KEY={value}")):
        named = None if file is None else env_file(tmp_path, file)
        settings = load(environ, home=tmp_path, env_file=named)
        assert settings.api_key is None
        said = " ".join(settings.key_notes)
        assert ("VAST_API_KEY in" in said) == (named is not None)
        assert "VAST_API_KEY" in said
        assert str(config / "vast_tfa_key") in said
        assert value.strip() not in said.replace("VAST_API_KEY", "")
    key_file(config, "vast_api_key", "from-key-file")
    settings = load({"VAST_API_KEY": value}, home=tmp_path)
    assert (key_of(settings), settings.key_source) == (
        "from-key-file",
        str(config / "vast_api_key"),
    )
    assert len(settings.key_notes) == 2


@pytest.mark.parametrize("quoted", ['"k3y"', "'k3y'", "`k3y`", ' "k3y" ', "“k3y”"])
def test_quotes_around_a_key_are_no_part_of_it(tmp_path: Path, quoted: str) -> None:
    """Docker's --env-file and some hosts hand them over."""
    assert key_of(load({"VAST_API_KEY": quoted}, home=tmp_path)) == "k3y"
    key_file(tmp_path, ".vast_api_key", quoted)
    assert key_of(load({}, home=tmp_path)) == "k3y"


@pytest.mark.parametrize(
    "key",
    [
        "a" * 64,
        "your",
        "key",
        "my-key",
        "$",
        "%",
        "k$y",
        "<",
        "sandbox",
        "100%",
        "yourkey",
        "x",
        "xx",
    ],
)
def test_a_key_that_is_there_is_taken_as_it_is(tmp_path: Path, key: str) -> None:
    """The nearest to a placeholder: any word does before a sandbox."""
    settings = load({"VAST_API_KEY": key}, home=tmp_path)
    assert (key_of(settings), settings.key_notes) == (key, ())


@pytest.mark.parametrize(
    "name",
    ["VASTAI_API_KEY", "VAST_AI_API_KEY", "VAST_KEY", "VASTAI_KEY", "VAST_TOKEN", "VAST_API_TOKEN"],
)
def test_a_key_under_another_name_is_not_read_and_the_name_is_said(
    tmp_path: Path, name: str
) -> None:
    """Other clients use those names (docs/vast-api.md J); said only where there is no key."""
    lone = load({name: "k3y"}, home=tmp_path)
    assert (key_of(lone), lone.key_notes) == (
        None,
        (f"{name} is not read: the name is VAST_API_KEY.",),
    )
    assert load({name: ""}, home=tmp_path).key_notes == ()
    assert load({name: "k3y", "VAST_API_KEY": "real"}, home=tmp_path).key_notes == ()
    key_file(tmp_path, ".vast_api_key", "from-key-file")
    assert load({name: "k3y"}, home=tmp_path).key_notes == ()


def test_a_value_that_a_machine_may_get_is_taken_with_its_quotes_and_signs(tmp_path: Path) -> None:
    """Only of our own settings is it known what they are."""
    environ = {"VAST_MCP_ENV_PASS": "A,B,C", "A": '"quoted"', "B": "$ecret", "C": "<xml>"}
    passed = load(environ, home=tmp_path).env_pass
    assert [passed[name].get_secret_value() for name in "ABC"] == ['"quoted"', "$ecret", "<xml>"]


def test_an_env_file_variable_that_is_empty_names_no_file(tmp_path: Path) -> None:
    """The same rule, for the variable that names the file."""
    assert load({"VAST_MCP_ENV_FILE": ""}, home=tmp_path).api_key is None


@pytest.mark.parametrize("value", ["${VAST_MCP_ENV_FILE}", " ${env:X} "])
def test_an_env_file_that_nobody_filled_in_stops_the_start(tmp_path: Path, value: str) -> None:
    """Its limits would vanish; a file that the command line names comes before it."""
    environ = {"VAST_MCP_ENV_FILE": value}
    for sandbox in (False, True):
        with pytest.raises(SettingsError, match="VAST_MCP_ENV_FILE is a placeholder"):
            load(environ, home=tmp_path, sandbox=sandbox)
    named = env_file(tmp_path, "VAST_API_KEY=flag")
    assert key_of(load(environ, home=tmp_path, env_file=named)) == "flag"


# ── key files ──────────────────────────────────────────────────────────────────────────────────


def test_the_key_files_are_read_in_the_order_of_the_official_client(tmp_path: Path) -> None:
    """vast_tfa_key, then vast_api_key, then the legacy file (docs/vast-api.md J)."""
    config = tmp_path / ".config" / "vastai"

    def found() -> tuple[str | None, str | None]:
        settings = load({}, home=tmp_path)
        return key_of(settings), settings.key_source

    key_file(tmp_path, ".vast_api_key", "legacy\n")
    assert found() == ("legacy", str(tmp_path / ".vast_api_key"))
    key_file(config, "vast_api_key", "  plain \n")
    assert found() == ("plain", str(config / "vast_api_key"))
    key_file(config, "vast_tfa_key", "tfa\n")
    assert found() == ("tfa", str(config / "vast_tfa_key"))


def test_xdg_config_home_moves_the_key_files(tmp_path: Path) -> None:
    """The official client honours it, so a key it wrote there is found (docs/vast-api.md J)."""
    key_file(tmp_path / ".config" / "vastai", "vast_api_key", "home")
    key_file(tmp_path / "xdg" / "vastai", "vast_api_key", "xdg")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert key_of(load(environ, home=tmp_path)) == "xdg"
    assert key_of(load({"XDG_CONFIG_HOME": ""}, home=tmp_path)) == "home"
    (tmp_path / "xdg" / "vastai" / "vast_api_key").unlink()
    assert load(environ, home=tmp_path).api_key is None


def test_a_key_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """The next source may hold the key; a start that fails helps nobody."""
    config = tmp_path / ".config" / "vastai"
    (config / "vast_tfa_key").mkdir(parents=True)
    (config / "vast_api_key").write_bytes(b"\xff\xfe\x00")
    key_file(tmp_path, ".vast_api_key", "legacy")
    assert key_of(load({}, home=tmp_path)) == "legacy"


@pytest.mark.parametrize("text", ["two\nlines", "a key", "schlüssel", "\x01"])
def test_a_key_that_no_header_carries_stops_the_start_and_is_not_repeated(
    tmp_path: Path, text: str
) -> None:
    """Else every call fails late and in other words."""
    key_file(tmp_path, ".vast_api_key", text)
    for environ in ({}, {"VAST_API_KEY": text}):
        with pytest.raises(SettingsError) as caught:
            load(environ, home=tmp_path)
        assert text not in str(caught.value)
        assert ("VAST_API_KEY" if environ else ".vast_api_key") in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    """Windows editors put one there."""
    key_file(tmp_path, ".vast_api_key", "\ufeffmarked\n")
    assert key_of(load({}, home=tmp_path)) == "marked"


# ── the env file ───────────────────────────────────────────────────────────────────────────────


def test_the_working_directorys_env_file_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host starts the server inside a stranger's repository (docs/architecture.md)."""
    repository = tmp_path / "repository" / "below"
    repository.mkdir(parents=True)
    for folder in (repository, repository.parent, tmp_path):
        env_file(folder, "VAST_API_KEY=strangers", "VAST_URL=https://stranger.example", name=".env")
    monkeypatch.chdir(repository)
    settings = load({}, home=tmp_path)
    assert (settings.api_key, settings.base_url) == (None, DEFAULT_URL)


def test_the_env_file_never_enters_the_environment(tmp_path: Path) -> None:
    """Child processes and crash reports inherit an environment (docs/architecture.md)."""
    before = dict(os.environ)
    named = env_file(tmp_path, "VAST_API_KEY=from-env-file", "VAST_PLANTED=1", "PATH=/planted")
    load({}, home=tmp_path, env_file=named)
    assert dict(os.environ) == before


def test_only_known_names_are_taken_from_the_env_file(tmp_path: Path) -> None:
    """XDG_CONFIG_HOME or another env file out of an env file would redirect the key files
    (docs/architecture.md).
    """
    key_file(tmp_path / "elsewhere" / "vastai", "vast_api_key", "elsewhere")
    other = env_file(tmp_path, "VAST_API_KEY=other", name="other.env")
    named = env_file(
        tmp_path,
        f"XDG_CONFIG_HOME={tmp_path / 'elsewhere'}",
        f"VAST_MCP_ENV_FILE={other}",
        "vast_api_key=lower",
    )
    assert load({}, home=tmp_path, env_file=named).api_key is None


def test_the_env_file_pulls_nothing_out_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """${NAME} in a file is text, or a file could send any variable to its own address as a key."""
    monkeypatch.setenv("OTHER_SECRET", "leaked")
    named = env_file(tmp_path, "VAST_API_KEY=x${OTHER_SECRET}")
    assert key_of(load(dict(os.environ), home=tmp_path, env_file=named)) == "x${OTHER_SECRET}"


def test_the_env_file_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    """python-dotenv: quotes, export, comments, and the mark that some editors put first."""
    named = env_file(
        tmp_path, "# ours", "export VAST_API_KEY='quoted'  # mine", "VAST_URL = https://a.example/"
    )
    settings = load({}, home=tmp_path, env_file=named)
    assert (key_of(settings), settings.base_url) == ("quoted", "https://a.example")
    named.write_bytes(b"\xef\xbb\xbfVAST_API_KEY=marked\n")
    assert key_of(load({}, home=tmp_path, env_file=named)) == "marked"


@pytest.mark.parametrize("how", ["missing", "folder"])
def test_a_named_env_file_that_is_not_there_stops_the_start(tmp_path: Path, how: str) -> None:
    """Silently going on without it would use another key, or none."""
    path = tmp_path / "missing.env" if how == "missing" else tmp_path
    said = "does not exist" if how == "missing" else "is no file"
    with pytest.raises(SettingsError, match=said):
        load({}, home=tmp_path, env_file=path)
    with pytest.raises(SettingsError, match=said):
        load({"VAST_MCP_ENV_FILE": str(path)}, home=tmp_path)


def test_an_env_file_that_is_no_text_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    """One sentence on stderr and exit status 2, not a traceback."""
    path = tmp_path / "binary.env"
    path.write_bytes(b"VAST_API_KEY=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"binary\.env"):
        load({}, home=tmp_path, env_file=path)


# ── addresses and times ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://console.vast.ai",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://box.localhost",
        "http://sandbox.localhost",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "http://127.0.0.1@example.com",
        "http://[::2]",
        "HTTP://console.vast.ai",
        "http://2130706433.example.com",
    ],
)
def test_plain_http_goes_nowhere_but_here(tmp_path: Path, url: str) -> None:
    """The key would travel in clear (docs/architecture.md)."""
    with pytest.raises(SettingsError, match="VAST_URL"):
        load({"VAST_URL": url}, home=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "console.vast.ai",
        "https://",
        "https://user:pw@a.example",
        "https://a.example?x=1",
        "//a",
        "http://[::1",
        "https://console.vast.ai:port",
        "https://console.vast.ai:99999",
        "https://console.vast.ai:0",
        "https://console.vast.ai:+443",
        "https://:pw@a.example",
        "https://user@a.example",
        "https://a.example/#pw",
        "https://a.example#",
        "https://a.example/?key=pw",
        "https://a.example?",
        "https://a.exa mple",
        "https://a.example\tpw",
        "https://a.example\\@pw.example",
        "https:\\\\a.example",
        "https:/a.example",
        "https:a.example",
        "https:///a.example",
        "https://[::1%25pw]",
        "https://a.example;pw",
        "https://$(pw)",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """An address may hold a password, in its login, its query or its fragment; and two readers of
    one odd address may differ about where the key goes.
    """
    with pytest.raises(SettingsError, match="VAST_URL") as caught:
        load({"VAST_URL": url}, home=tmp_path)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://:planted@{}", "https://{}/#planted", "https://{}/?planted"]
)
def test_doctor_prints_no_login_and_no_fragment_of_the_address(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such an address is refused, so that nothing else can print it either."""
    monkeypatch.setenv("VAST_URL", url.format("127.0.0.1:9"))
    monkeypatch.setenv("VAST_API_KEY", "a-key")
    for options in (["doctor"], ["doctor", "--json"], ["call", "show_instances"]):
        assert cli.run(options) != 0
        printed = "".join(capsys.readouterr())
        assert "VAST_URL" in printed
        assert "planted" not in printed


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("HTTPS://Console.VAST.ai/", "https://console.vast.ai"),
        (" https://console.vast.ai:443 ", "https://console.vast.ai"),
        ("https://console.vast.ai.", "https://console.vast.ai"),
        ("https://a.example:8443/prefix/", "https://a.example:8443/prefix"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("HTTP://LOCALHOST:8733", "http://localhost:8733"),
        ("http://localhost.:8733", "http://localhost:8733"),
        ("http://127.1:8733", "http://127.0.0.1:8733"),
        ("http://[0:0:0:0:0:0:0:1]:8733", "http://[::1]:8733"),
    ],
)
def test_an_address_is_read_once_and_written_one_way(tmp_path: Path, url: str, read: str) -> None:
    """Whatever is checked, printed, journalled and sent to a machine's watchdog is one text."""
    assert load({"VAST_URL": url}, home=tmp_path).base_url == read


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8733",
        "http://localhost:8733/",
        "http://[::1]:8733",
        "http://127.9.9.9",
    ],
)
def test_plain_http_to_this_machine_is_fine(tmp_path: Path, url: str) -> None:
    """VAST_URL points clients at it (docs/architecture.md)."""
    settings = load({"VAST_URL": url}, home=tmp_path)
    assert settings.loopback
    assert settings.base_url == url.rstrip("/")


def test_an_https_address_is_not_loopback_because_it_says_so(tmp_path: Path) -> None:
    """What bypasses proxies and shortens times is decided by the host alone."""
    assert not load({"VAST_URL": "https://localhost.example.com"}, home=tmp_path).loopback
    assert not load({}, home=tmp_path).loopback
    assert not is_loopback("https://127.0.0.1.nip.io/")
    assert not is_loopback(SANDBOX_URL)  # a name for no resolver
    assert not is_loopback("")


def test_times_are_shortened_on_loopback_only(tmp_path: Path) -> None:
    """One frozen group of settings, shortened only when the address is loopback
    (docs/protocol.md).
    """
    local = load({"VAST_URL": "http://127.0.0.1:1", "VAST_MCP_TIME_SCALE": "0.01"}, home=tmp_path)
    assert local.times == Times().scaled(0.01)
    assert local.times.budget_s == Times().budget_s  # a promise to hosts, not a wait
    assert load({"VAST_URL": "http://127.0.0.1:1"}, home=tmp_path).times == Times()
    for environ in ({}, {"VAST_URL": "https://a.example"}):
        with pytest.raises(SettingsError, match="VAST_MCP_TIME_SCALE"):
            load({"VAST_MCP_TIME_SCALE": "0.01", **environ}, home=tmp_path)


@pytest.mark.parametrize("scale", ["0", "-1", "1.5", "nan", "inf", "fast", "1e-400"])
def test_a_scale_that_makes_no_sense_is_refused(tmp_path: Path, scale: str) -> None:
    """A wait of nothing or for ever is no shorter wait."""
    with pytest.raises(SettingsError, match="VAST_MCP_TIME_SCALE"):
        load({"VAST_URL": "http://127.0.0.1:1", "VAST_MCP_TIME_SCALE": scale}, home=tmp_path)


# ── what the person allows ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "environment", "file", "field", "expected"),
    [
        ("VAST_MCP_MAX_USD_PER_HOUR", "1.5", "0.4", "max_usd_per_hour", 0.4),
        ("VAST_MCP_MAX_USD_PER_HOUR", "0.4", "1.5", "max_usd_per_hour", 0.4),
        ("VAST_MCP_MAX_USD_PER_HOUR", "", "1.5", "max_usd_per_hour", 1.5),
        ("VAST_MCP_MAX_TOTAL_USD_PER_HOUR", "0", "3", "max_total_usd_per_hour", 0.0),
        ("VAST_MCP_MAX_INSTANCES", "7", "2", "max_instances", 2),
        ("VAST_MCP_MIN_CREDIT_HOURS", "2", None, "min_credit_hours", 2.0),
        ("VAST_MCP_MAX_LEASE_HOURS", "48", "12", "max_lease_hours", 12.0),
        ("VAST_MCP_READ_ONLY", "0", "1", "read_only", True),
        ("VAST_MCP_READ_ONLY", "yes", "no", "read_only", True),
        ("VAST_MCP_READ_ONLY", "0", None, "read_only", False),
    ],
)
def test_of_two_limits_the_stricter_wins(
    tmp_path: Path, name: str, environment: str, file: str | None, field: str, expected: object
) -> None:
    """Neither the environment nor the file can widen what the other allows
    (docs/architecture.md).
    """
    named = env_file(tmp_path, *([] if file is None else [f"{name}={file}"]))
    for sandbox in (False, True):
        settings = load({name: environment}, home=tmp_path, env_file=named, sandbox=sandbox)
        assert getattr(settings.limits, field) == expected


@pytest.mark.parametrize(
    ("environment", "file", "above"),
    [
        ("never", None, None),
        ("always", "5", 0.0),
        ("2", "1.5", 1.5),
        ("never", "2", 2.0),
        ("never", "always", 0.0),
    ],
)
def test_whoever_asks_sooner_is_followed(
    tmp_path: Path, environment: str, file: str | None, above: float | None
) -> None:
    """Of two wishes to be asked, the stricter."""
    named = env_file(tmp_path, *([] if file is None else [f"VAST_MCP_CONFIRM={file}"]))
    assert (
        load({"VAST_MCP_CONFIRM": environment}, home=tmp_path, env_file=named).confirm_above
        == above
    )


def test_a_longest_lease_is_everybodys_lease(tmp_path: Path) -> None:
    """Where machines may live twelve hours, one without a lease would live for ever."""
    limited = {"VAST_MCP_MAX_LEASE_HOURS": "12"}
    assert load({}, home=tmp_path).lease_hours is None
    assert load({"VAST_MCP_LEASE_HOURS": "4"}, home=tmp_path).lease_hours == 4
    assert load(limited, home=tmp_path).lease_hours == 12
    assert load(limited | {"VAST_MCP_LEASE_HOURS": "4"}, home=tmp_path).lease_hours == 4
    assert load(limited | {"VAST_MCP_LEASE_HOURS": "40"}, home=tmp_path).lease_hours == 12


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VAST_MCP_MAX_USD_PER_HOUR", "-1"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "$1"),
        ("VAST_MCP_MAX_USD_PER_HOUR", "nan"),
        ("VAST_MCP_MAX_TOTAL_USD_PER_HOUR", "inf"),
        ("VAST_MCP_MAX_INSTANCES", "1.5"),
        ("VAST_MCP_MAX_INSTANCES", "-1"),
        ("VAST_MCP_MIN_CREDIT_HOURS", "a day"),
        ("VAST_MCP_MAX_LEASE_HOURS", "0"),
        ("VAST_MCP_LEASE_HOURS", "9000"),
        ("VAST_MCP_READ_ONLY", "maybe"),
        ("VAST_MCP_CONFIRM", "sometimes"),
    ],
)
def test_a_limit_that_is_none_stops_the_start(
    tmp_path: Path, name: str, value: str, where: str
) -> None:
    """A limit with a typing error must not be no limit, not even beside one that can be read."""
    file, environ = ("1", value) if where == "environment" else (value, "1")
    named = env_file(tmp_path, f"{name}={file}")
    with pytest.raises(SettingsError, match=name):
        load({name: environ}, home=tmp_path, env_file=named)


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VAST_MCP_MAX_USD_PER_HOURS", "VAST_MCP_MAX_USD_PER_HOUR"),
        ("VAST_MCP_CONFRIM", "VAST_MCP_CONFIRM"),
    ],
)
def test_a_misspelt_limit_stops_the_start_and_an_empty_one_does_not(
    tmp_path: Path, name: str, meant: str, where: str
) -> None:
    """A misspelt argument is refused, and a person's ceiling must not vanish either
    (docs/architecture.md).
    """
    values = {name: "1"}
    file = env_file(tmp_path, f"{name}={'' if where == 'environment' else '1'}")
    with pytest.raises(SettingsError, match=f"{name} is no setting; the nearest is {meant}"):
        load(values if where == "environment" else {}, home=tmp_path, env_file=file)
    load({name: ""}, home=tmp_path, env_file=env_file(tmp_path, f"{name}="))


@pytest.mark.parametrize("one", SETTINGS, ids=lambda one: one.name)
def test_a_setting_says_its_rule_and_where_it_stands_and_never_its_text(
    tmp_path: Path, one: Setting
) -> None:
    """An error names the setting, the problem and what to do; a text may be a secret
    (docs/architecture.md).
    """
    text = "~planted text/\x01"
    named = env_file(tmp_path, f"{one.name}='{text}'")
    for environ, file, what in (
        ({one.name: text}, None, one.name),
        ({}, named, f"{one.name} in {named}"),
    ):
        if file is not None and one.name == "VAST_MCP_ENV_FILE":
            continue  # a file names no other
        with pytest.raises(SettingsError) as caught:
            load(environ, home=tmp_path, env_file=file)
        assert str(caught.value) == f"{what} must be {one.kind.rule}."
        assert "planted" not in str(caught.value)


PER_HOUR = "VAST_MCP_MAX_USD_PER_HOUR"
OTHER_DRESSES = [
    "{}: 0.5",
    "{} : 0.5",
    "{} := 0.5",
    "{} 0.5",
    "{}",
    "export {}",
    "set {}=0.5",
    "SET {}=0.5",
    "setx {} 0.5",
    "setenv {} 0.5",
    "set -x {} 0.5",
    "set -gx {} 0.5;",
    "Export {}=0.5",
    "env {}=0.5",
    "$env:{}=0.5",
    "$Env:{} = '0.5'",
    "$ {}=0.5",
    "ENV {}=0.5",
    "ENV {} 0.5",
    "- {}=0.5",
    "-e {}=0.5",
    '"{}"=0.5',
    '"{}": "0.5",',
    '{{"{}": 0.5}}',
    '"{}=0.5"',
    "`{}`=0.5",
    ";{}=0.5",
    "//{}=0.5",
    "{}\uff1d0.5",
    "\ufeff\ufeff{}=0.5",
    "{}.=0.5",
    "{}='0.5",
    "OTHER=1 {}=0.5",
    "OTHER=1; {}=0.5",
    "OTHER=1,{}=0.5",
    'OTHER=1 "{}"=0.5',
    "OTHER=1 {}: 0.5",
    "OTHER={}=0.5",
    "VAST_MCP_STATE_DIR=/tmp/s {}=0.5",
    "VAST_MCP_STATE_DIR='/tmp/s {}=0.5'",
    "VAST_MCP_STATE_DIR=~/x   {}=0.5",
    "VAST_API_KEY=abc;{}=0.5",
    "VAST_API_KEY=abc,{}=0.5",
    "VAST_API_KEY=abc&&{}=0.5",
    "VAST_MCP_HTTP_TOKEN=0123456789abcdef;{}=0.5",
    "VAST_URL=https://console.vast.ai/;{}=0.5",
    "\uff36AST_MCP_MAX_INSTANCES=0.5",
    "OTHER=1 \uff36AST_MCP_MAX_INSTANCES=0.5",
    "env.{}=0.5",
    "OTHER='it\n{}=0.5\nover'",
    'OTHER="it\nexport {}=0.5"',
    "{0}=0.5\n{0}=5",
    "{0}=0.5\n{0}=",
]


@pytest.mark.parametrize("line", OTHER_DRESSES)
@pytest.mark.parametrize("name", [PER_HOUR, "VAST_MCP_READ_ONLY"])
def test_a_limit_in_another_dress_stops_the_start(tmp_path: Path, line: str, name: str) -> None:
    """A limit that cannot be read is not "no limit"; the error names the line, and no value."""
    named = env_file(tmp_path, "# a comment", "", line.format(name), "OTHER=planted")
    with pytest.raises(SettingsError) as caught:
        load({}, home=tmp_path, env_file=named)
    said = str(caught.value)
    assert re.search(rf"[Ll]ine [3-5] of {named} |{name}", said)
    assert "0.5" not in said
    assert "planted" not in said


@pytest.mark.parametrize(
    "line",
    [
        "{}=0.5",
        "{} = 0.5 # dollars",
        "export {}=0.5",
        "export   {}='0.5'",
        '{}="0.5"',
        "'{}'=0.5",
        "  {}=0.5",
        "{0}=0.5\n{0}=0.5",
        "{}=0.5\r",
        "\ufeff{}=0.5",
        "{}=0.5\n# {}: 3",
        "{}=0.5\n#{}=3\n\n",
        "{}=0.5\nOTHER PROGRAM: 1\nset OTHER=2\n$env:X=3\nALONE",
        "{}=0.5\nPEM='-----BEGIN\nAAA=\n-----END'",
        "{}=0.5\nCMD='docker run -e VAST_MCP_X=1'",
        "{}=0.5\nNOTE=see VAST_MCP_X # VAST_MCP_Y=1",
        "{}=0.5\nURL=https://x/?a=1&VAST_URL=2\nNOTE=see VAST_URL=x in docs",
        "{}=0.5\nsource vast_mcp.env\nif [ -f vast_mcp.sh ]; then\nsource './vast-mcp.env'",
        "{}=0.5\nIMAGE=ghcr.io/me/vast_mcp_server:1\nURL=https://x/?vast_mcp_id=3",
        "{}=0.5\t# VAST_MCP_X=1\nOTHER=1\t# VAST_MCP_X=1\nVAST_API_KEY='a' # VAST_MCP_X=1",
        "{}=0.5\nVAST_API_KEY\nVAST_AI_MODEL=x\nMY_VAST_URL=x",
        "{}=0.5\nvast_api_key=lower",
        "{}=0.5\nVAST_MCP_MAX_INSTANCES=",
    ],
)
def test_lines_that_are_read_and_lines_of_others_start(tmp_path: Path, line: str) -> None:
    """The legal neighbours, as python-dotenv reads them."""
    first, _, rest = line.partition("\n")
    path = tmp_path / "vast.env"
    path.write_bytes(f"{first.format(PER_HOUR)}\n{rest.replace('{0}', PER_HOUR)}\n".encode())
    assert load({}, home=tmp_path, env_file=path).limits.max_usd_per_hour == 0.5


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize(
    "value", ["${X}", " ${env:X} ", "${}", "%X%", "{{X}}", "$X", "${{ X }}", "<dollars>", '"${X}"']
)
@pytest.mark.parametrize("name", [PER_HOUR, "VAST_MCP_CONFIRM", "VAST_MCP_READ_ONLY"])
def test_a_limit_that_nobody_filled_in_stops_the_start(
    tmp_path: Path, name: str, value: str, where: str
) -> None:
    """What the person wanted to forbid is not known, also where another source has a value."""
    file, environ = ("1", value) if where == "environment" else (value, "1")
    named = env_file(tmp_path, f"{name}={file}")
    for sandbox in (False, True):
        with pytest.raises(SettingsError, match=name) as caught:
            load({name: environ}, home=tmp_path, env_file=named, sandbox=sandbox)
        assert "X" not in str(caught.value).replace("MAX", "")


@pytest.mark.parametrize(
    "name",
    [
        "vast_mcp_max_usd_per_hour",
        "Vast_Mcp_Max_Usd_Per_Hour",
        "VAST_MCP_max_usd_per_hour",
        " VAST_MCP_MAX_USD_PER_HOUR",
        '"VAST_MCP_MAX_USD_PER_HOUR"',
        "VAST-MCP-MAX-USD-PER-HOUR",
        "VASTMCP_MAX_USD_PER_HOUR",
        "VAST__MCP_MAX_USD_PER_HOUR",
        "VAST_MCPMAX_USD_PER_HOUR",
        "\uff36AST_MCP_MAX_USD_PER_HOUR",
        "env.VAST_MCP_MAX_USD_PER_HOUR",
        "export VAST_MCP_MAX_USD_PER_HOUR",
    ],
)
def test_our_names_in_other_letters_stop_the_start(tmp_path: Path, name: str) -> None:
    """The environment has capitals on Windows alone; elsewhere such a limit was none."""
    with pytest.raises(SettingsError, match=f"is no setting; the nearest is {PER_HOUR}"):
        load({name: "0.5"}, home=tmp_path)
    if name.isascii() and name.replace("_", "").isalpha():
        with pytest.raises(SettingsError, match="is no setting; the nearest"):
            load({}, home=tmp_path, env_file=env_file(tmp_path, f"{name}=0.5"))


def test_variables_of_other_programs_start(tmp_path: Path) -> None:
    """The legal neighbours of our names, with values of any kind."""
    names = [
        "MCP_VAST_X",
        "VAST_AI_LIMIT",
        "vast_api_key",
        "MY_VAST_MCP_X",
        "VASTLY_MCP_X",
        "lower",
    ]
    assert load(dict.fromkeys(names, "${X}"), home=tmp_path).limits.max_usd_per_hour is None
    assert load(dict.fromkeys(names, "1"), home=tmp_path).limits.max_usd_per_hour is None


def test_a_service_of_our_name_starts(tmp_path: Path) -> None:
    """Kubernetes and Docker tell every container of it; a port alone is meant for us."""
    address = "tcp://10.0.0.1:80"
    told = {
        "VAST_MCP_PORT": address,
        "VAST_MCP_PORT_80_TCP": address,
        "VAST_MCP_PORT_80_TCP_ADDR": "10.0.0.1",
        "VAST_MCP_PORT_80_TCP_PORT": "80",
        "VAST_MCP_PORT_80_TCP_PROTO": "tcp",
        "VAST_MCP_SERVICE_HOST": "10.0.0.1",
        "VAST_MCP_SERVICE_PORT": "80",
        "VAST_MCP_SERVICE_PORT_HTTP": "80",
        "VAST_MCP_HTTP_PORT": "udp://[fd00::1]:80",
    }
    assert load(told | {PER_HOUR: "1"}, home=tmp_path).limits.max_usd_per_hour == 1
    for name, value in {"VAST_MCP_PORT": "80", "VAST_MCP_MAX_INSTANCES_PORT": "1"}.items():
        with pytest.raises(SettingsError, match=f"{name} is no setting"):
            load({name: value}, home=tmp_path)
    for name, value in told.items():
        with pytest.raises(SettingsError, match=f"{name} is no setting"):
            load({}, home=tmp_path, env_file=env_file(tmp_path, f"{name}={value}"))


@pytest.mark.parametrize("folder", ["state", "./state", "../state", ".", "%APPDATA%/x", "$HOME/x"])
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_relative_state_folder_stops_the_start(tmp_path: Path, folder: str, where: str) -> None:
    """A host starts servers in any folder: each would have a journal, and one wish two machines."""
    named = env_file(tmp_path, f"VAST_MCP_STATE_DIR={folder if where == 'file' else ''}")
    environ = {"VAST_MCP_STATE_DIR": folder} if where == "environment" else {}
    with pytest.raises(SettingsError, match=r"VAST_MCP_STATE_DIR.* must be an absolute path"):
        load(environ, home=tmp_path, env_file=named)


def test_an_absolute_state_folder_and_one_at_home_start(tmp_path: Path) -> None:
    """The legal neighbours; a placeholder is absent, as the default is absolute."""

    def of(text: str) -> Path | None:
        return load({"VAST_MCP_STATE_DIR": text}, home=tmp_path).state_dir

    assert of(str(tmp_path / "state")) == tmp_path / "state"
    assert of("~/state") == Path.home() / "state"
    assert of("${X}") == of("") != None  # noqa: E711


def test_a_relative_folder_of_the_system_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_STATE_HOME and XDG_CONFIG_HOME are absolute by their specification: another would be a
    journal in each folder, or a stranger's key.
    """
    monkeypatch.chdir(tmp_path)
    key_file(tmp_path / "config" / "vastai", "vast_api_key", "strangers")
    home = tmp_path / "home"
    assert load({"XDG_CONFIG_HOME": "config"}, home=home).api_key is None
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    found = load({"VAST_MCP_STATE_DIR": str(tmp_path / "s")}, home=home)
    assert found.state_dir == tmp_path / "s"
    with contextlib.suppress(SettingsError):
        folder = load({}, home=home).state_dir
        assert folder is not None
        assert folder.is_absolute()


# ── what the person lets machines have ─────────────────────────────────────────────────────────


def kept(settings: Settings) -> dict[str, str | None]:
    return {
        name: value.get_secret_value() if value else None
        for name, value in settings.env_pass.items()
    }


def test_the_values_of_the_listed_names_are_read_and_no_others(tmp_path: Path) -> None:
    """VAST_MCP_ENV_PASS is a person's list; the environment comes before the file, as
    everywhere.
    """
    named = env_file(
        tmp_path, "VAST_MCP_ENV_PASS=HF_TOKEN, WANDB_KEY,UNSET", "HF_TOKEN=file", "OTHER=file"
    )
    environ = {"WANDB_KEY": "environment", "HOME": "/planted"}
    settings = load(environ, home=tmp_path, env_file=named)
    assert kept(settings) == {"HF_TOKEN": "file", "WANDB_KEY": "environment", "UNSET": None}
    both = load(
        environ | {"HF_TOKEN": "environment", "VAST_MCP_ENV_PASS": "HF_TOKEN"},
        home=tmp_path,
        env_file=named,
    )
    assert kept(both) == {"HF_TOKEN": "environment"}
    assert kept(load({"HF_TOKEN": "unlisted"}, home=tmp_path)) == {}


@pytest.mark.parametrize("value", ["", "${HF_TOKEN}"])
def test_a_listed_name_without_a_value_is_listed(tmp_path: Path, value: str) -> None:
    """An error can then say what is missing."""
    assert kept(load({"VAST_MCP_ENV_PASS": "HF_TOKEN", "HF_TOKEN": value}, home=tmp_path)) == {
        "HF_TOKEN": None
    }


def test_the_sandbox_has_the_persons_values_too(tmp_path: Path) -> None:
    """Trying it out means trying this; the world is in this process."""
    environ = {"VAST_MCP_ENV_PASS": "HF_TOKEN", "HF_TOKEN": "x"}
    assert kept(load(environ, home=tmp_path, sandbox=True)) == {"HF_TOKEN": "x"}


@pytest.mark.parametrize(
    "listed",
    ["HF_TOKEN=planted", "A B", "1A", "-p", "A,VAST_API_KEY", "VAST_MCP_STATE_DIR", "A" * 65],
)
def test_a_list_that_is_none_stops_the_start_and_is_not_repeated(
    tmp_path: Path, listed: str
) -> None:
    """A value written there is a secret; the key that rents must not go to a stranger's machine."""
    with pytest.raises(SettingsError, match="VAST_MCP_ENV_PASS") as caught:
        load({"VAST_MCP_ENV_PASS": listed}, home=tmp_path)
    assert "planted" not in str(caught.value)


def test_what_the_person_keeps_is_printed_nowhere(tmp_path: Path) -> None:
    """Secrets print as *** (docs/architecture.md)."""
    environ = {"VAST_MCP_ENV_PASS": "LOGIN", "LOGIN": "-u me -p planted-token docker.io"}
    settings = load(environ, home=tmp_path)
    assert "planted" not in repr(settings) + str(settings)
    assert settings.mask.hide("as planted-token: -u me -p planted-token docker.io") == "as ***: ***"


def test_a_person_can_add_places_where_logs_are(tmp_path: Path) -> None:
    """Logs lie on another host, and hosts change (docs/vast-api.md C.7)."""
    listed = "Logs.example, .vast.ai, s3.eu.amazonaws.com/Bucket.of-vast/"
    settings = load({"VAST_MCP_LOG_HOSTS": listed}, home=tmp_path)
    assert settings.log_hosts == ("logs.example", ".vast.ai", "s3.eu.amazonaws.com/Bucket.of-vast/")
    assert load({}, home=tmp_path).log_hosts == ()


@pytest.mark.parametrize(
    "listed", ["https://logs.example", "*", "*.vast.ai", "com", ".ai", "a.example:8443", "a b.c"]
)
def test_a_place_that_is_none_stops_the_start(tmp_path: Path, listed: str) -> None:
    """A slip here must not open the door to everything."""
    with pytest.raises(SettingsError, match="VAST_MCP_LOG_HOSTS"):
        load({"VAST_MCP_LOG_HOSTS": listed}, home=tmp_path)


# ── the sandbox, and the object itself ─────────────────────────────────────────────────────────


def test_the_sandbox_takes_no_key_and_no_address(tmp_path: Path) -> None:
    """No real key can reach it, and it can reach no real service (docs/architecture.md)."""
    key_file(tmp_path / ".config" / "vastai", "vast_api_key", "real")
    environ = {"VAST_API_KEY": "real", "VAST_URL": "https://console.vast.ai"}
    settings = load(environ, home=tmp_path, sandbox=True)
    assert (settings.sandbox, settings.base_url, key_of(settings)) == (True, SANDBOX_URL, "sandbox")
    assert settings.loopback


def test_settings_cannot_be_changed_and_print_no_key(tmp_path: Path) -> None:
    """One frozen object; secrets print as *** (docs/architecture.md)."""
    settings = load({"VAST_API_KEY": "planted"}, home=tmp_path)
    with pytest.raises(FrozenInstanceError):
        settings.base_url = "https://stranger.example"  # type: ignore[misc]
    assert "planted" not in repr(settings) + str(settings) + repr(replace(settings, sandbox=True))


def test_every_time_is_a_number_of_seconds_or_a_factor() -> None:
    """Units in names; "shortened" never means longer (docs/architecture.md)."""
    short = Times().scaled(0.5)
    for one in fields(Times):
        assert one.name.endswith("_s") or one.name in {"pace"}, one.name
        assert 0 < getattr(short, one.name) <= getattr(Times(), one.name)
