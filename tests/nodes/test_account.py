"""The key goes to the service that it was entered for, and to nobody else."""

from __future__ import annotations

import importlib
import json
import os
import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

KEY = "sk-" + "0123456789abcdef" * 2
OTHER_KEY = "sk-" + "fedcba9876543210" * 2
OWN = {"host": "own", "own_url": "https://relay.example"}


@pytest.fixture
def panel(account: ModuleType) -> ModuleType:
    return importlib.import_module("banana_pack.nodes.panel")


@pytest.fixture
def account(pack: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in [name for name in os.environ if name.startswith("GRSAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRSAI_HOME", str(place / "home"))
    module = importlib.import_module("banana_pack.nodes.account")
    monkeypatch.setattr(module, "PACK", place)  # where a .env may lie; the repository's own is nobody's test
    return module


def test_without_a_key_the_sentence_says_where_to_put_it(account: ModuleType):
    with pytest.raises(Exception, match="Settings → Banana Batch"):
        account.current()


def test_a_stored_key_is_the_owners_alone(account: ModuleType, place: Path):
    account.keep_key(KEY)
    path = place / "user" / "__grsai" / "key.json"
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert account.settings().key.reveal() == KEY
    assert [each.name for each in place.rglob("*") if each.is_file() and KEY in each.read_text("utf-8")] == ["key.json"]


def test_the_environment_goes_before_the_stored_key(account: ModuleType, monkeypatch: pytest.MonkeyPatch):
    account.keep_key(OTHER_KEY)
    monkeypatch.setenv("GRSAI_API_KEY", KEY)
    assert account.settings().key.reveal() == KEY
    state = account.key_state()
    assert (state.source, state.writable, state.last4) == ("environment", False, KEY[-4:])
    with pytest.raises(Exception, match="GRSAI_API_KEY"):
        account.keep_key(OTHER_KEY)


def test_the_stored_key_goes_before_the_file_beside_the_pack(account: ModuleType, place: Path):
    (place / ".env").write_text(f"GRSAI_API_KEY={OTHER_KEY}\n", "utf-8")
    assert (account.key_state().source, account.settings().key.reveal()) == (".env", OTHER_KEY)
    account.keep_key(KEY)
    assert account.settings().key.reveal() == KEY


@pytest.mark.parametrize("source", ["file", "environment", ".env"])
def test_another_host_never_gets_the_key(
    account: ModuleType, panel: ModuleType, place: Path, monkeypatch: pytest.MonkeyPatch, source: str
):
    if source == "file":
        account.keep_key(KEY)
    elif source == "environment":
        monkeypatch.setenv("GRSAI_API_KEY", KEY)
    else:
        (place / ".env").write_text(f"GRSAI_API_KEY={KEY}\n", "utf-8")
    panel.change_panel(OWN)
    assert account.settings().api_key is None
    assert not account.key_state().set
    with pytest.raises(Exception, match="key"):
        account.current()
    account.keep_key(OTHER_KEY)
    assert account.settings().key.reveal() == OTHER_KEY
    panel.change_panel({"host": "china"})
    assert account.settings().api_key is None or account.settings().key.reveal() == KEY


def test_the_vendors_two_hosts_share_a_key(account: ModuleType, panel: ModuleType):
    account.keep_key(KEY)
    panel.change_panel({"host": "overseas"})
    assert account.settings().base_url == "https://grsaiapi.com"
    assert account.settings().key.reveal() == KEY


def test_a_host_of_the_environment_goes_with_the_key_of_the_environment(
    account: ModuleType, panel: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GRSAI_API_KEY", KEY)
    monkeypatch.setenv("GRSAI_BASE_URL", "https://relay.example")
    panel.change_panel({"host": "overseas"})
    assert (account.settings().base_url, account.settings().key.reveal()) == ("https://relay.example", KEY)
    assert "base_url" in account.locked()


def test_an_empty_key_is_forgotten(account: ModuleType, place: Path):
    account.keep_key(KEY)
    account.keep_key("")
    assert not account.key_state().set
    assert not (place / "user" / "__grsai" / "key.json").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "moon"},
        {"host": "own"},
        {"host": "own", "own_url": "http://relay.example"},
        {"host": "own", "own_url": "https://user:pass@relay.example"},
        {"limit": 201},
        {"limit": "5"},
        {"limit": True},
        {"proxy": 1},
        {"currency": "gold"},
        {"api_key": KEY},
        {"base_url": "https://relay.example"},
    ],
)
def test_a_wrong_setting_changes_nothing(account: ModuleType, panel: ModuleType, wrong: dict[str, Any]):
    panel.change_panel({"limit": 7})
    with pytest.raises(importlib.import_module("banana_pack.grsai.errors").WrongSetting):
        panel.change_panel({"proxy": False, **wrong})
    assert panel.read_panel() == panel.Panel(limit=7)


def test_a_damaged_file_of_settings_counts_as_none(account: ModuleType, panel: ModuleType, place: Path):
    (place / "user" / "__grsai" / "settings.json").write_text('{"host": ', "utf-8")
    assert panel.read_panel() == panel.Panel()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_key_that_an_editor_saved_in_its_own_way_is_read(account: ModuleType, place: Path, encoding: str):
    stored = json.dumps({"key": KEY, "service": "grsai"})
    (place / "user" / "__grsai" / "key.json").write_bytes(stored.encode(encoding))
    assert account.settings().key.reveal() == KEY


