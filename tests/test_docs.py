"""What the documents say is so: links lead somewhere, commands and programs run, tables and quotations agree with the code."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grsai.cli import options as cli_options
from grsai.emulator import Emulator
from grsai.finishing import PRESETS
from grsai.ledger import Ledger, service_of
from grsai.models import CREDITS_PER_YUAN, RATIOS, Catalogue
from grsai.review import Verdict, judge, name_of
from grsai.settings import OPTIONS, load
from grsai.texts import say

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
GUIDES = (ROOT / "docs/COMMANDS.md", ROOT / "docs/README_BATCH.md")
TROUBLES = (ROOT / "docs/TROUBLESHOOTING.md", ROOT / "docs/TROUBLESHOOTING.zh.md")
SETTINGS = ((ROOT / "docs/SETTINGS.md", "en", "none"), (ROOT / "docs/CONFIG_GUIDE.md", "zh", "没有"))
RENAMED = {"COMMANDS": "README_BATCH", "SETTINGS": "CONFIG_GUIDE"}  # twins under another name
TWINS = [(doc, twin) for doc in DOCS if (twin := doc.with_name(f"{RENAMED.get(doc.stem, f'{doc.stem}.zh')}.md")).is_file()]
SAME_SECTIONS = (
    "README", "SECURITY", "COMMANDS", "SETTINGS", "FAQ", "COMPARISON", "LIMITS", "MASKS", "MIGRATION", "PRIVACY", "REVIEW",
    "SCALE", "SCRIPTING", "SHEETS", "TROUBLESHOOTING",
)  # fmt: skip
README_LINES = 150  # that are not folded
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS_OR_PLAIN = re.compile(r"(python (-m grsai|run_batch\.py|batch_banana_concurrent\.py)|run_batch\.bat)(?!\S)")
OURS = re.compile(rf"{OURS_OR_PLAIN.pattern} ")  # with something behind it
PLACE = re.compile(r" ([A-Z]+|模型)$")  # what the reader fills in, as in `status MODEL`
COMMAND = re.compile(r"^(\w+=\S+ )?(python|py|pip|git|cmd|run_batch|notepad|ln|cd|\.venv)\b", re.MULTILINE)
PHOTOS = ("coffee.jpg", "rocket.jpg")


class Block(NamedTuple):
    doc: str
    language: str
    text: str


def text_of(doc: Path) -> str:
    return doc.read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all documents, each text once."""
    found: dict[str, Block] = {}
    for doc in DOCS:
        for language, text in FENCE.findall(text_of(doc)):
            if language in languages:
                found.setdefault(text, Block(doc.name, language, text))
    return list(found.values())


def commands() -> list[str]:
    """The lines of all shell blocks, and ours that stand in a sentence. Other checks run the README's four commands."""
    lines = [line.strip() for block in blocks("bash", "bat") for line in block.text.splitlines()]
    lines += [code for doc in DOCS for code in re.findall(r"`(.+?)`", FENCE.sub("", text_of(doc))) if OURS.match(code)]
    return list(dict.fromkeys(line for line in lines if line and "-m venv" not in line and not PLACE.search(line)))


