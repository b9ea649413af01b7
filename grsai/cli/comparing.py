"""Several models on a few pictures: what they cost for the whole folder, and the command that runs one of them on all."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..jobs import Job, Outcome
from ..ledger import Ledger
from ..models import yuan
from ..report.phrases import duration, yuan_text
from ..settings import Settings, path_of, started_as
from ..texts import plain, say
from .inputs import output_of
from .options import BATCH, COMMON, Options, parsed, settings_of
from .planning import Plan, plan_of
from .screen import show, show_table

# Of the comparison alone, or of what is shown; all other options of it go on to the run on all pictures.
_NOT_CARRIED = ("--model", "--sample", "--prompt", "--prompts", "--jobs", "--estimate", "--fresh", "--json", "--watch", "--port",
                "--no-browser", "--help", "--verbose", "--lang")  # fmt: skip
_PLACES = ("DIR", "FILE", "PATH")
_SHORT = 40  # characters of a prompt in the table


@dataclass(frozen=True)
class Columns:
    """What the page may run on the whole folder: the `Planner` of grsai/review/compare.py."""

    comparison: Any  # its `Comparison`
    options: Options
    settings: Settings
    ledger: Ledger

    def jobs(self, model: str, prompt: str) -> Sequence[Job]:
        settings = replace(self.settings, model=model)
        options = replace(self.options, models=(model,), prompt=prompt, sample=None)
        return plan_of(options, settings, self.ledger, lambda notice: None).jobs

    def command(self, model: str, prompt: str) -> str:
        return command_of(self.comparison.arguments, model, prompt)


def columns_of(plan: Plan, ledger: Ledger, settings: Settings, options: Options) -> Columns | None:
    """Of the comparison that a plan is, if it is one; the ledger remembers it."""
    if not plan.compared:
        return None
    from ..review.compare import Comparison, remember

    comparison = Comparison(plan.sample, plan.of, tuple(_arguments(options)))
    if not options.demo:
        remember(ledger, output_of(options), comparison)
    return Columns(comparison, options, settings, ledger)


def columns_of_folder(folder: Path, ledger: Ledger, options: Options) -> Columns | None:
    """Of the comparison that was made in a folder, if there was one."""
    from ..review.compare import remembered

    comparison = remembered(ledger, folder)
    if comparison is None:
        return None
    batch = parsed([*comparison.arguments, "--output", str(folder)], options.language)
    batch = replace(batch, settings={**batch.settings, **options.settings})
    return Columns(comparison, batch, settings_of(batch), ledger)


def command_of(arguments: Sequence[str], model: str, prompt: str) -> str:
    """What runs one model and prompt on all pictures, as it is typed in this system's shell."""
    words = [*started_as().split(), *arguments, "--model", model, "--prompt", prompt]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def comparison_object(plan: Plan, outcomes: Sequence[Outcome], options: Options, per_yuan: float) -> dict[str, Any] | None:
    """The comparison as `report.json` has it."""
    if not plan.compared:
        return None
    return {
        "sample": plan.sample,
        "of": plan.of,
        "columns": [_object(each, plan, options, per_yuan) for each in _columns(outcomes)],
    }


def tell_comparison(told: Mapping[str, Any], options: Options) -> None:
    """What each model and prompt did and costs, and how to run one of them on all pictures."""
    language = options.language
    show("")
    show(say("Compared on {sample} of {of} pictures.", language, sample=told["sample"], of=told["of"]))
    named = [say("model", language), say("pictures", language), say("seconds", language), "¥", say("¥ for all", language)]
    rows = [
        (each["model"], str(each["made"]), duration(each["seconds"], language), f"{each['yuan']:g}",
         f"{each['whole']['yuan']:g}", plain(each["prompt"])[:_SHORT])
        for each in told["columns"]
    ]  # fmt: skip
    show_table([[*named, say("prompt", language)], *rows])
    show(say("To run one of them on all pictures:", language))
    for each in told["columns"]:
        show(f"  {each['command']}")


def _columns(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.job.model.id, outcome.job.prompt), []).append(outcome)
    return list(found.values())


def _object(outcomes: Sequence[Outcome], plan: Plan, options: Options, per_yuan: float) -> dict[str, Any]:
    job, made = outcomes[0].job, [each for each in outcomes if each.status == "succeeded"]
    timed = [each.seconds for each in made if not each.reused]
    credits = job.model.credits
    return {
        "model": job.model.id,
        "prompt": job.prompt,
        "made": len(made),
        "seconds": round(sum(timed) / len(timed), 2) if timed else 0.0,
        "credits": credits,
        "yuan": float(yuan_text(credits, per_yuan=per_yuan).replace(",", "")),
        "whole": {"pictures": plan.of, "credits": credits * plan.of, "yuan": round(yuan(credits * plan.of, per_yuan), 4)},
        "command": command_of(_arguments(options), job.model.id, job.prompt),
    }


def _arguments(options: Options) -> list[str]:
    """The options of the batch that decide its pictures, with whole paths, so that they mean the same in every folder."""
    words: list[str] = []
    nothing = Options(options.language)
    for option in (*BATCH.options, *COMMON):
        if option.word in _NOT_CARRIED:
            continue
        value = options.settings.get(option.stored_as, getattr(options, option.stored_as, None))
        if value is None or value == getattr(nothing, option.stored_as, None):
            continue
        for each in value if option.many else [value]:
            if not option.place:
                words.append(option.word)
            else:
                words += [option.word, str(path_of(each).absolute()) if option.place in _PLACES else str(each)]
    return words
