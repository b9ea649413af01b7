"""The help, from the table of options, in two languages and as wide as the window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ..settings import started_as
from ..texts import say
from .options import BATCH, COMMANDS, COMMON, Command, Option, Options
from .screen import width

_INDENT = 26  # where the explanations begin


def help_of(options: Options) -> str:
    """The help of the command that was named, or of all."""
    language = options.language
    command = next((each for each in COMMANDS if each.name == options.command), BATCH)
    program = started_as()
    about = say(command.about, language)
    lines = [*_usage(command, program, language), "", _wrapped(about[:1].upper() + about[1:], 0)]
    own = say("Options of a batch:", language) if command is BATCH else say("Options of this command:", language)
    for title, some in ((own, command.options), (say("Options of every command:", language), COMMON)):
        lines += ["", title, *(_option(each, language) for each in some)]
    if command is BATCH:
        lines += ["", say("Other commands:", language), *(_row(each.name, say(each.about, language)) for each in COMMANDS)]
        lines += ["", *_first_things(program, language)]
    example = f"{program} {command.example}"
    return "\n".join(
        [*lines, "", say("Example: {command}", language, command=example), *_more_examples(command, program, language)]
    )


def _first_things(program: str, language: str) -> list[str]:
    """Where the key goes, and what an exit status means."""
    key = (
        "The key: {program} init asks for it and tests it. By hand it goes into the environment as GRSAI_API_KEY, or as a line"
        " GRSAI_API_KEY=sk-… into a file .env in the folder in which you start. Get one at https://grsai.com."
    )
    status = (
        "Exit status: 0: all made. 1: not all; the report says which and why. 2: not begun (an option, a setting, the balance or"
        " the budget); nothing was sent."
    )
    return [_wrapped(say(key, language, program=program), 0), _wrapped(say(status, language), 0)]


def _more_examples(command: Command, program: str, language: str) -> list[str]:
    indent = " " * width(say("Example: {command}", language, command=""))
    return [f"{indent}{program} {example}" for example in command.more_examples]


def _usage(command: Command, program: str, language: str) -> list[str]:
    head, options = say("Usage: ", language), f"[{say('options', language)}]"
    if command is BATCH:
        names = ",".join(each.name for each in COMMANDS)
        return [f"{head}{program} {options}", f"{' ' * width(head)}{program} {{{names}}} …"]
    words = f" [{command.words} …]" if command.words else ""
    usage = [f"{head}{program} {command.name}{words} {options}"]
    return [*usage, "", _row(command.words, say(command.about_words, language))] if words else usage


def _option(option: Option, language: str) -> str:
    about = say(option.about, language)
    if option.default:
        about = say("{about} (default: {value})", language, about=about, value=option.default)
    return _row(f"{option.word} {option.place}".strip(), about)


def _row(word: str, about: str) -> str:
    head = f"  {word}"
    filled = head + " " * (_INDENT - width(head)) if width(head) < _INDENT - 1 else head + "\n" + " " * _INDENT
    return filled + _wrapped(about, _INDENT)


def _wrapped(text: str, indent: int) -> str:
    """Broken at blanks, and between Chinese letters, which need none."""
    most = max(shutil.get_terminal_size().columns - indent - 2, 30)
    lines = [""]
    for part in _parts(text):
        if width(lines[-1] + part.rstrip()) > most:
            lines.append("")
        lines[-1] += part if lines[-1] else part.lstrip()
    return ("\n" + " " * indent).join(line.rstrip() for line in lines)


def _parts(text: str) -> Iterator[str]:
    """The pieces between which a line may end."""
    part = ""
    for letter, following in zip(text, (*text[1:], " "), strict=True):
        part += letter
        if letter == " " or (width(letter) == 2 and following not in "，。；：）、"):
            yield part
            part = ""
    yield part
