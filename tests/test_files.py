"""Result files: a name is given once, to a whole picture, whoever else wants it and whatever is left of a killed process."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from grsai import files
from grsai.errors import DownloadError, OutputError

ROOT = Path(__file__).parent.parent
# Saves a picture and is killed when it has its final name, before the temporary one is taken away.
KILLED_WHEN_NAMED = """
import os, signal, sys
from pathlib import Path
from grsai import files
named = []
def hook(event, arguments):
    if event == "os.remove" and named:
        os.kill(os.getpid(), signal.SIGKILL)
    if event == "os.link":
        named.append(True)
sys.addaudithook(hook)
picture = Path(sys.argv[1]).read_bytes()
files.save(Path(sys.argv[2]), "a_1", "owner", lambda file: file.write(picture))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("next_step", ["a download that breaks off", "a copy"])
def test_a_picture_that_a_killed_process_had_named_already_is_not_touched(tmp_path: Path, photos, next_step: str) -> None:
    photo, other = photos[0].path, photos[1].path
    killed = subprocess.run([sys.executable, "-c", KILLED_WHEN_NAMED, str(photo), str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2, "the picture, and its temporary name"

    def break_off(file: BinaryIO) -> None:
        file.write(photo.read_bytes()[:1000])
        raise DownloadError("It broke off.")

    if next_step == "a copy":
        files.copy([other], tmp_path, "a", "owner")
    else:
        with pytest.raises(DownloadError):
            files.save(tmp_path, "a_1", "owner", break_off)
    assert (tmp_path / "a_1.jpg").read_bytes() == photo.read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("links", ["hard links", "no hard links"])
def test_of_many_pictures_that_want_one_name_none_replaces_another(tmp_path: Path, photos, monkeypatch, links: str) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if links == "no hard links":  # as on FAT and on some shares
        monkeypatch.setattr(os, "link", refuse)
    contents = [photo.path.read_bytes() for photo in photos]
    for number in range(20):
        stem = f"picture {number}"

        def save(place: int, stem: str = stem) -> Path:
            return files.save(tmp_path, stem, f"{stem} {place}", lambda file: file.write(contents[place]))

        with ThreadPoolExecutor(len(contents)) as pool:
            paths = list(pool.map(save, range(len(contents))))
        assert [path.read_bytes() for path in paths] == contents
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the user's folders apart by itself")
def test_a_private_file_is_the_owners_alone_and_its_folder_too(tmp_path: Path) -> None:
    path = tmp_path / "private" / "key.json"
    files.write_whole(path, b"first", private=True)
    files.write_whole(path, b"second", private=True)
    assert path.read_bytes() == b"second"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == ["key.json"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        files.write_whole(tmp_path / "report.json", b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]
