"""The user's text files: prompts, .env and grsai.toml, in every encoding in which editors leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grsai.errors import WrongText
from grsai.files import read_text
from tests.cli.shell import KEY, Shell

CHINESE = "一只猫在窗边\r\n红色的船\r\n"
ENGLISH = "a red boat\r\na blue car\r\n"
READ = {
    "UTF-8": "utf-8",
    "UTF-8 with a mark": "utf-8-sig",
    "UTF-16 as PowerShell writes it": "utf-16",
    "UTF-16 LE without a mark": "utf-16-le",
    "UTF-16 BE without a mark": "utf-16-be",
    "UTF-32": "utf-32",
}
OF_WORLD = [
    "Größe über alles", "Привет, «мир»", "שָׁלוֹם", "مرحبا", "Ελλάδα ΔΕ", "5 µm × 20 °C", "Łódź, žluťoučký kůň",
    "e\u0301te\u0301", "ā\u0301", "naïve café №5",
]  # fmt: skip


@pytest.mark.parametrize("encoding", READ.values(), ids=READ)
@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=["Chinese", "English"])
def test_a_text_is_read_however_it_was_saved(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode(encoding))
    assert read_text(path) == text


@pytest.mark.parametrize("text", OF_WORLD)
def test_no_language_is_taken_for_another_encoding(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text, "utf-8")
    assert read_text(path) == text


@pytest.mark.parametrize("text", ["一只猫", CHINESE, "一只猫 in a boat", "红色"])
def test_gbk_is_told_and_never_read_as_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode("gbk"))
    with pytest.raises(WrongText, match="text.txt is not UTF-8 text; it seems to be GBK. Save it as UTF-8"):
        read_text(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{\\rtf1\\ansi a red boat}", "is no plain text but a RTF file"),
        (b"PK\x03\x04\x14\0\x06\0", "is no plain text but a Word or ZIP file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is no plain text but a Word file"),
        (b"\xff\xfea", "is not UTF-8 text"),
        (b"\x1fP\x9b\xff\xff\xff\0\xd8", "is not UTF-8 text"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(WrongText, match=said):
        read_text(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_prompts_in_utf_16_are_paid_as_they_were_written(shell: Shell, encoding: str) -> None:
    shell.write("input/text/text.txt", ENGLISH, encoding=encoding)
    assert shell.run("--json", "--pairing", "zip").status == 0
    assert {task.prompt for task in shell.emulator.tasks.values()} == {"a red boat", "a blue car"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_a_key_in_a_dotenv_of_powershell_is_found(shell: Shell, encoding: str) -> None:
    shell.write(".env", f"GRSAI_API_KEY={KEY}\r\n", encoding=encoding)
    del shell.environment["GRSAI_API_KEY"]
    assert shell.run("--json").status == 0


def test_a_toml_in_utf_16_is_read(shell: Shell) -> None:
    shell.write("grsai.toml", "concurrency = 7\n", encoding="utf-16")
    assert shell.run("config", "--json").object["concurrency"]["value"] == 7


@pytest.mark.parametrize("name", [".env", "grsai.toml", "input/text/text.txt"])
def test_a_file_in_gbk_is_one_sentence_with_its_name(shell: Shell, name: str) -> None:
    shell.write(name, "# 我的密钥\r\n", encoding="gbk")
    done = shell.run()
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert Path(name).name in done.err and "it seems to be GBK" in done.err
    assert not shell.emulator.received
