// @ts-check
// The door to the components that this pack's other pages are drawn with, too. The server hands them out: they lie in grsai/.
export { makeCard } from "../../../grsai/components/card.js";
export { h } from "../../../grsai/components/dom.js";
export { makeTile } from "../../../grsai/components/tile.js";
export { makeVerdict } from "../../../grsai/components/verdict.js";
export { Viewer, makeFacts } from "../../../grsai/components/viewer.js";
export { say, speak } from "../../../grsai/components/words.js";

/** @typedef {import("../../../grsai/components/dom.js").Child} Child */
/** @typedef {import("../../../grsai/components/tile.js").Tile} Tile */
/** @typedef {import("../../../grsai/components/tile.js").TileState} TileState */
/** @typedef {import("../../../grsai/components/tile.js").Choice} Choice */
/** @typedef {import("../../../grsai/components/verdict.js").Opinion} Opinion */
/** @typedef {import("../../../grsai/components/viewer.js").Sight} Sight */

export const STYLE = new URL("../../../grsai/components/components.css", import.meta.url).href;
