// The balance of the account, or that nothing is paid.
import { openSettings } from "../comfy.js";
import { h } from "../dom.js";
import { get, inLanguage } from "../grsai.js";
import { balance, inCredits } from "../money.js";
import { t } from "../texts.js";

export function makeBalance() {
  const element = h("div", { class: "grsai-balance", role: "status", "aria-label": t("balance.title") });
  let last = null;
  const redraw = () => last && element.replaceChildren(...drawn(last));
  const refresh = async () => {
    last = await get("balance").catch((error) => ({ ok: false, error: error.texts }));
    redraw();
  };
  return { element, refresh, redraw };
}

function drawn(reply) {
  if (!reply.ok) {
    const open = h("button", { type: "button", class: "grsai-button", onclick: openSettings }, t("balance.no_key"));
    return [h("p", { class: "grsai-problem" }, inLanguage(reply.error)), open];
  }
  if (reply.offline) return [amount(t("balance.offline")), about(t("balance.offline_about"))];
  return [amount(balance(reply.credits)), about(inCredits(reply.credits))];
}

const amount = (text) => h("strong", {}, text);
const about = (text) => h("span", { class: "grsai-muted" }, text);
