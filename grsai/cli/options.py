"""The options of the command, its help in two languages, and one clear sentence for what it does not understand."""

from __future__ import annotations

import argparse
import difflib
import functools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import WrongSetting
from ..texts import LANGUAGES, say, system_language

if TYPE_CHECKING:
    from ..settings import Settings

COMMANDS = ("models", "balance", "status", "history", "collect", "config", "emulator")
_ROOT = Path(__file__).resolve().parents[2]  # where run_batch.py lies
_OMITTED = argparse.SUPPRESS  # a command leaves alone what was said before its name


def parsed(argv: Sequence[str], language: str) -> argparse.Namespace:
    """The options given; `command` is None for a batch. Raises `WrongSetting`."""
    _check_names(argv)
    arguments, unknown = parser(language).parse_known_args(argv)
    if unknown:
        raise _unknown(unknown[0], ())
    if arguments.lang not in (None, *LANGUAGES):
        raise WrongSetting("{value} is no language; there are en and zh.", value=arguments.lang)
    return arguments


def asked_language(argv: Sequence[str]) -> str:
    """`--lang` must be known before the options are read: their help and errors are in that language."""
    asked = [value.partition("=")[2] for value in argv if value.startswith("--lang=")]
    asked += [value for option, value in zip(argv, argv[1:], strict=False) if option == "--lang"]
    return asked[-1] if asked and asked[-1] in LANGUAGES else system_language()


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Arguments before the environment, that before `.env`, that before `grsai.toml`, that before the defaults."""
    from ..settings import OPTIONS, load

    names = {option.name for option in OPTIONS}
    given = {name: value for name, value in vars(arguments).items() if name in names}
    return load(given, folders=settings_folders(), config=Path(arguments.config) if arguments.config else None)


def settings_folders() -> tuple[Path, ...]:
    """Where `.env` and `grsai.toml` are looked for: in the working folder, then beside run_batch.py."""
    folders = (Path.cwd(), _ROOT) if (_ROOT / "run_batch.py").is_file() else (Path.cwd(),)
    return tuple(dict.fromkeys(folders))


def parser(language: str) -> argparse.ArgumentParser:
    program = "python run_batch.py" if Path(sys.argv[0]).name == "run_batch.py" else "python -m grsai"
    about = say("Makes many pictures at once: every picture of a folder with every prompt of a list.", language)
    example = say("Example: {command}", language, command=f"{program} --images photos --prompts prompts.txt --estimate")
    tool = _Parser(program, **_manner(about, example, language))
    tool.usage = f"{program} [{say('options', language)}]\n       {program} {{{','.join(COMMANDS)}}} …"
    tool.set_defaults(command=None)
    _add_batch_options(tool.add_argument_group(say("Options of a batch", language)).add_argument, language)
    _add_common_options(tool, language, default=None)
    title, name = say("Other commands", language), say("COMMAND", language)
    commands = tool.add_subparsers(title=title, metavar=name, dest="command", parser_class=_Parser)
    _add_commands(commands, program, language)
    return tool


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as an error of ours."""

    def error(self, message: str) -> NoReturn:
        if found := re.match(r"argument ([^:]+): expected (?:one|at least one) argument", message):
            raise WrongSetting("Option {option} needs a value. See --help.", option=found[1])
        if found := re.match(r"argument ([^:]+): ignored explicit argument", message):
            raise WrongSetting("Option {option} takes no value. See --help.", option=found[1])
        if found := re.search(r"invalid choice: '(.*?)'", message):
            raise WrongSetting("There is no command {name}. There are: {known}.", name=found[1], known=", ".join(COMMANDS))
        raise WrongSetting("{why}. See --help.", why=message)


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, *, language: str = "en", **more: Any) -> None:
        super().__init__(prog, max_help_position=26, **more)
        self._language = language

    def format_help(self) -> str:
        text = super().format_help()
        return re.sub(r"^(.*):$", r"\1：", text, flags=re.MULTILINE) if self._language == "zh" else text

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, say("Usage: ", self._language) if prefix is None else prefix)


def _manner(about: str, example: str, language: str) -> dict[str, Any]:
    return {
        "description": about,
        "epilog": example,
        "formatter_class": functools.partial(_Help, language=language),
        "add_help": False,
        "allow_abbrev": False,
    }


def _add_batch_options(add: Callable[..., Any], language: str) -> None:
    add("--images", metavar="DIR", help=say("folder of pictures to edit (default: input/image, which may be missing)", language))
    add("--prompts", metavar="FILE", help=say("UTF-8 text, one prompt per line (default: input/text/text.txt)", language))
    add("--output", metavar="DIR", help=say("where the pictures go (default: batch_outputs)", language))
    add("--model", metavar="NAME", help=say("model (default: nano-banana-fast); the command models lists them", language))
    add("--aspect-ratio", metavar="W:H", help=say("shape of the pictures, such as 16:9 (default: auto)", language))
    add("--image-size", metavar="SIZE", help=say("1K, 2K or 4K, where the model has it (default: its smallest)", language))
    add("--concurrency", metavar="N", help=say("how many pictures are made at the same time (default: 5)", language))
    add("--pairing", metavar="HOW", help=say("product: every picture with every prompt (default); zip: one to one", language))
    add("--seed", metavar="N", help=say("another number makes new pictures (default: 0)", language))
    retries = "how many times a task that failed for a passing reason is submitted, and paid, again (default: 2)"
    add("--retries", metavar="N", help=say(retries, language))
    add("--budget", metavar="YUAN", help=say("refuse to spend more than this, in yuan", language))
    add("--base-url", metavar="URL", help=say("china (default), overseas, or an address", language))
    add("--estimate", action="store_true", help=say("count and price only; sends nothing", language))
    add("--fresh", action="store_true", help=say("make everything anew, and pay again for what was made before", language))
    add("--json", action="store_true", help=say("one JSON object on stdout, nothing else there", language))
    add("--demo", action="store_true", help=say("try it offline with pictures that are included; needs no key", language))


