"""The catalogue of models. A new model is a row here, or a row in the user's own `grsai.toml`, which no update touches."""

from __future__ import annotations

import contextlib
import difflib
import re
import types
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .errors import WrongJob, WrongSetting

Api = Literal["unified", "legacy"]  # the two generations of the service's API: /v1/api/ and /v1/draw/
APIS: tuple[Api, ...] = ("unified", "legacy")
CREDITS_PER_YUAN = 10_000
_MOST_CREDITS = 10**12  # of one picture: what is beyond is a mistake, and fits no ledger

BASE = ("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9")
WIDE = (*BASE, "1:4", "4:1", "1:8", "8:1")
GPT = (*BASE, "9:21", "1:2", "2:1")
GPT_LONG = (*GPT, "3:1", "1:3")
RATIOS = types.MappingProxyType({"base": BASE, "wide": WIDE, "gpt": GPT, "gpt-long": GPT_LONG})
SIZES = ("1K", "2K", "4K")
MOST_REFERENCES = 14  # nothing is documented; clients of this service allow 6 to 14

# Where a ratio is sent as pixels: width and height by size. The service has no 2K of 3:1 and 1:3.
PIXELS = types.MappingProxyType(
    {
        "1:1": {"1K": "1024x1024", "2K": "2048x2048", "4K": "2880x2880"},
        "16:9": {"1K": "1280x720", "2K": "2048x1152", "4K": "3840x2160"},
        "9:16": {"1K": "720x1280", "2K": "1152x2048", "4K": "2160x3840"},
        "4:3": {"1K": "1152x864", "2K": "2304x1728", "4K": "3264x2448"},
        "3:4": {"1K": "864x1152", "2K": "1728x2304", "4K": "2448x3264"},
        "3:2": {"1K": "1536x1024", "2K": "2048x1360", "4K": "3504x2336"},
        "2:3": {"1K": "1024x1536", "2K": "1360x2048", "4K": "2336x3504"},
        "5:4": {"1K": "1120x896", "2K": "2240x1792", "4K": "3200x2560"},
        "4:5": {"1K": "896x1120", "2K": "1792x2240", "4K": "2560x3200"},
        "21:9": {"1K": "1456x624", "2K": "2912x1248", "4K": "3840x1648"},
        "9:21": {"1K": "624x1456", "2K": "1248x2912", "4K": "1648x3840"},
        "2:1": {"1K": "1536x768", "2K": "3072x1536", "4K": "3840x1920"},
        "1:2": {"1K": "768x1536", "2K": "1536x3072", "4K": "1920x3840"},
        "3:1": {"1K": "2048x688", "4K": "3840x1280"},
        "1:3": {"1K": "688x2048", "4K": "1280x3840"},
    }
)
# Pixels that a user names: sides in steps of 16, the longer one at most 3840 and at most 3 times the shorter.
_STEP, _LONGEST, _STEEPEST, _FEWEST = 16, 3840, 3, 655_360
_FEWEST_SIDE = 64  # two numbers are sides from here on; below they are a ratio
_MOST = types.MappingProxyType({"1K": 1_572_864, "2K": 4_718_592, "4K": 8_294_400})  # pixels in all; what has more is larger

# How much longer than 1K a size takes, and after how many seconds we stop waiting (the task itself goes on).
_TIMES = types.MappingProxyType({None: (1.0, 600.0), "1K": (1.0, 600.0), "2K": (1.5, 900.0), "4K": (4.0, 1200.0)})


