// @ts-check
// Failures of our nodes, with their reason: ComfyUI hides the sentence of an exception behind "View details".
import { NODES, api, closeErrorWindow, nodeTitle } from "./comfy.js";
import { notice } from "./notice.js";
import { onRun } from "./routes.js";
import { openTab } from "./sidebar/tab.js";
import { askHowToStart } from "./start.js";
import { t } from "./texts.js";

/** @typedef {{prompt_id: string, node_id: string, node_type: string, exception_type: string, exception_message: string}} Failure */

const WARNING_SECONDS = 12;
const NO_KEY = "grsai.NoKey"; // not a failure but a first step

/** @type {Map<string, () => void>} by node: what takes away its message */
const shown = new Map();

/** ComfyUI brings the sentence in the language that it was set to when the node ran. */
export function showFailures() {
  onRun((run) => {
    if (!run.finished) forget(run.node_id);
    else if (run.failed && !run.error && run.kind !== "collect") warn(run);
  });
  api.addEventListener("execution_error", (/** @type {CustomEvent<Failure>} */ { detail }) => {
    if (!NODES.includes(detail.node_type)) return;
    if (detail.exception_type === NO_KEY) return askHowToStart(detail.prompt_id);
    closeErrorWindow(detail.prompt_id);
    remember(detail.node_id, notice("error", headline(detail), detail.exception_message.trim()));
  });
  api.addEventListener("execution_success", forgetAll);
}

/** Also to be called when another workflow is opened. */
export function forgetAll() {
  for (const node of [...shown.keys()]) forget(node);
}

/** @type {(node: string, close: () => void) => void} */
function remember(node, close) {
  forget(node);
  shown.set(node, close);
}

/** @param {string | null} node */
function forget(node) {
  shown.get(node ?? "")?.();
  shown.delete(node ?? "");
}

/** @param {import("./routes.js").Run} run */
function warn({ failed, total }) {
  const action = { label: t("failures.show"), onclick: () => openTab({ state: "failed" }) };
  notice("warn", t("failures.some", { failed, total }), t("failures.some_detail"), { seconds: WARNING_SECONDS, action });
}

/** @param {Failure} failure */
function headline({ node_type, node_id }) {
  return t("failures.one", { node: nodeTitle(node_type, node_id) });
}