@pytest.mark.parametrize("content", [b"\0" * 80, b"[]", b"{", b"[" * 100_000, b'{"key": 7, "service": "grsai"}'])
def test_a_damaged_key_counts_as_none(account: ModuleType, place: Path, content: bytes):
    (place / "user" / "__grsai" / "key.json").write_bytes(content)
    assert not account.key_state().set


def test_a_file_in_another_encoding_is_named_and_takes_no_model_away(account: ModuleType, place: Path):
    (place / ".env").write_bytes(f"# 我的密钥\r\nGRSAI_API_KEY={KEY}\r\n".encode("gbk"))
    assert "nano-banana-fast" in account.catalogue()
    with pytest.raises(Exception, match=r"\.env is not UTF-8"):
        account.current()


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "https://relay.example:99999", "https://"])
def test_an_address_that_is_none_is_refused_in_words(panel: ModuleType, url: str):
    with pytest.raises(importlib.import_module("banana_pack.grsai.errors").WrongSetting):
        panel.change_panel({"host": "own", "own_url": url})


def test_the_panels_settings_arrive(account: ModuleType, panel: ModuleType):
    account.keep_key(KEY)
    panel.change_panel({"limit": 3, "proxy": False, "currency": "usd"})
    mine = account.current()
    assert (mine.settings.limit, mine.settings.proxy, mine.gate.limit, mine.currency) == (3, False, 3, "usd")


def test_a_ledger_that_was_taken_away_is_made_anew(account: ModuleType, place: Path):
    account.keep_key(KEY)
    first = account.current().ledger
    assert account.current().ledger is first
    for file in (place / "user" / "__grsai").glob("ledger.*"):
        file.unlink()
    second = account.current().ledger
    assert second is not first and second.open_entries() == []
    assert account.current().ledger is second


def test_all_runs_with_one_key_share_a_gate(account: ModuleType):
    account.keep_key(KEY)
    first, second = account.current(), account.current()
    account.keep_key(OTHER_KEY)
    assert first.gate is second.gate
    assert account.current().gate is not first.gate


def test_offline_needs_no_key_and_scopes_its_results(account: ModuleType, panel: ModuleType):
    panel.change_panel({"host": "offline"})
    mine = account.current()
    assert mine.offline
    assert mine.ledger.service == "offline"
    assert mine.settings.base_url.startswith("http://127.0.0.1:")
    assert account.key_state().source == "offline"


def test_a_key_for_offline_times_is_the_vendors(account: ModuleType, panel: ModuleType, place: Path):
    panel.change_panel({"host": "offline"})
    account.keep_key(KEY)
    assert json.loads((place / "user" / "__grsai" / "key.json").read_text("utf-8"))["service"] == "grsai"


# The studio's ledger


def with_password(address: str) -> str:
    """The same server, which lets everybody in, with a password in its address."""
    return address.replace("postgres:@", "postgres:s3cret%2Fword@") if "postgres:@" in address else address


def test_the_studios_ledger_is_kept_like_the_key(account: ModuleType, place: Path, address: str):
    address = with_password(address)
    account.keep_key(KEY)
    own = account.current()
    account.keep_ledger(f" {address}\n")
    path = place / "user" / "__grsai" / "ledger.json"
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
    shared = account.current()
    assert (str(shared.ledger.place), shared.gate is own.gate) == (str(account.shared_ledger()), False)
    assert "s3cret" not in str(account.shared_ledger())
    found = [each.name for each in place.rglob("*") if each.is_file() and b"s3cret" in each.read_bytes()]
    assert found == (["ledger.json"] if "s3cret" in address else [])
    account.keep_ledger(str(account.shared_ledger()))  # as it is shown
    assert account.shared_ledger().reveal() == address
    account.keep_ledger("")
    assert not path.exists() and account.current().ledger is own.ledger


def test_a_ledger_that_does_not_answer_is_not_kept(account: ModuleType, tmp_path: Path):
    for wrong in ("ledger.sqlite3", f"postgresql:///studio?host={tmp_path}"):
        with pytest.raises(Exception, match="is no address|does not answer"):
            account.keep_ledger(wrong)
    assert account.shared_ledger() is None


def test_the_environment_goes_before_the_entered_ledger(
    account: ModuleType, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("GRSAI_LEDGER", address)
    assert account.shared_ledger().reveal() == address and "ledger" in account.locked()
    with pytest.raises(Exception, match="GRSAI_LEDGER"):
        account.keep_ledger("postgresql:///other")
    monkeypatch.setenv("GRSAI_LEDGER", str(tmp_path / "of the command.sqlite3"))
    assert account.shared_ledger() is None and "ledger" not in account.locked()


def test_the_offline_emulator_writes_into_no_studio(account: ModuleType, panel: ModuleType, address: str):
    account.keep_ledger(address)
    panel.change_panel({"host": "offline"})
    assert isinstance(account.current().ledger.place, Path)
