// @ts-check
// What is running: a bar and a stop button each. The runs that a list starts in one node are one row.
import { NODES, nodeTitle } from "../comfy.js";
import { h } from "../dom.js";
import { notice } from "../notice.js";
import { get, inLanguage, post, whyOf } from "../routes.js";
import { duration, t } from "../texts.js";

/** @typedef {import("../routes.js").Run} Run */
/** @typedef {{element: HTMLElement, show: (runs: Run[]) => void}} Row */

export function makeRuns() {
  const list = h("ul", { class: "grsai-runs" });
  const element = h("section", { class: "grsai-section", hidden: true }, h("h3", {}, t("runs.title")), list);
  /** @type {Map<number, Map<number, Run>>} by group and id; a run that is over is kept as long as others of its group are not */
  const groups = new Map();
  /** @type {Map<number, Row>} by group */
  const rows = new Map();
  let changed = () => {};

  /** @param {Run} run */
  function show(run) {
    const group = groups.get(run.group) ?? new Map();
    groups.set(run.group, group.set(run.id, run));
    const runs = [...group.values()];
    if (runs.every(({ finished }) => finished)) return forget(run.group);
    (rows.get(run.group) ?? newRow(run)).show(runs);
    count();
  }

  /** @param {Run} run */
  function newRow(run) {
    const row = makeRow(run);
    rows.set(run.group, row);
    list.append(row.element);
    return row;
  }

  /** @param {number} group */
  function forget(group) {
    rows.get(group)?.element.remove();
    rows.delete(group);
    groups.delete(group);
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
    const running = new Set(runs.map((run) => run.group));
    [...groups.keys()].filter((group) => !running.has(group)).forEach(forget);
    runs.forEach(show);
  }

  const onChange = (/** @type {() => void} */ listener) => (changed = listener);
  const known = (/** @type {Run} */ { group, id }) => groups.get(group)?.get(id);
  return { element, show, refresh, onChange, any: () => rows.size > 0, known };
}

/**
 * @param {Run} first
 * @returns {Row}
 */
function makeRow(first) {
  const name = NODES.includes(first.kind) ? nodeTitle(first.kind, first.node_id) : t(first.kind === "redo" ? "redo.title" : "runs.collect");
  /** @type {Run[]} */
  let current = [];
  const bar = h("div", { class: "grsai-bar-fill" });
  const meter = h("div", { class: "grsai-bar", role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const text = h("span", { class: "grsai-muted" });
  const stop = h("button", { type: "button", class: "grsai-button", onclick: () => stopRuns(current) });
  stop.setAttribute("aria-label", t("runs.stop_named", { name }));
  const element = h("li", { class: "grsai-run" }, h("div", { class: "grsai-run-head" }, h("strong", {}, name), stop), meter, text);
  const show = (/** @type {Run[]} */ runs) => {
    current = runs.filter(({ finished }) => !finished);
    const percent = Math.round(100 * progressOf(runs));
    const stopping = current.every((run) => run.stopping);
    bar.style.width = `${percent}%`;
    meter.setAttribute("aria-valuenow", String(percent));
    text.textContent = [inLanguage(runs.at(-1)?.text), remaining(current)].filter(Boolean).join(" · ");
    stop.disabled = stopping;
    stop.textContent = stopping ? t("runs.stopping") : t("runs.stop");
  };
  return { element, show };
}

/** @param {Run[]} runs */
function progressOf(runs) {
  const total = runs.reduce((sum, run) => sum + run.total, 0);
  return total ? runs.reduce((sum, run) => sum + run.progress * run.total, 0) / total : 0;
}

/** @param {Run[]} runs */
function remaining(runs) {
  const seconds = Math.max(...runs.map((run) => run.remaining_seconds ?? 0));
  return seconds ? t("runs.remaining", { time: duration(seconds) }) : "";
}

/** @param {Run[]} runs */
async function stopRuns(runs) {
  try {
    await Promise.all(runs.map((run) => post("stop", { run: run.id })));
  } catch (error) {
    notice("error", whyOf(error), "");
  }
}
