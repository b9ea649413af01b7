// @ts-check
// A picture and what became of it, as small as a stamp or as large as a window: the one way to draw one, in grids, cards and
// the viewer. Its source dimmed, then the percent, then the result, or the reason why there is none.
import { h, icon } from "./dom.js";
import { carry } from "./drag.js";
import { thumbnailAddress } from "./routes.js";
import { t } from "./texts.js";

/** @typedef {import("./routes.js").Entry} Entry */
/** @typedef {import("./routes.js").Place} Place */
/** @typedef {"waiting" | "making" | "done" | "gone" | "failed" | "open" | "uncertain" | "stopped"} TileState */

/**
 * @typedef {object} Tile
 * @property {TileState} state
 * @property {string} label what it is of
 * @property {string | null} image address of the result, small
 * @property {string | null} source address of what it is made from, small
 * @property {string | null} why in few words, where there is no result
 * @property {number | null} percent of what is in the making
 * @property {Place[]} pictures what is carried when it is dragged
 */

/** @type {Record<TileState, string>} */
const ICONS = {
  waiting: "clock",
  making: "spinner",
  done: "image",
  gone: "eye-slash",
  failed: "times-circle",
  open: "download",
  uncertain: "question-circle",
  stopped: "stop-circle",
};

/**
 * Draws a tile; `show` brings it up to date, and touches only what changed.
 * @param {Tile} first
 * @param {(event: MouseEvent) => void} open
 */
export function makeTile(first, open) {
  let now = first;
  const picture = h("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  const words = h("span", { class: "grsai-tile-words" });
  const element = h("button", { type: "button", class: "grsai-tile", onclick: open }, picture, words);
  carry(element, () => now.pictures);

  /** @param {Tile} next */
  function show(next) {
    now = next;
    const address = next.image ?? next.source;
    if (picture.getAttribute("src") !== address) address ? picture.setAttribute("src", address) : picture.removeAttribute("src");
    picture.hidden = !address;
    element.dataset.state = next.state;
    element.draggable = next.pictures.length > 0;
    const name = t("tile.named", { state: t(`state.${next.state}`), label: next.label });
    element.title = next.why ? `${name}\n${next.why}` : name;
    element.setAttribute("aria-label", element.title);
    words.replaceChildren(...said(next));
  }

  show(first);
  return { element, show };
}

/** @param {Tile} tile */
function said({ state, why, percent }) {
  if (state === "done") return [];
  const text = state === "making" && percent !== null ? `${percent} %` : why;
  return text ? [icon(ICONS[state]), h("span", {}, text)] : [icon(ICONS[state])];
}

/**
 * The tile of an entry of the history. `making`: runs are under way, so what is open needs no collecting.
 * @type {(entry: Entry, making: boolean) => Tile}
 */
export function tileOf(entry, making) {
  const { files, sources } = entry;
  const source = sources.find((each) => typeof each !== "string");
  return {
    state: stateOf(entry, making),
    label: entry.prompt || t("card.no_prompt"),
    image: files.length ? thumbnailAddress(files[0]) : null,
    source: source ? thumbnailAddress(/** @type {Place} */ (source)) : null,
    why: entry.why,
    percent: null,
    pictures: files,
  };
}

/** @type {(entry: Entry, making: boolean) => TileState} */
export function stateOf({ state, files }, making) {
  if (state === "done") return files.length ? "done" : "gone";
  if (state === "submitting") return "making";
  return state === "open" && making ? "making" : state;
}
