"""What the service says of its models: kept for each address by itself, laid over our table, heeded before anything is paid."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grsai import engine
from grsai.catalogue import current, keep, known
from grsai.client import GrsaiClient
from grsai.errors import OverBudget, WrongJob, WrongSetting
from grsai.jobs import plan
from grsai.models import Catalogue, ListedModel
from grsai.settings import load

HERE, THERE = "https://grsaiapi.com", "https://grsai.dakka.com.cn"
LIST = (
    ListedModel("nano-banana-fast", 500),
    ListedModel("nano-banana-2", 1300, closed=True),
    ListedModel("nano-banana-pro", 1800, maintenance=True, refunds_failed=True, refunds_refused=False),
    ListedModel("nano-banana-2.1", 1111),
    ListedModel("nano-banana-3-4k", 7000),
    ListedModel("gpt-image-4", None),
    ListedModel("veo-9", 4000, kind="video"),
    ListedModel("flux-of-others", 100),
)


def test_what_the_service_says_lies_over_our_table(tmp_path: Path) -> None:
    keep(tmp_path, HERE, LIST, clock=lambda: 1_700_000_000.0)
    models = current(Catalogue(), tmp_path, HERE)
    assert models.as_of == 1_700_000_000.0
    assert (models["nano-banana-fast"].credits, models["nano-banana-2.1"].credits) == (500, 1111)
    assert (models["nano-banana-2"].closed, models["nano-banana-pro"].maintenance) == (True, True)
    assert (models["nano-banana-pro"].refunds_failed, models["nano-banana-pro"].refunds_refused) == (True, False)
    assert models["nano-banana-2"].ratios == Catalogue()["nano-banana-2"].ratios
    assert models["nano-banana"].delisted and models["gpt-image-2"].delisted and not models["nano-banana-fast"].delisted


def test_models_that_are_new_are_offered_with_what_their_family_takes(tmp_path: Path) -> None:
    keep(tmp_path, HERE, LIST)
    models = current(Catalogue(), tmp_path, HERE)
    large, drawn = models["nano-banana-3-4k"], models["gpt-image-4"]
    assert (large.new, large.credits, large.sizes, large.apis) == (True, 7000, ("4K",), ("unified",))
    assert (drawn.new, drawn.credits, drawn.pixels) == (True, 0, "given")
    assert not {"veo-9", "flux-of-others"} & set(models)
    assert list(models)[: len(Catalogue())] == list(Catalogue())


def test_each_address_has_its_own(tmp_path: Path) -> None:
    keep(tmp_path, HERE, LIST)
    keep(tmp_path, "http://127.0.0.1:1234", [ListedModel("nano-banana-fast", 1)])
    assert current(Catalogue(), tmp_path, THERE)["nano-banana-fast"].credits == 440
    assert current(Catalogue(), tmp_path, "http://127.0.0.1:1234")["nano-banana-fast"].credits == 1
    assert current(Catalogue(), tmp_path, HERE)["nano-banana-fast"].credits == 500
    moved = current(current(Catalogue(), tmp_path, HERE), tmp_path, THERE)
    assert dict(moved) == dict(Catalogue()) and moved.as_of is None, "another address still had the prices of the first"


def test_the_users_own_rows_win(tmp_path: Path) -> None:
    keep(tmp_path / "home", HERE, LIST)
    rows = "[models.nano-banana-fast]\ncredits = 7\n[models.nano-banana-2]\nclosed = false\n[models.mine]\ncredits = 3\n"
    (tmp_path / "grsai.toml").write_text(rows)
    environment = {"GRSAI_HOME": str(tmp_path / "home"), "GRSAI_BASE_URL": "overseas"}
    models = load(environment=environment, folders=(tmp_path,)).catalogue
    assert (models["nano-banana-fast"].credits, models["mine"].credits) == (7, 3)
    assert (models["nano-banana-2"].closed, models["nano-banana-2"].credits) == (False, 1300)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"[]", b"null", b'{"models": []}', b"[" * 100_000,
        json.dumps({"base_url": HERE, "as_of": 1, "models": [{"id": "x", "credits": "many"}]}).encode(),
        json.dumps({"base_url": HERE, "as_of": 1, "models": [{"id": "x", "credits": 1, "evil": 1}]}).encode(),
        json.dumps({"base_url": HERE, "as_of": "now", "models": []}).encode(),
        json.dumps({"base_url": THERE, "as_of": 1, "models": []}).encode(),
    ],
)  # fmt: skip
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    keep(tmp_path, HERE, LIST)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(content)
    assert known(tmp_path, HERE) is None
    assert dict(current(Catalogue(), tmp_path, HERE)) == dict(Catalogue())


def test_an_empty_list_replaces_none(tmp_path: Path) -> None:
    keep(tmp_path, HERE, LIST)
    keep(tmp_path, HERE, [])
    found = known(tmp_path, HERE)
    assert found is not None and found.models == LIST


def test_without_a_folder_our_own_table_answers() -> None:
    assert dict(current(Catalogue(), None, HERE)) == dict(Catalogue())
    with pytest.raises(WrongSetting, match="GRSAI_HOME"):
        keep(None, HERE, LIST)


def refreshed(studio, **facts) -> engine.run:
    """Settings of a studio whose service was asked for its list, in which its fast model has other facts."""
    settings = studio.settings(**facts)
    with GrsaiClient(settings) as client:
        keep(studio.folder, settings.base_url, client.model_list())
    return replace(settings, catalogue=current(settings.catalogue, studio.folder, settings.base_url))


def test_other_prices_change_the_estimate_and_what_a_budget_refuses(Studio, tmp_path: Path) -> None:
    from grsai.emulator import Emulator

    with Emulator(seconds=0.05, render=False, prices={"nano-banana-fast": 5000}) as emulator:
        studio = Studio(emulator, tmp_path)
        settings = refreshed(studio)
        jobs = plan(["a", "b"], model=settings.catalogue["nano-banana-fast"])
        with studio.ledger() as ledger:
            assert engine.estimate(jobs, ledger).credits == 10_000
        with pytest.raises(OverBudget, match="costs ¥1.00, more than the budget of ¥0.50"):
            studio.run(jobs, settings=settings, budget=0.5)
        assert not emulator.tasks


def closed_here(studio, *names: str, **facts):
    settings = studio.settings(**facts)
    rows = [ListedModel(name, model.credits, closed=name in names) for name, model in Catalogue().items()]
    return replace(settings, catalogue=settings.catalogue.listed(rows, 1.0))


def test_a_closed_model_is_refused_before_anything_is_paid(studio) -> None:
    settings = closed_here(studio, "nano-banana-2")
    job, *_ = plan(["a"], model=settings.catalogue["nano-banana-2"])
    with pytest.raises(WrongJob, match=r"has closed nano-banana-2\. .* such as nano-banana, nano-banana-pro"):
        studio.run([job], settings=settings)
    assert not studio.emulator.received


def test_what_a_closed_model_made_earlier_is_still_there(studio) -> None:
    (made,) = studio.run(plan(["a"], model=studio.settings().catalogue["nano-banana-2"]))
    settings = closed_here(studio, "nano-banana-2")
    (again,) = studio.run(plan(["a"], model=settings.catalogue["nano-banana-2"]), settings=settings)
    assert again.reused and again.files == made.files


def test_a_fallback_stands_in_for_a_closed_model(studio) -> None:
    others = ("nano-banana-2", "nano-banana-fast", "nano-banana-2-lite")
    settings = closed_here(studio, "nano-banana-pro", "nano-banana-2", fallback=others)
    jobs = plan(["a"], model=settings.catalogue["nano-banana-pro"], aspect_ratio="3:4")
    (outcome,) = studio.run(jobs, settings=settings)
    assert outcome.status == "succeeded", outcome.error
    (task,) = studio.emulator.tasks.values()
    assert (task.model, task.aspect_ratio) == ("nano-banana-fast", "3:4")
    said = "Made with nano-banana-fast instead of nano-banana-pro: The service has closed nano-banana-pro."
    assert said in str(outcome.notes[0])


def test_a_fallback_that_has_not_the_size_that_was_asked_for_does_not_stand_in(studio) -> None:
    settings = closed_here(studio, "nano-banana-pro", fallback=("nano-banana-fast", "nano-banana-2-lite", "nano-banana-2"))
    jobs = plan(["a"], model=settings.catalogue["nano-banana-pro"], image_size="4K")
    (outcome,) = studio.run(jobs, settings=settings)
    assert outcome.status == "succeeded", outcome.error
    (task,) = studio.emulator.tasks.values()
    assert (task.model, task.image_size) == ("nano-banana-2", "4K")


def test_a_fallback_whose_price_nobody_knows_does_not_stand_in(studio) -> None:
    settings = closed_here(studio, "nano-banana-pro", fallback=("nano-banana-2.1",))
    (outcome,) = studio.run(plan(["a"], model=settings.catalogue["nano-banana-pro"]), settings=settings)
    assert outcome.status == "failed" and "The service has closed nano-banana-pro" in str(outcome.error)
    assert not studio.emulator.tasks