def anchors(doc: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", text_of(doc)), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"\[(.+?)\]\(.*?\)", r"\1", heading).lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def links(doc: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(doc)))


def table(doc: Path, marker: str) -> list[list[str]]:
    """The rows of the table between two markers, without its head."""
    part = re.search(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text_of(doc), re.DOTALL)
    assert part, f"{doc.name} has no <!-- {marker} -->"
    return [cells(line) for line in part[1].splitlines()[2:]]


def cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


@functools.cache
def sentences() -> str:
    """Every text that stands in the code, one a line."""
    files = [*ROOT.glob("grsai/**/*.py"), *ROOT.glob("nodes/*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(text_of(file)))]
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@functools.cache
def chinese() -> str:
    return "\n".join(json.loads((ROOT / "grsai/zh.json").read_text("utf-8")).values())


def known_options() -> set[str]:
    """Every option of the command and of its subcommands."""
    commands = (cli_options.BATCH, *cli_options.COMMANDS)
    return {option.word for options in (cli_options.COMMON, *(each.options for each in commands)) for option in options}


def batch_options() -> set[str]:
    return {option.word for option in (*cli_options.BATCH.options, *cli_options.COMMON)}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(seconds=0.05, render=False) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder as the documents suppose it: pictures and prompts under the names that they use."""
    for images, prompts in (("input/image", "input/text/text.txt"), ("photos", "prompts.txt"), ("新品", "新品/提示词.txt")):
        (tmp_path / images).mkdir(parents=True)
        for photo in PHOTOS:
            shutil.copy(ROOT / "grsai/demo/image" / photo, tmp_path / images)
        (tmp_path / prompts).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / prompts).write_text("on a grey background\n", encoding="utf-8")
    shutil.copytree(tmp_path / "photos", tmp_path / "batch_outputs")
    (tmp_path / "masks").mkdir()
    for photo in PHOTOS:
        shutil.copy((ROOT / "grsai/demo/mask" / photo).with_suffix(".png"), tmp_path / "masks")
    (tmp_path / "jobs.csv").write_text(blocks("csv")[0].text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("block", blocks("csv"), ids=lambda block: f"{block.doc}: {block.text[:30]!r}")
def test_every_sheet_is_taken(block: Block, project: Path, emulator: Emulator) -> None:
    (project / "jobs.csv").write_text(block.text, encoding="utf-8")
    done = run([sys.executable, "-m", "grsai", "--jobs", "jobs.csv", "--estimate", "--json"], project, emulator)
    assert done.returncode == 0, done.stderr


def environment(project: Path, emulator: Emulator) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")},
        "GRSAI_API_KEY": "sk-" + "a" * 32, "GRSAI_BASE_URL": emulator.url, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1",
        "GRSAI_HOME": str(project / "home"),
    }  # fmt: skip


def run(command: list[str], project: Path, emulator: Emulator) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=project, env=environment(project, emulator), capture_output=True, encoding="utf-8", timeout=120
    )


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_link_leads_to_a_file_and_a_heading(doc: Path) -> None:
    for link in links(doc):
        if re.match(r"https?://", link):
            continue
        place, _, anchor = link.partition("#")
        target = (doc.parent / place).resolve() if place else doc
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_address_on_github_is_the_projects_own(doc: Path) -> None:
    addresses = re.findall(r"https://github\.com/[\w\-./]+", text_of(doc))
    assert not [address for address in addresses if not address.startswith(REPOSITORY)]


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: f"{block.doc}: {block.text[:30]!r}")
def test_every_program_runs(block: Block, project: Path, emulator: Emulator) -> None:
    done = run([sys.executable, "-c", block.text], project, emulator)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: f"{block.doc}: {block.text[:30]!r}")
def test_every_file_of_settings_is_taken(block: Block, tmp_path: Path) -> None:
    (tmp_path / "grsai.toml").write_text(block.text, encoding="utf-8")
    load(environment={}, folders=(tmp_path,))


def test_no_command_stands_in_a_block_that_is_not_run() -> None:
    assert not [block for block in blocks("text", "") if COMMAND.search(block.text)]


def serves(line: str) -> bool:
    return " -m grsai review" in line


@pytest.mark.parametrize("line", [line for line in commands() if OURS_OR_PLAIN.match(line) and serves(line)])
def test_every_page_that_is_named_is_served_until_it_is_ended(line: str, project: Path, emulator: Emulator) -> None:
    command = [sys.executable, *shlex.split(line)[1:], "--no-browser"]
    with subprocess.Popen(command, cwd=project, env=environment(project, emulator), stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None and page.stdout.readline().startswith("http://127.0.0.1:")
        page.terminate()
        assert page.wait(20) == 0 or os.name == "nt"


@pytest.mark.parametrize("line", [line for line in commands() if OURS_OR_PLAIN.match(line) and not serves(line)])
def test_every_command_of_ours_runs(line: str, project: Path, emulator: Emulator) -> None:
    line = line.replace("run_batch.bat", "python run_batch.py").replace("--demo", "--demo --estimate")  # seen elsewhere
    words = [sys.executable, *shlex.split(line)[1:]]
    done = run([str(ROOT / word) if word.endswith(".py") else word for word in words], project, emulator)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", [line for line in commands() if not OURS_OR_PLAIN.match(line)])
def test_every_other_command_names_what_there_is(line: str) -> None:
    """Each kind of command that the documents give, and what must be so for it to work."""
    words = line.replace("\\", "/").split()
    if "git clone" in line:
        assert words[2] == REPOSITORY
    elif "-m pip install -r" in line:
        assert (ROOT / words[-1].removeprefix("ComfyUI/custom_nodes/").removeprefix("grsai-nano-banana/")).is_file()
    elif "-m pytest" in line:
        assert (ROOT / words[words.index("pytest") + 1]).is_dir()
        assert not re.search(r"-m (\w+)$", line) or f"{words[-1]}:" in text_of(ROOT / "tests/pytest.ini")
    elif "-m benchmarks" in line:
        assert (ROOT / "benchmarks/__main__.py").is_file()
    else:
        others = (".ci/run", "notepad .env", "python -m ruff check .")
        assert line in (*others, 'ln -s "$PWD" ~/ComfyUI/custom_nodes/grsai-nano-banana')


@pytest.mark.parametrize("doc", [doc for doc in DOCS if doc.parent.name != "benchmarks"], ids=lambda doc: doc.name)
def test_every_option_that_is_named_exists(doc: Path) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text_of(doc)))
    assert named <= known_options()


@pytest.mark.parametrize("doc", GUIDES, ids=lambda doc: doc.name)
def test_the_guides_name_every_option_and_every_command(doc: Path) -> None:
    named = text_of(doc)
    assert not [option for option in batch_options() if f"{option}" not in named]
    names = [command.name for command in cli_options.COMMANDS]
    assert not [name for name in names if f"`{name}" not in named and f"-m grsai {name}" not in named]


def shown_price(credits: int) -> tuple[str, str]:
    return (f"{credits:,}", f"{credits / CREDITS_PER_YUAN:g}") if credits else ("?", "?")


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_the_prices_are_those_of_the_catalogue(doc: Path) -> None:
    shown = [row[:4] for row in table(doc, "prices")]
    expected = [[f"`{model.id}`", *shown_price(model.credits), " ".join(model.sizes) or "–"] for model in Catalogue().values()]
    assert shown == expected


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_the_ratios_are_those_of_the_catalogue(doc: Path) -> None:
    words: dict[tuple[str, ...], set[str]] = {}
    for row in table(doc, "prices"):
        words.setdefault(Catalogue()[row[0].strip("`")].ratios, set()).add(row[4])
    assert [len(same) for same in words.values()] == [1] * len(RATIOS)
    assert len(set.union(*words.values())) == len(RATIOS)
    assert not [ratio for ratios in RATIOS.values() for ratio in ratios if f"`{ratio}`" not in text_of(doc)]


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_the_qualities_are_those_of_the_catalogue(doc: Path) -> None:
    for model in Catalogue().values():
        line = next((line for line in text_of(doc).splitlines() if line.startswith(f"- `{model.id}`")), "")
        assert re.findall(r"`([^`]+)`", line)[1:] == [*model.qualities, *model.backgrounds]


@pytest.mark.parametrize("name", ["SHEETS.md", "SHEETS.zh.md"])
def test_the_presets_are_those_that_there_are(name: str) -> None:
    facts = [(preset, row["fit"], row.get("fit_how", "cover"), row["format"], row["max_kb"]) for preset, row in PRESETS.items()]
    assert table(ROOT / "docs" / name, "presets") == [[f"`{preset}`", *map(str, others)] for preset, *others in facts]


@pytest.mark.parametrize("doc", [*READMES, *TROUBLES], ids=lambda doc: doc.name)
def test_every_message_that_is_quoted_stands_in_the_code(doc: Path) -> None:
    rows = table(doc, "messages")
    quoted = [quotation for row in rows for quotation in re.findall(r"`(.+?)`", row[0])]
    assert len(rows) >= (30 if doc in TROUBLES else 5)
    assert not [quotation for quotation in quoted if quotation not in sentences() and quotation not in chinese()]


@pytest.mark.parametrize(("doc", "language", "none"), SETTINGS, ids=["en", "zh"])
def test_the_guide_to_the_settings_names_each_with_its_default(doc: Path, language: str, none: str) -> None:
    rows = {row[0].strip("`"): row for line in text_of(doc).splitlines()
            if line.startswith("| `") and len(row := cells(line)) == 5 and "GRSAI_" in row[1]}  # fmt: skip
    assert list(rows) == [option.name for option in OPTIONS]
    options = batch_options()
    for option in OPTIONS:
        _, variable, argument, default, about = rows[option.name]
        assert about.startswith(say(option.metadata["about"], language))
        spelled = f"--{option.name.replace('_', '-')}"
        assert variable == f"`GRSAI_{option.name.upper()}`"
        assert argument == (f"`{spelled}`" if spelled in options else none)
        if isinstance(option.default, (int, float)) and not isinstance(option.default, bool):
            assert float(default.strip("`")) == option.default


def fields(doc: Path) -> set[str]:
    """Those of `report.json` that a page names, as `jobs[].file`."""
    return {name for row in table(doc, "report") for name in re.findall(r"`([^`]+)`", row[0])}


@pytest.mark.parametrize("doc", GUIDES, ids=lambda doc: doc.name)
def test_every_field_of_the_report_is_named(doc: Path, project: Path, emulator: Emulator) -> None:
    sheet = [sys.executable, "-m", "grsai", "--jobs", "jobs.csv", "--fit", "40x40", "--output", "rows", "--json"]
    masks = [sys.executable, "-m", "grsai", "--images", "photos", "--masks", "masks", "--output", "masked", "--json"]
    done = [run(command, project, emulator) for command in (sheet, [*masks, "--prompts", "prompts.txt"])]
    assert all(each.returncode == 0 for each in done), [each.stderr for each in done]
    told = [json.loads(each.stdout) for each in done]
    written = {name for each in told for name in each} - {"jobs"}
    written |= {"jobs[]", *(f"jobs[].{name}" for each in told for job in each["jobs"] for name in job if name != "notes")}
    assert not written - fields(doc)
    elsewhere = {"compare", *(f"jobs[].{name}" for name in ("notes[]", "worker", "verdict", "stars", "note", "replaces[]"))}
    assert fields(doc) - written == elsewhere


def leaves(value: Any, place: str = "") -> set[str]:
    """The fields of an object of JSON, as `files[].cut`."""
    if isinstance(value, dict):
        return set().union(*(leaves(each, f"{place}.{name}".strip(".")) for name, each in value.items()))
    if isinstance(value, list):
        return {f"{place}[]"}.union(*(leaves(each, f"{place}[]") for each in value if isinstance(each, dict)))
    return {place}


@pytest.mark.parametrize("doc", GUIDES, ids=lambda doc: doc.name)
def test_every_field_that_a_command_prints_is_named(doc: Path, project: Path, emulator: Emulator) -> None:
    named: dict[str, set[str]] = {}
    for row in table(doc, "json"):
        named.setdefault(row[0].strip("`"), set()).update(re.findall(r"`([^`]+)`", row[1]))

    def told(*words: str) -> set[str]:
        done = run([sys.executable, "-m", "grsai", *words, "--json"], project, emulator)
        assert done.returncode in (0, 1) and done.stdout, done.stderr
        return leaves(json.loads(done.stdout))

    batch = ("--images", "photos", "--prompts", "prompts.txt", "--output", "made")
    estimated = named.pop("--estimate")
    assert told("--estimate", *batch) == estimated - {"rows[]", "unpriced"}
    of_rows = {f"rows[].{name}" for name in (*estimated - {"rows[]", "unpriced"}, "row")}
    assert told("--estimate", "--jobs", "jobs.csv") == estimated - {"unpriced"} | of_rows
    told(*batch)
    with Ledger(project / "home/ledger.sqlite3", service=service_of(emulator.url)) as ledger:
        judge(ledger, {name_of(each.task_id, 1): Verdict("reject") for each in ledger.entries() if each.task_id})
        ledger.database.write("DELETE FROM uploads", ())
    (project / "photos" / PHOTOS[0]).unlink()
    again = named.pop("redo --estimate")
    assert told("redo", "--estimate", "--output", "made") == estimated - {"rows[]", "unpriced"} | again
    settings = {name.partition(".")[2].removesuffix("[]") for name in told("config")}
    assert settings == {name.partition(".")[2] for name in named.pop("config")}
    words = {"finish": "--fit 40x40 --output made", "picks": "--to kept --output made", "collect": "14-a-task", "status": ""}
    words |= {"collect --forget": "14-a-task", "ledger copy": "home/ledger.sqlite3 copy.sqlite3"}
    for command, fields in named.items():
        assert told(*command.split(), *words.get(command, "").split()) == fields, command


@pytest.mark.parametrize(("doc", "twin"), TWINS, ids=[doc.name for doc, _ in TWINS])
def test_a_page_and_its_twin_link_to_each_other(doc: Path, twin: Path) -> None:
    assert twin.name in links(doc) and doc.name in links(twin)


@pytest.mark.parametrize("name", SAME_SECTIONS)
def test_a_page_and_its_twin_have_the_same_sections_and_rows(name: str) -> None:
    (twins,) = [(doc, twin) for doc, twin in TWINS if doc.stem == name]
    (english, chinese) = [re.findall(r"^(#+) |^\| (.*)", FENCE.sub("", text_of(doc)), re.MULTILINE) for doc in twins]
    assert [(level, codes_of(row)) for level, row in english] == [(level, codes_of(row)) for level, row in chinese]


def codes_of(row: str) -> list[str]:
    """The options and names in the first cell of a row, which are the same in each language."""
    first = cells(f"| {row}")[0]
    return re.findall(r"`(--[\w-]+|[a-z_]+(?:[.\[\]]+[a-z_]*)*(?=`))", first)


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_a_readme_is_one_page(doc: Path) -> None:
    unfolded = re.sub(r"<details>.*?</details>", "", text_of(doc), flags=re.DOTALL)
    assert len(unfolded.splitlines()) <= README_LINES


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_the_nodes_that_are_named_are_those_that_there_are(doc: Path) -> None:
    there = {node for file in ROOT.glob("nodes/*.py") for node in re.findall(r'node_id="(\w+)"', text_of(file))}
    assert {row[0].strip("`") for row in table(doc, "nodes")} == there


@pytest.mark.parametrize("doc", READMES, ids=lambda doc: doc.name)
def test_every_input_and_output_of_a_node_that_is_named_exists(doc: Path) -> None:
    files = {text_of(file) for file in ROOT.glob("nodes/*.py")}
    shared = text_of(ROOT / "nodes/inputs.py")
    for row in table(doc, "nodes"):
        (code,) = [file for file in files if f'node_id="{row[0].strip("`")}"' in file]
        assert not [name for name in re.findall(r"`(\w+)`", row[1] + row[2]) if f'"{name}"' not in code + shared]


def test_both_readmes_say_the_same_in_the_same_order() -> None:
    """But for the command that comes first: in Chinese that of Windows."""
    english, chinese = (text_of(doc) for doc in READMES)
    assert sorted(FENCE.findall(english)[:2]) == sorted(FENCE.findall(chinese)[:2])
    assert FENCE.findall(english)[2:] == FENCE.findall(chinese)[2:]
    assert [line.count("#") for line in re.findall(r"^#+", english, re.MULTILINE)] == [
        line.count("#") for line in re.findall(r"^#+", chinese, re.MULTILINE)
    ]
    assert english.count("\n| ") == chinese.count("\n| ")
