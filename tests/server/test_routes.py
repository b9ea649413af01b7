"""What the panel asks, on a real ComfyUI whose key and host are set by the panel itself."""

from __future__ import annotations

import http.client
import io
import json
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image

from grsai import components
from grsai.emulator import Emulator, Fault
from grsai.ledger import Ledger, service_of
from grsai.review import verdicts_of
from tests import graphs

KEY = "sk-" + "0123456789abcdef" * 2
OTHER_KEY = "sk-" + "fedcba9876543210" * 2
POSTS = (
    "key",
    "key/test",
    "settings",
    "models/refresh",
    "estimate",
    "input",
    "open",
    "verdict",
    "verdicts",
    "redo/estimate",
    "redo",
    "stop",
    "collect",
)
GETS = ("key", "settings", "balance", "catalogue", "spend", "folders", "history", "runs", "running", "tiles", "waiting")


@pytest.fixture(scope="module")
def desk(new_comfy: Callable[..., Any]) -> Iterator[Any]:
    comfy = new_comfy()
    comfy.private.mkdir(parents=True, exist_ok=True)
    (comfy.private / "grsai.toml").write_text('[models."nano-banana-fast"]\nseconds = 0.1\n', "utf-8")
    yield comfy
    comfy.stop()


@pytest.fixture
def service(desk: Any) -> Iterator[Emulator]:
    """An emulator as the panel's own host, with its key."""
    with Emulator(seconds=0.2) as service:
        desk.post("/grsai/settings", {"host": "own", "own_url": service.url})
        desk.post("/grsai/key", {"key": KEY})
        yield service
        assert not service.leaks
    desk.post("/grsai/key", {"key": ""})
    desk.post("/grsai/settings", {"host": "china", "own_url": "", "limit": 0, "proxy": True, "currency": "cny"})


def test_the_components_are_where_the_web_extension_looks_for_them(desk: Any) -> None:
    for name in (*components.MODULES, *components.STYLES):
        status, text, headers = ask(desk, "GET", f"components/{name}")
        assert status == 200 and text.decode() == (components.FOLDER / name).read_text("utf-8")
        assert headers["Content-Type"].split(";")[0] in components.TYPES.values()
    assert [ask(desk, "GET", f"components/{name}")[0] for name in ("__init__.py", "..%2fzh.json", "none.js")] == [404, 404, 404]


