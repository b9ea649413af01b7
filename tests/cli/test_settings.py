"""Where settings come from, which host gets the key, and which ledger remembers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grsai import places
from grsai.errors import NoKey, WrongSetting
from grsai.settings import CHINA, OVERSEAS, Key, load
from tests.cli.shell import KEY, PHOTOS, Shell

STRANGE = "https://strange.example"

# Which host gets the key


def foreign(shell: Shell, name: str) -> None:
    """A file that somebody else put into the working folder names the host."""
    del shell.environment["GRSAI_BASE_URL"]
    url = shell.emulator.url
    shell.write(name, f"GRSAI_BASE_URL={url}\n" if name == ".env" else f'base_url = "{url}"\n')


@pytest.mark.parametrize("name", [".env", "grsai.toml"])
@pytest.mark.parametrize("command", ["", "balance", "collect"])
def test_a_file_in_the_working_folder_cannot_take_the_key_to_its_host(shell: Shell, name: str, command: str) -> None:
    foreign(shell, name)
    done = shell.run(*command.split())
    assert (done.status, done.out, shell.emulator.received) == (2, "", [])
    assert done.err.startswith(f"{shell.emulator.url} is named by {shell.folder / name}, but the API key is not from there")
    assert shell.run("config", "--json").object["api_key"]["value"] is None
    assert "but the API key is not from there" in shell.run("config").err


def test_status_needs_no_key_and_takes_none_along(shell: Shell) -> None:
    foreign(shell, ".env")
    assert shell.run("status").status == 0
    assert not [seen for seen in shell.emulator.received if KEY in str(seen.headers)]


@pytest.mark.parametrize("where", ["beside the key", "named by an argument", "named by the environment", "a named file"])
def test_a_host_that_the_owner_of_the_key_named_gets_it(shell: Shell, where: str) -> None:
    foreign(shell, "grsai.toml")
    arguments, environment = [], {}
    if where == "beside the key":
        shell.write(".env", f"GRSAI_API_KEY={KEY}\n")
        del shell.environment["GRSAI_API_KEY"]
    elif where == "named by an argument":
        arguments = ["--base-url", shell.emulator.url]
    elif where == "named by the environment":
        environment = {"GRSAI_BASE_URL": shell.emulator.url}
    else:
        arguments = ["--config", "grsai.toml"]
    assert shell.run("balance", *arguments, **environment).status == 0


@pytest.mark.parametrize("vendor", ["china", "overseas", CHINA, OVERSEAS, f"{CHINA}/", CHINA.upper()])
def test_the_vendors_own_hosts_get_every_key(tmp_path: Path, vendor: str) -> None:
    (tmp_path / "grsai.toml").write_text(f'base_url = "{vendor}"\n')
    assert load({"api_key": KEY}, environment={}, folders=(tmp_path,)).key == Key(KEY)


def test_the_library_withholds_the_key_as_the_command_does(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"GRSAI_BASE_URL={STRANGE}\n")
    with pytest.raises(NoKey, match=f"{STRANGE} is named by .*the API key is not from there"):
        load(environment={"GRSAI_API_KEY": KEY}, folders=(tmp_path,)).require_key()
    assert load(environment={"GRSAI_API_KEY": KEY}, folders=(tmp_path,), own=(tmp_path,)).key == Key(KEY)


# How a key is written


@pytest.mark.parametrize(
    "form",
    [
        '"{}"',
        "'{}'",
        "“{}”",
        "<{}>",
        "`{}`",
        "GRSAI_API_KEY={}",
        "GRSAI_API_KEY={}\r\n",
        'set GRSAI_API_KEY="{}"',
        "\u200b{}",
        " {}\u3000",
    ],  # fmt: skip
)
def test_what_was_copied_along_with_a_key_is_left_off(form: str) -> None:
    assert Key(form.format(KEY)) == Key(KEY)


# Values that are none


@pytest.mark.parametrize(
    "line",
    ["base_url = 1", "api_key = 5", "ledger = 1", "concurrency = []", 'base_url = "http://["', 'base_url = "https://x:99999"'],
)
def test_a_value_of_the_wrong_kind_is_one_sentence(tmp_path: Path, line: str) -> None:
    (tmp_path / "grsai.toml").write_text(line)
    with pytest.raises(WrongSetting):
        load(environment={}, folders=(tmp_path,))


def test_a_value_that_is_none_is_told_with_what_the_setting_is(shell: Shell) -> None:
    said = shell.run("--concurrency", "many").err
    assert said == "--concurrency must be a whole number from 1 to 200, not many.\n"


# Which ledger remembers


def batch_of(shell: Shell) -> list[str]:
    folder = shell.folder
    names = {"--images": "input/image", "--prompts": "input/text/text.txt", "--output": "made"}
    return ["--json", *(word for option, name in names.items() for word in (option, str(folder / name)))]


def test_the_same_command_from_another_folder_pays_nothing(shell: Shell) -> None:
    arguments = batch_of(shell)
    assert shell.run(*arguments).object["reused"] == 0
    shell.folder = shell.folder / "elsewhere"
    shell.folder.mkdir()
    assert shell.run(*arguments).object["reused"] == 4
    assert shell.emulator.count("submit") == 4 and not list(shell.folder.iterdir())


@pytest.mark.parametrize("beside", [".", "made"])
def test_a_ledger_that_lies_beside_the_work_is_used_on(shell: Shell, beside: str) -> None:
    arguments = batch_of(shell)
    (shell.folder / beside / ".grsai").mkdir(parents=True)
    shell.run(*arguments)
    assert (shell.folder / beside / ".grsai" / "ledger.sqlite3").is_file()
    shell.folder = shell.folder / "elsewhere"
    shell.folder.mkdir()
    assert shell.run(*arguments).object["reused"] == 4


def test_config_says_which_ledger_is_used_and_why(shell: Shell) -> None:
    home = Path(shell.environment["GRSAI_HOME"])
    row = shell.run("config", "--json").object["ledger"]
    assert (row["value"], row["source"]) == (str(home / "ledger.sqlite3"), "data folder of the user")
    (shell.folder / ".grsai").mkdir()
    row = shell.run("config", "--json").object["ledger"]
    assert (row["value"], row["source"]) == (str(shell.folder / ".grsai" / "ledger.sqlite3"), "found beside the work")
    assert "在当前工作旁边找到" in shell.run("config", "--lang", "zh").out


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG_DATA_HOME is of other systems")
def test_the_data_folder_is_where_the_system_keeps_it(tmp_path: Path) -> None:
    assert places.data_folder({"HOME": "/home/me"}) == Path("/home/me/.local/share/grsai")
    assert places.data_folder({"HOME": "/home/me", "XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "grsai"
    assert places.data_folder({"HOME": "/home/me", "XDG_DATA_HOME": "relative"}) == Path("/home/me/.local/share/grsai")
    assert places.data_folder({}) is None


def test_without_a_home_the_ledger_lies_in_the_working_folder(shell: Shell) -> None:
    (shell.folder / "file").touch()
    assert shell.run("--json", GRSAI_HOME=str(shell.folder / "file" / "home")).status == 0
    assert (shell.folder / ".grsai" / "ledger.sqlite3").is_file()


@pytest.mark.parametrize("value", ["~/ledgers/l.sqlite3", "$HOME/ledgers/l.sqlite3", "${HOME}/ledgers/l.sqlite3"])
@pytest.mark.skipif(sys.platform == "win32", reason="HOME is of other systems")
def test_a_path_may_begin_with_the_users_home(shell: Shell, tmp_path: Path, value: str) -> None:
    shell.run("--json", GRSAI_LEDGER=value, HOME=str(tmp_path / "home"))
    assert (tmp_path / "home" / "ledgers" / "l.sqlite3").is_file()


def test_a_variable_that_is_not_there_makes_no_folder_of_its_name(shell: Shell) -> None:
    done = shell.run("--ledger", "$NOWHERE/l.sqlite3")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "$NOWHERE/l.sqlite3 names a user or a variable that there is not." in done.err
    assert not list(shell.folder.glob("$*"))


def test_a_ledger_named_in_a_file_lies_beside_that_file(shell: Shell) -> None:
    shell.write("grsai.toml", 'ledger = "mine/l.sqlite3"\n')
    shell.folder = shell.folder / "below"
    images = str(PHOTOS)
    shell.write("p.txt", "red\n")
    shell.run("--images", images, "--prompts", "p.txt", "--config", "../grsai.toml", "--estimate")
    assert (shell.folder.parent / "mine" / "l.sqlite3").is_file()


@pytest.mark.parametrize(
    "text",
    [
        "budget = 1" + "0" * 400,
        "seed = " + "1" * 5000,
        "proxy = " + "[" * 3000,
        "models = [1, 2]",
        "[models]\nx = 1",
        '[models."nano-banana-fast"]\ncredits = 1' + "0" * 23,
    ],
    ids=["an endless amount", "an endless number", "deep", "a list of models", "a model that is a number", "endless credits"],
)
def test_no_value_of_a_settings_file_ends_in_a_traceback(tmp_path: Path, text: str) -> None:
    path = tmp_path / "grsai.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(WrongSetting):
        load(config=path, environment={})
