// @ts-check
// What ComfyUI does of itself, and a node with a grid must not have.
import { MAKING, afterPrompt, api, isWired, nodeOf, placesOf, rootGraph, stores } from "./comfy.js";
import { modelOf } from "./money.js";
import { t } from "./texts.js";

const NAME_PLACE = [20, 15]; // pixels from a node's left side and a widget's upper one
const PROMPT_HEIGHT = 90; // pixels, about five lines
const LINE_HEIGHT = 24; // pixels, of a socket's name

/**
 * To be called for each node that is created. The choice of a model shrinks a node, also while a workflow is loaded.
 * @param {GraphNode} node
 */
export function keepSize(node) {
  if (!MAKING.includes(node.comfyClass ?? "")) return;
  const before = node.onConfigure;
  node.onConfigure = function (saved) {
    before?.call(this, saved);
    if (saved.size) this.setSize([saved.size[0], Math.max(saved.size[1], this.size[1])]);
  };
}

/**
 * To be called for each node that is created. Its box for prompts keeps some lines, whatever else the node must hold; where a
 * wire brings them, it takes no more than the name of its socket.
 * @param {GraphNode} node
 */
export function keepPromptReadable(node) {
  if (!MAKING.includes(node.comfyClass ?? "")) return;
  const box = node.widgets?.find(({ name }) => ["prompt", "prompts"].includes(name));
  if (!box?.options) return;
  const { getMaxHeight } = box.options;
  box.options.getMinHeight = () => (isWired(node, box.name) ? LINE_HEIGHT : PROMPT_HEIGHT);
  box.options.getMaxHeight = () => (isWired(node, box.name) ? LINE_HEIGHT : getMaxHeight?.()); // no hole where a wire brings them
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
}

/**
 * To be called for each node that is created. The grid takes the place of ComfyUI's own pictures of the node: of all in the end,
 * and of the one that came last while it runs.
 * @param {GraphNode} node
 */
export function hideOwnPictures(node) {
  if (!MAKING.includes(node.comfyClass ?? "")) return;
  node.hideOutputImages = true; // the Vue canvas asks for it
  node.onDrawBackground = () => {}; // where the classic one draws them
}

/** To be called once. The Vue canvas keeps live pictures in a store of its own; out of reach, they are shown beside the grid. */
export function hideLivePictures() {
  api.addEventListener("b_preview_with_metadata", (/** @type {CustomEvent} */ { detail }) => {
    const node = nodeOf(detail.displayNodeId ?? null);
    if (node && MAKING.includes(node.comfyClass ?? "")) setTimeout(() => delete stores()?.nodeOutput?.nodePreviewImages?.[placeOf(node)]);
  });
}

/**
 * How ComfyUI names a node that may be inside a subgraph.
 * @param {GraphNode} node
 */
function placeOf({ graph, id }) {
  return graph === rootGraph() ? String(id) : `${graph?.id}:${id}`;
}

/** @type {Map<string, string>} the size that was sent along, by the id of a node in what Run sends */
const completed = new Map();

/**
 * To be called once. On the outside of a subgraph a model can be chosen, but what belongs to it comes and goes inside, unseen:
 * what the new one needs is sent along, its smallest size.
 */
export function completeModels() {
  afterPrompt((nodes) => {
    completed.clear();
    for (const [id, { class_type, inputs }] of Object.entries(nodes)) {
      const [size] = (MAKING.includes(class_type) && modelOf(inputs.model)?.sizes) || [];
      if (!size || inputs["model.image_size"] !== undefined) continue;
      inputs["model.image_size"] = size;
      completed.set(id, size);
    }
  });
}

/**
 * The size that is sent along for what is inside of a subgraph, so that the outside can tell it; empty where it was chosen.
 * @param {GraphNode} outside
 */
export function sizeSentAlong(outside) {
  const places = placesOf(outside);
  return [...completed].find(([id]) => places.some((place) => id.startsWith(`${place}:`)))?.[1] ?? "";
}

/**
 * To be called for each node that is created. Older frontends call this widget by its first value; other packs look for its name.
 * @param {GraphNode} node
 */
