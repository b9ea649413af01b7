"""What a graph, or a node of it, would make and cost if it were run now, as far as that can be told without running it."""

from __future__ import annotations

import concurrent.futures
import functools
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from ..grsai.engine import estimate
from ..grsai.errors import BadPicture, GrsaiError, WrongJob
from ..grsai.jobs import PAIRINGS, Job, plan, split_prompts
from ..grsai.masks import Masked, MaskOptions, Original
from ..grsai.models import yuan
from ..grsai.pictures import Reference
from ..grsai.pictures.reading import unreadable
from ..grsai.sheets import Given
from . import account, paths, wishes
from .images import digest_of_file, mask, mask_frames, references
from .inputs import Choice, choice_of, paired
from .masks import edited
from .prefix import expanded
from .sources import JOBS_OUTPUT, Source, Sources
from .wishes import Wishes

MOST_READ = 100  # pictures that are read for their content; of more, nobody says which were made earlier
FIRST = 12  # pictures of a folder that are shown
MAKING = ("BatchBanana", "NanoBananaGenerate")
_PARTS = ("model", "aspect_ratio", "image_size", "quality", "background")
_SUMMED = ("pictures", "new", "reused", "open", "credits", "seconds")
# What may come by a wire.
_UNDERSTOOD = ("images", "names", "references", "mask", "mask_options", "prompts", "prompt", "seed", "count", "concurrency")
_cores = min(4, os.cpu_count() or 1)


def of_graph(
    graph: Mapping[str, Any], targets: Sequence[str] | None = None, *, quick: bool = False, times: int = 1
) -> dict[str, Any]:
    """The `outlook` of each node that makes pictures, and the sum over those that would run, as far as it is known.

    `targets`: the nodes at whose end the graph is run; all that there are, by default. `times`: how often it is run, with other
    seeds. `unknown`: how many of the nodes have a price that only the run can tell. `asks`: whether the sum is above the user's
    `ask_above`, which it never is where nothing is paid.
    """
    making = [node_id for node_id in graph if Sources(graph, node_id).kind in MAKING]
    nodes = {node_id: _told(graph, node_id, quick) for node_id in making}
    running = _running(graph, targets)
    told = [said for node_id, said in nodes.items() if node_id in running and "error" not in said]
    total = {name: times * sum(said[name] or 0 for said in told) for name in _SUMMED}
    unknown = sum(said["credits"] is None for said in told)
    settings, offline = account.settings(), account.is_offline()
    asks = not offline and 0 < settings.ask_above < yuan(total["credits"], settings.credits_per_yuan)
    facts = {"asks": asks, "ask_above": settings.ask_above, "offline": offline}
    return {"nodes": nodes, "total": total, "unknown": unknown, **facts}


def outlook(graph: Mapping[str, Any], node_id: str, *, quick: bool = False) -> dict[str, Any]:
    """How many pictures, how many of them are new, and the credits and seconds of those. None: only the run can tell.

    Where it is not known what was made earlier (`reused`, `open`), all count as new; with `quick` no picture is read for it.
    Raises `GrsaiError` for what a run would refuse.
    """
    node = Sources(graph, node_id)
    if node.kind not in MAKING:
        raise WrongJob("Node {node} makes no pictures.", node=node_id)
    asked = {part: node.asked(part if part == "model" else f"model.{part}") for part in _PARTS}
    choice = choice_of(asked, account.catalogue(), node)
    each = choice.model.credits or None
    if node.is_wired("jobs") or node.sockets("paired"):
        return {**_of_wishes(node, choice, quick), "each": each}
    count, known = _count(node), {"reused": None, "open": None}
    jobs = _jobs(node, choice) if count and not quick else None
    if jobs is None and not quick and node.is_wired("mask"):
        count = None  # how many areas are paid for only the mask tells
    if jobs:
        price = estimate(jobs, account.ledger(), output=_folder(node))
        count, new, known = price.total, price.new, {"reused": price.reused, "open": price.open}
    else:
        new = count
    credits = None if new is None or each is None else new * each
    seconds = None if new is None else _seconds(node, choice, new)
    return {"pictures": count, "new": new, **known, "credits": credits, "each": each, "seconds": seconds}


