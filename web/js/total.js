// @ts-check
// What Run would make and cost in all, for the tab.
import { h } from "./dom.js";
import { isOffline } from "./money.js";
import { anew, counted, inWords, onOutlook, outlook } from "./outlook.js";
import { t } from "./texts.js";

export function makeTotal() {
  const amount = h("strong", {});
  const more = h("small", { class: "grsai-muted" }, t("outlook.more"));
  const element = h("div", { class: "grsai-total", role: "status", hidden: true }, h("span", {}, t("outlook.title")), amount, more);
  const redraw = () => {
    const whole = outlook();
    const words = whole ? inWords(whole.total) : "";
    amount.textContent = whole && isOffline() && words ? `${counted(whole.total.pictures ?? 0)} · ${t("money.free")}` : words;
    more.hidden = !whole?.unknown || !words;
    element.hidden = !whole || !(words || whole.unknown);
  };
  const close = onOutlook(redraw);
  redraw();
  return { element, refresh: anew, redraw, close };
}