export function nameControl(node) {
  const [control] = node.widgets?.find(({ name }) => name === "seed")?.linkedWidgets ?? [];
  if (MAKING.includes(node.comfyClass ?? "") && control?.name === "fixed") control.name = "control_after_generate";
}

/**
 * To be called for each node that is created. ComfyUI puts sockets that have grown at the end of a node that is pasted or loaded,
 * and wires a pasted one by their places: the others would lose their wires.
 * @param {GraphNode} node
 */
export function keepSocketsTogether(node) {
  if (!MAKING.includes(node.comfyClass ?? "")) return;
  const before = node.onConfigure;
  node.onConfigure = function (saved) {
    before?.call(this, saved);
    sortSockets(this);
  };
}

/**
 * To be called for each node that is created. ComfyUI labels a socket that grows with the last part of its name, which two
 * families share; without that label it is called as the locale says.
 * @param {GraphNode} node
 */
export function nameGrownSockets(node) {
  if (![...MAKING, "GrsaiUpload"].includes(node.comfyClass ?? "")) return;
  const name = () => {
    for (const input of node.inputs ?? []) if (input.label && input.name.endsWith(`.${input.label}`)) input.label = undefined;
  };
  name();
  for (const change of /** @type {const} */ (["onConfigure", "onConnectionsChange"])) {
    const before = node[change];
    node[change] = function (/** @type {any[]} */ ...facts) {
      before?.apply(this, facts);
      name();
      requestAnimationFrame(() => requestAnimationFrame(name)); // they grow in the frame after a wire has come
    };
  }
}

/**
 * To be called for each node that is created. What a workflow holds stays English; what is read need not.
 * @param {GraphNode} node
 */
export function nameChoices(node) {
  if (node.comfyClass !== "BatchBanana") return;
  for (const { name, options } of node.widgets ?? []) {
    if (options && (name === "pairing" || name === "on_failure")) options.getOptionLabel = labelOf;
  }
}

/**
 * To be called for each node that is created. Where a wire brings the prompts, the classic canvas leaves a hole in place of the box,
 * and a socket without a name.
 * @param {GraphNode} node
 */
export function nameWiredPrompt(node) {
  const box = node.widgets?.find(({ name }) => name === "prompt" || name === "prompts");
  if (!MAKING.includes(node.comfyClass ?? "") || !box) return;
  const before = node.onDrawForeground;
  node.onDrawForeground = function (pen, ...facts) {
    before?.call(this, pen, ...facts);
    if (this.flags?.collapsed || !isWired(this, box.name)) return;
    pen.font = `${window.LiteGraph.NODE_SUBTEXT_SIZE}px ${window.LiteGraph.NODE_FONT}`;
    pen.fillStyle = window.LiteGraph.NODE_TEXT_COLOR;
    pen.textAlign = "left";
    pen.fillText(box.label ?? box.name, NAME_PLACE[0], (box.y ?? 0) + NAME_PLACE[1]);
  };
}

/** @type {Record<string, import("./texts.js").TextKey>} */
const CHOICES = { product: "choice.product", zip: "choice.zip", "keep going": "choice.keep_going", stop: "choice.stop" };

/** @param {string | null} [value] */
function labelOf(value) {
  return value && value in CHOICES ? t(CHOICES[value]) : (value ?? "");
}

/** @param {GraphNode} node */
function sortSockets(node) {
  const { inputs = [], graph } = node;
  const wires = new Map(inputs.map((input, slot) => [input, graph ? node.getInputLink(slot) : null]));
  const group = (/** @type {Slot} */ { name, widget }) => (widget ? name : name.split(".")[0]);
  const place = (/** @type {Slot} */ { name }) => Number(name.match(/\d+$/)?.[0] ?? 0);
  const sorted = [...new Set(inputs.map(group))].flatMap((one) =>
    inputs.filter((input) => group(input) === one).sort((left, right) => place(left) - place(right)),
  );
  inputs.splice(0, inputs.length, ...sorted);
  for (const [slot, input] of inputs.entries()) {
    const wire = wires.get(input);
    if (wire) wire.target_slot = slot;
  }
}
