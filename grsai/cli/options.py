"""What the command takes: every option and every command, each once. What was typed becomes `Options`, or one clear sentence."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import WrongSetting
from ..settings import CHINA, OPTIONS, Settings, load, path_of, program_folders, started_as
from ..texts import LANGUAGES, system_language

IMAGES = "input/image"
PROMPTS = "input/text/text.txt"
OUTPUT = "batch_outputs"
FINISHED_BY = ("fit", "fit_how", "format", "quality_of_file", "max_kb", "metadata", "preset")  # each asks for finished files
ROOT = Path(__file__).resolve().parents[2]  # where run_batch.py lies
_DASHES = ("-", "\u2013", "\u2014", "\u2212", "\uff0d")  # as text programs make of two, and input methods of one
_EQUALS = re.compile("[=＝：:]")
_ASKS_FOR_HELP = ("-h", "-?", "/?", "/h", "/help")
_KEYS = ("--api-key", "--apikey", "--grsai-api-key", "--key", "--token")  # as other programs take one
_SETTINGS = MappingProxyType({option.name: option for option in OPTIONS})


@dataclass(frozen=True)
class Options:
    """What was typed, as it stands there; None and "" for what was not. `settings`: those of them that are settings, by name."""

    language: str
    command: str = ""  # none for a batch
    words: tuple[str, ...] = ()  # behind the name of the command
    settings: Mapping[str, str] = field(default_factory=dict)
    config: str | None = None
    images: str | None = None
    prompts: str | None = None
    output: str | None = None
    jobs: str | None = None  # "" where only the option stands: the sheet of the demo
    with_: tuple[str, ...] = ()
    recursive: bool = False
    name: str | None = None
    masks: str | None = None  # "" where only the option stands: those of the demo
    mask_margin: str | None = None
    mask_feather: str | None = None
    mask_align: str | None = None
    mask_match: str | None = None
    fit: str | None = None
    fit_how: str | None = None
    format: str | None = None
    quality_of_file: str | None = None
    max_kb: str | None = None
    metadata: str | None = None
    preset: str | None = None
    lines: str = "30"
    state: str | None = None
    find: str = ""
    by: str = "month"
    csv: str | None = None
    forget: tuple[str, ...] = ()
    refresh: bool = False
    port: str | None = None
    no_browser: bool = False
    watch: bool = False
    models: tuple[str, ...] = ()  # all that were named, in order; of the settings the last one
    sample: str | None = None
    to: str | None = None
    move: bool = False
    min_stars: str = "0"
    prompt: str | None = None
    key: str | None = None
    credits: str | None = None
    seconds: str | None = None
    fault: tuple[str, ...] = ()
    price: tuple[str, ...] = ()
    cluster: str | None = None
    cluster_insecure: bool = False
    estimate: bool = False
    fresh: bool = False
    skip_unreadable: bool = False
    json: bool = False
    demo: bool = False
    yes: bool = False
    verbose: bool = False
    help: bool = False
    version: bool = False

    @property
    def finishes(self) -> bool:
        """Whether finished files are asked for."""
        return any(getattr(self, name) is not None for name in FINISHED_BY)


@dataclass(frozen=True)
class Option:
    """A word that begins with `--`. Without a `place` for its value in the help it is a switch."""

    word: str
    place: str = ""
    about: str = ""
    default: str = ""  # as the help shows it
    name: str = ""  # of its field or setting, where it is not that of the word
    many: bool = False  # may stand several times
    bare: bool = False  # may stand without its value
    needs: tuple[str, ...] = ()  # words of options, without one of which it says nothing

    @property
    def stored_as(self) -> str:
        return self.name or self.word[2:].replace("-", "_")


@dataclass(frozen=True)
class Command:
    """A command: its name, what it is for, an example of it, its options, and what other words it takes."""

    name: str
    about: str
    example: str
    options: tuple[Option, ...] = ()
    words: str = ""
    about_words: str = ""
    more_examples: tuple[str, ...] = ()


def _setting(name: str, place: str) -> Option:
    """The option of a setting, which says the same of it."""
    setting = _SETTINGS[name]
    shown = {None: "", 0.0: "0", CHINA: "china", _SETTINGS["ledger"].default: ""}
    default = shown.get(setting.default, str(setting.default))
    return Option("--" + name.replace("_", "-"), place, setting.metadata["about"], default)


JSON = Option("--json", "", "one JSON object on stdout, nothing else there")
SERVICE = _setting("base_url", "URL")
COMMON = (
    Option("--config", "FILE", "file of settings, else grsai.toml here or beside the program"),
    _setting("ledger", "FILE"),
    Option("--lang", "en|zh", "language, else that of the system", name="language"),
    Option("--verbose", "", "tell what happens, on stderr"),
    Option("--version", "", "show the version"),
    Option("--help", "", "show this help"),
)
FINISHING = (
    Option("--fit", "WxH", "finish the pictures at this size in pixels, into the folder finished; the originals stay"),
    Option(
        "--fit-how",
        "HOW",
        "cover: fill it and cut; contain: fit in; pad: fit in and fill up with white",
        "cover",
        needs=("--fit", "--preset"),
    ),
    Option("--format", "KIND", "jpg, webp or png of the finished files, else as the originals"),
    Option("--quality-of-file", "N", "1 to 100, of finished jpg and webp", "92"),
    Option("--max-kb", "N", "the most that a finished file may have, in kB of 1,000 bytes"),
    Option("--metadata", "off|keep", "keep: the prompt in the finished files; all else is taken out", "off"),
    Option("--preset", "NAME", "what a shop asks for, such as taobao-main; the options above count before it"),
)
_MASKED = ("--masks", "--jobs")  # a sheet may have a column mask
MASKS = (
    Option("--masks", "DIR", "edit only where masks are white: a folder with one a picture; or alpha: its own", bare=True),
    Option("--mask-margin", "N", "pixels around a mask that the model sees at least", "128", needs=_MASKED),
    Option("--mask-feather", "N", "pixels around a mask on which the edit fades out", "16", needs=_MASKED),
    Option("--mask-align", "on|off", "undo what the model shifted and scaled", "on", needs=_MASKED),
    Option("--mask-match", "on|off", "give the edit the brightness and colour of what surrounds it", "on", needs=_MASKED),
)
_WATCH = ("--watch",)
BATCH = Command(
    "",
    "Makes many pictures at once: every picture of a folder with every prompt of a list.",
    "--demo",
    (
        Option("--images", "DIR", "folder of pictures to edit; the default one may be missing or empty", IMAGES),
        Option("--prompts", "FILE", "text with one prompt per line, or a folder with a text for each picture", PROMPTS),
        Option("--output", "DIR", "where the pictures go", OUTPUT),
        Option("--jobs", "FILE", "sheet with a row for each picture: csv, tsv, jsonl or xlsx", bare=True),
        Option("--with", "PATH", "a picture for all, or a folder with one for each; may stand again", name="with_", many=True),
        Option("--recursive", "", "take the folders in --images too, and lay the pictures out like them"),
        Option("--name", "TEMPLATE", "what the files are called, such as {sku}-{k}", "Task_{n}_{stem}_{k}"),
        *MASKS,
        *FINISHING,
        Option("--prompt", "TEXT", "a prompt, in place of the list"),
        _setting("model", "NAME"),
        Option("--sample", "N", "only N pictures, spread over the folder; several --model make them with each, to compare"),
        _setting("aspect_ratio", "W:H"),
        _setting("image_size", "SIZE"),
        _setting("quality", "HOW"),
        _setting("background", "WHAT"),
        _setting("concurrency", "N"),
        _setting("pairing", "HOW"),
        _setting("seed", "N"),
        _setting("retries", "N"),
        _setting("budget", "YUAN"),
        SERVICE,
        _setting("api", "NAME"),
        Option("--cluster", "WHERE", "workers that make the pictures: local:4 for four here, or the scheduler of a Dask cluster"),
        Option(
            "--cluster-insecure",
            "",
            "speak to a scheduler on another machine unencrypted, on a network that is safe",
            needs=("--cluster",),
        ),
        Option("--skip-unreadable", "", "make the others where some pictures of the folder cannot be read"),
        Option("--estimate", "", "count and price only; sends nothing"),
        Option("--fresh", "", "make everything again, and pay for it again"),
        Option("--yes", "", "do not ask, whatever it costs"),
        JSON,
        Option("--watch", "", "open a page on which pictures appear as they come, to be kept or rejected"),
        Option("--port", "N", "with --watch: where the page is served, on 127.0.0.1; 0: any free port", "0", needs=_WATCH),
        Option("--no-browser", "", "with --watch: only print the address of the page", needs=_WATCH),
        Option("--demo", "", "try it offline with pictures that are included; needs no key"),
    ),
    more_examples=("init", "--images photos --prompts prompts.txt --estimate", '--images photos --prompt "on a beach"'),
)
COMMANDS = (
    Command(
        "init",
        "begin here: makes folders, settings and a place for the key, and tests the key",
        "init",
        (SERVICE,),
    ),
    Command(
        "models",
        "models with sizes, ratios and prices",
        "models --refresh",
        (JSON, Option("--refresh", "", "ask the service for the models and prices of today, and remember them"), SERVICE),
    ),
    Command("balance", "credits that are left", "balance --json", (JSON, SERVICE)),
    Command(
        "status",
        "ask the service whether a model is up",
        "status nano-banana-fast",
        (JSON, SERVICE),
        "MODEL",
        "else the model that a batch would use",
    ),
    Command(
        "history",
        "what was made and paid, newest first",
        "history --state failed --limit 20",
        (
            JSON,
            Option("--limit", "N", "how many", Options.lines, name="lines"),
            Option("--state", "STATE", "only open, done, failed or uncertain ones"),
            Option("--find", "TEXT", "only those with this text in prompt or name"),
            SERVICE,
        ),
    ),
    Command(
        "collect",
        "fetch pictures that were paid and did not arrive; pays nothing",
        "collect",
        (
            JSON,
            Option("--output", "DIR", "another folder for the pictures"),
            Option("--forget", "TASK", "give up a paid task that is not here, so that its job may be paid for again", many=True),
            SERVICE,
        ),
        "TASK",
        "task ids, else all that the ledger knows",
    ),
    Command(
        "spend",
        "what was paid, by day, month, model or folder",
        "spend --by day",
        (
            JSON,
            Option("--by", "WHAT", "day, month, model or folder", Options.by),
            Option("--csv", "FILE", "write it as a table that spreadsheets read"),
            SERVICE,
        ),
    ),
    Command(
        "finish",
        "make files for a shop of the pictures that are there; sends nothing",
        "finish --output batch_outputs --preset taobao-main",
        (Option("--output", "DIR", "folder with the pictures", OUTPUT), *FINISHING, JSON),
    ),
    Command(
        "review",
        "look at the pictures in a browser: keep, reject, make again",
        "review --output batch_outputs",
        (
            Option("--output", "DIR", "folder with the pictures", OUTPUT),
            Option("--port", "N", "where the page is served, on 127.0.0.1; 0: any free port", "0"),
            Option("--no-browser", "", "only print the address of the page"),
            SERVICE,
        ),
    ),
    Command(
        "ledger",
        "bring the history of one ledger into another, which keeps what it has; can be repeated",
        "ledger copy .grsai/ledger.sqlite3 postgresql://studio@db.example/studio",
        (JSON,),
        "copy FROM TO",
        "files, or addresses of servers",
    ),
    Command(
        "redo",
        "make rejected pictures again: with a new seed, or another prompt, model or size",
        "redo --output batch_outputs --estimate",
        (
            Option("--output", "DIR", "folder with the pictures", OUTPUT),
            Option("--prompt", "TEXT", "another prompt for them"),
            Option("--model", "NAME", "another model, else that of each picture"),
            Option("--aspect-ratio", "W:H", "another ratio"),
            Option("--image-size", "SIZE", "another size"),
            Option("--quality", "HOW", "another quality"),
            Option("--background", "WHAT", "another background"),
            Option("--seed", "N", "the first seed to try; each picture takes one that is new"),
            Option("--estimate", "", "count and price only; sends nothing"),
            Option("--skip-unreadable", "", "leave out those whose source is gone, and make the others"),
            _setting("concurrency", "N"),
            _setting("retries", "N"),
            _setting("budget", "YUAN"),
            SERVICE,
            _setting("api", "NAME"),
            JSON,
        ),
    ),
    Command(
        "picks",
        "copy or move the kept pictures to another folder, finished ones where there are some",
        "picks --output batch_outputs --to picks",
        (
            Option("--output", "DIR", "folder with the pictures", OUTPUT),
            Option("--to", "DIR", "where they go"),
            Option("--move", "", "take them out of the folder; the ledger knows where they are then"),
            Option("--min-stars", "N", "only those with at least so many stars", "0"),
            JSON,
        ),
    ),
    Command("config", "every setting and where it comes from", "config", (JSON,)),
    Command(
        "emulator",
        "run a stand-in for the service on this machine, to try things offline",
        "emulator --port 8123",
        (
            Option("--port", "N", "where it listens, on 127.0.0.1; 0: any free port", "0"),
            Option("--key", "KEY", "made up, never yours: the only key that it takes, else any"),
            Option("--credits", "N", "credits at the start", "1000000"),
            Option("--seconds", "SPAN", "how long a picture takes: 5, or 3:8", "0.2:0.4"),
            Option("--fault", "FAULT", "what goes wrong, such as submit:http_500:0.1 for one submit in ten", many=True),
            Option("--price", "PRICE", "what a model costs there, such as nano-banana-2:900", many=True),
        ),
    ),
)


def parsed(argv: Sequence[str], language: str) -> Options:
    """Raises `WrongSetting` for what is not understood. Options of a batch may stand before the name of a command."""
    options, command, words, before, given = Options(language), BATCH, [], None, set[str]()
    rest = deque("--help" if word.lower() in _ASKS_FOR_HELP else word for word in argv)
    while rest:
        word = rest.popleft()
        if word.startswith(_DASHES):
            option = _option(command, _EQUALS.split(word)[0])
            value = _value(option, word, rest)
            options, before = _with_value(options, option, value), (option, value) if option.place and value else None
            given.add(option.word)
        elif command is BATCH:
            command, before = _command(word, before, rest), None
        elif command.words:
            words.append(word)
        else:
            raise WrongSetting("{word} is one word too many. See --help.", word=word)
    if options.language not in LANGUAGES:
        raise WrongSetting("{value} is no language; there are en and zh.", value=options.language)
    _check_company(command, given)
    return replace(options, command=command.name, words=tuple(words))


def _check_company(command: Command, given: set[str]) -> None:
    """Refuses an option that says nothing without another one: whoever typed it counts on it."""
    for option in command.options:
        if option.word in given and option.needs and not given.intersection(option.needs):
            text = "{option} says nothing without {needed}. Add that, or leave {option} out."
            raise WrongSetting(text, option=option.word, needed=" / ".join(option.needs))


def asked_language(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """`--lang` must be known before the options are read: their help and errors are in that language."""
    asked = [value.partition("=")[2] for value in argv if value.startswith("--lang=")]
    asked += [value for option, value in zip(argv, argv[1:], strict=False) if option == "--lang"]
    return asked[-1] if asked and asked[-1] in LANGUAGES else system_language(environment)


def settings_of(options: Options) -> Settings:
    """Arguments before the environment, that before `.env`, that before `grsai.toml`, that before the defaults."""
    config = path_of(options.config) if options.config else None
    output = path_of(options.output or OUTPUT).absolute()
    work = (Path.cwd(), output, output.parent)
    return load(options.settings, folders=settings_folders(), config=config, own=program_folders(), work=work)


def settings_folders() -> tuple[Path, ...]:
    """Where `.env` and `grsai.toml` are looked for: in the working folder, then beside run_batch.py."""
    return tuple(dict.fromkeys((Path.cwd(), *program_folders())))


def _option(command: Command, word: str) -> Option:
    known = {option.word: option for option in (*command.options, *COMMON)}
    plain = "--" + word.lstrip("".join(_DASHES)).lower().replace("_", "-")
    if word in known or plain in known:
        return known.get(word) or known[plain]
    name = plain[2:].replace("-", "_")
    if plain in _KEYS:
        raise _typed_key()
    if name in _SETTINGS:
        text = "There is no option {option}, but a setting: write {name} = … into grsai.toml, or set {variable}."
        raise WrongSetting(text, option=word, name=name, variable=f"GRSAI_{name.upper()}")
    if near := _nearest(plain, known):
        raise WrongSetting("There is no option {option}; did you mean {near}?", option=word, near=near)
    if command is not BATCH and plain in (option.word for option in BATCH.options):
        text = "{option} does not go with {command}. See {program} {command} --help."
        raise WrongSetting(text, option=plain, command=command.name, program=started_as())
    raise WrongSetting("There is no option {option}. See --help.", option=word)


def _command(word: str, before: tuple[Option, str] | None, rest: Iterable[str]) -> Command:
    """The command of that name. `before`: the option that stands before the word, with its value; `rest`: what follows."""
    for command in COMMANDS:
        if command.name == word.lower():
            return command
    known = [command.name for command in COMMANDS]
    if re.fullmatch(r"sk-\w{8,}", word):
        raise _typed_key()
    near = _nearest(word.lower(), known, cutoff=0.8 if before else 0.6)
    if before is not None and near is None:
        words = [before[1], word, *itertools.takewhile(lambda each: not each.startswith(_DASHES), rest)]
        text = 'There is no command {name}. What has spaces in it needs quotes: {option} "{value}"'
        raise WrongSetting(text, name=word, option=before[0].word, value=" ".join(words))
    near = _option_for(word) or near
    if near is None and "--" + word.lower() in (option.word for option in (*BATCH.options, *COMMON)):
        near = "--" + word.lower()
    if near:
        raise WrongSetting("There is no command {name}; did you mean {near}?", name=word, near=near)
    raise WrongSetting("There is no command {name}. There are: {known}.", name=word, known=", ".join(known))


def _typed_key() -> WrongSetting:
    text = "A key is no option: others could read it. Write GRSAI_API_KEY=sk-… into a file .env, or run {program} init."
    return WrongSetting(text, program=started_as())


def _option_for(word: str) -> str | None:
    """The option that takes a word: such a file or folder, as it is dropped onto run_batch.bat, or a sentence."""
    suffix = os.path.splitext(word)[1].lower()
    if os.path.isdir(word):
        option = "--images"
    elif os.path.isfile(word):
        option = "--jobs" if suffix in (".csv", ".tsv", ".xlsx", ".jsonl") else "--prompts" if suffix == ".txt" else ""
    else:
        option = "--prompt" if " " in word or not word.isascii() else ""
    return (f'{option} "{word}"' if " " in word else f"{option} {word}") if option else None


def _nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), 1, cutoff)), None)


def _value(option: Option, word: str, rest: deque[str]) -> Any:
    """What stands behind the option; True for a switch."""
    _, *found = _EQUALS.split(word, maxsplit=1)
    value = found[0] if found else ""
    if not option.place:
        if found:
            raise WrongSetting("Option {option} takes no value. See --help.", option=option.word)
        return True
    if not found and rest and not _is_option(rest[0]):
        value = rest.popleft()
    if not value and not option.bare:
        raise WrongSetting("Option {option} needs a value: {option} {place}", option=option.word, place=option.place)
    return value


def _is_option(word: str) -> bool:
    """Whether a word cannot be the value of the option before it."""
    plain = "--" + _EQUALS.split(word)[0].lstrip("".join(_DASHES))
    return word.startswith("--") or (word.startswith(_DASHES) and plain in (option.word for option in (*BATCH.options, *COMMON)))


def _with_value(options: Options, option: Option, value: Any) -> Options:
    if option.stored_as in _SETTINGS:
        if option.stored_as == "model":
            options = replace(options, models=tuple(dict.fromkeys((*options.models, value))))
        return replace(options, settings={**options.settings, option.stored_as: value})
    if option.many:
        value = (*getattr(options, option.stored_as), value)
    return replace(options, **{option.stored_as: value})
