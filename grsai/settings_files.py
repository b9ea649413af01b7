"""The files of settings, `.env` and `grsai.toml`: read, and told in plain words what in them is nearly right."""

from __future__ import annotations

import difflib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import NoKey, WrongSetting

ENV_FILE, CONFIG_FILE = ".env", "grsai.toml"
KEY_NAME = "GRSAI_API_KEY"
_NOT_READ = (".env.txt", "env.txt", "env", "_env", ".env.env")  # as editors and Explorer call a file that was to be .env
_KEY_LIKE = re.compile(r"sk-\w{8}|^\s*(export\s+|set\s+|\$env:)?\w*KEY\w*\s*[=:：＝]\s*\S", re.IGNORECASE)
_ANY_VALUE = r"""^\s*[\w-]+\s*=\s*"""

# What a line of grsai.toml looks like that TOML does not take, and the sentence for it. The first match counts.
_TOML_FAULTS = (
    (r"[“”„‘’「」＂＇]", "{path}, line {line}: the quotes must be straight ones, as in {example}"),
    (r"^\s*[\w-]+\s*[＝：:]", "{path}, line {line}: between name and value stands a plain =, as in {example}"),
    (
        r'"[^"]*\\',
        "{path}, line {line}: \\ means something else in double quotes. Write / instead, or put the path into single quotes.",
    ),
    (_ANY_VALUE + r"(#|$)", "{path}, line {line}: nothing stands behind the =. Write a value there, or a # before the line."),
    (_ANY_VALUE + r"(?i:true|false|yes|no|on|off)\s*(#|$)", "{path}, line {line}: write true or false, in small letters."),
    (_ANY_VALUE + r"[\d.]+,", "{path}, line {line}: a number is written with a point and without commas, as in 1000.5"),
    (_ANY_VALUE + r"""[^\s"'\[{\d.+-]""", "{path}, line {line}: text needs straight double quotes, as in {example}"),
    (_ANY_VALUE + r"""("[^"]*|'[^']*)$""", "{path}, line {line}: the second quote is missing, as in {example}"),
    (r"^\s*[\w-]+\s+[^=]*$", "{path}, line {line}: between name and value stands a plain =, as in {example}"),
)


def first_file(folders: Sequence[Path], name: str) -> Path | None:
    """The first of the folders that has such a file. Raises `WrongSetting` where Windows has given it one more ending."""
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    longer = next((folder / f"{name}.txt" for folder in folders if (folder / f"{name}.txt").is_file()), None)
    if found is None and longer is not None and name == CONFIG_FILE:  # its limits would hold for nothing
        text = "{path} is not read: rename it to {name}. Windows hides its ending; let it show file name extensions."
        raise WrongSetting(text, path=longer, name=name)
    return found


def read_dotenv(path: Path, known: Sequence[str]) -> Mapping[str, str | None]:
    """The variables of a `.env`. What others keep there is none of our business.

    Raises `WrongSetting` for a line that means one of ours, those that are `known`, and is none.
    """
    text = _read_text(path)
    if "GRSAI_" not in text:
        return {}
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    taken = list[str]()
    for each in parse_stream(io.StringIO(text)):
        string, line = each.original.string, each.original.line
        if ours := re.match(r"\s*(?:export\s+|set\s+|\$env:)?(GRSAI_\w+)", string):
            line += string[: ours.start(1)].count("\n")
            _check_line(path, line, ours[1], each.key if not each.error and each.value is not None else None, known)
        if not each.error:
            taken.append(string)
    return dotenv_values(stream=io.StringIO("".join(taken)))


def _check_line(path: Path, line: int, name: str, key: str | None, known: Sequence[str]) -> None:
    if key != name:
        text = "{path}, line {line} cannot be read: write {name}=, with a plain equals sign, then the value without quotes."
        raise WrongSetting(text, path=path, line=line, name=name)
    near = [] if name in known else difflib.get_close_matches(name, known, 1, 0.85)
    if near:
        text = "{path}, line {line}: there is no setting {name}; did you mean {near}?"
        raise WrongSetting(text, path=path, line=line, name=name, near=near[0])


