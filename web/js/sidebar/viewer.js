// @ts-check
// One entry in full: its pictures, everything that is known about it, and the way to its neighbours.
import { pictureAddress } from "../comfy.js";
import { h, icon, iconButton } from "../dom.js";
import { money } from "../money.js";
import { duration, moment, t } from "../texts.js";
import { stateOf } from "../tile.js";
import { again } from "./actions.js";
import { buttons } from "./card.js";

/** @typedef {import("../routes.js").Entry} Entry */

/** @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * Shows `entries[index]`; `closed(index)` is told which one was seen last.
 * @type {(entries: Entry[], index: number, closed: (index: number) => void) => void}
 */
export function showEntry(entries, index, closed) {
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
    at = Math.max(0, Math.min(entries.length - 1, at + by));
    // Not disabled in earnest: a disabled button would lose the focus, and the keys with it.
    newer.setAttribute("aria-disabled", String(at === 0));
    older.setAttribute("aria-disabled", String(at === entries.length - 1));
    const entry = entries[at];
    body.replaceChildren(entry.files.length ? pictures(entry) : nothing(entry, close), details(entry, close));
  }

  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the canvas has shortcuts of its own
    if (event.key in KEYS) step(KEYS[event.key]);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed(at);
  });
  document.body.append(dialog);
  step(0);
  dialog.showModal();
}

/** @param {Entry} entry */
function pictures(entry) {
  const shown = entry.files.map((file) => {
    const address = pictureAddress(file);
    const picture = h("img", { src: address, alt: entry.prompt });
    return h("a", { href: address, target: "_blank", rel: "noopener", title: t("viewer.full") }, picture);
  });
  return h("div", { class: "grsai-viewer-pictures" }, ...shown);
}

// Where there is no picture: why, over its source, and the way to one.
/** @type {(entry: Entry, close: () => void) => HTMLElement} */
function nothing(entry, close) {
  const source = entry.sources.find((place) => typeof place !== "string");
  const state = stateOf(entry, false);
  const button = h("button", { type: "button", class: "grsai-button grsai-primary", onclick: () => (close(), again(entry)) }, t("viewer.again"));
  return h(
    "div",
    { class: "grsai-viewer-nothing", "data-state": state },
    source && h("img", { src: pictureAddress(/** @type {import("../routes.js").Place} */ (source)), alt: "" }),
    h("div", { role: "status" }, icon("exclamation-circle"), h("p", {}, entry.error ?? t(`state.${state}`)), button),
  );
}

/** @type {(entry: Entry, close: () => void) => HTMLElement} */
function details(entry, close) {
  const rows = facts(entry).filter(([, value]) => value !== null && value !== "");
  const list = h("dl", {}, ...rows.flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]));
  return h("div", { class: "grsai-viewer-details" }, list, h("footer", {}, buttons(entry, close)));
}

/** @type {(entry: Entry) => [import("../texts.js").TextKey, string | HTMLElement | null][]} */
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
