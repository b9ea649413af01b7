// @ts-check
// A few pictures made by several models and prompts: a row a picture, a column a model and prompt, and what the verdicts say of each.
import { aboutColumn, makeComparison, makeTally } from "../components/comparison.js";
import { h } from "../components/dom.js";
import { aboutMade, shownOfMade, tileOfMade } from "../components/made.js";
import { makeTile } from "../components/tile.js";
import { makeVerdict } from "../components/verdict.js";
import { Viewer } from "../components/viewer.js";
import { say } from "../components/words.js";
import { get, post } from "./asking.js";
import { tell } from "./sentences.js";

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./pictures.js").Pictures} Pictures */
/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} model
 * @property {string} prompt
 * @property {number} kept
 * @property {number} rejected
 * @property {number} open
 * @property {string} price of one picture
 * @property {number} seconds mean
 * @property {{pictures: number, price: string} | null} whole what the whole folder would cost
 * @property {string | null} command
 */
/** @typedef {{name: string, before?: string, before_small?: string}} Row */
/** @typedef {{rows: Row[], columns: Column[], cells: string[][][], sample: number | null, of: number | null}} Table */
/** @typedef {{picture: Picture, column: number, element: HTMLElement, show: () => void}} Cell */

/** @type {Record<string, [number, number]>} columns, rows */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** @type {Record<string, "keep" | "reject">} */
const JUDGES = { k: "keep", r: "reject" };

/**
 * `wrong` is told what the server says against something, `leave` leads back to the pictures.
 * @type {(pictures: Pictures, words: import("../components/made.js").MadeWords, use: {wrong: (error: Error) => void, leave: () => void}) => {element: HTMLElement, open: () => Promise<void>, refresh: () => Promise<void>, heard: () => void, key: (event: KeyboardEvent) => void}}
 */