def _of_wishes(node: Sources, choice: Choice, quick: bool) -> dict[str, Any]:
    """The outlook of a batch that is planned row by row, each of which may have a model of its own."""
    jobs = _planned(node, choice, wishes.by_facts)
    read = {reference.path for job in jobs or () for reference in job.references if reference.path}
    credits = [job.model.credits for job in jobs or ()]
    said = {"pictures": None, "new": None, "reused": None, "open": None, "credits": None, "seconds": None}
    if jobs is None:
        return said
    said |= {"pictures": len(jobs), "new": len(jobs), "credits": sum(credits) if all(credits) else None}
    if not quick and len(read) <= MOST_READ and (jobs := _planned(node, choice, _read)):
        price = estimate(jobs, account.ledger(), output=_folder(node))
        said |= {
            "new": price.new,
            "reused": price.reused,
            "open": price.open,
            "credits": None if price.unpriced else price.credits,
        }
    return {**said, "seconds": _seconds(node, choice, said["new"] or 0)}


def _planned(node: Sources, choice: Choice, read: wishes.Read) -> Sequence[Job] | None:
    """The jobs of such a batch as the node would plan them; None where what goes into them is not known."""
    shared = _files_read(node, node.sockets("references"), read)
    pictures = _files_read(node, ["images"], read)
    partners = [(socket, _files_read(node, [socket], read)) for socket in node.sockets("paired")]
    if shared is None or pictures is None:
        return None
    if node.is_wired("jobs"):
        asked = _wire(node.behind("jobs"), read)
    else:
        known = [(socket, references) for socket, references in partners if references is not None]
        asked = wishes.of_pairs(pictures, paired(known, len(pictures)), shared) if len(known) == len(partners) else None
    options = MaskOptions()
    if asked is not None and node.is_wired("mask"):
        edits = _edits(node, pictures)
        if edits is None:
            return None  # how many areas are paid for only the mask tells
        masked, options = edits
        asked = replace(asked, rows=tuple(replace(wish, mask=each) for wish, each in zip(asked.rows, masked, strict=True)))
    prompts, seed = _prompts(node), node.value("seed")
    if asked is None or (prompts is None and not all(wish.prompt for wish in asked.rows)):
        return None
    given = Given(
        account.catalogue(),
        choice.model.id,
        seed=seed if isinstance(seed, int) else 0,
        prompts=tuple(prompts or ()),
        pairing=node.asked("pairing") or PAIRINGS[0],
        mask_options=options,
    )
    return wishes.planned(asked, choice, given, shared=shared).jobs


def _wire(behind: tuple[Sources, int] | None, read: wishes.Read) -> Wishes | None:
    """What the node at the other end brings; None where it does not tell before it runs."""
    node, output = behind or (None, 0)
    if node and node.kind == "LoadBananaSheet" and output == 0:
        file = node.value("file")
        return wishes.of_sheet(file, read) if isinstance(file, str) else None
    if node and node.kind == "LoadBananaFolder" and output == JOBS_OUTPUT:
        named, prompts = node.value("folder"), node.value("prompts_file")
        if isinstance(named, str) and isinstance(prompts, str):
            texts = paths.text_folder(prompts)
            files = paths.picture_folder(named).files
            return wishes.of_files(files, texts, [] if texts else paths.read_prompts(prompts), read)
    return None


def _files_read(node: Sources, sockets: Sequence[str], read: wishes.Read) -> list[Reference] | None:
    """The pictures that are wired to the sockets, as files; None where they are not known."""
    loaded = [node.loaded(socket) for socket in sockets]
    if None in loaded:
        return None
    files = [source.file for sources in loaded for source in sources or ()]
    found = read(files)
    return [picture for file in files if isinstance(picture := found[file], Reference)]


