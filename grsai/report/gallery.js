// @ts-check
// The page of one run: drawn from the data that stands in it, filtered by state, verdict and text.
import { makeCard } from "../components/card.js";
import { aboutColumn, makeComparison, makeTally } from "../components/comparison.js";
import { h } from "../components/dom.js";
import { Grid } from "../components/grid.js";
import { aboutMade, shownOfMade, tileOfMade } from "../components/made.js";
import { makeTile } from "../components/tile.js";
import { readVerdict } from "../components/verdict.js";
import { Viewer } from "../components/viewer.js";
import { say } from "../components/words.js";

/** @typedef {import("../components/made.js").Made} Made */
/**
 * Words by name, in the user's language. `states`: how each state is called.
 * @typedef {import("../components/made.js").MadeWords & {task: string, compare: string, before: string, after: string, all: string, both: string,
 *   find: string, shown: string, nothing: string, open: string, finished: string}} Words
 */
/**
 * @typedef {object} Run
 * @property {string} heading
 * @property {string} eyebrow
 * @property {[string, string, string][]} sums name, value, and what it means
 * @property {string[]} notes
 * @property {number} ratio width by height, as most of the pictures have it
 * @property {Words} words
 * @property {[string, string][]} links file and name
 * @property {Made[]} cards
 * @property {import("../components/comparison.js").Compared[]} [compared] the models and prompts that were tried beside each other
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Run} */
const run = JSON.parse(at("run").textContent ?? "");
const { cards, words } = run;
const texts = new Map(cards.map((card) => [card, `${card.name} ${card.prompt} ${card.note ?? ""}`.toLowerCase()]));
const find = /** @type {HTMLInputElement} */ (at("find"));
/** @type {Grid<Made>} */
const grid = new Grid(at("grid"), drawCard);
/** @type {readonly Made[]} what the window goes through */
let seen = cards;
const viewer = new Viewer({ count: () => seen.length, sight: (index) => sightOf(seen[index]), around: true });
let state = "";
let verdict = "";

// What stands around the pictures.
at("eyebrow").append(run.eyebrow);
at("heading").append(run.heading);
at("sums").append(
  ...run.sums.map(([name, value, more]) => h("div", {}, h("dt", {}, name), h("dd", {}, `${value} `, h("small", {}, more)))),
);
at("notes").append(...run.notes.map((note) => h("p", {}, note)));
at("foot").append(...run.links.map(([file, name]) => h("a", { href: file }, name)));
for (const place of [grid.place, at("compared")]) place.style.setProperty("--grsai-ratio", String(run.ratio));
find.placeholder = words.find;
find.setAttribute("aria-label", words.find);

/** @param {Made} card */
function drawCard(card) {
  const name = words.task.replace("#", card.number);
  const facts = card.facts.join(" · ");
  return makeCard(
    {
      tile: tileOfMade(card, words),
      prompt: card.prompt,
      foot: [
        card.after ? h("a", { class: "name", href: card.after, title: card.name }, name) : h("span", { class: "name" }, name),
        h("span", { class: "more", title: facts }, facts),
        h("span", { class: "state", "data-state": card.state }, words.states[card.state]),
      ],
    },
    { open: (event) => open(/** @type {Element} */ (event.currentTarget)), large: true },
  ).element;
}

/**
 * @param {Made} card
 * @returns {import("../components/viewer.js").Sight}
 */
function sightOf(card) {
  const { after, finished } = card;
  const link = (/** @type {string} */ href, /** @type {string} */ text) => h("a", { class: "open", href, target: "_blank", rel: "noopener" }, text);
  return {
    tile: tileOfMade(card, words),
    picture: shownOfMade(card),
    why: card.said?.join("\n"),
    about: aboutMade(card, words, [readVerdict(card)]),
    foot: [after && link(after, words.open), finished && link(finished, words.finished)],
  };
}

