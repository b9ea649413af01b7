// @ts-check
// One entry of the history as a card: its tile, and beside it what it is.
import { makeCard, say } from "../components.js";
import { h, iconButton } from "../dom.js";
import { money } from "../money.js";
import { moment, t } from "../texts.js";
import { carried, stateOf, tileOf } from "../tile.js";
import { follow, judgeAll, nameOf } from "../verdicts.js";
import { again, copyPrompt, loadNode } from "./actions.js";

/** @typedef {import("../routes.js").Entry} Entry */

export const CARD_HEIGHT = 104; // with the gap below it, in pixels

/**
 * `making`: runs are under way, so what is open needs no collecting. A click anywhere but on a button opens it.
 * @type {(entry: Entry, open: () => void, making: boolean) => HTMLElement}
 */
export function makeEntryCard(entry, open, making) {
  const tile = tileOf(entry, making);
  const line = [stateChip(entry, making), h("span", { class: "grsai-muted grsai-facts" }, what(entry))];
  const foot = [h("span", { class: "grsai-muted grsai-facts" }, priceAndTime(entry)), buttons(entry)];
  // Why there is no picture stands beside the tile.
  const { task_id: task, numbers } = entry;
  const use = { open: () => {}, judge: (/** @type {import("../components.js").Choice} */ verdict) => judgeAll(task, numbers, { verdict }) };
  const { element, tile: drawn } = makeCard({ tile: { ...tile, why: null }, prompt: tile.label, line, foot }, use);
  const { show } = carried(drawn, tile);
  follow(element, numbers.map((number) => nameOf(task, number)), () => show({ ...tileOf(entry, making), why: null }));
  element.setAttribute("role", "listitem");
  element.setAttribute("aria-label", say("tile.named", { state: say(`state.${tile.state}`), label: tile.label }));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== event.currentTarget) return;
    event.preventDefault(); // else the key presses a button of what opens
    open();
  });
  element.addEventListener("click", (event) => event.target instanceof Element && !event.target.closest("button") && open());
  return element;
}

// Entries of one prompt are told apart by their sources.
/** @param {Entry} entry */
function what({ sources, model, image_size }) {
  const names = sources.map((source) => (typeof source === "string" ? source : source.filename));
  return [names.join(", "), model, image_size].filter(Boolean).join(" · ");
}

/** @param {Entry} entry */
function priceAndTime(entry) {
  const price = entry.offline ? t("card.free") : money(entry.credits);
  return [price, moment(entry.created), entry.who].filter(Boolean).join(" · ");
}

/**
 * The buttons of an entry, for the card and for the viewer.
 * @param {Entry} entry
 * @param {() => void} leave is called before the canvas changes
 */
export function buttons(entry, leave = () => {}) {
  return h(
    "div",
    { class: "grsai-buttons" },
    iconButton("plus-circle", t("card.load"), () => (leave(), loadNode(entry)), { disabled: !entry.files.length }),
    iconButton("copy", t("card.copy"), () => copyPrompt(entry), { disabled: !entry.prompt }),
    iconButton("refresh", t("card.again"), () => (leave(), again(entry))),
  );
}

/**
 * Why an entry has no picture, or what is still to come; null for one that is done and still there.
 * @type {(entry: Entry, making: boolean) => HTMLElement | null}
 */
function stateChip(entry, making) {
  const state = stateOf(entry, making);
  if (state === "done") return null;
  return h("span", { class: "grsai-chip", "data-state": state, title: entry.error ?? "" }, entry.why || say(`state.${state}`));
}