def _read(files: Iterable[Path]) -> dict[Path, Reference | GrsaiError]:
    """Pictures by their content, each read once while it is the same."""
    wanted = list(dict.fromkeys(files))
    with concurrent.futures.ThreadPoolExecutor(_cores) as pool:
        return dict(zip(wanted, pool.map(_by_content, wanted), strict=True))


def _by_content(file: Path) -> Reference | GrsaiError:
    try:
        facts = file.stat()
        return Reference(file.stem, _digest_of_bytes(file, facts.st_mtime_ns, facts.st_size), path=file)
    except (GrsaiError, OSError) as error:
        return error if isinstance(error, GrsaiError) else unreadable(file.name, error.strerror)


@functools.lru_cache(4096)
def _digest_of_bytes(file: Path, mtime_ns: int, size: int) -> str:
    return Reference.from_file(file).digest


def folder(name: str, prompts_file: str) -> dict[str, Any]:
    """What Load Banana Folder would read: how many pictures and prompts, the first pictures, and what is left out."""
    found = paths.picture_folder(name)
    texts = paths.text_folder(prompts_file)
    prompts = paths.texts_in(texts) if texts else paths.read_prompts(prompts_file)
    asked = wishes.of_files(found.files, texts, (), wishes.by_facts) if texts else Wishes(())
    left_out = [*found.left_out, *(fault for _, fault in asked.faults), *asked.notices]
    first = [place for file in found.files[:FIRST] if (place := paths.view_of(file))]
    return {"pictures": len(found.files), "prompts": len(prompts), "first": first, "left_out": left_out}


def _told(graph: Mapping[str, Any], node_id: str, quick: bool) -> dict[str, Any]:
    """The outlook; for what a run would refuse, the `error`."""
    try:
        return outlook(graph, node_id, quick=quick)
    except GrsaiError as error:
        return {"error": error}


def _running(graph: Mapping[str, Any], targets: Sequence[str] | None) -> set[str]:
    """The targets, or all nodes at an end of the graph, with whatever is wired to them."""
    left = [node_id for node_id in graph if _is_end(Sources(graph, node_id).kind)] if targets is None else list(targets)
    found = set[str]()
    while left:
        node_id = left.pop()
        if node_id in graph and node_id not in found:
            found.add(node_id)
            left += Sources(graph, node_id).wired_to()
    return found


def _is_end(kind: str) -> bool:
    """ComfyUI runs the nodes that say so, and what they need."""
    known = getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", None)
    return known is None or getattr(known.get(kind), "OUTPUT_NODE", False)


def _count(node: Sources) -> int | None:
    prompts, pictures = _prompts(node), [node.loaded(socket) for socket in (*_picture_sockets(node), "images")]
    if prompts is not None and node.asked("pairing") == PAIRINGS[1]:
        return len(prompts)
    if prompts is None or any(files is None for files in pictures):
        return None
    if node.kind == "NanoBananaGenerate":  # a list of pictures runs it once for each
        count = node.value("count")
        return count * max([len(files or ()) for files in pictures] + [1]) if isinstance(count, int) else None
    return len(prompts) * max(len(node.loaded("images") or ()), 1)


