"""Starts that are nearly right: what was meant is taken where it is plain, and else told in words that help."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grsai.emulator import Fault
from grsai.errors import WrongSetting
from grsai.settings import load, path_of
from tests.cli.shell import KEY, ROOT, Shell
from tests.cli.test_first_hour import NO_KEY

OTHER = "sk-" + "f" * 32
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="of other systems than Windows")


def refused(shell: Shell, *arguments: str, **environment: str) -> str:
    """What is said of a start that is refused: one sentence, in both languages, and nothing is sent."""
    done = shell.run(*arguments, **environment)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done.err
    chinese = shell.run(*arguments, "--lang", "zh", **environment)
    assert chinese.status == 2 and any("\u4e00" <= letter <= "\u9fff" for letter in chinese.err), chinese.err
    assert shell.emulator.count("submit") == shell.emulator.count("upload") == 0
    assert KEY not in done.err + chinese.err
    return done.err.strip()


# The file with the key


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_key_file_of_every_windows_editor_is_read(shell: Shell, encoding: str) -> None:
    shell.write(".env", f"# 我的密钥\r\nGRSAI_API_KEY={KEY}\r\n", encoding=encoding)
    assert shell.run("balance", **NO_KEY).status == 0


def test_a_key_file_in_gbk_is_told_to_be_saved_anew(shell: Shell) -> None:
    shell.write(".env", f"# 我的密钥\nGRSAI_API_KEY={KEY}\n", encoding="gbk")
    said = refused(shell, "balance", **NO_KEY)
    assert str(shell.folder / ".env") in said and "GBK" in said and "Save it as UTF-8" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"\nAPI_KEY={KEY}\n", "Line 2 seems to be meant so: write GRSAI_API_KEY= there"),
        (f"{KEY}\n", "Line 1 seems to be meant so"),
        (f"key: {KEY}\n", "Line 1 seems to be meant so"),
        (f"\n\nGRSAI_API_KEY：{KEY}\n", "line 3 cannot be read: write GRSAI_API_KEY=, with a plain equals sign"),
        (f"GRSAI_API_KEY: {KEY}\n", "line 1 cannot be read"),
        (f"GRSAI_API_KEY＝{KEY}\n", "line 1 cannot be read"),
        (f'GRSAI_API_KEY="{KEY}\n', "line 1 cannot be read"),
        (f"set GRSAI_API_KEY={KEY}\n", "line 1 cannot be read"),
        ("GRSAI_API_KEY=\n", "nothing stands behind GRSAI_API_KEY= in line 1"),
        (f"#GRSAI_API_KEY={KEY}\n", "is a note. Take away the #"),
        ("GRSAI_API_KEY=sk-12 34\n", "That is not an API key"),
    ],
)
def test_a_line_that_is_no_key_is_told_with_its_number_and_what_to_write(shell: Shell, text: str, said: str) -> None:
    shell.write(".env", text)
    told = refused(shell, "balance", **NO_KEY)
    assert said in told and str(shell.folder / ".env") in told
    assert "dotenv" not in told.replace(str(shell.folder), "")


def test_a_faulty_line_of_another_program_is_none_of_our_business(shell: Shell) -> None:
    shell.write(".env", f"FOO: bar\nGRSAI_API_KEY={KEY}\n")
    done = shell.run("balance", **NO_KEY)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("name", [".env.txt", "env.txt", "env"])
def test_a_key_file_of_another_name_is_told_to_be_renamed(shell: Shell, name: str) -> None:
    (shell.folder / ".env").unlink()
    shell.write(name, f"GRSAI_API_KEY={KEY}")
    said = refused(shell, "balance", **NO_KEY)
    assert f"{shell.folder / name} is not read" in said and ".env" in said


def test_a_setting_of_the_key_file_with_a_slip_is_told_and_not_passed_over(shell: Shell) -> None:
    shell.write(".env", "GRSAI_BUGDET=5\n")
    assert refused(shell).endswith("line 1: there is no setting GRSAI_BUGDET; did you mean GRSAI_BUDGET?")


def test_a_variable_of_nearly_the_right_name_is_told(shell: Shell) -> None:
    assert "has GRSAI_APIKEY; the key must be called GRSAI_API_KEY" in refused(shell, "balance", GRSAI_APIKEY=KEY, **NO_KEY)


def test_of_a_refused_key_it_is_told_where_it_comes_from(shell: Shell) -> None:
    shell.emulator.key = KEY
    shell.write(".env", f"GRSAI_API_KEY={KEY}\n")
    done = shell.run("balance", GRSAI_API_KEY=OTHER)
    assert done.status == 1 and "comes from the environment (GRSAI_API_KEY), which goes before .env" in done.err
    shell.write(".env", f"GRSAI_API_KEY={OTHER}\n")
    assert f"It stands in {shell.folder / '.env'}." in shell.run(**NO_KEY).err


# grsai.toml


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("base_url = overseas", 'line 2: text needs straight double quotes, as in base_url = "overseas"'),
        ("base_url = “overseas”", 'line 2: the quotes must be straight ones, as in base_url = "overseas"'),
        (r'ledger = "C:\Users\me\l.sqlite3"', "line 2: \\ means something else in double quotes. Write / instead"),
        (r'ledger = "D:\data\l.sqlite3"', "line 2: \\ means something else in double quotes"),
        ("concurrency：8", "line 2: between name and value stands a plain =, as in concurrency = 8"),
        ("concurrency: 8", "stands a plain =, as in concurrency = 8"),
        ("concurrency 8", "stands a plain =, as in concurrency = 8"),
        ("proxy = False", "line 2: write true or false, in small letters."),
        ("budget = 1,000", "line 2: a number is written with a point and without commas"),
        ("budget =", "line 2: nothing stands behind the =."),
        ('model = "nano-banana-2', 'line 2: the second quote is missing, as in model = "nano-banana-2"'),
        (f"api_key = {KEY}", 'as in api_key = "sk-…"'),
        ("concurency = 8", "a setting that is not known: concurency. Did you mean concurrency?"),
    ],
)
def test_a_line_that_toml_does_not_take_is_told_with_what_to_write(shell: Shell, line: str, said: str) -> None:
    path = shell.write("grsai.toml", f"# mine\n{line}\n")
    told = refused(shell, "config")
    assert said in told and str(path) in told


def test_a_settings_file_in_gbk_is_told_to_be_saved_anew(shell: Shell) -> None:
    shell.write("grsai.toml", '# 中文注释\nmodel = "nano-banana-2"\n', encoding="gbk")
    assert "Save it as UTF-8" in refused(shell, "config")


def test_a_settings_file_with_one_ending_too_many_is_not_passed_over(shell: Shell) -> None:
    os.rename(shell.folder / "grsai.toml", shell.folder / "grsai.toml.txt")
    assert "grsai.toml.txt is not read: rename it to grsai.toml" in refused(shell)


# Values


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("concurrency", "many", "a whole number from 1 to 200"),
        ("seed", "1.5", "a whole number from 0 to 2147483647"),
        ("retries", "11", "a whole number from 0 to 10"),
        ("limit", "0", "a whole number from 1 to 200"),
        *((name, "ten", "a number of yuan, such as 5 or 0.5") for name in ("budget", "budget_day", "budget_month", "ask_above")),
        ("credits_per_yuan", "0", "a number of credits, at least 1"),
        ("read_seconds", "0", "a number above 0, at most 86,400"),
        ("max_result_mb", "-1", "a number above 0, at most 86,400"),
        ("proxy", "maybe", "true or false"),
        ("pairing", "both", "product or zip"),
        ("api", "new", "unified or legacy"),
    ],
)
def test_of_a_value_that_is_none_it_is_told_what_is_allowed_and_where_it_stands(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    (tmp_path / "grsai.toml").write_text(f'{name} = "{value}"\n')
    variable = f"GRSAI_{name.upper()}"
    for given, where in (
        ({"arguments": {name: value}, "environment": {}}, "--" + name.replace("_", "-")),
        ({"environment": {variable: value}}, variable),
        ({"environment": {}, "folders": (tmp_path,)}, f"{name} ({tmp_path / 'grsai.toml'})"),
    ):
        with pytest.raises(WrongSetting) as told:
            load(**given)
        assert str(told.value) == f"{where} must be {allowed}, not {value}."
        assert value in told.value.say("zh") and allowed not in told.value.say("zh")


def test_a_sum_may_have_its_sign() -> None:
    assert [load({"budget": text}, environment={}).budget for text in ("¥5", "5元", "0.5", "5")] == [5, 5, 0.5, 5]


@pytest.mark.parametrize("value", ["x", "submit:no_such_kind:1"])
def test_the_faults_of_the_emulator_are_listed(shell: Shell, value: str) -> None:
    said = refused(shell, "emulator", "--fault", value)
    assert "submit: http_500, " in said and ("poll: http_500" in said) == (value == "x")


# Options


@pytest.mark.parametrize(
    "typed",
    [
        ("——images", "photos"), ("—images", "photos"), ("－－images", "photos"), ("-images", "photos"), ("--Images", "photos"),
        ("--images＝photos",), ("--images：photos",), ("--images", "“photos”"), ("--images", "'photos'"), ("--images", 'photos"'),
        ("--images=photos", "--image_size", "2k"),
    ],
)  # fmt: skip
def test_what_an_input_method_or_a_shell_makes_of_an_option_is_taken(shell: Shell, typed: tuple[str, ...]) -> None:
    shell.photo("coffee.jpg", "photos")
    done = shell.run(*typed, "--model", "nano-banana-2", "--estimate", "--json")
    assert (done.status, done.object["total"]) == (0, 2), done.err


def test_a_prompt_may_begin_with_a_dash(shell: Shell) -> None:
    assert shell.run("--prompt", "— a dash", "--estimate", "--json").object["total"] == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--images", "my", "photos"), 'What has spaces in it needs quotes: --images "my photos"'),
        (("--prompt", "make", "it", "blue", "--estimate"), 'needs quotes: --prompt "make it blue"'),
        (("make it blue",), 'did you mean --prompt "make it blue"?'),
        (("my photos",), 'did you mean --images "my photos"?'),
        (("input/text/text.txt",), "did you mean --prompts input/text/text.txt?"),
        (("jobs.csv",), "did you mean --jobs jobs.csv?"),
        (("--images",), "Option --images needs a value: --images DIR"),
        (("--image", "photos"), "did you mean --images?"),
        (("--ask-above", "3"), "but a setting: write ask_above = … into grsai.toml, or set GRSAI_ASK_ABOVE."),
        (("balance", "--images", "photos"), "--images does not go with balance. See python -m grsai balance --help."),
        (("--api-key", KEY), "A key is no option"),
        ((KEY,), "A key is no option"),
        (("--images", "input/image/coffee.jpg"), "input/image/coffee.jpg is a file, and --images takes a folder."),
        (("--sample", "x"), "--sample must be a whole number from 1"),
    ],
)
def test_what_is_not_understood_is_told_with_what_is_meant(shell: Shell, typed: tuple[str, ...], said: str) -> None:
    (shell.folder / "my photos").mkdir()
    shell.write("jobs.csv", "prompt\nred\n")
    assert said in refused(shell, *typed)


@pytest.mark.parametrize(
    ("typed", "needed"),
    [
        *(
            (f"--mask-{name}={value}", "--masks")
            for name, value in (("margin", 8), ("feather", 8), ("align", "on"), ("match", "on"))
        ),
        ("--fit-how=pad", "--fit"),
        ("--port=8000", "--watch"),
        ("--no-browser", "--watch"),
        ("--cluster-insecure", "--cluster"),
    ],
)
def test_an_option_that_says_nothing_by_itself_is_not_passed_over(shell: Shell, typed: str, needed: str) -> None:
    assert f"{typed.partition('=')[0]} says nothing without {needed}" in refused(shell, typed)


def test_options_of_masks_say_nothing_of_a_sheet_without_masks(shell: Shell) -> None:
    shell.write("jobs.csv", "image,prompt\ninput/image/coffee.jpg,red\n")
    assert "--mask-feather says nothing without --masks" in refused(shell, "--jobs", "jobs.csv", "--mask-feather", "8")


@pytest.mark.parametrize("asked", ["-h", "-?", "/?"])
def test_help_is_had_by_other_words(shell: Shell, asked: str) -> None:
    assert shell.run(asked).out.startswith("Usage: ")


def test_the_help_tells_of_the_key_and_the_exit_status_and_begins_with_the_demo(shell: Shell) -> None:
    told = shell.run("--help").out
    for part in ("GRSAI_API_KEY=sk-…", "https://grsai.com", "Exit status: 0: all made.", "Example: python -m grsai --demo\n"):
        assert part in " ".join(told.split(" ")) or part in told
    assert "\n\nCredits that are left\n" in shell.run("balance", "--help").out


# Files and folders


def test_of_missing_prompts_it_is_told_where_they_were_looked_for_and_where_one_is(shell: Shell) -> None:
    shell.folder = shell.folder / "elsewhere"
    shell.folder.mkdir()
    said = refused(shell)
    path = shell.folder / "input" / "text" / "text.txt"
    assert said.startswith(f"There is no file {path}. You are in {shell.folder}: ") and "grsai init" in said


def test_prompts_with_one_ending_too_many_are_named(shell: Shell) -> None:
    os.rename(shell.folder / "input/text/text.txt", shell.folder / "input/text/text.txt.txt")
    assert "text.txt, but text.txt.txt: Windows hides such endings" in refused(shell)


def test_a_missing_folder_is_told_with_its_whole_path(shell: Shell) -> None:
    assert f"nowhere ({shell.folder / 'nowhere'})" in refused(shell, "--images", "nowhere")


@POSIX
def test_quotes_that_stay_around_a_path_are_left_off(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkdir(tmp_path / '"b"')
    assert path_of(f'{tmp_path}/a"') == path_of(f"“{tmp_path}/a”") == path_of(f"'{tmp_path}/a'") == tmp_path / "a"
    assert path_of(f'{tmp_path}/"b"') == tmp_path / '"b"', "a name with quotes of its own"


# What came of it


def test_a_reason_that_all_have_in_common_is_said_once_as_they_come_and_once_at_the_end(shell: Shell) -> None:
    shell.emulator.add(Fault("submit", "refused"))
    done = shell.run()
    assert (done.status, shell.emulator.count("submit")) == (1, 4)
    assert (done.out.count("refuses the request"), done.err.count("refuses the request")) == (1, 1), done.out + done.err
    assert (done.out.count("as above"), done.err.count("as above")) == (3, 3)


def test_the_demo_tells_what_it_would_have_cost(shell: Shell) -> None:
    done = shell.run("--demo", "--prompt", "red", "--sample", "1")
    assert "Would have cost: 440 credits (¥0.044)" in done.out and "Paid" not in done.out


def test_a_number_in_a_name_is_explained(shell: Shell) -> None:
    shell.write("batch_outputs/Task_1_coffee_1.png", "mine")
    done = shell.run()
    assert "(2) stands in 1 of the names, as in Task_1_coffee_1 (2).png: another file has that name" in done.out
    assert (shell.folder / "batch_outputs/Task_1_coffee_1.png").read_text() == "mine"
    assert "(2)" not in shell.run("--output", "other").out


def test_collecting_what_still_runs_names_it_once_and_says_to_collect_again(shell: Shell) -> None:
    shell.emulator.add(Fault("poll", "stall"))
    shell.write("input/text/text.txt", "red\n")
    stopped = shell.run(GRSAI_DEADLINE_SECONDS="1")
    assert stopped.status == 1
    done = shell.run("collect")
    first = done.err.splitlines()[0]
    assert done.status == 1 and first.endswith("Collect it again in a minute; nothing is paid."), done.err
    assert first.count(first.split()[1]) == 1


# Other Pythons


@pytest.mark.parametrize("program", [("-m", "grsai"), ("run_batch.py",)])
@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_an_older_python_is_told_which_one_is_needed(version: str, program: tuple[str, ...]) -> None:
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"there is no Python {version}")
    done = subprocess.run([found[0], "-B", *program, "--demo"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith(f"Python 3.10 or newer is needed; this is {version}."), done.stderr


@pytest.mark.parametrize("name", ["__init__", "__main__"])
def test_the_oldest_python_can_read_what_tells_it_so(name: str) -> None:
    text = (ROOT / "grsai" / f"{name}.py").read_text("ascii")
    nodes = list(ast.walk(ast.parse(text, feature_version=(3, 4))))
    assert not [node for node in nodes if isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr))]
    assert not [node for node in nodes if isinstance(node, ast.Raise) and node.cause]
    assert not [node for node in nodes if getattr(node, "annotation", None) or getattr(node, "returns", None)]
    assert "from __future__" not in text and "import typing" not in text
