// @ts-check
// One picture in full, before and after, everything that is known about it, and the way to its neighbours.
import { pictureAddress } from "../comfy.js";
import { Viewer, makeFacts, makeVerdict } from "../components.js";
import { h, icon } from "../dom.js";
import { money } from "../money.js";
import { outlineAddress } from "../routes.js";
import { duration, moment, t } from "../texts.js";
import { judge, learn, nameOf, opinionOf } from "../verdicts.js";
import { again } from "./actions.js";
import { buttons } from "./card.js";

/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").Place} Place */
/** @typedef {import("../tile.js").Tile} Tile */
/** @typedef {import("../components.js").Sight} Sight */

/** @type {Record<string, import("../components.js").Choice>} */
const CHOICES = { k: "keep", r: "reject" };

/**
 * What to show: its tile, and what the history knows of it, now or asked for when it is shown.
 * @typedef {{tile: Tile, task?: string | null, entry?: Entry, load?: () => Promise<Entry | undefined> | undefined}} Item
 */
/**
 * A picture of an item, or that it has none. `place` of the item; `number` among the pictures of its task, from 1.
 * @typedef {{item: Item, place: number, file: Place | undefined, number: number}} Seen
 */

/**
 * Shows the pictures of `items[index]` large; `closed(index)` is told which item was seen last.
 * @type {(items: Item[], index: number, closed?: (index: number) => void) => void}
 */
export function showPictures(items, index, closed) {
  /** @type {Seen[]} */
  const all = items.flatMap((item, place) =>
    (item.tile.pictures.length ? item.tile.pictures : [undefined]).map((file, at) => ({ item, place, file, number: item.entry?.numbers[at] ?? at + 1 })),
  );
  const close = () => viewer.dialog.close();
  const verdict = makeVerdict({ set: (change) => say(change) });
  const sight = (/** @type {number} */ at) => {
    verdict.show(opinionOf(nameOf(taskOf(all[at]), all[at].number)));
    return sightOf(all[at], verdict.element, close);
  };
  const viewer = new Viewer({ count: () => all.length, sight, moved: (at) => know(all[at].item), key: (event) => press(event) });

  /** @param {Partial<import("../components.js").Opinion>} change */
  function say(change) {
    const seen = all[viewer.index];
    if (!seen.file || !taskOf(seen)) return;
    judge(taskOf(seen), seen.number, change);
    verdict.show(opinionOf(nameOf(taskOf(seen), seen.number)));
  }

  // The keys of the review page. A verdict goes on to the next picture.
  /** @param {KeyboardEvent} event */
  function press({ key, ctrlKey, metaKey, altKey, repeat }) {
    if (ctrlKey || metaKey || altKey || repeat) return;
    const choice = CHOICES[key.toLowerCase()];
    if (choice) say({ verdict: choice });
    if (choice) viewer.step(1);
    if (/^[1-5]$/.test(key)) say({ stars: Number(key) });
  }

  /** @param {Item} item */
  async function know(item) {
    if (item.entry || !item.load) return;
    item.entry = await Promise.resolve(item.load()).catch(() => undefined);
    if (item.entry) learn(item.entry);
    if (item.entry && all[viewer.index].item === item) viewer.show();
  }

  viewer.dialog.addEventListener("close", () => {
    viewer.dialog.remove();
    closed?.(all[viewer.index].place);
  });
  viewer.open(all.findIndex(({ place }) => place === index));
}

/** @param {Seen} seen */
function taskOf({ item }) {
  return item.entry?.task_id ?? item.task ?? null;
}

/** @type {(seen: Seen, verdict: HTMLElement, close: () => void) => Sight} */
function sightOf({ item: { tile, entry }, file }, verdict, close) {
  const source = entry?.sources.find((place) => typeof place !== "string");
  const before = source && pictureAddress(source) + (entry?.masked ? "&channel=rgb" : ""); // what was painted on it is no hole
  const mask = file && entry?.masked ? outlineAddress(file) : null;
  const onclick = () => (close(), entry && again(entry));
  return {
    tile,
    picture: file ? { label: tile.label, after: pictureAddress(file), after_small: tile.image ?? undefined, before, mask } : null,
    why: entry?.error || tile.why || "",
    ways: entry ? [h("button", { type: "button", class: "grsai-button grsai-primary", onclick }, t("viewer.again"))] : [],
    about: [file && verdict, makeFacts(entry ? facts(entry) : [[t("viewer.prompt"), tile.label]])],
    foot: entry && [full(file), buttons(entry, close)],
  };
}

// The way to the file itself, as large as it is.
/** @param {Place | undefined} file */
function full(file) {
  const look = { class: "grsai-icon-button", target: "_blank", rel: "noopener", title: t("viewer.full"), "aria-label": t("viewer.full") };
  return file && h("a", { ...look, href: pictureAddress(file) }, icon("external-link"));
}

/** @type {(entry: Entry) => [string, import("../components.js").Child][]} */
function facts(entry) {
  return [
    [t("viewer.prompt"), entry.prompt],
    [t("viewer.model"), entry.model],
    [t("viewer.shape"), [entry.aspect_ratio, entry.image_size].filter(Boolean).join(" · ")],
    [t("viewer.seed"), String(entry.seed)],
    [t("viewer.price"), entry.offline ? t("viewer.offline") : money(entry.credits)],
    [t("viewer.made"), moment(entry.created)],
    [t("viewer.took"), entry.seconds === null ? null : duration(entry.seconds)],
    [t("viewer.sources"), sources(entry)],
    [t("viewer.task"), entry.task_id],
  ];
}

/** @param {Entry} entry */
function sources({ sources: places }) {
  if (!places.length) return null;
  return h("span", { class: "grsai-sources" }, ...places.map(source));
}

/** @param {import("../routes.js").Place | string} place */
function source(place) {
  if (typeof place === "string") return h("span", {}, place);
  return h("img", { src: pictureAddress(place), alt: place.filename, title: place.filename });
}