def read_toml(path: Path) -> dict[str, Any]:
    """What a `grsai.toml` says. Raises `WrongSetting` with the line that is wrong."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    text = _read_text(path)
    try:
        return tomllib.loads(text)
    except (RecursionError, ValueError) as error:  # numbers of thousands of digits, too
        raise _wrong_toml(path, text, str(error)) from None


def _wrong_toml(path: Path, text: str, why: str) -> WrongSetting:
    found = re.search(r"at line (\d+)", why)
    lines = text.split("\n")
    for number in (int(found[1]), int(found[1]) - 1) if found else ():  # a line that goes on is missed on the next one
        line = lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""
        for pattern, sentence in _TOML_FAULTS:
            if re.search(pattern, line):
                return WrongSetting(sentence, path=path, line=number, example=_example(line))
    return WrongSetting("{path} cannot be read: {why}. Correct it and run again.", path=path, why=why)


def _example(line: str) -> str:
    """The line as TOML has it. A key is never shown."""
    name, *rest = re.split(r"\s*[=＝：:]\s*|\s+", line.partition("#")[0].strip(), maxsplit=1)
    value = "".join(rest).strip(" \t\"'“”„‘’「」＂＇")
    if name.lower() == "api_key":
        value = "sk-…"
    is_plain = re.fullmatch(r"[+-]?\d+(\.\d+)?|true|false", value)
    return f"{name} = {value}" if is_plain else f'{name} = "{value}"'


def no_key(folders: Sequence[Path], dotenv: Path | None, environment: Mapping[str, str], *, program: str) -> NoKey:
    """Where the key was looked for, and what is nearly right there."""
    named = [name for name in environment if name.startswith("GRSAI") and environment[name]]
    if near := difflib.get_close_matches(KEY_NAME, named, 1, 0.75):
        text = "There is no API key. The environment has {name}; the key must be called GRSAI_API_KEY there."
        return NoKey(text, name=near[0])
    if dotenv is not None:
        return _no_key_in(dotenv, program)
    misnamed = next((folder / name for name in _NOT_READ for folder in folders if (folder / name).is_file()), None)
    if misnamed is not None:
        text = (
            "There is no API key. {misnamed} is not read: rename it to .env. Windows hides its ending; let it show file name"
            " extensions."
        )
        if misnamed.suffix != ".txt":
            text = "There is no API key. {misnamed} is not read: its name must be .env, with the dot in front and nothing behind."
        return NoKey(text, misnamed=misnamed)
    text = (
        "There is no API key. It was looked for as GRSAI_API_KEY in the environment and in {files}. Get one at"
        " https://grsai.com, then `{program} init` takes and tests it; or try without one: --demo."
    )
    return NoKey(text, files=", ".join(str(folder / ENV_FILE) for folder in folders), program=program)


def _no_key_in(path: Path, program: str) -> NoKey:
    lines = list(enumerate(_read_text(path).splitlines(), 1))
    for number, line in lines:
        if re.match(rf"\s*#.*{KEY_NAME}\s*=\s*\S", line):
            text = "There is no API key: line {line} of {path} is a note. Take away the # before GRSAI_API_KEY."
            return NoKey(text, line=number, path=path)
        if re.match(rf"\s*(export\s+)?{KEY_NAME}\s*=", line):
            text = (
                "There is no API key: nothing stands behind GRSAI_API_KEY= in line {line} of {path}. Get one at"
                " https://grsai.com; `{program} init` takes and tests it."
            )
            return NoKey(text, line=number, path=path, program=program)
        if not line.lstrip().startswith("#") and _KEY_LIKE.search(line):
            text = (
                "There is no API key: {path} has no line GRSAI_API_KEY=sk-…. Line {line} seems to be meant so: write"
                " GRSAI_API_KEY= there, then the key."
            )
            return NoKey(text, line=number, path=path)
    text = "There is no API key: {path} has no line GRSAI_API_KEY=sk-…. `{program} init` writes and tests it."
    return NoKey(text, path=path, program=program)


def _read_text(path: Path) -> str:
    from .files import read_text

    try:
        return read_text(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise WrongSetting("{path} cannot be read: {why}. Correct it and run again.", path=path, why=why) from None
