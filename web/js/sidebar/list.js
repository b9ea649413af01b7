// A list that draws only the rows that are seen, so that thousands cost as little as ten. All rows have one height.
// Keys: arrows, Page Up and Down, Home and End move, Enter opens; Tab reaches the buttons of the current row.
import { h } from "../dom.js";

const SPARE_ROWS = 4;
const KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6, Home: -Infinity, End: Infinity };

/** `draw(item, index)` makes a row; `nearEnd()` is called when the last rows come into sight. */
export function makeList({ height, label, draw, nearEnd }) {
  const rows = h("div", { class: "grsai-rows", role: "list", "aria-label": label });
  const element = h("div", { class: "grsai-scroll", onscroll: paint, onkeydown: move, onfocusin: follow }, rows);
  const drawn = new Map();
  let items = [];
  let current = 0;
  new ResizeObserver(paint).observe(element);

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
    const seen = (index) => (index >= first && index < last) || (index === current && index < items.length);
    [...drawn.keys()].filter((index) => !seen(index)).forEach(remove);
    for (let index = first; index < last; index++) place(index);
    if (element.clientHeight && last > items.length - SPARE_ROWS) nearEnd();
  }

  function place(index) {
    const before = drawn.get(index);
    if (before?.item === items[index]) return;
    const focused = before?.row.contains(document.activeElement);
    const row = draw(items[index], index);
    row.style.top = `${index * height}px`;
    row.dataset.index = index;
    row.setAttribute("aria-posinset", index + 1);
    row.setAttribute("aria-setsize", items.length);
    reach(row, index === current);
    if (before) before.row.replaceWith(row);
    else rows.insertBefore(row, rowAfter(index));
    drawn.set(index, { row, item: items[index] });
    if (focused) row.focus({ preventScroll: true });
  }

  // Kept in order, because Tab follows the order of the document.
  function rowAfter(index) {
    return [...rows.children].find((row) => Number(row.dataset.index) > index) ?? null;
  }

  function remove(index) {
    drawn.get(index).row.remove();
    drawn.delete(index);
  }

  function move(event) {
    if (!(event.key in KEYS) || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    focus(current + KEYS[event.key]);
  }

  function follow(event) {
    const row = event.target.closest("[data-index]");
    if (row) choose(Number(row.dataset.index));
  }

  function choose(index) {
    const before = current;
    current = index;
    for (const each of [before, index]) if (drawn.has(each)) reach(drawn.get(each).row, each === index);
  }

  /** Brings a row into sight and the keyboard to it. */
  function focus(index) {
    if (!items.length) return;
    const target = Math.max(0, Math.min(items.length - 1, index));
    choose(target);
    scrollTo(target);
    paint();
    place(target);
    drawn.get(target).row.focus({ preventScroll: true });
  }

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

function reach(row, reachable) {
  const tabIndex = reachable ? 0 : -1;
  row.tabIndex = tabIndex;
  for (const button of row.querySelectorAll("button")) button.tabIndex = tabIndex;
}