// Models and prompts beside each other, where some were compared: a row a source, a column a model and prompt.
/** @param {readonly import("../components/comparison.js").Compared[]} columns */
function drawCompared(columns) {
  const [MADE_FROM, MODEL] = [0, 1]; // places of the values
  const isOf = (/** @type {Made} */ card, /** @type {{model: string, prompt: string}} */ { model, prompt }) => card.values[MODEL] === model && card.prompt === prompt;
  const of = columns.map((column) => cards.filter((card) => card.after && isOf(card, column)));
  const sources = [...new Set(of.flat().map((card) => card.values[MADE_FROM]))];
  const show = (/** @type {Made} */ card) => {
    seen = of.flat();
    viewer.open(seen.indexOf(card));
  };
  const tile = (/** @type {Made} */ card) => makeTile(tileOfMade(card, words), { open: () => show(card), slide: true }).element;
  const rows = sources.map((name) => {
    const mine = of.map((column) => column.filter((card) => card.values[MADE_FROM] === name));
    const cells = mine.map((column) => column.flatMap((card) => [tile(card), h("p", { class: "more" }, card.facts.join(" · "))]));
    return { name, before_small: mine.flat().find((card) => card.before_small)?.before_small, cells };
  });
  const heads = columns.map((column, place) => h("th", { scope: "col" }, ...aboutColumn(column, makeTally(of[place].map((card) => card.verdict)))));
  return makeComparison(heads, rows);
}

// Which are shown: by state, verdict and text.
function filter() {
  const asked = find.value.trim().toLowerCase().split(/\s+/);
  const shown = cards.filter(
    (card) =>
      (!state || card.state === state) &&
      (!verdict || (card.verdict || "none") === verdict) &&
      asked.every((word) => texts.get(card)?.includes(word)),
  );
  grid.show(shown);
  at("shown").textContent = words.shown.replace("#", String(shown.length)).replace("#", String(cards.length));
  at("nothing").textContent = shown.length ? "" : words.nothing;
}

/**
 * Buttons of which one is pressed.
 * @param {HTMLElement} group
 * @param {string} label
 * @param {[string, string, number?][]} rows value, name, count
 * @param {string} pressed
 * @param {(value: string) => void} act
 */
function offer(group, label, rows, pressed, act) {
  group.setAttribute("aria-label", label);
  for (const [value, name, count] of rows) {
    const number = count === undefined ? undefined : h("small", {}, count.toLocaleString("en"));
    const button = h("button", { type: "button", value, "aria-pressed": String(value === pressed) }, name, number);
    button.addEventListener("click", () => {
      for (const each of group.children) each.setAttribute("aria-pressed", String(each === button));
      act(value);
    });
    group.append(button);
  }
}

/**
 * @param {Record<string, string>} names by value
 * @param {(card: Made) => string} value
 * @returns {[string, string, number?][]} those that there are
 */
function counted(names, value) {
  const rows = Object.entries(names).map(([key, name]) => /** @type {[string, string, number]} */ ([key, name, cards.filter((card) => value(card) === key).length]));
  return [["", words.all, cards.length], ...rows.filter(([, , count]) => count)];
}

offer(at("states"), words.state, counted(words.states, (card) => card.state), "", (value) => {
  state = value;
  filter();
});
if (cards.some((card) => card.verdict)) {
  const names = { keep: say("verdict.kept"), reject: say("verdict.rejected"), none: say("verdict.none") };
  offer(at("verdicts"), say("verdict.label"), counted(names, (card) => card.verdict || "none"), "", (value) => {
    verdict = value;
    filter();
  });
}
if (cards.some((card) => card.before && card.after)) {
  offer(at("split"), words.compare, [["100", words.before], ["50", words.both], ["0", words.after]], "50", (value) =>
    [grid.place, at("compared")].forEach((place) => place.style.setProperty("--grsai-at", `${value}%`)),
  );
}
find.addEventListener("input", filter);
if (run.compared?.length) {
  const { compared } = run;
  offer(at("views"), say("compare.title"), [["", say("compare.pictures")], ["compared", say("compare.open")]], "", (value) => {
    grid.place.hidden = Boolean(value);
    at("compared").hidden = !value;
    if (value && !at("compared").childElementCount) at("compared").append(drawCompared(compared));
  });
}
filter();

// One at full size.
/** @param {Element} target in a tile */
function open(target) {
  seen = grid.items;
  viewer.open(Math.max(grid.indexOf(target.closest(".grsai-card")), 0));
}
grid.place.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (!(event.target instanceof Element) || !event.target.closest("a.name")) return;
  event.preventDefault();
  open(event.target);
});
viewer.dialog.addEventListener("close", () => {
  if (grid.place.hidden) return;
  const way = grid.reveal(viewer.index)?.querySelector("input, a.name");
  if (way instanceof HTMLElement) way.focus(/** @type {FocusOptions} */ ({ focusVisible: false }));
});
