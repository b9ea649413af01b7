// @ts-check
// The rejected pictures made again, shown where they are listed: the price first, then what was shown is made.
import { h } from "../dom.js";
import { isOffline, money } from "../money.js";
import { notice } from "../notice.js";
import { inLanguage, post, whyOf } from "../routes.js";
import { t } from "../texts.js";

/** @typedef {{pictures: number, credits: number, gone: {name: string, why: import("../routes.js").Texts}[]}} Priced */

export function makeRedo() {
  const button = h("button", { type: "button", class: "grsai-button grsai-primary" });
  const gone = h("div", { class: "grsai-muted" });
  const element = h("div", { class: "grsai-redo", hidden: true }, button, gone);
  /** @type {Priced | null} */
  let priced = null;
  let asked = 0;
  button.addEventListener("click", make);

  /** @param {boolean} isSeen whether the rejected ones are listed */
  async function show(isSeen) {
    element.hidden = !isSeen;
    if (!isSeen) return;
    const number = ++asked;
    const answer = await post("redo/estimate").catch((error) => error);
    if (number !== asked) return;
    priced = answer instanceof Error ? null : answer;
    button.disabled = !priced?.pictures;
    button.textContent = priced ? label(priced) : whyOf(answer);
    gone.replaceChildren(...(priced?.gone ?? []).map(({ name, why }) => h("p", { title: inLanguage(why) }, t("redo.gone", { name }))));
  }

  async function make() {
    if (!priced) return;
    button.disabled = true;
    try {
      await post("redo", { credits: priced.credits });
      button.textContent = t("redo.nothing");
    } catch (error) {
      notice("error", t("redo.title"), whyOf(error));
      show(true);
    }
  }

  return { element, show };
}

/** @param {Priced} priced */
function label({ pictures, credits }) {
  if (!pictures) return t("redo.nothing");
  return t("redo.make", { count: pictures, price: isOffline() ? t("money.free") : money(credits) });
}
