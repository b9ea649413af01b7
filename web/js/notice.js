// @ts-check
// What the pack says in passing: boxes at the lower edge, where neither ComfyUI's messages nor its windows stand.
// ComfyUI's own messages would lie over its error box, cannot hold a button everywhere, and differ with the frontend.
import { h, icon, iconButton } from "./dom.js";
import { t } from "./texts.js";

/** @typedef {"success" | "info" | "warn" | "error"} Kind */
/** @typedef {{label: string, onclick: () => unknown}} Action */

/** @type {Record<Kind, string>} */
const ICONS = { success: "check-circle", info: "info-circle", warn: "exclamation-triangle", error: "times-circle" };

/** @type {HTMLElement | null} */
let stack = null;

/**
 * Shows a box; returns the function that takes it away.
 * @param {Kind} kind
 * @param {string} title
 * @param {string} detail
 * @param {{seconds?: number, action?: Action | null}} options `seconds` 0: until it is closed
 */
export function notice(kind, title, detail, { seconds = 0, action = null } = {}) {
  const close = () => box.remove();
  const act = () => {
    close();
    action?.onclick();
  };
  const words = h("div", { class: "grsai-notice-words" }, h("strong", {}, title), detail && h("p", {}, detail));
  if (action) words.append(h("button", { type: "button", class: "grsai-button", onclick: act }, action.label));
  const role = ["warn", "error"].includes(kind) ? "alert" : "status";
  const box = h("div", { class: "grsai-notice", role, "data-kind": kind }, icon(ICONS[kind]), words);
  box.append(iconButton("times", t("viewer.close"), close));
  place().append(box);
  if (seconds) setTimeout(close, 1000 * seconds);
  return close;
}

// The stack, over whatever was opened since: a popover lies over windows too.
function place() {
  stack ??= h("div", { class: "grsai-notices", popover: "manual" });
  if (!stack.isConnected) document.body.append(stack);
  if (stack.matches(":popover-open")) stack.hidePopover();
  stack.showPopover?.();
  return stack;
}
