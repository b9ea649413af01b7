"""Where files may be: what a node is told stays inside ComfyUI's input and output folders, whatever system wrote the workflow."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import folder_paths
from PIL import Image, ImageChops

from ..grsai.errors import BadPicture, GrsaiError, OutputError, WrongJob, WrongSetting, WrongSheet
from ..grsai.files import read_text
from ..grsai.jobs import split_prompts
from ..grsai.pictures import SUFFIXES, look_at
from ..grsai.sheets import KIND_OF, TEXT_SUFFIX, text_files

PACK = Path(__file__).resolve().parent.parent
DEMO = "banana_demo"  # the demo's pictures and prompts under ComfyUI's input folder
DEMO_SHEET = "jobs.csv"
PAINTED_DEMO = "coffee"
LOADED = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg", "hopper.jpg")  # those that the example workflows load by LoadImage
KEPT = "banana"  # where NanoBananaGenerate keeps what was paid for, under the output folder
_KINDS = ("jpg", "png", "webp", "bmp", "gif", "tif", "avif")
MOST_NAME_BYTES = 200  # of a folder or file; the systems take 255, and the files get numbers and a suffix
MOST_FOLDERS = 20
MOST_LISTED, _DEEPEST = 500, 4  # folders and text files on offer, and how deep they are looked for
# What Windows opens as a device, with any extension; refused on every system, as workflows travel.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')


def input_folder() -> Path:
    return Path(folder_paths.get_input_directory())


def output_folder() -> Path:
    return Path(folder_paths.get_output_directory())


def private_folder() -> Path:
    """The pack's own folder, which none of ComfyUI's HTTP routes shows."""
    return Path(folder_paths.get_system_user_directory("grsai"))


def user_folder() -> Path:
    return Path(folder_paths.get_user_directory()) / "default"


def inside(root: Path, told: str, error: type[GrsaiError] = WrongSetting) -> Path:
    """The path `told` under `root`. Refuses what leads, or could lead, out of it: `..`, absolute paths, devices, links."""
    path = _below(root, told, error)
    refuse_links(root, path, error)
    return path


def refuse_links(root: Path, path: Path, error: type[GrsaiError] = WrongSetting) -> None:
    """Refuses a path below `root` of which any part is a link. `root` itself may be one: that is the user's own choice."""
    below = path.relative_to(root)
    linked = any((root / part).is_symlink() for part in (below, *below.parents) if part.parts)
    if linked or not path.resolve().is_relative_to(root.resolve()):
        raise error("{path} is, or lies behind, a link. Use a real folder.", path=below.as_posix())


def refuse_output_links(folder: Path) -> None:
    """The same for a folder under ComfyUI's output folder, of which the first may be a link as well.

    Whoever may make a link there has put that folder on another disk, as output itself may be; a workflow cannot make one, and
    ComfyUI's own Save Image follows it. Where Nano Banana Generate keeps its pictures can be chosen in no other way.
    """
    below = folder.relative_to(output_folder())
    if below.parts:
        first = output_folder() / below.parts[0]
        refuse_links(first, folder, OutputError)
        if first.is_symlink() and not first.is_dir():
            raise OutputError("{path} is a link to a folder that is not there. Make it, or remove the link.", path=first)


def output_place(prefix: str) -> tuple[Path, str]:
    """Folder and beginning of the file names for a `filename_prefix` such as `banana/Task`."""
    folder, slash, stem = prefix.strip().replace("\\", "/").rpartition("/")
    named = _below(output_folder(), f"{folder}{slash}{stem or 'Task'}", OutputError)
    refuse_output_links(named.parent)
    return named.parent, named.name


def _below(root: Path, told: str, error: type[GrsaiError]) -> Path:
    told = told.strip()
    if told.startswith(("/", "\\", "~")) or PureWindowsPath(told).drive:
        raise error("{path} is an absolute path. Give a path below {root}.", path=_short(told), root=root)
    parts = [part for part in re.split(r"[\\/]", told) if part not in ("", ".")]
    for part in parts:
        if part.rstrip(" .") != part or _FORBIDDEN.search(part) or _DEVICE.fullmatch(part):
            text = "{path} cannot be used: {part} is no name for a file or folder."
            raise error(text, path=_short(told), part=repr(_short(part)))
        if len(part.encode("utf-8", "replace")) > MOST_NAME_BYTES:
            text = "{path} cannot be used: {part} is too long for a name. At most {most} bytes are taken, a Chinese letter has 3."
            raise error(text, path=_short(told), part=_short(part), most=MOST_NAME_BYTES)
    if len(parts) > MOST_FOLDERS:
        raise error("{path} cannot be used: it is more than {most} folders deep.", path=_short(told), most=MOST_FOLDERS)
    return root.joinpath(*parts)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def view_of(path: Path) -> dict[str, str] | None:
    """How ComfyUI's /view names a file that is inside its output or input folder; None for all others."""
    for kind, root in (("output", output_folder()), ("input", input_folder())):
        for seen, top in ((path.absolute(), root.absolute()), (path.resolve(), root.resolve())):
            if seen.is_relative_to(top) and ".." not in seen.parts:
                below = seen.relative_to(top)
                folder = "" if below.parent == Path() else below.parent.as_posix()
                return {"filename": below.name, "subfolder": folder, "type": kind}
    return None


