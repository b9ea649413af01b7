// @ts-check
// The page of one run: drawn from the data that stands in it, filtered by state and by text.
import { Viewer, element, letSlide, tile } from "./components.js";
import { Grid } from "./grid.js";

/** @typedef {import("./components.js").Card} Card */
/** @typedef {import("./components.js").Words} Words */
/**
 * @typedef {object} Run
 * @property {string} heading
 * @property {string} eyebrow
 * @property {[string, string, string][]} sums name, value, and what it means
 * @property {string[]} notes
 * @property {number} ratio width by height, as most of the pictures have it
 * @property {Words & {all: string, both: string, state: string, find: string, shown: string, nothing: string}} words
 * @property {[string, string][]} links file and name
 * @property {Card[]} cards
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Run} */
const run = JSON.parse(at("run").textContent ?? "");
const { cards, words } = run;
const texts = new Map(cards.map((card) => [card, `${card.name} ${card.prompt}`.toLowerCase()]));
const find = /** @type {HTMLInputElement} */ (at("find"));
/** @type {Grid<Card>} */
const grid = new Grid(at("grid"), (card) => tile(card, words));
const viewer = new Viewer(words);
let state = "";

// What stands around the pictures.
at("eyebrow").append(run.eyebrow);
at("heading").append(run.heading);
at("sums").append(
  ...run.sums.map(([name, value, more]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, `${value} `, element("small", {}, more))),
  ),
);
at("notes").append(...run.notes.map((note) => element("p", {}, note)));
at("foot").append(...run.links.map(([file, name]) => element("a", { href: file }, name)));
document.body.append(viewer.dialog);
grid.place.style.setProperty("--ratio", String(run.ratio));
find.placeholder = words.find;
find.setAttribute("aria-label", words.find);

// Which are shown: by state and text.
function filter() {
  const asked = find.value.trim().toLowerCase().split(/\s+/);
  const shown = cards.filter(
    (card) => (!state || card.state === state) && asked.every((word) => texts.get(card)?.includes(word)),
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
    const number = count === undefined ? undefined : element("small", {}, count.toLocaleString("en"));
    const button = element("button", { value, "aria-pressed": String(value === pressed) }, name, number);
    button.addEventListener("click", () => {
      for (const each of group.children) each.setAttribute("aria-pressed", String(each === button));
      act(value);
    });
    group.append(button);
  }
}

/** @type {[string, string, number][]} */
const states = Object.entries(words.states).map(([value, name]) => [
  value,
  name,
  cards.filter((card) => card.state === value).length,
]);
offer(at("states"), words.state, [["", words.all, cards.length], ...states.filter(([, , count]) => count)], "", (value) => {
  state = value;
  filter();
});
if (cards.some((card) => card.before && card.after)) {
  offer(at("split"), words.compare, [["100", words.before], ["50", words.both], ["0", words.after]], "50", (value) =>
    grid.place.style.setProperty("--at", `${value}%`),
  );
}
find.addEventListener("input", filter);
filter();

// One at full size.
/** @param {Element} target in a tile */
const open = (target) => viewer.open(grid.items, Math.max(grid.indexOf(target.closest(".card")), 0));
letSlide(grid.place);
grid.place.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (!(event.target instanceof Element) || !event.target.closest(".view, a.name")) return;
  event.preventDefault();
  open(event.target);
});
grid.place.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement) open(event.target);
});
viewer.dialog.addEventListener("close", () => {
  const way = grid.reveal(viewer.place)?.querySelector("input, a.name");
  if (way instanceof HTMLElement) way.focus(/** @type {FocusOptions} */ ({ focusVisible: false }));
});
