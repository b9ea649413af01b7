// @ts-check
// The pictures of a folder, as server.py tells of them.
import { makeCard } from "../components/card.js";
import { Grid } from "../components/grid.js";

/**
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} prompt
 * @property {string[]} facts
 * @property {string} after
 * @property {string} after_small
 * @property {string} [before_small]
 * @property {string[]} [beside]
 * @property {import("../components/tile.js").Choice} verdict
 * @property {number} stars
 * @property {string} note
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const state = JSON.parse(at("run").textContent ?? "");
/** @type {Picture[]} */
const pictures = state.pictures;
/** @type {Grid<Picture>} */
const grid = new Grid(at("grid"), drawPicture);
at("heading").append(state.folder);
grid.place.style.setProperty("--grsai-ratio", String(state.ratio));
grid.show(pictures);
await loadRest(state.next);

/** @param {Picture} picture */
function drawPicture({ name, prompt, facts, after, after_small, before_small, beside, verdict, stars, note }) {
  return makeCard(
    {
      tile: { state: "done", label: name, image: after_small, source: before_small ?? null, why: null, percent: null, beside, verdict, stars, note },
      prompt,
      line: [facts.join(" · ")],
    },
    { open: () => window.open(after), large: true },
  ).element;
}

/** @param {number | null} next */
async function loadRest(next) {
  while (next !== null) {
    const page = await (await fetch(`pictures${location.search}&limit=1000&offset=${next}`)).json();
    pictures.push(...page.pictures);
    next = page.next;
    grid.show(pictures);
  }
}
