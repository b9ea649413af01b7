// @ts-check
// A list that draws only the rows that are seen, so that thousands cost as little as ten. All rows have one height.
// Keys: arrows, Page Up and Down, Home and End move, Enter opens; Tab reaches the buttons of the current row.
import { h } from "../dom.js";

const SPARE_ROWS = 4;
/** @type {Record<string, number>} */
const KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6, Home: -Infinity, End: 0 };

/** @typedef {HTMLElement} Row */

/**
 * `draw(item, index)` makes a row; `nearEnd()` is called when the last rows come into sight, `toEnd()` before the very last
 * one is gone to, so that it can be brought.
 * @template Item
 * @param {{height: number, label: string, draw: (item: Item, index: number) => Row, nearEnd: () => unknown, toEnd: () => Promise<unknown>}} options
 */
export function makeList({ height, label, draw, nearEnd, toEnd }) {
  const rows = h("div", { class: "grsai-rows", role: "list", "aria-label": label });
  const element = h("div", { class: "grsai-scroll", onscroll: paint, onkeydown: move, onfocusin: follow }, rows);
  /** @type {Map<number, {row: Row, item: Item}>} */
  const drawn = new Map();
  /** @type {Item[]} */
  let items = [];
  let current = 0;
  new ResizeObserver(paint).observe(element);

  /** @type {(next: Item[], options?: {anew?: boolean}) => void} */
  function show(next, { anew = false } = {}) {
    items = next;
    current = Math.min(current, Math.max(0, items.length - 1));
    rows.style.height = `${items.length * height}px`;
    if (anew) [...drawn.keys()].forEach(remove);
    paint();
  }

  function paint() {
    const first = Math.max(0, Math.floor(element.scrollTop / height) - SPARE_ROWS);
    const last = Math.min(items.length, Math.ceil((element.scrollTop + element.clientHeight) / height) + SPARE_ROWS);
    const seen = (/** @type {number} */ index) => (index >= first && index < last) || (index === current && index < items.length);
    [...drawn.keys()].filter((index) => !seen(index)).forEach(remove);
    for (let index = first; index < last; index++) place(index);
    if (element.clientHeight && last > items.length - SPARE_ROWS) nearEnd();
  }

  /** @param {number} index */
  function place(index) {
    const before = drawn.get(index);
    if (before?.item === items[index]) return;
    const focused = before?.row.contains(document.activeElement);
    const row = draw(items[index], index);
    row.style.top = `${index * height}px`;
    row.dataset.index = String(index);
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(items.length));
    reach(row, index === current);
    if (before) before.row.replaceWith(row);
    else rows.insertBefore(row, rowAfter(index));
    drawn.set(index, { row, item: items[index] });
    if (focused) row.focus({ preventScroll: true });
  }

  // Kept in order, because Tab follows the order of the document.
  /** @param {number} index */
  function rowAfter(index) {
    const placed = /** @type {Row[]} */ ([...rows.children]);
    return placed.find((row) => Number(row.dataset.index) > index) ?? null;
  }

  /** @param {number} index */
  function remove(index) {
    drawn.get(index)?.row.remove();
    drawn.delete(index);
  }

  /** @param {any} event */
  function move(event) {
    if (!(event.key in KEYS) || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    if (event.key === "End") toEnd().then(() => focus(Infinity));
    else focus(current + KEYS[event.key]);
  }

  /** @param {any} event */
  function follow(event) {
    const row = event.target.closest("[data-index]");
    if (row) choose(Number(row.dataset.index));
  }

  /** @param {number} index */
  function choose(index) {
    const before = current;
    current = index;
    for (const each of [before, index]) {
      const row = drawn.get(each)?.row;
      if (row) reach(row, each === index);
    }
  }

  /**
   * Brings a row into sight and the keyboard to it.
   * @param {number} index
   */
  function focus(index) {
    if (!items.length) return;
    const target = Math.max(0, Math.min(items.length - 1, index));
    choose(target);
    scrollTo(target);
    paint();
    place(target);
    drawn.get(target)?.row.focus({ preventScroll: true });
  }

  /** @param {number} index */
  function scrollTo(index) {
    const [top, bottom] = [index * height, (index + 1) * height];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }

  function toTop() {
    current = 0;
    element.scrollTop = 0;
  }

  return { element, show, focus, toTop };
}

/** @type {(row: Row, reachable: boolean) => void} */
function reach(row, reachable) {
  const tabIndex = reachable ? 0 : -1;
  row.tabIndex = tabIndex;
  for (const button of row.querySelectorAll("button, a, [role=button]")) button.setAttribute("tabindex", String(tabIndex));
}
