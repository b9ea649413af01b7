// What was paid but not collected: how many tasks, and the button that fetches them.
import { toast } from "../comfy.js";
import { h } from "../dom.js";
import { get, post } from "../routes.js";
import { t } from "../texts.js";

const KEPT_SECONDS = 2 * 3600; // so long the service keeps a task
const MOST = 200;

export function makeOpenTasks() {
  const about = h("p", {});
  const button = h("button", { type: "button", class: "grsai-button grsai-primary", onclick: collect }, t("open.collect"));
  const element = h("section", { class: "grsai-section grsai-open", hidden: true }, h("h3", {}, t("open.title")), about, button);

  async function refresh() {
    const count = await waiting().catch(() => 0);
    element.hidden = count === 0;
    about.textContent = t("open.about", { count });
  }

  return { element, refresh };
}

// Tasks of a run that is under way are open too; they need no help.
async function waiting() {
  const [{ entries }, { runs }] = await Promise.all([get("history", { state: "open", limit: MOST }), get("running")]);
  const kept = entries.filter((entry) => Date.now() / 1000 - entry.created < KEPT_SECONDS).length;
  return Math.max(0, kept - runs.reduce((sum, run) => sum + run.running, 0));
}

async function collect() {
  try {
    const { run } = await post("collect");
    if (run === null) toast("info", t("open.nothing"), "", { seconds: 5 });
  } catch (error) {
    toast("error", error.text, "");
  }
}