def place_demo() -> None:
    """Puts the demo's pictures, prompts and sheet into the input folder, once, so that the examples run as they stand."""
    source, target = PACK / "grsai" / "demo", input_folder() / DEMO
    if target.exists():
        if (target / "image").is_dir() and not (target / DEMO_SHEET).exists():  # put there by an earlier version
            shutil.copyfile(source / DEMO_SHEET, target / DEMO_SHEET)
            _place_painted(source)
        return
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("mask"))
    _place_painted(source)
    # LoadImage offers only what lies in the input folder itself, and the canvas calls every other picture missing.
    for name in LOADED:
        shutil.copyfile(source / "image" / name, input_folder() / f"{DEMO}_{name}")


def _place_painted(source: Path) -> None:
    """A photo with a mask as the mask editor leaves it: clear where it was painted."""
    with (
        Image.open(source / "image" / f"{PAINTED_DEMO}.jpg") as photo,
        Image.open(source / "mask" / f"{PAINTED_DEMO}.png") as mask,
    ):
        photo.putalpha(ImageChops.invert(mask.convert("L")))
        photo.save(input_folder() / f"{DEMO}_painted.png", compress_level=6)


class Folder(NamedTuple):
    """What lies in a folder: the pictures, in natural order, and why the others are left out."""

    files: list[Path]
    left_out: list[BadPicture]


def picture_folder(folder: str) -> Folder:
    """A folder under ComfyUI's input folder. Refuses a missing one, one without pictures, and links to other places."""
    path = inside(input_folder(), folder)
    if not path.is_dir():
        raise WrongSetting("There is no folder {path}. Make it and put pictures into it.", path=path)
    found = look_at(path)
    links = [file for file in found.files if file.is_symlink()]
    left_out = [BadPicture("{name} is a link. Put the picture itself there.", name=link.name) for link in links]
    left_out += found.notices()
    files = [file for file in found.files if file not in links]
    if not files and left_out:
        raise BadPicture("There is no picture in {path} that can be read: {why}", path=path, why=left_out[0])
    if not files:
        raise BadPicture("There is no picture in {path}. Put {kinds} files there.", path=path, kinds=", ".join(_KINDS))
    return Folder(files, left_out)


def folders() -> dict[str, list[dict[str, Any]] | list[str]]:
    """The folders below ComfyUI's input folder that hold pictures, with how many, and the texts and sheets there.

    A folder with several texts, as one for each picture, may stand for a prompts file too.
    """
    root, found, texts, sheets = input_folder(), list[dict[str, Any]](), list[str](), list[str]()
    for place, below, names in os.walk(root):  # does not follow links
        path = Path(place)
        depth = len(path.relative_to(root).parts)
        below[:] = sorted(name for name in below if not name.startswith(".")) if depth < _DEEPEST else []
        pictures = sum(Path(name).suffix.lower() in SUFFIXES for name in names)
        if pictures and depth:
            found.append({"folder": path.relative_to(root).as_posix(), "pictures": pictures})
        here = [(path / name).relative_to(root) for name in sorted(names)]
        these = [file.as_posix() for file in here if file.suffix.lower() == TEXT_SUFFIX]
        texts += ([f"{path.relative_to(root).as_posix()}/"] if depth and len(these) > 1 else []) + these
        sheets += [file.as_posix() for file in here if KIND_OF.get(file.suffix.lower()) and file.as_posix() not in these]
        if len(found) + len(texts) + len(sheets) >= MOST_LISTED:
            break
    return {"folders": found, "prompts_files": texts, "sheets": sheets}


def read_prompts(prompts_file: str) -> list[str]:
    """The prompts of a text file under ComfyUI's input folder. An empty name: none."""
    if not prompts_file.strip():
        return []
    path = text_file(prompts_file)
    try:
        prompts = split_prompts(read_text(path))
    except FileNotFoundError:
        raise WrongSetting("There is no file {path}. Make it, with one prompt per line.", path=path) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise WrongSetting("{path} cannot be read: {why}. Save it as UTF-8 text.", path=path, why=why) from None
    if not prompts:
        raise WrongJob("There is no prompt in {path}. Write one per line.", path=path)
    return prompts


def text_file(prompts_file: str) -> Path:
    return inside(input_folder(), prompts_file)


def text_folder(prompts_file: str) -> Path | None:
    """The folder that a `prompts_file` names, which holds a text for each picture; None where it names none."""
    path = text_file(prompts_file) if prompts_file.strip() else None
    return path if path and path.is_dir() else None


def texts_in(folder: Path) -> list[Path]:
    """The texts of a folder, in order. Refuses links, and a folder without texts."""
    try:
        files = [file for file in text_files(folder, recursive=False) if not file.is_symlink()]
    except OSError as error:
        raise WrongSetting("{path} cannot be read: {why}.", path=folder, why=error.strerror or error) from None
    if not files:
        raise WrongJob("There is no text in {path}. Put one for each picture there, called like it: photo.txt.", path=folder)
    return files


def sheet_file(file: str) -> Path:
    """A sheet under ComfyUI's input folder."""
    if not file.strip():
        raise WrongSheet("No sheet is named. Put one below {folder} and write its name here.", folder=input_folder())
    path = inside(input_folder(), file, WrongSheet)
    if not path.is_file():
        raise WrongSheet("There is no sheet {path}. Put it there, or name another one.", path=path)
    return path


def beside(sheet: Path) -> Callable[[str], Path]:
    """Where the paths of a sheet lead to: below its folder, or with `..` to another one below ComfyUI's input folder."""
    root = input_folder()
    folder = sheet.parent.relative_to(root)

    def locate(told: str) -> Path:
        plain = told.strip().replace("\\", "/")
        path = inside(root, plain if plain.startswith("/") else os.path.normpath(f"{folder.as_posix()}/{plain}"), BadPicture)
        if not path.is_file():
            raise BadPicture("There is no file {path}. Paths are as seen from {folder}.", path=told, folder=sheet.parent)
        return path

    return locate
