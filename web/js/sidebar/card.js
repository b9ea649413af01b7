// @ts-check
// One entry of the history as a card.
import { h, icon, iconButton } from "../dom.js";
import { carry } from "../drag.js";
import { thumbnailAddress } from "../routes.js";
import { money } from "../money.js";
import { moment, t } from "../texts.js";
import { again, copyPrompt, loadNode } from "./actions.js";

export const CARD_HEIGHT = 104; // with the gap below it, in pixels

/** @typedef {import("../routes.js").Entry} Entry */

/** @type {Record<string, string>} */
const STATE_ICONS = { failed: "times-circle", open: "clock", uncertain: "question-circle", submitting: "spinner" };

/**
 * `making`: runs are under way, so what is open needs no collecting.
 * @type {(entry: Entry, open: () => void, making: boolean) => HTMLElement}
 */
export function makeCard(entry, open, making) {
  const prompt = entry.prompt || t("card.no_prompt");
  const label = t("card.named", { state: stateName(entry, making), prompt });
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.target !== event.currentTarget) return;
    event.preventDefault(); // else the key presses a button of what opens
    open();
  };
  return h(
    "article",
    { class: "grsai-card", role: "listitem", "aria-label": label, onkeydown: keys, ondblclick: open },
    thumbnail(entry, open),
    h(
      "div",
      { class: "grsai-card-body" },
      h("div", { class: "grsai-prompt", title: prompt }, prompt),
      stateBadge(entry, making) ?? h("div", { class: "grsai-muted grsai-facts" }, what(entry)),
      h("div", { class: "grsai-card-foot" }, h("span", { class: "grsai-muted grsai-facts" }, priceAndTime(entry)), buttons(entry)),
    ),
  );
}

/** @param {Entry} entry */
const what = (entry) => [entry.model, entry.image_size].filter(Boolean).join(" · ");

/** @param {Entry} entry */
function priceAndTime(entry) {
  const price = entry.offline ? t("card.free") : money(entry.credits);
  return `${price} · ${moment(entry.created)}`;
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
 * What is odd about an entry; null for one that is done and still there.
 * @param {Entry} entry
 */
export function stateBadge(entry, making = false) {
  if (entry.state === "done") return entry.files.length ? null : chip("gone", t("state.gone"), "eye-slash");
  const symbol = isMaking(entry, making) ? STATE_ICONS.submitting : STATE_ICONS[entry.state];
  return chip(isMaking(entry, making) ? "making" : entry.state, entry.error || stateName(entry, making), symbol);
}

/** @type {(entry: Entry, making: boolean) => boolean} */
const isMaking = ({ state }, making) => making && ["open", "submitting"].includes(state);

/** @type {(entry: Entry, making: boolean) => string} */
function stateName(entry, making) {
  return t(`state.${isMaking(entry, making) ? "making" : entry.state}`);
}

/** @type {(state: string, text: string, symbol: string) => HTMLElement} */
function chip(state, text, symbol) {
  return h("span", { class: "grsai-chip", "data-state": state, title: text }, icon(symbol), h("span", {}, text));
}

/** @type {(entry: Entry, open: () => void) => HTMLElement} */
function thumbnail(entry, open) {
  const shown = entry.files.length > 0;
  const picture = shown
    ? h("img", { src: thumbnailAddress(entry.row), alt: "", loading: "lazy", decoding: "async", draggable: "false" })
    : icon(STATE_ICONS[entry.state] ?? "image");
  const label = t("card.open");
  const button = h("button", { type: "button", class: "grsai-thumbnail", title: label, "aria-label": label, onclick: open }, picture);
  if (shown) carry(button, () => picturesOf(entry));
  return button;
}

/** @type {(entry: Entry) => import("../drag.js").Picture[]} */
const picturesOf = ({ row, files }) => files.map((place, file) => ({ row, file, place }));
