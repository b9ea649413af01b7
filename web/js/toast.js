// @ts-check
// Failures of our nodes as toasts: ComfyUI hides the sentence of an exception behind "View details".
import { NODES, api, app, toast } from "./comfy.js";
import { onRun } from "./routes.js";
import { askHowToStart } from "./start.js";
import { t } from "./texts.js";

const WARNING_SECONDS = 12;
const NO_KEY = "grsai.NoKey"; // not a failure but a first step

/** ComfyUI brings the sentence in the language that it was set to when the node ran. */
export function showFailures() {
  onRun((run) => {
    if (run.finished && run.failed && !run.error && run.kind !== "collect") warn(run);
  });
  api.addEventListener("execution_error", (/** @type {CustomEvent} */ { detail }) => {
    if (!NODES.includes(detail.node_type)) return;
    if (detail.exception_type === NO_KEY) askHowToStart(detail.prompt_id);
    else toast("error", headline(detail), detail.exception_message.trim());
  });
}

/** @param {import("./routes.js").Run} run */
function warn({ failed, total }) {
  toast("warn", t("toast.some_failed", { failed, total }), t("toast.some_failed_detail"), { seconds: WARNING_SECONDS });
}

/** @param {{node_type: string, node_id: string}} failure */
function headline({ node_type, node_id }) {
  const title = app.graph?.getNodeById?.(node_id)?.title ?? window.LiteGraph.registered_node_types[node_type]?.title;
  return t("toast.failed", { node: `${title ?? node_type} #${node_id}` });
}