def _add_common_options(tool: argparse.ArgumentParser, language: str, *, default: Any = _OMITTED) -> None:
    group = tool.add_argument_group(say("Options of every command", language))
    add = functools.partial(group.add_argument, default=default)
    add("--config", metavar="FILE", help=say("file of settings (default: grsai.toml here or beside the program)", language))
    add("--ledger", metavar="FILE", help=say("the ledger: what was paid and made (default: .grsai/ledger.sqlite3)", language))
    add("--lang", metavar="en|zh", help=say("language (default: that of the system)", language))
    add("--verbose", action="store_true", help=say("show in detail what happens, on stderr", language))
    group.add_argument("-h", "--help", action="help", help=say("show this help", language))


def _add_commands(commands: Any, program: str, language: str) -> None:
    def command(name: str, about: str, example: str, *, json: bool = True) -> Callable[..., Any]:
        text = say("Example: {command}", language, command=f"{program} {example}")
        added = commands.add_parser(name, help=about, prog=f"{program} {name}", **_manner(about, text, language))
        group = added.add_argument_group(say("Options of this command", language))
        if json:
            json_help = say("one JSON object on stdout, nothing else there", language)
            group.add_argument("--json", action="store_true", default=_OMITTED, help=json_help)
        _add_common_options(added, language)
        return group.add_argument

    command("models", say("models with sizes, ratios and prices", language), "models")
    _add_host(command("balance", say("credits that are left", language), "balance --json"), language)
    status = command("status", say("ask the service whether a model is up", language), "status nano-banana-fast")
    status("models", metavar="MODEL", nargs="*", help=say("default: the model that a batch would use", language))
    _add_host(status, language)
    history = command("history", say("what was made and paid, newest first", language), "history --state failed --limit 20")
    history("--limit", dest="lines", metavar="N", default="30", help=say("how many (default: 30)", language))
    history("--state", metavar="STATE", help=say("only open, done, failed or uncertain ones", language))
    history("--find", metavar="TEXT", default="", help=say("only those with this text in prompt or name", language))
    _add_host(history, language)
    collect = command("collect", say("fetch pictures that were paid and did not arrive; pays nothing", language), "collect")
    collect("tasks", metavar="TASK", nargs="*", help=say("task ids (default: all that the ledger knows)", language))
    collect("--output", metavar="DIR", default=_OMITTED, help=say("another folder for the pictures", language))
    _add_host(collect, language)
    command("config", say("every setting and where it comes from", language), "config")
    offline = say("run a stand-in for the service on this machine, to try things offline", language)
    emulator = command("emulator", offline, "emulator --port 8123", json=False)
    emulator("--port", metavar="N", default="0", help=say("where it listens, on 127.0.0.1 (default: any free port)", language))
    emulator("--key", metavar="KEY", help=say("made up, never yours: the only key that it takes (default: takes any)", language))
    emulator("--credits", metavar="N", default="1000000", help=say("credits at the start (default: 1000000)", language))
    seconds = say("how long a picture takes: 5, or 3:8 (default: 0.2:0.4)", language)
    emulator("--seconds", metavar="SPAN", default="0.2:0.4", help=seconds)
    fault = say("what goes wrong, such as submit:http_500:0.1 for one submit in ten; may be repeated", language)
    emulator("--fault", metavar="FAULT", action="append", default=[], help=fault)


def _add_host(add: Callable[..., Any], language: str) -> None:
    add("--base-url", metavar="URL", default=_OMITTED, help=say("china (default), overseas, or an address", language))


def _check_names(argv: Sequence[str]) -> None:
    """Raises `WrongSetting` for a misspelt option; argparse would take its value for a command."""
    tool = parser("en")
    commands = next(action.choices for action in tool._actions if isinstance(action, argparse._SubParsersAction))
    meant = [tool, *(commands[name] for name in argv if name in commands)]
    known = [name for each in meant for name in each._option_string_actions]
    for option in argv:
        if option.startswith("--") and option.partition("=")[0] not in known:
            raise _unknown(option, known)


def _unknown(option: str, known: Iterable[str]) -> WrongSetting:
    if not option.startswith("-"):
        return WrongSetting("{word} is one word too many. See --help.", word=option)
    name = option.partition("=")[0]
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return WrongSetting("There is no option {option}; did you mean {near}?", option=name, near=near[0])
    return WrongSetting("There is no option {option}. See --help.", option=name)