def ask(desk: Any, method: str, route: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON (or bytes) and headers of a raw request; header names with `_` for `-`."""
    connection = http.client.HTTPConnection(urlsplit(desk.url).netloc, timeout=20)
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    connection.request(method, f"/grsai/{route}", data, {name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    content, kind = reply.read(), reply.headers.get_content_type()
    connection.close()
    return reply.status, json.loads(content) if kind == "application/json" else content, dict(reply.headers)


def post(desk: Any, route: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    return ask(desk, "POST", route, {} if body is None else body, **{"Content_Type": "application/json", **headers})[:2]


def batch(prompts: str) -> dict[str, Any]:
    return {"1": graphs.batch(prompts)}


@pytest.mark.parametrize("route", POSTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_foreign_page_could_post_is_refused(desk: Any, route: str, kind: str):
    status, said, _ = ask(desk, "POST", route, b'{"host": "offline"}', Content_Type=kind)
    assert status == 415
    assert set(said["error"]) == {"en", "zh"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_other_pages_are_refused(desk: Any, headers: dict[str, str]):
    assert {post(desk, route, **headers)[0] for route in POSTS} == {403}
    assert {ask(desk, "GET", route, **headers)[0] for route in GETS} == {403}


def test_the_own_page_is_not_refused(desk: Any):
    for headers in ({"Origin": desk.url, "Sec_Fetch_Site": "same-origin"}, {"Origin": desk.url}):
        assert ask(desk, "GET", "settings", **headers)[0] == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 200_000])
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=nonsense"])
def test_a_post_must_hold_an_object(desk: Any, body: bytes, kind: str):
    assert ask(desk, "POST", "settings", body, Content_Type=kind)[0] == 400


def test_the_key_can_be_written_and_never_read(desk: Any, service: Emulator):
    assert desk.get("/grsai/key") == {
        "set": True,
        "last4": KEY[-4:],
        "source": "file",
        "writable": True,
        "other_host": False,
    }
    path = desk.private / "key.json"
    assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600
    replies = [desk.get(f"/grsai/{route}") for route in GETS] + [post(desk, "key", {"key": KEY}), post(desk, "settings")]
    assert KEY not in json.dumps(replies)
    assert KEY not in desk.log
    files = [each for each in desk.base.rglob("*") if each.is_file() and "custom_nodes" not in each.parts]
    assert [each.name for each in files if KEY.encode() in each.read_bytes()] == ["key.json"]


@pytest.mark.parametrize("path", ["__grsai/key.json", "..%2F__grsai%2Fkey.json", "%2e%2e/__grsai/key.json"])
def test_comfyuis_own_routes_do_not_give_the_key_away(desk: Any, service: Emulator, path: str):
    connection = http.client.HTTPConnection(urlsplit(desk.url).netloc, timeout=20)
    for route in (f"/userdata/{path}", f"/view?filename={path}", f"/api/userdata/{path}"):
        connection.request("GET", route)
        reply = connection.getresponse()
        assert KEY.encode() not in reply.read()
        assert reply.status >= 400
    connection.close()


@pytest.mark.parametrize("key", ["short", "has space in it", "ключ-ключ-ключ", 7, None, ["sk-"]])
def test_what_is_no_key_is_not_stored(desk: Any, service: Emulator, key: Any):
    status, said = post(desk, "key", {"key": key})
    assert status == 400 and said["error"]["en"]
    assert desk.get("/grsai/key")["last4"] == KEY[-4:]


def test_the_test_button_asks_the_balance(desk: Any, service: Emulator):
    service.credits = 12_345
    assert post(desk, "key/test") == (200, {"ok": True, "credits": 12_345, "yuan": 1.2345, "of": "account", "offline": False})
    service.add(Fault("credits", "key_refused"))
    status, said = post(desk, "key/test")
    assert status == 200 and not said["ok"] and "key" in said["error"]["en"]


def test_a_key_can_be_tested_before_it_is_stored(desk: Any):
    with Emulator(key=OTHER_KEY, credits=5_000) as other:
        post(desk, "settings", {"host": "own", "own_url": other.url})
        assert post(desk, "key/test", {"key": OTHER_KEY})[1]["credits"] == 5_000
        assert not post(desk, "key/test", {"key": KEY})[1]["ok"]
        assert not desk.get("/grsai/key")["set"]
    assert post(desk, "key/test", {"key": 5})[0] == 400
    assert not post(desk, "key/test", {"key": "no key"})[1]["ok"]


def test_choosing_another_host_never_takes_the_key_along(desk: Any, service: Emulator):
    with Emulator() as stranger:
        post(desk, "settings", {"host": "own", "own_url": stranger.url})
        assert desk.get("/grsai/key") == {
            "set": False,
            "last4": None,
            "source": None,
            "writable": True,
            "other_host": True,
        }
        assert not desk.get("/grsai/balance")["ok"]
        entry = desk.run(batch("to a stranger"))
        assert "another host" in dict(entry["status"]["messages"])["execution_error"]["exception_message"]
        assert not stranger.received
        post(desk, "key", {"key": OTHER_KEY})
        assert desk.get("/grsai/balance")["ok"]
        assert KEY not in str([(seen.headers, seen.body, seen.path) for seen in stranger.received])


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "moon"},
        {"host": "own", "own_url": ""},
        {"host": "own", "own_url": "http://relay.example"},
        {"own_url": "file:///etc/passwd"},
        {"limit": 1000},
        {"limit": "many"},
        {"proxy": "yes"},
        {"currency": "gold"},
        {"key": KEY},
        {"base_url": "https://relay.example"},
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(desk: Any, service: Emulator, wrong: dict[str, Any]):
    before = desk.get("/grsai/settings")
    status, said = post(desk, "settings", {"currency": "usd", **wrong})
    assert status == 400 and said["error"]["zh"]
    assert desk.get("/grsai/settings") == before


def test_settings_are_kept_and_obeyed(desk: Any, service: Emulator):
    service.seconds = 0.4
    said = post(desk, "settings", {"limit": 2, "currency": "credits", "proxy": False})[1]
    assert (said["limit"], said["currency"], said["proxy"], said["host"]) == (2, "credits", False, "own")
    assert said["service"] == service.url
    assert desk.get("/grsai/catalogue")["currency"] == "credits"
    desk.run(batch("\n".join(f"limited {number}" for number in range(6))))
    assert service.peak_open == 2


def test_the_panel_is_told_what_may_be_chosen(desk: Any):
    said = desk.get("/grsai/settings")
    choices = {"host": ["china", "overseas", "offline", "own"], "currency": ["cny", "usd", "credits"]}
    assert said["choices"] == {**choices, "api": ["unified", "legacy"]}
    variables = {"host": "GRSAI_BASE_URL", "limit": "GRSAI_LIMIT", "proxy": "GRSAI_PROXY", "api": "GRSAI_API"}
    variables["ledger"] = "GRSAI_LEDGER"
    money = {name: f"GRSAI_{name.upper()}" for name in ("credits_per_yuan", "budget_day", "budget_month", "ask_above")}
    assert said["variables"] == {**variables, **money}
    assert (said["api"], said["ask_above"], said["budget_day"], said["credits_per_yuan"]) == ("unified", 5.0, 0.0, 10_000)
    assert said["most_at_once"] == 200
    assert desk.get("/grsai/catalogue")["most_seed"] == 2**31 - 1


def test_the_catalogue_has_every_model_with_its_price(desk: Any):
    said = desk.get("/grsai/catalogue")
    prices = {model["id"]: model["credits"] for model in said["models"]}
    assert (len(prices), prices["nano-banana-fast"], said["default"]) == (18, 440, "nano-banana-fast")
    assert set(said["units"]) == {"cny", "usd", "credits"}


def test_what_is_found_is_counted_and_other_services_are_named(desk: Any, service: Emulator):
    desk.run(batch("found one\nfound two\nlost"))
    assert desk.get("/grsai/history?text=found")["counts"] == {"done": 2}
    here = service.url.removeprefix("http://")
    with Emulator() as other:
        post(desk, "settings", {"host": "own", "own_url": other.url})
        page = desk.get("/grsai/history")
        assert (page["entries"], page["counts"], page["elsewhere"][here]) == ([], {}, 3)
        there = desk.get(f"/grsai/history?service={here}")
        assert [len(there["entries"]), there["counts"]] == [3, {"done": 3}]


def test_a_failure_says_why_in_few_words(desk: Any, service: Emulator):
    desk.run(batch("well\n[error] not well"))
    failed = desk.get("/grsai/history?state=failed")["entries"][0]
    assert failed["why"] in failed["error"] and failed["task_id"] in failed["error"]
    assert failed["task_id"] not in failed["why"]


def test_the_services_own_list_of_models_is_asked_for_by_a_button(desk: Any):
    with Emulator(prices={"nano-banana-2": 1300}) as other:
        post(desk, "settings", {"host": "own", "own_url": other.url})
        status, said = post(desk, "models/refresh")
        assert status == 200 and said["as_of"]
        assert {model["id"]: model["credits"] for model in said["models"]}["nano-banana-2"] == 1300
        assert desk.get("/grsai/catalogue") == said
        assert "nano-banana-2" in str(desk.get("/object_info/BatchBanana"))
    assert post(desk, "models/refresh")[0] == 502
    post(desk, "settings", {"host": "china", "own_url": ""})


def test_what_was_spent_is_told_with_its_budgets(desk: Any, service: Emulator):
    before = desk.get("/grsai/spend")["today"]["credits"]
    post(desk, "settings", {"budget_day": 5, "budget_month": 50.5})
    desk.run(batch("spent"))
    said = desk.get("/grsai/spend")
    assert said["today"]["credits"] == said["month"]["credits"] == before + 440
    assert (said["budget_day"], said["budget_month"]) == (5, 50.5)
    post(desk, "settings", {"budget_day": None, "budget_month": None})
    assert desk.get("/grsai/spend")["budget_day"] == 0


def test_the_history_pages_and_searches(desk: Any, service: Emulator):
    desk.run(batch("\n".join(f"history {word}" for word in ("one", "two", "three", "four", "five"))))
    desk.run(batch("history [input_moderation]\nhistory six"))
    first = desk.get("/grsai/history?limit=3")
    second = desk.get(f"/grsai/history?limit=3&before={first['next']}")
    rows = [entry["row"] for entry in first["entries"] + second["entries"]]
    assert rows == sorted(rows, reverse=True) and len(set(rows)) == 6
    assert first["counts"] == {"done": 6, "failed": 1}
    assert [entry["prompt"] for entry in desk.get("/grsai/history?text=three")["entries"]] == ["history three"]
    [failed] = desk.get("/grsai/history?state=failed")["entries"]
    assert (failed["reason"], failed["files"]) == ("moderation", [])
    [place] = desk.get("/grsai/history?text=three")["entries"][0]["files"]
    assert place["filename"].startswith("Task_3_text_1")
    assert (place["subfolder"], place["type"]) == ("banana", "output")
    assert (desk.output / place["subfolder"] / place["filename"]).is_file()


@pytest.mark.parametrize("query", ["limit=x", "before=-1", "before=1e9", "limit=" + "9" * 40, "before=1;drop"])
def test_nonsense_in_a_query_is_refused(desk: Any, query: str):
    assert ask(desk, "GET", f"history?{query}")[0] == 400


def test_a_picture_is_taken_into_the_input_folder_under_its_name_and_once(desk: Any, service: Emulator):
    desk.run(batch("as input"))
    [entry] = desk.get("/grsai/history?text=as input".replace(" ", "%20"))["entries"]
    place = post(desk, "input", {"row": entry["row"], "file": 0})
    name = entry["files"][0]["filename"]
    assert place == post(desk, "input", {"row": entry["row"]}) == (200, {"filename": name, "subfolder": "", "type": "input"})
    assert (desk.input / name).read_bytes() == (desk.output / "banana" / name).read_bytes()
    assert post(desk, "input", entry["files"][0]) == place
    assert post(desk, "input", {"row": 999_999})[0] == 404
    assert post(desk, "input", {"row": "../1"})[0] == 400
    assert post(desk, "input", {})[0] == 404


def test_a_thumbnail_is_small_and_asked_for_by_row(desk: Any, service: Emulator):
    desk.run(batch("thumbnail"))
    [entry] = desk.get("/grsai/history?text=thumbnail")["entries"]
    status, data, headers = ask(desk, "GET", f"thumbnail?row={entry['row']}")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert max(Image.open(io.BytesIO(data)).size) == 192
    assert ask(desk, "GET", "thumbnail?row=999999")[0] == 404
    place = urlencode(entry["files"][0])
    assert ask(desk, "GET", f"thumbnail?{place}")[:2] == (200, data)
    for outside in ("filename=../../user/__grsai/key.json", "filename=x.png&subfolder=/etc", "filename=nothing.png&type=input"):
        assert ask(desk, "GET", f"thumbnail?{outside}")[0] == 404
    assert ask(desk, "GET", f"thumbnail?row={entry['row']}&file=7")[0] == 404
    assert ask(desk, "GET", "thumbnail")[0] == 404
    (desk.output / "banana" / entry["files"][0]["filename"]).unlink()
    assert ask(desk, "GET", f"thumbnail?row={entry['row']}")[0] == 404


def test_a_run_has_a_tile_for_each_picture_from_the_start_and_says_what_became_of_it(desk: Any, service: Emulator):
    service.seconds = 1.0
    prompt_id = desk.queue(batch("tile 1\n[input_moderation] tile 2\ntile 3"))
    desk.wait_until(
        lambda: [[tile["state"] for _, tile in run["tiles"]] for run in desk.get("/grsai/tiles")["runs"]] == [["making"] * 3]
    )
    [run] = desk.get("/grsai/tiles")["runs"]
    assert (run["node_id"], run["prompt_id"]) == ("1", prompt_id)
    assert [place for place, _ in run["tiles"]] == [0, 1, 2]
    assert [tile["label"] for _, tile in run["tiles"]] == ["tile 1", "[input_moderation] tile 2", "tile 3"]
    desk.wait_until(lambda: not desk.get("/grsai/tiles")["runs"])
    assert desk.get("/grsai/tiles?workflow=another")["over"] == []
    [entry] = desk.get("/grsai/history?text=tile%203")["entries"]
    assert desk.get(f"/grsai/history?task={entry['task_id']}")["entries"] == [entry]


def test_a_run_is_one_row_with_its_sums_its_graph_its_folder_and_its_zip(desk: Any, service: Emulator):
    graph = {"7": graphs.batch("by run 1\n[error] by run 2\nby run 3", filename_prefix="by/run")}
    prompt_id = desk.queue(graph)
    desk.wait_until(lambda: prompt_id in desk.get(f"/history/{prompt_id}"))
    desk.run(batch("another"))
    [run] = desk.get("/grsai/runs?text=by%20run")["entries"]
    name = run["run"]
    assert name == f"{prompt_id}/7"
    assert (run["pictures"], run["made"], run["due"], run["price"]) == (3, 2, 0, 1320)
    assert run["credits"] == sum(entry["credits"] for entry in desk.get(f"/grsai/history?{urlencode({'run': name})}")["entries"])
    assert [entry["prompt"] for entry in run["entries"]] == ["by run 1", "[error] by run 2", "by run 3"]
    query = urlencode({"run": name})
    pages = [desk.get(f"/grsai/history?{query}&limit=2")]
    while pages[-1]["next"] is not None:
        pages.append(desk.get(f"/grsai/history?{query}&limit=2&before={pages[-1]['next']}"))
    prompts = [entry["prompt"] for page in pages for entry in page["entries"]]
    assert list(dict.fromkeys(prompts)) == ["by run 1", "[error] by run 2", "by run 3"], "in the order of the plan"
    assert desk.get(f"/grsai/graph?{query}") == {"prompt": graph, "node": "7"}
    status, data, headers = ask(desk, "GET", f"zip?{query}")
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        files = {entry["files"][0]["filename"] for entry in run["entries"] if entry["files"]}
        assert set(archive.namelist()) == files and len(files) == 2
        for name in files:
            assert archive.read(name) == (desk.output / "by" / name).read_bytes()
    status, said = post(desk, "open", {"run": run["run"]})
    assert (status, said["folder"]) == (200, str(desk.output / "by"))
    status, said, _ = ask(desk, "POST", "open", {"run": run["run"]}, Content_Type="application/json", X_Forwarded_For="10.0.0.9")
    assert (status, said) == (200, {"folder": "by", "opened": False})
    for route in ("graph?run=none", "zip?run=none", "zip?run=../../etc"):
        assert ask(desk, "GET", route)[0] == 404
    assert post(desk, "open", {"run": "/etc"})[0] == 404


def test_each_filter_counts_what_it_would_leave_beside_the_others(desk: Any, service: Emulator):
    desk.run(batch("counted one\n[error] counted two\ncounted three"))
    desk.run(
        {"1": graphs.batch("counted four", **{"model": "nano-banana-2", "model.aspect_ratio": "auto", "model.image_size": "1K"})}
    )
    said = desk.get("/grsai/history?text=counted")
    tries = said["counts"]["failed"]  # one that fails is tried again
    assert (said["counts"]["done"], said["models"]) == (3, {"nano-banana-2": 1, "nano-banana-fast": 2 + tries})
    assert said["since"] == dict.fromkeys(("", "today", "week", "month"), 3 + tries)
    said = desk.get("/grsai/history?text=counted&model=nano-banana-fast&state=done&since=today")
    assert len(said["entries"]) == 2
    assert (said["counts"], said["models"]) == ({"done": 2, "failed": tries}, {"nano-banana-2": 1, "nano-banana-fast": 2})
    assert said["since"] == {"": 2, "today": 2, "week": 2, "month": 2}
    assert desk.get("/grsai/runs?text=counted&state=failed")["entries"][0]["pictures"] == 3
    assert ask(desk, "GET", "history?since=once")[0] == 400


def test_verdicts_stand_in_the_ledger_and_the_rejected_are_made_again_for_what_was_shown(desk: Any, service: Emulator):
    desk.run({"1": graphs.batch("judged one\njudged two\njudged three")})
    tasks = {each["prompt"]: each["task_id"] for each in desk.get("/grsai/history?text=judged")["entries"]}
    assert post(desk, "verdict", {"task": tasks["judged one"], "number": 1, "verdict": "keep", "stars": 4})[0] == 200
    for prompt in ("judged two", "judged three"):
        said = post(desk, "verdict", {"task": tasks[prompt], "number": 1, "verdict": "reject"})[1]
        assert said == {"name": f"{tasks[prompt]}/1", "verdict": "reject", "stars": 0, "note": ""}
    assert [post(desk, "verdict", {"task": "none", "number": 1})[0], post(desk, "verdict", {"task": tasks["judged one"]})[0]] == [
        404,
        400,
    ]
    page = desk.get("/grsai/history?text=judged")
    assert page["verdicts"] == {"kept": 1, "rejected": 2}
    said = {each["prompt"]: each["verdicts"][0]["verdict"] for each in page["entries"]}
    assert said == {"judged one": "keep", "judged two": "reject", "judged three": "reject"}
    kept = desk.get("/grsai/history?state=kept")
    assert [each["prompt"] for each in kept["entries"]] == ["judged one"] and kept["next"] is None
    assert desk.get("/grsai/history?state=rejected&limit=1")["entries"][0]["prompt"] in ("judged two", "judged three")
    said = post(desk, "verdicts", {"tasks": list(tasks.values())})[1]["verdicts"]
    assert {name: each["stars"] for name, each in said.items()}[f"{tasks['judged one']}/1"] == 4 and len(said) == 3
    with Ledger(desk.private / "ledger.sqlite3", service=service_of(service.url)) as ledger:
        assert verdicts_of(ledger)[f"{tasks['judged one']}/1"].verdict == "keep"

    before = service.count("submit")
    priced = post(desk, "redo/estimate")[1]
    assert (priced["pictures"], priced["credits"], priced["gone"]) == (2, 880, [])
    assert post(desk, "redo", {"credits": 440})[0] == 400 and service.count("submit") == before
    assert post(desk, "redo", {"credits": 880})[1]["pictures"] == 2
    desk.wait_until(lambda: not desk.get("/grsai/running")["runs"])
    assert service.count("submit") == before + 2
    assert post(desk, "redo/estimate")[1]["pictures"] == 0


def test_a_run_is_listed_and_can_be_stopped_and_collected(desk: Any, service: Emulator):
    service.seconds = 1.5
    prompt_id = desk.queue(batch("stop 1\nstop 2"))
    desk.wait_until(lambda: len(service.tasks) == 2)
    [run] = desk.get("/grsai/running")["runs"]
    assert (run["kind"], run["node_id"], run["total"], run["finished"]) == ("BatchBanana", "1", 2, False)
    assert set(run["text"]) == {"en", "zh"}
    assert desk.get("/grsai/waiting")["count"] == 0, "a run that is under way holds them"
    assert post(desk, "stop", {"run": run["id"] + 1}) == (200, {"stopped": 0})
    assert post(desk, "stop", {"run": run["id"]}) == (200, {"stopped": 1})
    desk.wait_until(lambda: prompt_id in desk.get(f"/history/{prompt_id}"))
    messages = dict(desk.get(f"/history/{prompt_id}")[prompt_id]["status"]["messages"])
    assert "execution_interrupted" in messages and "execution_error" not in messages
    assert desk.get("/grsai/running")["runs"] == []
    assert desk.get("/grsai/waiting") == {"count": 2, "hours": 2}
    assert {entry["state"] for entry in desk.get("/grsai/history?limit=2")["entries"]} == {"open"}
    desk.wait_until(lambda: not service.open)
    status, said = post(desk, "collect")
    assert status == 200 and said["open"] == 2
    desk.wait_until(lambda: not desk.get("/grsai/running")["runs"])
    entries = desk.get("/grsai/history?limit=2")["entries"]
    assert [(entry["state"], len(entry["files"])) for entry in entries] == [("done", 1)] * 2
    assert service.count("submit") == 2
    assert post(desk, "collect")[1] == {"run": None, "open": 0}


def test_offline_runs_without_a_key_and_says_so(desk: Any):
    post(desk, "settings", {"host": "offline"})
    try:
        assert desk.get("/grsai/key")["source"] == "offline"
        assert desk.get("/grsai/balance")["offline"] and desk.get("/grsai/catalogue")["offline"]
        graph = batch("offline")
        graph["2"] = {"class_type": "PreviewAny", "inputs": {"source": ["1", 2]}}
        outputs = desk.run(graph)["outputs"]
        assert len(outputs["1"]["images"]) == 1
        report = outputs["2"]["text"][0]
        assert "the price above was not paid" in report and "Paid" not in report
        assert desk.get("/grsai/history?limit=1")["entries"][0]["offline"]
    finally:
        post(desk, "settings", {"host": "china"})
    assert not [entry for entry in desk.get("/grsai/history?limit=200")["entries"] if entry["offline"]]


def test_the_environment_locks_what_it_decides(new_comfy: Callable[..., Any]):
    comfy = new_comfy(GRSAI_API_KEY=KEY, GRSAI_BASE_URL="https://relay.example", GRSAI_LIMIT="3", GRSAI_PROXY="off")
    try:
        said = post(comfy, "settings", {"host": "offline", "limit": 9, "proxy": True})[1]
        assert said["locked"] == ["host", "limit", "proxy"]
        assert (said["host"], said["own_url"], said["limit"], said["proxy"]) == ("own", "https://relay.example", 3, False)
        assert comfy.get("/grsai/key")["writable"] is False
        assert post(comfy, "key", {"key": OTHER_KEY})[0] == 400
    finally:
        comfy.stop()