@dataclass(frozen=True)
class Model:
    """One row: `credits` a picture (0: not known), `sizes` it has (none: it decides), `seconds` it usually needs at 1K.

    `pixels`: whether a ratio may be `given` as pixels (`1024x768`), or is `always` sent as such, by ratio and size.
    `references`: the most pictures that one picture may be made from.
    """

    id: str
    credits: int
    sizes: tuple[str, ...] = ()
    ratios: tuple[str, ...] = BASE
    seconds: float = 40.0
    delisted: bool = False  # gone from the vendor's list, still answered
    apis: tuple[Api, ...] = APIS
    pixels: Literal["never", "given", "always"] = "never"
    qualities: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    references: int = MOST_REFERENCES
    # As the service's own list says, where it was asked. A refund of None: not said.
    new: bool = False  # in its list and not in our table: it is offered with what its family takes
    closed: bool = False
    maintenance: bool = False
    refunds_failed: bool | None = None
    refunds_refused: bool | None = None

    def api(self, preferred: Api) -> Api:
        """The generation of the API to use: the preferred one where the model exists there."""
        return preferred if preferred in self.apis else self.apis[0]

    def shape(self, ratio: str | None, size: str | None) -> tuple[str, str | None]:
        """Ratio and size of a picture, as `ratio` and `size` read them; pixels say their size themselves."""
        ratio = self.ratio(ratio)
        if self.pixels != "never" and _is_pixels(ratio):
            return ratio, self._size_of(ratio) if self.sizes else None
        chosen = self.size(size)
        if self.pixels == "always" and ratio == "auto" and size and chosen != self.sizes[0]:
            raise WrongJob(
                "{model} decides the size itself where the ratio is auto. Choose a ratio for {size}.", model=self.id, size=chosen
            )
        if self.pixels == "always" and ratio in PIXELS and chosen and chosen not in PIXELS[ratio]:
            allowed = ", ".join(each for each in self.sizes if each in PIXELS[ratio])
            text = "{model} has no {size} at {ratio}. Allowed: {allowed}."
            raise WrongJob(text, model=self.id, size=chosen, ratio=ratio, allowed=allowed)
        return ratio, chosen

    def size(self, asked: str | None) -> str | None:
        """The size to make: the one asked for, else the smallest. Refuses what the model has not."""
        if not asked:
            return self.sizes[0] if self.sizes else None
        none = "{model} takes no image size. Leave it out."
        other = "{model} has no size {asked}. Allowed: {allowed}."
        return self._one_of(self.sizes, asked, none, other)

    def ratio(self, asked: str | None) -> str:
        """The ratio to make, `auto` by default; pixels as `1024x768` where the model takes them. Refuses what it has not."""
        if not asked or asked in self.ratios:
            return asked or "auto"
        plain = _plain_ratio(asked)
        for ratio in self.ratios:
            if _plain_ratio(ratio) == plain:  # 16：9, 16x9, 16 : 9
                return ratio
        if self.pixels == "never" or not _is_pixels(plain):
            allowed = ", ".join(self.ratios if self.pixels == "never" else (*self.ratios, "1024x768 …"))
            raise WrongJob("{model} has no ratio {ratio}. Allowed: {allowed}.", model=self.id, ratio=asked, allowed=allowed)
        if self._size_of(plain) is None:
            text = (
                "{model} makes no {pixels}: both sides must be multiples of {step}, the longer one at most {longest} and at most"
                " {steepest} times the shorter, and width × height {fewest:,} to {most:,}."
            )
            near = "x".join(str(round(int(side) / _STEP) * _STEP) for side in plain.split("x"))
            if self._size_of(near) is not None:
                text = "{model} makes no {pixels}, as both sides must be multiples of {step}. The nearest is {near}."
            raise WrongJob(
                text, model=self.id, pixels=plain, step=_STEP, longest=_LONGEST, steepest=_STEEPEST,
                fewest=_FEWEST, most=self._most_pixels, near=near,
            )  # fmt: skip
        return plain

    def quality(self, asked: str | None) -> str | None:
        """The quality to ask for; None, also for `auto`: as the service has it. Refuses what the model has not."""
        if not asked or _plain(asked) == "auto":
            return None
        none = "{model} takes no quality. Leave it out."
        other = "{model} has no quality {asked}. Allowed: {allowed}."
        return self._one_of(self.qualities, asked, none, other)

    def background(self, asked: str | None) -> str | None:
        """The background to ask for; None, also for `auto`: as the service has it. Refuses what the model has not."""
        if not asked or _plain(asked) == "auto":
            return None
        none = "{model} takes no background. Leave it out."
        other = "{model} has no background {asked}. Allowed: {allowed}."
        return self._one_of(self.backgrounds, asked, none, other)

    def sent_ratio(self, ratio: str, size: str | None) -> str:
        """What goes into `aspectRatio` for a picture of that shape."""
        if self.pixels != "always" or ratio not in PIXELS or size not in PIXELS[ratio]:
            return ratio
        return PIXELS[ratio][size]

    def sent_size(self, size: str | None) -> str | None:
        """What goes into `imageSize`: nothing where the pixels say it."""
        return size if self.pixels == "never" else None

    def usual_seconds(self, size: str | None) -> float:
        return self.seconds * _TIMES.get(size, _TIMES["4K"])[0]

    def deadline_seconds(self, size: str | None) -> float:
        """How long to wait for one task. Under load tasks were seen to take up to 15 minutes."""
        return _TIMES.get(size, _TIMES["4K"])[1]

    def _one_of(self, offered: tuple[str, ...], asked: str, none: str, other: str) -> str:
        """The one that is meant, in the model's spelling: `2k` and `2 K` are 2K."""
        if not offered:
            raise WrongJob(none, model=self.id)
        for each in offered:
            if _plain(each) == _plain(asked):
                return each
        raise WrongJob(other, model=self.id, asked=asked, allowed=", ".join(offered))

    @property
    def _most_pixels(self) -> int:
        return max((_MOST[size] for size in self.sizes if size in _MOST), default=_MOST["4K"])

    def _size_of(self, pixels: str) -> str | None:
        """The size that such pixels count as; None: the model does not make them."""
        sides = [int(side) for side in pixels.split("x")]
        long, short, area = max(sides), min(sides), sides[0] * sides[1]
        if any(side % _STEP for side in sides) or long > _LONGEST or long > _STEEPEST * short:
            return None
        if not _FEWEST <= area <= self._most_pixels:
            return None
        return next(size for size in SIZES if area <= _MOST[size])


