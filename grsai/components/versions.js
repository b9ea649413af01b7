// @ts-check
// The versions of one picture, the first one first: which is seen, and the way to the others.
import { h } from "./dom.js";
import { makeTile } from "./tile.js";
import { say } from "./words.js";

/** @param {(place: number) => void} choose is told which one, from 0 */
export function makeVersions(choose) {
  const element = h("div", { class: "grsai-versions", role: "group", "aria-label": say("versions.label"), hidden: true });

  /** @type {(tiles: readonly import("./tile.js").Tile[], current: number) => void} */
  function show(tiles, current) {
    element.hidden = tiles.length < 2;
    element.replaceChildren(
      ...tiles.map((tile, place) => {
        const name = say("versions.one", { number: place + 1 });
        const drawn = makeTile({ ...tile, label: name }, { open: () => choose(place) }).element;
        drawn.setAttribute("aria-pressed", String(place === current));
        return drawn;
      }),
    );
  }

  return { element, show };
}
