// @ts-check
// A picture and what became of it, as small as a stamp or as large as a window: the one way to draw one. Its source dimmed, then
// the percent, then the result, or the reason why there is none; in its corner what the user thinks of it.
import { h } from "./dom.js";
import { sign, signButton } from "./signs.js";
import { say } from "./words.js";

/** @typedef {"waiting" | "making" | "done" | "gone" | "failed" | "open" | "uncertain" | "stopped"} TileState */
/** @typedef {"keep" | "reject" | ""} Choice */

/**
 * @typedef {object} Tile
 * @property {TileState} state
 * @property {string} label what it is of
 * @property {string | null} image address of the result, small
 * @property {string | null} source address of what it is made from, small
 * @property {string | null} why in few words, where there is no result
 * @property {number | null} percent of what is in the making
 * @property {string[]} [beside] addresses of what else it was made from, small
 * @property {string} [hint] what is to be known of the result
 * @property {Choice} [verdict]
 * @property {number} [stars] 0: none
 * @property {string} [note]
 */

/**
 * `slide`: the pointer uncovers the source of a result. `judge`: a result can be kept or rejected on the tile itself.
 * @typedef {{open: (event: Event) => void, slide?: boolean, judge?: (choice: Choice) => void}} TileUse
 */

/** @type {Record<TileState, import("./signs.js").SignName>} */
const SIGNS = {
  waiting: "clock",
  making: "spinner",
  done: "image",
  gone: "gone",
  failed: "failed",
  open: "fetch",
  uncertain: "unsure",
  stopped: "stop",
};

/**
 * Draws a tile; `show` brings it up to date, and touches only what changed.
 * @param {Tile} first
 * @param {TileUse} use
 */
export function makeTile(first, { open, slide = false, judge }) {
  const after = image("grsai-after");
  const words = h("span", { class: "grsai-tile-words" });
  const marks = h("span", { class: "grsai-tile-marks" });
  const element = h("div", { class: "grsai-tile", role: "button", tabindex: 0, onclick: open }, after, words, marks);
  const judges = judge && makeJudges(judge);
  if (judges) element.append(judges.element);
  element.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLButtonElement) return;
    if (event.key !== "Enter" && (event.key !== " " || event.target !== element)) return;
    event.preventDefault(); // else the key presses a button of what opens
    open(event);
  });
  /** @type {ReturnType<typeof makeSlider> | null} */
  let slider = null;

  /** @param {Tile} next */
  function show(next) {
    const result = next.state === "done" ? next.image : null;
    address(after, result ?? next.source ?? next.image);
    element.dataset.state = next.state;
    element.dataset.verdict = next.verdict ?? "";
    const name = say("tile.named", { state: say(`state.${next.state}`), label: next.label });
    element.title = [name, next.why, next.hint, next.note].filter(Boolean).join("\n");
    element.setAttribute("aria-label", element.title);
    words.replaceChildren(...spokenOf(next));
    marks.replaceChildren(...marksOf(next));
    judges?.show(result !== null, next.verdict ?? "");
    if (slide && result && next.source) uncover(next.source, next.label);
    element.querySelector(".grsai-beside")?.remove();
    if (next.beside?.length) element.append(makeBeside(next.beside));
  }

  /** @type {(source: string, label: string) => void} */
  function uncover(source, label) {
    slider ??= makeSlider(element);
    slider.show(source, label);
  }

  show(first);
  return { element, show };
}

/**
 * Two small buttons on a result. A second press takes the verdict back.
 * @param {(choice: Choice) => void} judge
 */
function makeJudges(judge) {
  /** @type {Choice} */
  let now = "";
  const buttons = /** @type {const} */ (["keep", "reject"]).map((choice) => {
    const press = (/** @type {MouseEvent} */ event) => {
      event.stopPropagation(); // the tile would open
      judge(now === choice ? "" : choice);
    };
    const button = signButton(choice, say(`verdict.${choice}`), press);
    button.dataset.verdict = choice;
    return button;
  });
  const element = h("span", { class: "grsai-tile-judges" }, ...buttons);
  /** @type {(isResult: boolean, verdict: Choice) => void} */
  const show = (isResult, verdict) => {
    now = verdict;
    element.hidden = !isResult;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
  };
  return { element, show };
}

/**
 * The source over the result, as far as the pointer or the keys let it.
 * @param {HTMLElement} place
 */
function makeSlider(place) {
  const before = image("grsai-before");
  const range = h("input", { type: "range", min: 0, max: 100, value: 50 });
  const edge = h("i", { class: "grsai-edge" });
  const tags = [h("span", { class: "grsai-tag" }, say("view.before")), h("span", { class: "grsai-tag" }, say("view.result"))];
  place.append(before, range, edge, ...tags);
  place.classList.add("grsai-slid");
  place.removeAttribute("role"); // the range takes the keys
  place.removeAttribute("tabindex");
  const slide = (/** @type {number} */ share) => {
    place.style.setProperty("--grsai-at", `${share}%`);
    range.value = String(share);
  };
  range.addEventListener("input", () => slide(Number(range.value)));
  place.addEventListener("pointermove", (event) => {
    place.classList.add("grsai-live");
    const { left, width } = place.getBoundingClientRect();
    slide(Math.min(100, Math.max(0, ((event.clientX - left) / width) * 100)));
  });
  place.addEventListener("pointerleave", () => {
    place.classList.remove("grsai-live");
    place.style.removeProperty("--grsai-at");
  });
  /** @type {(source: string, label: string) => void} */
  const show = (source, label) => {
    address(before, source);
    range.setAttribute("aria-label", `${say("view.compare")}: ${label}`);
  };
  return { show };
}

/**
 * What else a picture was made from, small.
 * @param {readonly string[]} addresses
 */
export function makeBeside(addresses) {
  return h("div", { class: "grsai-beside" }, ...addresses.map((each) => h("img", { src: each, alt: "", loading: "lazy" })));
}

/** @param {Tile} tile */
function spokenOf({ state, why, percent }) {
  if (state === "done") return [];
  const text = state === "making" && percent !== null ? `${percent} %` : why;
  return text ? [sign(SIGNS[state]), h("span", {}, text)] : [sign(SIGNS[state])];
}

/** @param {Tile} tile */
function marksOf({ verdict, stars = 0, note, hint }) {
  const marks = [];
  if (verdict) marks.push(h("span", { class: "grsai-mark", "data-verdict": verdict }, sign(verdict)));
  if (stars) marks.push(h("span", { class: "grsai-mark" }, `★${stars}`));
  if (note) marks.push(h("span", { class: "grsai-mark", "data-kind": "note" }, sign("note")));
  if (hint) marks.push(h("span", { class: "grsai-mark", "data-kind": "hint" }, "!"));
  return marks;
}

/** @param {string} kind */
function image(kind) {
  return h("img", { class: kind, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
}

/** @type {(into: HTMLImageElement, value: string | null) => void} */
function address(into, value) {
  if (into.getAttribute("src") !== value) value ? into.setAttribute("src", value) : into.removeAttribute("src");
  into.hidden = !value;
}
