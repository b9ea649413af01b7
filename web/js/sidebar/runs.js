// @ts-check
// What is running: a bar and a stop button each.
import { NODES, nodeTitle } from "../comfy.js";
import { h } from "../dom.js";
import { notice } from "../notice.js";
import { get, inLanguage, post, whyOf } from "../routes.js";
import { duration, t } from "../texts.js";

/** @typedef {import("../routes.js").Run} Run */

export function makeRuns() {
  const list = h("ul", { class: "grsai-runs" });
  const element = h("section", { class: "grsai-section", hidden: true }, h("h3", {}, t("runs.title")), list);
  /** @type {Map<number, Run>} */
  const known = new Map();
  /** @type {Map<number, {element: HTMLElement, show: (now: Run) => void}>} */
  const rows = new Map();
  let changed = () => {};

  /** @param {Run} run */
  function show(run) {
    if (run.finished) return forget(run.id);
    known.set(run.id, run);
    const row = rows.get(run.id) ?? newRow(run);
    row.show(run);
    count();
  }

  /** @param {Run} run */
  function newRow(run) {
    const row = makeRow(run);
    rows.set(run.id, row);
    list.append(row.element);
    return row;
  }

  /** @param {number} id */
  function forget(id) {
    rows.get(id)?.element.remove();
    rows.delete(id);
    known.delete(id);
    count();
  }

  function count() {
    const before = element.hidden;
    element.hidden = rows.size === 0;
    if (before !== element.hidden) changed();
  }

  async function refresh() {
    /** @type {{runs: Run[]}} */
    const { runs } = await get("running").catch(() => ({ runs: [] }));
    const ids = new Set(runs.map((run) => run.id));
    [...known.keys()].filter((id) => !ids.has(id)).forEach(forget);
    runs.forEach(show);
  }

  const onChange = (/** @type {() => void} */ listener) => (changed = listener);
  return { element, show, refresh, onChange, any: () => rows.size > 0, known: (/** @type {number} */ id) => known.get(id) };
}

/** @param {Run} run */
function makeRow(run) {
  const name = nameOf(run);
  const bar = h("div", { class: "grsai-bar-fill" });
  const meter = h("div", { class: "grsai-bar", role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const text = h("span", { class: "grsai-muted" });
  const stop = h("button", { type: "button", class: "grsai-button", onclick: () => stopRun(run.id) });
  stop.setAttribute("aria-label", t("runs.stop_named", { name }));
  const element = h("li", { class: "grsai-run" }, h("div", { class: "grsai-run-head" }, h("strong", {}, name), stop), meter, text);
  const show = (/** @type {Run} */ now) => {
    const percent = Math.round(now.progress * 100);
    bar.style.width = `${percent}%`;
    meter.setAttribute("aria-valuenow", String(percent));
    text.textContent = [inLanguage(now.text), remaining(now)].filter(Boolean).join(" · ");
    stop.disabled = now.stopping;
    stop.textContent = now.stopping ? t("runs.stopping") : t("runs.stop");
  };
  return { element, show };
}

/** @param {Run} run */
function remaining({ remaining_seconds }) {
  return remaining_seconds ? t("runs.remaining", { time: duration(remaining_seconds) }) : "";
}

/** @param {Run} run */
function nameOf({ kind, node_id }) {
  if (!NODES.includes(kind)) return t("runs.collect");
  return nodeTitle(kind, node_id);
}

/** @param {number} run */
async function stopRun(run) {
  try {
    await post("stop", { run });
  } catch (error) {
    notice("error", whyOf(error), "");
  }
}