export function makeCompare(pictures, words, { wrong, leave }) {
  const blind = h("input", { type: "checkbox", checked: true });
  const about = h("p", { class: "about-sample" });
  const place = h("div", { class: "table" });
  const back = h("button", { type: "button", class: "button", onclick: leave }, tell("compare.back"));
  const bar = h("div", { class: "compare-bar" }, back, h("h2", {}, say("compare.title")), about, h("label", {}, blind, tell("compare.blind")));
  const element = h("section", { class: "compare", hidden: true }, bar, place);
  /** @type {Table} */
  let table = { rows: [], columns: [], cells: [], sample: null, of: null };
  /** @type {number[]} the columns as they stand: in an order that tells nothing */
  let order = [];
  /** @type {Cell[]} */
  let cells = [];
  let current = 0;
  blind.addEventListener("change", () => draw());

  const viewer = new Viewer({
    count: () => cells.length,
    sight: (index) => sightOf(cells[index]),
    moved: (index) => (current = index),
    key: (event) => key(event),
  });
  const verdict = makeVerdict({ set: (change) => judge(change) });
  viewer.dialog.addEventListener("close", () => focus(current));

  async function open() {
    element.hidden = false;
    await refresh();
    focus(0);
  }

  /** As it is now, also with what came since. */
  async function refresh() {
    table = await get("compare");
    const isKnown = (/** @type {string} */ id) => pictures.all.has(id);
    if (!table.cells.flat(2).every(isKnown)) await pictures.load(0, () => {});
    table.cells = table.cells.map((row) => row.map((ids) => ids.filter(isKnown)));
    if (order.length !== table.columns.length) order = shuffled(table.columns.length);
    draw();
  }

  /** Names, prices and times are hidden until every picture was judged. */
  function isHidden() {
    return blind.checked && cells.some(({ picture }) => !picture.verdict);
  }

  function draw() {
    cells = [];
    if (table.sample !== null) about.textContent = tell("compare.sample", { sample: table.sample, of: table.of ?? "?" });
    const rows = table.rows.map((row, place) => ({ ...row, cells: order.map((column) => table.cells[place][column].map((id) => drawCell(id, column))) }));
    place.replaceChildren(makeComparison(drawHeads(), rows));
    for (const each of cells) each.show();
  }

  const drawHeads = () => order.map((column, place) => drawHead(table.columns[column], place));

  /** @type {(id: string, column: number) => HTMLElement} */
  function drawCell(id, column) {
    const picture = /** @type {Picture} */ (pictures.all.get(id));
    const index = cells.length;
    const tile = makeTile(tileOf(picture), { open: () => viewer.open(index), slide: false });
    const facts = h("span", { class: "facts" });
    const small = makeVerdict({ set: (change) => judge(change, index), note: false });
    const made = h("div", { class: "cell" }, tile.element, facts, small.element);
    tile.element.addEventListener("focus", () => (current = index));
    const show = () => {
      tile.show(tileOf(picture));
      facts.textContent = isHidden() ? "" : [picture.price, `${picture.seconds.toFixed(1)} s`].filter(Boolean).join(" · ");
      small.show(picture);
    };
    cells.push({ picture, column, element: tile.element, show });
    return made;
  }

  /** @param {Picture} picture */
  function tileOf(picture) {
    return { ...tileOfMade(picture, words), label: isHidden() ? "" : picture.name };
  }

  /** @type {(column: Column, place: number) => HTMLElement} */
  function drawHead(column, place) {
    const mine = cells.filter((each) => table.columns[each.column] === column).map(({ picture }) => picture.verdict);
    const tally = makeTally(mine);
    if (isHidden()) return h("th", { scope: "col" }, h("strong", {}, tell("compare.column", { letter: letter(place) })), tally);
    const winner = isWinner(column) && h("span", { class: "winner" }, say("compare.winner"));
    const run = (/** @type {MouseEvent} */ event) => runOnAll(column, event);
    const button = column.whole && h("button", { type: "button", class: "button", onclick: run }, tell("compare.run"));
    return h("th", { scope: "col", "data-column": column.id, "data-winner": isWinner(column) }, ...aboutColumn(column, tally, winner, button));
  }

  /** Of which the most were kept, if some were. @param {Column} column */
  function isWinner(column) {
    const kept = (/** @type {Column} */ of) => cells.filter((each) => table.columns[each.column] === of && each.picture.verdict === "keep").length;
    return kept(column) > 0 && table.columns.every((each) => kept(each) <= kept(column));
  }

  /**
   * The first press asks for the price, the second one makes what was priced.
   * @type {(column: Column, event: MouseEvent) => Promise<void>}
   */
  async function runOnAll({ id }, { currentTarget }) {
    const button = /** @type {HTMLButtonElement} */ (currentTarget);
    button.disabled = true;
    try {
      const { ticket, new: fresh, open: paid, price } = await post("compare/estimate", { column: id });
      const count = fresh + paid; // the others are there already
      button.disabled = !ticket || !count;
      button.textContent = ticket && count ? tell("compare.sure", { count, price }) : tell("compare.nothing");
      button.classList.add("primary");
      const sure = h("button", { type: "button", class: button.className, onclick: () => post("make", { ticket }).then(leave, wrong) }, button.textContent);
      if (!button.disabled) button.replaceWith(sure);
    } catch (error) {
      button.disabled = false;
      wrong(/** @type {Error} */ (error));
    }
  }

  /** @type {(change: Partial<import("../components/verdict.js").Opinion>, index?: number) => void} */
  function judge(change, index = current) {
    const cell = cells[index];
    if (!cell) return;
    current = index;
    const wasHidden = isHidden();
    pictures.judge(cell.picture, change, (error) => (wrong(error), heard()));
    if (wasHidden !== isHidden()) draw();
    else heard();
  }

  /** What was said, here or elsewhere. */
  function heard() {
    if (element.hidden) return;
    for (const each of cells) each.show();
    element.querySelector("thead tr")?.replaceChildren(h("th", {}), ...drawHeads());
    if (viewer.dialog.open) verdict.show(cells[current].picture);
  }

  /** @param {Cell} cell */
  function sightOf({ picture }) {
    verdict.show(picture);
    const about = isHidden() ? [verdict.element] : aboutMade(picture, words, [verdict.element]);
    return { tile: tileOf(picture), picture: shownOfMade(picture), about };
  }

  /** @param {number} index */
  function focus(index) {
    current = index;
    cells[index]?.element.focus();
  }

  /** Arrows move, K and R judge. @param {KeyboardEvent} event */
  function key(event) {
    const judged = JUDGES[event.key.toLowerCase()];
    if (judged) {
      judge({ verdict: judged });
      if (!viewer.dialog.open) focus(current);
    }
    if (event.key in MOVES && !viewer.dialog.open) move(...MOVES[event.key]);
    if (event.key === "Escape" && !viewer.dialog.open) leave();
    if (judged || event.key in MOVES) event.preventDefault();
  }

  /** @type {(right: number, down: number) => void} */
  function move(right, down) {
    const here = cells[current]?.element.getBoundingClientRect();
    if (!here) return;
    const next = current + right;
    if (right) return focus(Math.min(cells.length - 1, Math.max(0, next)));
    const column = cells.map(({ element }, index) => ({ index, box: element.getBoundingClientRect() })).filter(({ box }) => Math.abs(box.left - here.left) < 2);
    const place = column.findIndex(({ index }) => index === current) + down;
    if (column[place]) focus(column[place].index);
  }

  return { element, open, refresh, heard, key };
}

/** @param {number} place */
const letter = (place) => String.fromCharCode(65 + (place % 26));

/** The numbers below `count`, in any order. @param {number} count */
function shuffled(count) {
  const numbers = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    const place = Math.floor(Math.random() * (last + 1));
    [numbers[last], numbers[place]] = [numbers[place], numbers[last]];
  }
  return numbers;
}
