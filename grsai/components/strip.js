// @ts-check
// A strip of any number of tiles, of which only those are drawn that are seen; they are drawn anew for other pictures.
import { h } from "./dom.js";
import { makeTile } from "./tile.js";

/** @typedef {import("./tile.js").Tile} Tile */

const AROUND = 4; // tiles that are drawn beyond what is seen, on either side

/**
 * `width`: of a tile with the gap behind it, in pixels. `tileOf(index)`: what one shows.
 * @param {{width: number, label: string, tileOf: (index: number) => Tile, choose: (index: number) => void}} use
 */
export function makeStrip({ width, label, tileOf, choose }) {
  const row = h("div", { class: "grsai-strip-row" });
  const element = h("div", { class: "grsai-strip", role: "listbox", "aria-label": label, tabindex: -1 }, row);
  /** @type {Map<number, ReturnType<typeof place>>} by index */
  const drawn = new Map();
  /** @type {ReturnType<typeof place>[]} */
  const spare = [];
  let count = 0;
  let current = 0;
  let asked = 0;
  element.addEventListener("scroll", () => (asked ||= requestAnimationFrame(paint)), { passive: true });
  element.addEventListener("wheel", (event) => {
    if (!event.deltaY || event.shiftKey) return;
    event.preventDefault();
    element.scrollLeft += event.deltaY;
  });
  new ResizeObserver(paint).observe(element);

  function place() {
    const made = { index: 0, tile: makeTile(tileOf(0), { open: () => choose(made.index) }) };
    made.tile.element.tabIndex = -1;
    made.tile.element.setAttribute("role", "option");
    return made;
  }

  /** @param {number} many */
  function show(many) {
    count = many;
    row.style.width = `${count * width}px`;
    for (const [index, each] of drawn) index < count ? each.tile.show(tileOf(index)) : take(index);
    paint();
  }

  function paint() {
    asked = 0;
    const first = Math.max(0, Math.floor(element.scrollLeft / width) - AROUND);
    const end = Math.min(count, Math.ceil((element.scrollLeft + element.clientWidth) / width) + AROUND);
    for (const index of [...drawn.keys()]) if (index < first || index >= end) take(index);
    for (let index = first; index < end; index++) if (!drawn.has(index)) give(index);
  }

  /** @param {number} index */
  function give(index) {
    const each = spare.pop() ?? place();
    each.index = index;
    each.tile.show(tileOf(index));
    each.tile.element.style.left = `${index * width}px`;
    each.tile.element.setAttribute("aria-selected", String(index === current));
    each.tile.element.hidden = false;
    if (!each.tile.element.isConnected) row.append(each.tile.element);
    drawn.set(index, each);
  }

  /** @param {number} index */
  function take(index) {
    const each = drawn.get(index);
    if (!each) return;
    each.tile.element.hidden = true;
    drawn.delete(index);
    spare.push(each);
  }

  /** Draws one tile anew. @param {number} index */
  function redraw(index) {
    drawn.get(index)?.tile.show(tileOf(index));
  }

  /** Brings one into the middle, and marks it. @param {number} index */
  function select(index) {
    drawn.get(current)?.tile.element.setAttribute("aria-selected", "false");
    current = index;
    element.scrollLeft = index * width - (element.clientWidth - width) / 2;
    paint();
    drawn.get(current)?.tile.element.setAttribute("aria-selected", "true");
  }

  return { element, show, redraw, select };
}
