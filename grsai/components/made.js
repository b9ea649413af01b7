// @ts-check
// A picture as the library tells of it, and how it is shown: as a tile, large, and with what is known of it.
import { h } from "./dom.js";
import { makeBeside } from "./tile.js";
import { makeFacts } from "./viewer.js";

/**
 * A picture, or a job that brought none. Addresses are relative to the page.
 * @typedef {object} Made
 * @property {string} number "3", or "3.2" for the second picture of a job
 * @property {string} name
 * @property {string} prompt
 * @property {string} state
 * @property {string[]} facts what stands below the picture: time and price
 * @property {string[]} values what stands beside it at full size, in the order of the labels; empty ones are left out
 * @property {string[]} [said] why there is no picture, and what else is to be known
 * @property {string} [after] the picture
 * @property {string} [after_small] its thumbnail, or itself
 * @property {string} [before] what it was made from
 * @property {string} [before_small]
 * @property {string[]} [beside] thumbnails of what else it was made from
 * @property {string} [mask] the outline of the mask that it was edited within
 * @property {string} [finished] the file for a shop that was made of it
 * @property {import("./tile.js").Choice} [verdict]
 * @property {number} [stars]
 * @property {string} [note]
 */
/** @typedef {{states: Record<string, string>, labels: string[], state: string}} MadeWords in the user's language; `labels`: of the values */

/** @type {(made: Made, words: MadeWords) => import("./tile.js").Tile} */
export function tileOfMade(made, words) {
  const said = made.said?.join("\n");
  return {
    state: made.after ? "done" : /** @type {import("./tile.js").TileState} */ (made.state),
    label: made.name,
    image: made.after_small ?? null,
    source: made.before_small ?? null,
    why: made.after ? null : [words.states[made.state], said].filter(Boolean).join("\n"),
    percent: null,
    hint: made.after && said,
    beside: made.beside,
    verdict: made.verdict,
    stars: made.stars,
    note: made.note,
  };
}

/** @type {(made: Made) => import("./stage.js").Shown | null} */
export function shownOfMade({ name, after, after_small, before, before_small, mask }) {
  return after ? { label: name, after, after_small, before, before_small, mask } : null;
}

/**
 * Name, prompt, what else it was made from, and the facts; `between` stands before the facts.
 * @type {(made: Made, words: MadeWords, between?: import("./dom.js").Child[]) => import("./dom.js").Child[]}
 */
export function aboutMade(made, words, between = []) {
  /** @type {[string, string][]} */
  const rows = words.labels.map((label, place) => [label, made.values[place]]);
  return [
    h("h2", {}, made.name),
    h("p", { class: "grsai-whole-prompt" }, made.prompt),
    made.beside && makeBeside(made.beside),
    ...between,
    ...(made.after ? (made.said ?? []).map((text) => h("p", { class: "grsai-hint" }, text)) : []),
    makeFacts([[words.state, words.states[made.state]], ...rows]),
  ];
}
