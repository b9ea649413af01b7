// @ts-check
// Three things that the canvas forgets.
import { api, app, rootGraph, stores } from "./comfy.js";

const KEPT = ["NanoBananaGenerate", "BatchBanana"];

/**
 * To be called for each node that is created. The choice of a model shrinks a node, also while a workflow is loaded.
 * @param {GraphNode} node
 */
export function keepSize(node) {
  if (!KEPT.includes(node.comfyClass ?? "")) return;
  const before = node.onConfigure;
  node.onConfigure = function (saved) {
    before?.call(this, saved);
    if (saved.size) this.setSize([saved.size[0], Math.max(saved.size[1], this.size[1])]);
  };
}

/**
 * To be called for each node that is created. The canvas goes on showing the last live preview of a batch instead of it.
 * @param {GraphNode} node
 */
export function showAllPictures(node) {
  if (node.comfyClass !== "BatchBanana") return;
  const before = node.onExecuted;
  node.onExecuted = (output) => {
    before?.call(node, output);
    if (!output?.images?.length) return;
    // The Vue canvas redraws only for a change that its own store sees.
    for (const previews of [stores()?.nodeOutput?.nodePreviewImages, app.nodePreviewImages]) delete previews?.[placeOf(node)];
    node.images = undefined; // so that the canvas takes the output for new
  };
}

/** Older Vue canvases do not see that a live preview came: it is put into their store once more, as something new. */
export function showLivePictures() {
  api.addEventListener("b_preview_with_metadata", () => {
    setTimeout(() => {
      const previews = stores()?.nodeOutput?.nodePreviewImages ?? {};
      for (const [place, addresses] of Object.entries(previews)) previews[place] = [...addresses];
    });
  });
}

/**
 * How ComfyUI names a node that may be inside a subgraph.
 * @param {GraphNode} node
 */
function placeOf({ graph, id }) {
  return graph === rootGraph() ? String(id) : `${graph?.id}:${id}`;
}