@dataclass(frozen=True)
class ListedModel:
    """A row of the service's own list. `credits`: a picture; None where that is not said. A refund of None: not said."""

    id: str
    credits: int | None
    closed: bool = False
    maintenance: bool = False
    refunds_failed: bool | None = None
    refunds_refused: bool | None = None
    kind: str = "image"


def _gpt(model_id: str, credits: int, *qualities: str) -> Model:
    """Those with qualities take pixels of all sizes and a clear background, the others ratios at 1K."""
    of_all = Model(model_id, credits, ("1K",), GPT, seconds=60, apis=("unified",), pixels="given", references=16)
    if not qualities:
        return of_all
    return replace(of_all, sizes=SIZES, ratios=GPT_LONG, pixels="always", qualities=qualities, backgrounds=("transparent",))


_ROWS = (
    Model("nano-banana-fast", 440, seconds=40),
    Model("nano-banana-2-lite", 440, ("1K",), WIDE, seconds=6),
    Model("nano-banana-2", 1200, SIZES, WIDE, seconds=45),
    Model("nano-banana-pro", 1800, SIZES, seconds=45),
    Model("nano-banana", 1400, delisted=True),
    Model("nano-banana-2-cl", 6000, ("1K",), WIDE),
    Model("nano-banana-2-2k-cl", 9000, ("2K",), WIDE),
    Model("nano-banana-2-4k-cl", 13000, ("4K",), WIDE),
    Model("nano-banana-pro-vt", 1800, SIZES, seconds=45),
    Model("nano-banana-pro-cl", 10000, ("1K",)),  # took 2K and 4K before 2026
    Model("nano-banana-pro-vip", 10000, ("1K", "2K")),
    Model("nano-banana-pro-4k-vip", 18000, ("4K",)),
    Model("nano-banana-2.1", 0, SIZES, WIDE, seconds=45, apis=("unified",)),  # the service has published no price
    _gpt("gpt-image-2", 600),
    _gpt("gpt-image-2.5", 600),
    _gpt("gpt-image-2-vip", 2000, "medium"),
    _gpt("gpt-image-2.5-flare", 2000, "low", "medium", "high"),
    _gpt("gpt-image-2.5-sunburst", 2400, "low", "medium", "high", "xhigh", "max"),
)
DEFAULTS = types.MappingProxyType({model.id: model for model in _ROWS})
DEFAULT_MODEL = _ROWS[0].id
# What a model that is not in the table takes: what its nearest kin there does. The first beginning that fits counts.
_KIN = (("nano-banana-pro", "nano-banana-pro"), ("nano-banana", "nano-banana-2"), ("gpt-image", "gpt-image-2.5"))


