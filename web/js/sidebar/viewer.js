// @ts-check
// One picture in full, before and after, everything that is known about it, and the way to its neighbours.
import { pictureAddress } from "../comfy.js";
import { makeCompare } from "../compare.js";
import { h, icon, iconButton } from "../dom.js";
import { money } from "../money.js";
import { duration, moment, t } from "../texts.js";
import { again } from "./actions.js";
import { buttons } from "./card.js";

/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").Place} Place */
/** @typedef {import("../tile.js").Tile} Tile */
/** @typedef {[import("../texts.js").TextKey, string | HTMLElement | null]} Fact */

/** @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * A picture to show: its tile, and what the history knows of it, now or asked for when it is shown.
 * @typedef {{tile: Tile, entry?: Entry, load?: () => Promise<Entry | undefined> | undefined}} Item
 */

/**
 * Shows `items[index]` large; `closed(index)` is told which one was seen last.
 * @type {(items: Item[], index: number, closed?: (index: number) => void) => void}
 */
export function showPictures(items, index, closed) {
  let at = index;
  const body = h("div", { class: "grsai-viewer-body" });
  const close = () => dialog.close();
  const newer = iconButton("chevron-left", t("viewer.newer"), () => step(-1));
  const older = iconButton("chevron-right", t("viewer.older"), () => step(1));
  const bar = h("div", { class: "grsai-viewer-bar" }, newer, older, iconButton("times", t("viewer.close"), close));
  /** @type {HTMLDialogElement} */
  const dialog = h("dialog", { class: "grsai-viewer", tabindex: -1, autofocus: true, "aria-label": t("viewer.label") }, bar, body);

  /** @param {number} by */
  function step(by) {
    at = Math.max(0, Math.min(items.length - 1, at + by));
    // Not disabled in earnest: a disabled button would lose the focus, and the keys with it.
    newer.setAttribute("aria-disabled", String(at === 0));
    older.setAttribute("aria-disabled", String(at === items.length - 1));
    const item = items[at];
    draw(item);
    if (!item.entry) Promise.resolve(item.load?.()).then((entry) => entry && know(item, entry), () => {});
  }

  /** @type {(item: Item, entry: Entry) => void} */
  function know(item, entry) {
    item.entry = entry;
    if (items[at] === item) draw(item);
  }

  /** @param {Item} item */
  function draw({ tile, entry }) {
    body.replaceChildren(tile.pictures.length ? picture(tile, entry) : nothing(tile, entry, close), details(tile, entry, close));
  }

  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the canvas has shortcuts of its own
    if (event.key in KEYS) step(KEYS[event.key]);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.(at);
  });
  document.body.append(dialog);
  step(0);
  dialog.showModal();
}

/** @type {(tile: Tile, entry: Entry | undefined) => HTMLElement} */
function picture(tile, entry) {
  const source = firstSource(entry);
  const shown = tile.pictures.map((file) => makeCompare(source && pictureAddress(source), pictureAddress(file), tile.label));
  return h("div", { class: "grsai-viewer-pictures" }, ...shown);
}

// Where there is no picture: why, over its source, and the way to one.
/** @type {(tile: Tile, entry: Entry | undefined, close: () => void) => HTMLElement} */
function nothing(tile, entry, close) {
  const source = firstSource(entry);
  const image = source ? pictureAddress(source) : tile.source;
  const why = entry?.error || tile.why || t(`state.${tile.state}`);
  const onclick = () => (close(), entry && again(entry));
  return h(
    "div",
    { class: "grsai-viewer-nothing", "data-state": tile.state },
    image && h("img", { src: image, alt: "" }),
    h(
      "div",
      { role: "status" },
      icon("exclamation-circle"),
      h("p", {}, why),
      entry && h("button", { type: "button", class: "grsai-button grsai-primary", onclick }, t("viewer.again")),
    ),
  );
}

/** @param {Entry | undefined} entry */
function firstSource(entry) {
  return /** @type {Place | null} */ (entry?.sources.find((place) => typeof place !== "string") ?? null);
}

/** @type {(tile: Tile, entry: Entry | undefined, close: () => void) => HTMLElement} */
function details(tile, entry, close) {
  /** @type {Fact[]} */
  const known = entry ? facts(entry) : [["viewer.prompt", tile.label]];
  const rows = known.filter(([, value]) => value !== null && value !== "");
  const list = h("dl", {}, ...rows.flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]));
  return h("div", { class: "grsai-viewer-details" }, list, entry && h("footer", {}, full(tile), buttons(entry, close)));
}

// The way to the file itself, as large as it is.
/** @param {Tile} tile */
function full({ pictures: [first] }) {
  const look = { class: "grsai-icon-button", target: "_blank", rel: "noopener", title: t("viewer.full"), "aria-label": t("viewer.full") };
  return first ? h("a", { ...look, href: pictureAddress(first) }, icon("external-link")) : null;
}

/** @type {(entry: Entry) => Fact[]} */
function facts(entry) {
  return [
    ["viewer.prompt", entry.prompt],
    ["viewer.model", entry.model],
    ["viewer.shape", [entry.aspect_ratio, entry.image_size].filter(Boolean).join(" · ")],
    ["viewer.seed", String(entry.seed)],
    ["viewer.price", entry.offline ? t("viewer.offline") : money(entry.credits)],
    ["viewer.made", moment(entry.created)],
    ["viewer.took", entry.seconds === null ? null : duration(entry.seconds)],
    ["viewer.sources", sources(entry)],
    ["viewer.task", entry.task_id],
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
