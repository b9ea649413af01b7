// @ts-check
// The sidebar tab: balance, what is running, what waits to be collected, the history.
import { openSettings, toggleTab } from "../comfy.js";
import { h, iconButton, settled, soon } from "../dom.js";
import { notice } from "../notice.js";
import { onRun } from "../routes.js";
import { onPrices, refreshPrices } from "../money.js";
import { t } from "../texts.js";
import { makeTotal } from "../total.js";
import { makeBalance } from "./balance.js";
import { makeHistory } from "./history.js";
import { makeOpenTasks } from "./open_tasks.js";
import { makeRuns } from "./runs.js";

const QUIET_MILLISECONDS = 400;

/** @type {{element: HTMLElement, filter: (filter: import("./history.js").Filter) => void, close: () => void} | null} */
let panel = null;

export const ID = "grsai-banana";

export const TAB = {
  id: ID,
  icon: "grsai-banana-icon",
  // Both are keys of locales/<language>/main.json, so that the tab changes its language with ComfyUI.
  title: "Banana",
  tooltip: "Banana",
  type: "custom",
  // ComfyUI calls this again for each redraw of its own.
  /** @param {HTMLElement} container */
  render(container) {
    if (panel?.element.parentElement === container) return;
    panel?.close();
    panel = openPanel();
    container.classList.add("grsai-slot");
    container.replaceChildren(panel.element);
  },
  destroy() {
    panel?.close();
    panel = null;
  },
};

/**
 * Opens the tab, with the history filtered.
 * @param {import("./history.js").Filter} filter
 */
export async function openTab(filter) {
  if (!panel?.element.isConnected) await toggleTab(ID);
  await soon(() => panel?.element.isConnected);
  panel?.filter(filter);
}

function openPanel() {
  const balance = makeBalance();
  const total = makeTotal();
  const runs = makeRuns();
  const tasks = makeOpenTasks();
  const history = makeHistory(runs.any);
  const parts = [balance, total, runs, tasks, history];
  const refresh = () => parts.forEach((part) => part.refresh());
  const look = settled(() => [balance, tasks, history].forEach((part) => part.refresh()), QUIET_MILLISECONDS);
  runs.onChange(() => history.redraw()); // what is open is in the making only while something runs
  const repriced = () => {
    balance.redraw();
    total.redraw();
    history.redraw();
    refresh(); // another service has another balance and another history
  };
  const ends = [total.close, onRun((run) => follow(run, runs, look)), onPrices(repriced)];
  const element = h("section", { class: "grsai-panel", "aria-label": t("tab.title") }, header(refresh), ...parts.map((part) => part.element));
  refreshPrices().catch(refresh);
  return { element, filter: history.filter, close: () => ends.forEach((end) => end()) };
}

/** @param {() => void} refresh */
function header(refresh) {
  return h(
    "header",
    { class: "grsai-header" },
    h("i", { class: "grsai-banana-icon", "aria-hidden": "true" }),
    h("h2", {}, t("tab.title")),
    bell(),
    iconButton("refresh", t("tab.refresh"), refresh),
    iconButton("cog", t("tab.settings"), openSettings),
  );
}

// Asks the browser whether it may tell of long runs that ended, as long as it was never asked.
function bell() {
  if (globalThis.Notification?.permission !== "default") return null;
  const button = iconButton("bell", t("tab.notify"), () => Notification.requestPermission().then(() => button.remove()));
  return button;
}

// A picture that was finished is in the ledger already: the history is looked at again, not too often.
/** @type {(run: import("../routes.js").Run, runs: ReturnType<typeof makeRuns>, look: () => void) => void} */
function follow(run, runs, look) {
  const before = runs.known(run);
  runs.show(run);
  const changed = !before || before.done !== run.done || before.failed !== run.failed || run.finished;
  if (changed) look();
  if (run.finished && run.kind === "collect") {
    const left = run.total - run.done;
    const detail = left ? t("open.left", { count: left }) : "";
    notice("info", t("open.collected", { done: run.done, total: run.total }), detail, { seconds: 6 });
  }
}