class Catalogue(Mapping[str, Model]):
    """The models by id, in the order in which they are offered. `as_of`: when the service was asked for its list, if ever."""

    def __init__(
        self, rows: Iterable[Model] = _ROWS, *, own: Mapping[str, Mapping[str, Any]] | None = None, as_of: float | None = None
    ) -> None:
        self._rows = {model.id: model for model in rows}
        self._own = dict(own or {})  # the user's rows, which win over all others
        self.as_of = as_of
        for model_id, row in self._own.items():
            of_family = kin(model_id) if model_id.startswith("gpt-image") else None  # others: as in 1.0
            self._rows[model_id] = _with_row(self._rows.get(model_id) or of_family or Model(model_id, 0), row)

    def named(self, model_id: str) -> Model:
        """The model of that name; `WrongJob` names the nearest one if there is none."""
        if model_id in self._rows:
            return self._rows[model_id]
        for name, model in self._rows.items():
            if _plain(name) == _plain(model_id):  # Nano-Banana-Pro
                return model
        near = difflib.get_close_matches(model_id, self._rows, 1)
        raise WrongJob(
            "There is no model {model}; did you mean {near}? A new model can be added to grsai.toml.",
            model=model_id,
            near=near[0] if near else DEFAULT_MODEL,
        )

    def taking(self, check: Callable[[Model, str], object], value: str) -> list[Model]:
        """The models that do not refuse a value; `check` is one of `Model.size`, `Model.ratio`, `Model.quality` …"""
        found = list[Model]()
        for model in self._rows.values():
            with contextlib.suppress(WrongJob):
                check(model, value)
                found.append(model)
        return found

    def __getitem__(self, model_id: str) -> Model:
        return self._rows[model_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def with_rows(self, rows: Mapping[str, Mapping[str, Any]]) -> Catalogue:
        """A catalogue with the user's rows added or changed: `{"id": {"credits": 440, "sizes": ["1K"], "ratios": "wide"}}`."""
        own = {model_id: {**self._own.get(model_id, {}), **row} for model_id, row in {**self._own, **rows}.items()}
        return Catalogue(self.values(), own=own, as_of=self.as_of)

    def listed(self, rows: Sequence[ListedModel], as_of: float | None) -> Catalogue:
        """Our table as the service's own list has it, in place of an earlier one. What the user's rows say stays."""
        there = {row.id: row for row in rows if row.kind == "image"}
        known = [replace(model, delisted=True) if there and model.id not in there else model for model in _ROWS]
        new = [replace(found, new=True) for model_id in there if model_id not in DEFAULTS and (found := kin(model_id))]
        models = [_as_listed(model, there[model.id]) if model.id in there else model for model in [*known, *new]]
        return Catalogue(models, own=self._own, as_of=as_of)

    def check_open(self, model: Model) -> None:
        """Raises `WrongJob` with the nearest others for a model that the service has closed."""
        if model.closed:
            others = [each for each in self.values() if each.credits and not (each.closed or each.maintenance or each.delisted)]
            others.sort(key=lambda each: abs(each.credits - model.credits))
            text = (
                "The service has closed {model}. Nothing was sent; choose another model, such as {others}. The command"
                " models --refresh asks again which are open."
            )
            raise WrongJob(text, model=model.id, others=", ".join(each.id for each in others[:3]))


def kin(model_id: str) -> Model | None:
    """A row for a model that is not in the table: what its nearest kin takes, at a price not known. None: of no known family."""
    for beginning, name in _KIN:
        if model_id.startswith(beginning):
            known = DEFAULTS[name]
            named = tuple(size for size in known.sizes if f"-{size.lower()}" in model_id)  # as in nano-banana-2-4k-cl
            return replace(known, id=model_id, credits=0, sizes=named or known.sizes, apis=("unified",))
    return None


def _as_listed(model: Model, row: ListedModel) -> Model:
    return replace(
        model,
        credits=row.credits or model.credits,
        delisted=False,
        closed=row.closed,
        maintenance=row.maintenance,
        refunds_failed=row.refunds_failed,
        refunds_refused=row.refunds_refused,
    )


def yuan(credits: float, per_yuan: float = CREDITS_PER_YUAN) -> float:
    return credits / per_yuan


def _plain(word: str) -> str:
    """What a user types, without blanks and capitals; letters as wide as Chinese ones count as plain ones."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", word)).lower()


def _plain_ratio(text: str) -> str:
    """`16:9` or `1024x768`, whichever sign stands between the two numbers."""
    plain = _plain(text)
    sides = re.fullmatch(r"(\d{1,6})[:\u2236x\u00d7*/](\d{1,6})", plain)
    if sides is None:
        return plain
    width, height = int(sides[1]), int(sides[2])
    return f"{width}x{height}" if min(width, height) >= _FEWEST_SIDE else f"{width}:{height}"


def _is_pixels(ratio: str) -> bool:
    return re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", ratio) is not None


def _with_row(model: Model, row: Mapping[str, Any]) -> Model:
    """`model` with the row's fields, each of the type that the field has."""
    try:
        return replace(model, **{name: _FIELDS[name](value) for name, value in row.items()})
    except (KeyError, TypeError, ValueError) as error:
        text = "The row of {model} in grsai.toml is wrong: {why}. Correct it and run again."
        raise WrongSetting(text, model=model.id, why=error) from None


def _ratios(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return RATIOS[value]
    return _texts(value)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{value!r} is no list of texts")
    return tuple(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_CREDITS:
        raise ValueError(f"{value!r} is no whole number, or too large")
    return value


def _apis(value: Any) -> tuple[Api, ...]:
    asked = (value,) if isinstance(value, str) else _texts(value)
    if not asked or not set(asked) <= set(APIS):
        raise ValueError(f"apis can be {' and '.join(APIS)}, not {value!r}")
    return tuple(api for api in APIS if api in asked)


def _pixels(value: Any) -> str:
    if value not in ("never", "given", "always"):
        raise ValueError(f"pixels can be never, given or always, not {value!r}")
    return value


_FIELDS = types.MappingProxyType(
    {
        "credits": _whole, "sizes": _texts, "ratios": _ratios, "seconds": float, "delisted": bool, "apis": _apis,
        "pixels": _pixels, "qualities": _texts, "backgrounds": _texts, "references": _whole, "closed": bool,
        "maintenance": bool,
    }
)  # fmt: skip
