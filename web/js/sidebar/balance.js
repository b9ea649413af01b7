// @ts-check
// The balance of the account, or that nothing is paid.
import { openSettings } from "../comfy.js";
import { h } from "../dom.js";
import { notice } from "../notice.js";
import { get, inLanguage } from "../routes.js";
import { balance, fromYuan, inCredits, money } from "../money.js";
import { enterKey } from "../settings.js";
import { goOffline, situation } from "../start.js";
import { t } from "../texts.js";

/** @typedef {import("../start.js").Situation} Situation */
/** @typedef {{credits: number, yuan: number}} Spent */
/** @typedef {{today: Spent, month: Spent, budget_day: number, budget_month: number}} Spend budgets in yuan, 0: none */
/** @typedef {{ok: boolean, credits?: number, of?: "account" | "key", spend?: Spend, offline?: boolean, error?: import("../routes.js").Texts, start?: Situation} & Record<string, any>} Reply */
/** @typedef {import("../texts.js").TextKey} TextKey */

export function makeBalance() {
  const element = h("div", { class: "grsai-balance", role: "status", "aria-label": t("balance.title") });
  /** @type {Reply | null} */
  let last = null;
  const redraw = () => {
    if (last) element.replaceChildren(...drawn(last));
  };
  const refresh = async () => {
    last = await asked().catch((error) => ({ ok: false, error: error.texts }));
    redraw();
  };
  return { element, refresh, redraw };
}

/** @returns {Promise<Reply>} */
async function asked() {
  const [reply, spend] = await Promise.all([get("balance"), get("spend")]);
  return reply.no_key ? { ...reply, start: await situation() } : { ...reply, spend };
}

// Today and this month, and of how much if there is a budget.
/** @param {Spend} spend */
function spent({ today, month, budget_day, budget_month }) {
  const line = (/** @type {TextKey} */ key, /** @type {Spent} */ { credits }, /** @type {number} */ budget) => {
    const text = budget ? t("spend.of", { spent: money(credits), budget: money(fromYuan(budget)) }) : money(credits);
    return h("div", { class: "grsai-spend" }, about(t(key)), h("span", {}, text));
  };
  return [line("spend.today", today, budget_day), line("spend.month", month, budget_month)];
}

/** @param {Reply} reply */
function drawn(reply) {
  if (reply.start) return firstSteps(reply.start);
  if (!reply.ok) return [h("p", { class: "grsai-problem" }, inLanguage(reply.error)), button("balance.settings", openSettings)];
  if (reply.offline) return [amount(t("balance.offline")), about(t("balance.offline_about"))];
  const credits = inCredits(reply.credits ?? 0);
  const whose = reply.of === "key" ? t("balance.of_key", { credits }) : credits;
  return [amount(balance(reply.credits ?? 0)), about(whose), ...(reply.spend ? spent(reply.spend) : [])];
}

/** @param {Situation} situation */
function firstSteps({ otherHost, offline }) {
  const tryOffline = () => goOffline().catch((error) => notice("error", error.text, ""));
  return [
    h("p", { class: "grsai-problem" }, t(otherHost ? "key.other_host" : "start.title")),
    offline && button("start.offline", tryOffline, "grsai-primary"),
    button("start.key", enterKey),
  ].filter((step) => step !== false);
}

/** @type {(key: TextKey, onclick: () => unknown, look?: string) => HTMLElement} */
const button = (key, onclick, look = "") => h("button", { type: "button", class: `grsai-button ${look}`, onclick }, t(key));
/** @param {string} text */
const amount = (text) => h("strong", {}, text);
/** @param {string} text */
const about = (text) => h("span", { class: "grsai-muted" }, text);
