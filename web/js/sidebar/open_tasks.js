// @ts-check
// What was paid but not collected: how many tasks, and the button that fetches them.
import { h } from "../dom.js";
import { isOffline } from "../money.js";
import { notice } from "../notice.js";
import { get, post, whyOf } from "../routes.js";
import { t } from "../texts.js";

export function makeOpenTasks() {
  const title = h("h3", {});
  const about = h("p", {});
  const button = h("button", { type: "button", class: "grsai-button grsai-primary", onclick: collect }, t("open.collect"));
  const element = h("section", { class: "grsai-section grsai-open", hidden: true }, title, about, button);

  async function refresh() {
    const { count, hours } = await get("waiting").catch(() => ({ count: 0 }));
    element.hidden = count === 0;
    about.textContent = t(isOffline() ? "open.about_offline" : "open.about", { count, hours });
    title.textContent = t(isOffline() ? "open.title_offline" : "open.title");
  }

  return { element, refresh };
}

async function collect() {
  try {
    const { run } = await post("collect");
    if (run === null) notice("info", t("open.nothing"), "", { seconds: 5 });
  } catch (error) {
    notice("error", whyOf(error), "");
  }
}
