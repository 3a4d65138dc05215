"""Settings: what is wrong is named, secrets are private, nothing is shared between modes and accounts."""

import stat
from pathlib import Path

import pytest

from jennie_core.domain.enums import Mode
from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.settings import (
    LIVE_CONFIRMATION,
    PORTS,
    Settings,
    SettingsError,
    generated_secret,
    load_settings,
    write_private,
)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "absent.env"


def env_file(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text)
    return path


@pytest.mark.rule("R-CFG-03")
def test_an_unknown_variable_of_the_environment_is_an_error(nowhere: Path) -> None:
    with pytest.raises(SettingsError, match=r"JENNIE_REDIS_ULR \(environment\)"):
        load_settings({"JENNIE_REDIS_ULR": "redis://x"}, nowhere)


def test_an_unknown_variable_of_the_env_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = env_file(tmp_path, "JENNIE_MODUS=paper\n")
    with pytest.raises(SettingsError, match=r"JENNIE_MODUS .*\.env"):
        load_settings({}, path)


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert load_settings({"PATH": "/bin", "JENNIFER": "x"}, env_file(tmp_path, "OTHER=1\n")).mode is Mode.REHEARSAL


@pytest.mark.parametrize("line", ["JENNIE_KIS_APP_KEY", "JENNIE_", "garbage without a sign"])
def test_a_half_written_line_names_its_number(tmp_path: Path, line: str) -> None:
    path = env_file(tmp_path, f"# comment\n\nJENNIE_MODE=paper\n{line}\n")
    with pytest.raises(SettingsError, match="line 4"):
        load_settings({}, path)


def test_a_quote_that_is_not_closed_is_an_error_and_not_a_missing_value(tmp_path: Path) -> None:
    path = env_file(tmp_path, 'JENNIE_MODE=paper\nJENNIE_LLM_MODEL="exa\nJENNIE_PORT_BASE=100\n')
    with pytest.raises(SettingsError, match=r"line 2.*JENNIE_LLM_MODEL"):
        load_settings({}, path)


def test_an_error_never_shows_the_value_of_a_line(tmp_path: Path) -> None:
    path = env_file(tmp_path, 'JENNIE_KIS_APP_SECRET="very-secret-value\n')
    with pytest.raises(SettingsError) as caught:
        load_settings({}, path)
    assert "very-secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JENNIE_PORT_BASE", "many"),
        ("JENNIE_PORT_BASE", "-1"),
        ("JENNIE_MODE", "pretend"),
        ("JENNIE_SLICE_SECONDS", "0"),
        ("JENNIE_TELEGRAM_CHAT_IDS", "12,abc"),
        ("JENNIE_LOG_LEVEL", "LOUD"),
        ("JENNIE_KIS_WIRE_REVISION", "1/2/3"),
        ("JENNIE_MARKET_DAY", "tomorrow"),
        ("JENNIE_REDIS_URL", "nonsense"),
        ("JENNIE_REDIS_URL", "redis://127.0.0.1:abc/0"),
        ("JENNIE_KIS_REST_URL", "nonsense"),
        ("JENNIE_KIS_REST_URL", "http://host:99999"),
        ("JENNIE_KIS_WS_URL", "http://host"),
        ("JENNIE_QDRANT_URL", "localhost:6333"),
    ],
)
def test_a_bad_value_names_its_variable(nowhere: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value}, nowhere)


def test_the_environment_wins_over_the_file_and_a_keyword_over_both(tmp_path: Path) -> None:
    path = env_file(tmp_path, "JENNIE_PORT_BASE=100\nJENNIE_LOG_LEVEL=DEBUG\n")
    assert load_settings({}, path).port_base == 100
    settings = load_settings({"JENNIE_PORT_BASE": "200"}, path)
    assert (settings.port_base, settings.log_level) == (200, "DEBUG")
    assert load_settings({"JENNIE_PORT_BASE": "200"}, path, port_base=300).port_base == 300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JENNIE_REDIS_URL", "rediss://:secret@host:6380/1"),
        ("JENNIE_REDIS_URL", "unix:///run/redis.sock"),
        ("JENNIE_KIS_WS_URL", "ws://127.0.0.1:9443/tryitout"),
        ("JENNIE_LLM_BASE_URL", "https://host/v1"),
    ],
)
def test_addresses_of_every_kind_are_taken(nowhere: Path, name: str, value: str) -> None:
    assert getattr(load_settings({name: value}, nowhere), name.removeprefix("JENNIE_").lower()) == value


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"JENNIE_LOG_LEVEL=INFO\nJENNIE_KIS_HTS_ID=\xc1\xa4\n", "line 2: not UTF-8"),
        (b"A=1\n\nJENNIE_LOG_LEVEL=IN\x00FO\n", "line 3: holds a null character"),
    ],
    ids=["cp949", "null"],
)
def test_an_env_file_that_is_no_text_is_named_with_its_line(tmp_path: Path, raw: bytes, named: str) -> None:
    (tmp_path / ".env").write_bytes(raw)
    with pytest.raises(SettingsError, match=named):
        load_settings({}, tmp_path / ".env")


def test_an_env_file_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, tmp_path)


def test_an_env_file_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfJENNIE_PORT_BASE=100\n")
    assert load_settings({}, tmp_path / ".env").port_base == 100


@pytest.mark.parametrize("raw", [b"a = = b", b"a = '\xe9'", b"[risk]\nnope = 1\n"], ids=["syntax", "latin-1", "name"])
def test_a_settings_file_that_cannot_be_used_is_named(nowhere: Path, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "s.toml").write_bytes(raw)
    with pytest.raises(SettingsError, match=r"JENNIE_SETTINGS_FILE=.*s\.toml: "):
        load_settings({"JENNIE_SETTINGS_FILE": str(tmp_path / "s.toml")}, nowhere).trading()


