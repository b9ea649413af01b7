// @ts-check
// The page on which the pictures of a folder are judged. Its first data stands in it; server.py says what else it may ask.
import { h } from "../components/dom.js";
import { say } from "../components/words.js";
import { addressOf, follow } from "./asking.js";
import { makeCompare } from "./compare.js";
import { Desk } from "./desk.js";
import { makeKeyList, onKeys } from "./keys.js";
import { makeLive } from "./live.js";
import { FILTERS, Pictures } from "./pictures.js";
import { makeRedo } from "./redo.js";
import { tell } from "./sentences.js";

/** @typedef {import("./pictures.js").Filter} Filter */
/**
 * @typedef {object} State
 * @property {string} folder
 * @property {boolean} may_make
 * @property {boolean} compare
 * @property {import("./pictures.js").Counts} counts
 * @property {import("./live.js").Run | null} run
 * @property {number} last
 * @property {import("./pictures.js").Picture[]} pictures
 * @property {number | null} next
 * @property {import("../components/made.js").MadeWords} words
 */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {State} */
const state = JSON.parse(byId("run").textContent ?? "");
const pictures = new Pictures(state);
const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
const wrong = (/** @type {Error} */ error) => warn(error.message);
const desk = new Desk(pictures, state.words, { failed: wrong, changed: count });
const live = makeLive(wrong);
const redo = makeRedo(wrong);
const compare = makeCompare(pictures, state.words, { wrong, leave: () => showCompare(false) });
const keyList = makeKeyList();
let isLost = false;
let isMaking = false;
const filters = FILTERS.map((filter) => h("button", { type: "button", value: filter, onclick: () => choose(filter) }));
const kept = h("a", { class: "button", download: "" }, tell("zip.all"));
const stars = h("select", { "aria-label": tell("zip.stars") });
const toCompare = h("button", { type: "button", class: "button", hidden: !state.compare, onclick: () => showCompare(true) }, say("compare.open"));

function build() {
  byId("heading").append(state.folder);
  const group = h("div", { class: "choice", role: "group", "aria-label": tell("filter.label") }, ...filters);
  stars.append(...["", 1, 2, 3, 4, 5].map((count) => h("option", { value: count }, count ? `★ ${count}+` : tell("zip.any"))));
  stars.addEventListener("change", count);
  const help = h("button", { type: "button", class: "button", title: tell("keys.open"), "aria-label": tell("keys.open"), onclick: keyList.toggle }, "?");
  byId("tools").append(group, toCompare, h("span", { class: "zip" }, kept, stars), help);
  byId("page").append(live.element, trouble, desk.element, compare.element, redo.element);
  document.body.append(keyList.element);
}

// What the counts say, wherever they stand.
function count() {
  const { counts } = pictures;
  /** @type {Record<Filter, number>} */
  const numbers = { all: counts.total, open: counts.open, kept: counts.kept, rejected: counts.rejected };
  for (const button of filters) {
    const filter = /** @type {Filter} */ (button.value);
    button.replaceChildren(tell(`filter.${filter}`), " ", h("small", {}, numbers[filter].toLocaleString("en")));
    button.setAttribute("aria-pressed", String(pictures.filter === filter));
  }
  kept.hidden = stars.hidden = !counts.kept;
  kept.href = addressOf("picks.zip", stars.value ? { min_stars: stars.value } : {});
  if (state.may_make) redo.show(isMaking || !compare.element.hidden ? 0 : counts.redo);
}

/** @param {Filter} filter */
function choose(filter) {
  pictures.choose(filter);
  desk.refresh();
}

/** Until the next key or verdict; that there is no connection stays as long as it is so. @param {string} text */
function warn(text) {
  trouble.textContent = text || (isLost ? tell("live.lost") : "");
  trouble.hidden = !trouble.textContent;
}

function isComparable() {
  state.compare ||= pictures.comparable;
  return state.compare;
}

/** @param {boolean} isShown */
function showCompare(isShown) {
  desk.element.hidden = isShown;
  compare.element.hidden = !isShown;
  toCompare.hidden = isShown || !isComparable();
  if (isShown) compare.open().catch(wrong);
  else desk.refresh();
  count();
}

/** @type {Record<string, () => unknown>} */
const PRESS = {
  ArrowLeft: () => desk.step(-1),
  ArrowRight: () => desk.step(1),
  ArrowUp: () => desk.stepVersion(-1),
  ArrowDown: () => desk.stepVersion(1),
  Home: () => desk.step(-Infinity),
  End: () => desk.step(Infinity),
  k: () => desk.decide("keep"),
  r: () => desk.decide("reject"),
  u: () => desk.undo(),
  n: () => desk.verdict.focusNote(),
  f: () => choose(FILTERS[(FILTERS.indexOf(pictures.filter) + 1) % FILTERS.length]),
  z: () => desk.stage.toggleZoom(),
  d: () => desk.stage.toggleChange(),
  m: () => desk.turn(),
  c: () => isComparable() && showCompare(true),
  "?": keyList.toggle,
};
for (const stars of [1, 2, 3, 4, 5]) PRESS[stars] = () => desk.rate(stars);

onKeys((event) => {
  if (keyList.element.open && event.key !== "?") return;
  if (!compare.element.hidden && event.key !== "?") return compare.key(event);
  const press = PRESS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!press || (event.repeat && event.key.length === 1)) return; // a key that is held down judges one picture
  event.preventDefault();
  warn("");
  press();
});

/** What the server tells of what goes on. */
const HEARD = {
  run: (/** @type {import("./live.js").Run} */ run) => {
    live.show(run);
    isMaking = run.state !== "ended";
    count();
  },
  pictures: (/** @type {Pick<State, "pictures" | "counts">} */ came) => {
    const [isFirst, here] = [!pictures.shown.length, desk.current?.id];
    pictures.take(came.pictures);
    pictures.count(came.counts);
    toCompare.hidden = !compare.element.hidden || !isComparable();
    if (!compare.element.hidden) compare.refresh().catch(wrong);
    if (isFirst) desk.refresh();
    else desk.refreshQuietly(here);
  },
  failed: live.fail,
  verdicts: (/** @type {{verdicts: any[], counts: State["counts"]}} */ said) => {
    pictures.heard(said.verdicts);
    if (!pictures.pending.size) pictures.count(said.counts);
    desk.redraw();
    compare.heard();
  },
  reload: () => location.reload(),
};

build();
desk.refresh();
count();
if (state.run && state.run.state !== "ended") HEARD.run(state.run);
follow(state.last, HEARD, (isHere) => {
  isLost = !isHere;
  warn("");
});
const here = () => desk.refreshQuietly(desk.current?.id); // more of them come only to the end
pictures.load(state.next, here).catch(wrong);
