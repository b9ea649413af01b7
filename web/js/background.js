// @ts-check
// What is seen of runs while one looks elsewhere: how many pictures are to come, as a number on the tab's icon, and a notice of
// the browser when a long run has ended in the background.
import { markTab, nodeTitle } from "./comfy.js";
import { get, inLanguage, onRun } from "./routes.js";
import { ID, openTab } from "./sidebar/tab.js";

/** @typedef {import("./routes.js").Run} Run */

const LONG_SECONDS = 30;

/** @type {Map<number, Map<number, Run>>} by group and id */
const groups = new Map();

/** To be called once. */
export function watchRuns() {
  onRun(follow);
  get("running").then(({ runs }) => runs.forEach(follow), () => {});
}

/** @param {Run} run */
function follow(run) {
  const group = groups.get(run.group) ?? new Map();
  groups.set(run.group, group.set(run.id, run));
  const runs = [...group.values()];
  if (runs.every(({ finished }) => finished)) {
    groups.delete(run.group);
    ended(runs);
  }
  markTab(ID, String(left() || ""));
}

function left() {
  const all = [...groups.values()].flatMap((group) => [...group.values()]).filter(({ finished }) => !finished);
  return all.reduce((sum, { total, done, failed }) => sum + total - done - failed, 0);
}

/** @param {Run[]} runs of one group */
function ended(runs) {
  const last = runs[runs.length - 1];
  const isLong = Math.max(...runs.map(({ seconds }) => seconds)) >= LONG_SECONDS;
  if (!document.hidden || !isLong || globalThis.Notification?.permission !== "granted") return;
  const notice = new Notification(nodeTitle(last.kind, last.node_id), { body: inLanguage(last.text), tag: `grsai-${last.group}` });
  notice.onclick = () => {
    window.focus();
    notice.close();
    openTab({});
  };
}
