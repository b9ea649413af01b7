// @ts-check
// What became of a picture, as a tile: of an entry of the history or of a run. It carries its pictures when it is dragged.
import { makeTile } from "./components.js";
import { carry } from "./drag.js";
import { thumbnailAddress } from "./routes.js";
import { t } from "./texts.js";
import { learn, opinionOfAll } from "./verdicts.js";

/** @typedef {import("./routes.js").Entry} Entry */
/** @typedef {import("./routes.js").Place} Place */
/** @typedef {import("./components.js").TileState} TileState */
/** @typedef {import("./components.js").Tile & {pictures: Place[]}} Tile */

/**
 * Draws a tile; `show` brings it up to date. With `judge` it can be kept or rejected on the tile.
 * @type {(first: Tile, open: (event: Event) => void, judge?: (choice: import("./components.js").Choice) => void) => {element: HTMLElement, show: (tile: Tile) => void}}
 */
export function makeOurTile(first, open, judge) {
  return carried(makeTile(first, { open, judge }), first);
}

/**
 * Lets a tile that is drawn carry its pictures.
 * @type {(drawn: {element: HTMLElement, show: (tile: Tile) => void}, first: Tile) => {element: HTMLElement, show: (tile: Tile) => void}}
 */
export function carried({ element, show }, first) {
  let now = first;
  carry(element, () => now.pictures);
  element.draggable = now.pictures.length > 0;
  /** @param {Tile} next */
  const showNext = (next) => {
    now = next;
    element.draggable = next.pictures.length > 0;
    show(next);
  };
  return { element, show: showNext };
}

/**
 * The tile of an entry of the history. `making`: runs are under way, so what is open needs no collecting.
 * @type {(entry: Entry, making: boolean) => Tile}
 */
export function tileOf(entry, making) {
  learn(entry);
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
    ...opinionOfAll(entry.task_id, entry.numbers),
  };
}

/** @type {(entry: Entry, making: boolean) => TileState} */
export function stateOf({ state, files }, making) {
  if (state === "done") return files.length ? "done" : "gone";
  if (state === "submitting") return "making";
  return state === "open" && making ? "making" : state;
}