def _jobs(node: Sources, choice: Choice) -> list[Job] | None:
    """The jobs as the node would plan them. None where what goes into them is not known, or is too much to read."""
    is_batch, seed = node.kind == "BatchBanana", node.value("seed")
    sockets = [node.loaded(socket) for socket in _picture_sockets(node)]
    pictures = node.loaded("images") if is_batch else []
    others = [name for name in node.wired() if name.partition(".")[0] not in _UNDERSTOOD]
    if pictures is None or None in sockets or not isinstance(seed, int) or others:
        return None
    along = [source for files in sockets for source in files or ()]
    runs_once = is_batch or all(len(files or ()) <= 1 for files in sockets)
    if not runs_once or len(along) + len(pictures) > MOST_READ:
        return None
    try:
        shared = _readable(along)
        single = _readable(pictures)
    except (BadPicture, OSError):
        return None
    jobs = plan(
        (_prompts(node) or []) * (1 if is_batch else node.value("count")),
        single,
        model=choice.model,
        aspect_ratio=choice.aspect_ratio,
        image_size=choice.image_size,
        quality=choice.quality,
        background=choice.background,
        shared=shared,
        pairing=node.asked("pairing") or PAIRINGS[0],
        seed=seed,
    )
    if not node.is_wired("mask"):
        return jobs
    edits = _edits(node, single if is_batch else shared[:1])
    if edits is None:
        return None
    masked, options = edits
    per_picture = len(jobs) // len(masked)
    return edited(jobs, [masked[place // per_picture] for place in range(len(jobs))], choice, options)


def _edits(node: Sources, pictures: Sequence[Reference]) -> tuple[list[Masked], MaskOptions] | None:
    """The pictures with the mask that LoadImage gives of what was painted; None where that is not known."""
    painted, options = node.behind("mask"), node.behind("mask_options")
    loaded = painted[0].asked("image") if painted and painted[1] == 1 and painted[0].kind == "LoadImage" else None
    margin = options[0].asked("margin") if options else MaskOptions().margin
    if not isinstance(loaded, str) or not isinstance(margin, int) or not pictures:
        return None
    try:
        [frame] = mask_frames(sys.modules["nodes"].LoadImage().load_image(loaded)[1])
    except Exception:  # told by the run
        return None
    size = frame.shape[1], frame.shape[0]
    originals = [Original(each.name, each.digest, size, load=lambda: Image.new("1", size)) for each in pictures]
    return [Masked(each, mask(frame, each)) for each in originals], MaskOptions(margin=margin)


def _picture_sockets(node: Sources) -> list[str]:
    """Those of pictures that go along with every job."""
    return node.sockets("references" if node.kind == "BatchBanana" else "images")


def _readable(pictures: list[Source]) -> list[Reference]:
    """Load Banana Folder leaves out what cannot be read."""
    with concurrent.futures.ThreadPoolExecutor(_cores) as pool:
        return [reference for reference in pool.map(_reference, pictures) if reference]


def _reference(source: Source) -> Reference | None:
    facts = source.file.stat()
    try:
        digest = _digest_of(source, facts.st_mtime_ns, facts.st_size)
    except BadPicture:
        if source.loader == "LoadBananaFolder":
            return None
        raise
    return Reference(source.file.stem, digest)


@functools.lru_cache(4096)
def _digest_of(source: Source, mtime_ns: int, size: int) -> str:
    """The content of a picture as it comes out of its loader. Raises `BadPicture`."""
    if source.loader == "LoadBananaFolder":
        return digest_of_file(source.file)
    try:  # by ComfyUI's own node, which decodes in ways of its own
        [found] = references(sys.modules["nodes"].LoadImage().load_image(source.asked)[0])
    except Exception as error:
        raise unreadable(source.file.name, str(error)) from None
    return found.digest


def _prompts(node: Sources) -> list[str] | None:
    if node.kind == "NanoBananaGenerate":
        prompt = node.value("prompt")
        return [prompt] if isinstance(prompt, str) else None
    prompts = node.value("prompts")
    return split_prompts(prompts) if isinstance(prompts, str) else None


def _folder(node: Sources) -> Path:
    prefix = node.asked("filename_prefix")
    if not isinstance(prefix, str):
        return paths.output_folder() / paths.KEPT
    return paths.output_place(expanded(prefix, node.graph, time.localtime()))[0]


def _seconds(node: Sources, choice: Choice, new: int) -> float:
    """Rounds of as many as are made at once, each of the usual time."""
    model, settings, size = choice.model, account.settings(), choice.model.size(choice.image_size)
    usual = account.ledger().usual_seconds(model.id, size, most=model.deadline_seconds(size)) or model.usual_seconds(size)
    asked = node.value("concurrency")
    at_once = asked if isinstance(asked, int) else settings.concurrency
    at_once = min(at_once, settings.limit or at_once)
    return usual * -(-new // max(at_once, 1))