def test_an_empty_value_means_the_default(nowhere: Path) -> None:
    assert load_settings({"JENNIE_REDIS_URL": "", "JENNIE_PORT_BASE": ""}, nowhere).redis_url is None


def test_chat_ids_are_a_list_with_commas(nowhere: Path) -> None:
    assert load_settings({"JENNIE_TELEGRAM_CHAT_IDS": "1, -200,3"}, nowhere).telegram_chat_ids == (1, -200, 3)


@pytest.mark.parametrize("said", ["", "yes", LIVE_CONFIRMATION.lower()])
def test_live_without_its_exact_confirmation_is_refused(nowhere: Path, said: str) -> None:
    with pytest.raises(SettingsError, match="JENNIE_LIVE_TRADING=I-accept-the-risk"):
        load_settings({"JENNIE_MODE": "live", "JENNIE_LIVE_TRADING": said}, nowhere)


def test_live_with_its_confirmation_is_accepted(nowhere: Path) -> None:
    settings = load_settings({"JENNIE_MODE": "live", "JENNIE_LIVE_TRADING": LIVE_CONFIRMATION}, nowhere)
    assert settings.mode is Mode.LIVE


def test_the_port_base_moves_every_port(nowhere: Path) -> None:
    """B5."""
    settings = load_settings({"JENNIE_PORT_BASE": "1000"}, nowhere)
    assert {name: settings.port(name) - port for name, port in PORTS.items()} == dict.fromkeys(PORTS, 1000)
    assert ":10443" in settings.effective_kis_rest_url
    assert ":10443" in settings.effective_kis_ws_url
    assert settings.effective_dagster_url.endswith(":4000")


def test_each_mode_and_account_has_a_folder_and_stores_of_its_own(tmp_path: Path, nowhere: Path) -> None:
    """B5."""

    def of(mode: str, account: str) -> Settings:
        variables = {"JENNIE_MODE": mode, "JENNIE_VAR_DIR": str(tmp_path), "JENNIE_LIVE_TRADING": LIVE_CONFIRMATION}
        return load_settings(variables | ({"JENNIE_KIS_ACCOUNT": account} if account else {}), nowhere)

    all_of_them = [of("rehearsal", ""), of("paper", "1234567801"), of("paper", "1234567802"), of("live", "1234567801")]
    for place in ("state_dir", "effective_redis_url", "effective_ledger_url", "effective_market_url"):
        assert len({getattr(settings, place) for settings in all_of_them}) == len(all_of_them), place
    assert "12345678" not in str(all_of_them[1].state_dir)


def test_a_generated_secret_is_made_once_and_private(tmp_path: Path, nowhere: Path) -> None:
    settings = load_settings({"JENNIE_HOME": str(tmp_path / "home")}, nowhere)
    first = generated_secret(settings, "permit_key")
    assert len(first) >= 32
    assert generated_secret(settings, "permit_key") == first
    path = settings.secrets_dir / "permit_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_first_writer_of_a_generated_secret_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, "first", exclusive=True)
    write_private(path, "second", exclusive=True)
    assert path.read_text() == "first"
    assert [item.name for item in tmp_path.iterdir()] == ["key"]


def test_a_required_secret_that_is_missing_names_variable_and_file(tmp_path: Path, nowhere: Path) -> None:
    settings = load_settings({"JENNIE_HOME": str(tmp_path)}, nowhere)
    with pytest.raises(SettingsError, match=r"JENNIE_KIS_APP_KEY is not set.*secrets/kis_app_key"):
        settings.secret("kis_app_key")
    write_private_in(settings, "kis_app_key", "from-file\n")
    assert settings.secret("kis_app_key") == "from-file"


def write_private_in(settings: Settings, name: str, text: str) -> None:
    settings.secrets_dir.mkdir(parents=True, exist_ok=True)
    write_private(settings.secrets_dir / name, text)


def test_a_secret_is_not_shown_by_repr(nowhere: Path) -> None:
    settings = load_settings({"JENNIE_KIS_APP_SECRET": "very-secret-value"}, nowhere)
    assert "very-secret-value" not in repr(settings)


@pytest.mark.rule("R-CFG-02")
def test_a_settings_file_changes_what_it_names_and_the_hash(tmp_path: Path, nowhere: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[risk]\nmax_positions = 3\n")
    trading = load_settings({"JENNIE_SETTINGS_FILE": str(path)}, nowhere).trading()
    assert trading.risk.max_positions == 3
    assert trading.scanner == TradingSettings().scanner
    assert trading.settings_hash() != TradingSettings().settings_hash()
    path.write_text("[risk]\nmax_positions = 10\n")
    assert load_settings({"JENNIE_SETTINGS_FILE": str(path)}, nowhere).trading() == TradingSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[risk]\nmax_position = 3\n", "risk.max_position"),
        ("[risk]\nmax_positions = 'a'\n", "max_positions"),
        ("[ri", "]"),
    ],
)
def test_a_bad_settings_file_names_the_place(tmp_path: Path, nowhere: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="JENNIE_SETTINGS_FILE") as caught:
        load_settings({"JENNIE_SETTINGS_FILE": str(path)}, nowhere).trading()
    assert named in str(caught.value)


def test_an_absent_settings_file_is_an_error(tmp_path: Path, nowhere: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load_settings({"JENNIE_SETTINGS_FILE": str(tmp_path / "absent.toml")}, nowhere).trading()
