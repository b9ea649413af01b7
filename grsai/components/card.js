// @ts-check
// A tile, and beside or below it what it is: the prompt, a line of facts, and what can be done.
import { h } from "./dom.js";
import { makeTile } from "./tile.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {{tile: import("./tile.js").Tile, prompt: string, line?: Child[], foot?: Child[]}} Card */

/**
 * `large`: the tile above its words, and slid by the pointer.
 * @type {(card: Card, use: {open: (event: Event) => void, large?: boolean, judge?: (choice: import("./tile.js").Choice) => void}) => {element: HTMLElement, tile: ReturnType<typeof makeTile>}}
 */
export function makeCard({ tile, prompt, line, foot }, { open, large = false, judge }) {
  const drawn = makeTile(tile, { open, slide: large, judge });
  const body = h(
    "div",
    { class: "grsai-card-body" },
    h("div", { class: "grsai-prompt", title: prompt }, prompt),
    line && h("div", { class: "grsai-card-line" }, ...line),
    foot && h("div", { class: "grsai-card-foot" }, ...foot),
  );
  const element = h("article", { class: "grsai-card", "data-state": tile.state, "data-large": large }, drawn.element, body);
  return { element, tile: drawn };
}
