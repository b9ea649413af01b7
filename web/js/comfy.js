// @ts-check
// The one door to ComfyUI's frontend: everything the pack asks of it.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { soon } from "./dom.js";

export { api, app };

/** @typedef {import("./routes.js").Place} Place */
/** @typedef {import("./graph.js").ApiGraph} ApiGraph */

const NAMES = ["Banana Batch", "香蕉批量"]; // as the locales call the section of the settings
const ERROR_WINDOW = "global-execution-error";
/** @type {Map<string, ApiGraph>} by prompt id: what was queued beside the canvas */
const apart = new Map();

const LOADERS = ["LoadImage", "LoadImageMask"];

export const MAKING = ["NanoBananaGenerate", "BatchBanana"];

export const NODES = ["GrsaiUpload", "NanoBananaGenerate", "BatchBanana", "LoadBananaFolder", "LoadBananaSheet"];

/**
 * "zh" where ComfyUI speaks Chinese, else "en".
 * @returns {"en" | "zh"}
 */
export function language() {
  const locale = app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";
  return String(locale).startsWith("zh") ? "zh" : "en";
}

/** @param {{id: string}} tab as ComfyUI describes one */
export function registerTab(tab) {
  const { sidebarTab } = app.extensionManager;
  if (sidebarTab?.registerSidebarTab) sidebarTab.registerSidebarTab(tab);
  else app.extensionManager.registerSidebarTab(tab); // before 1.58
}

/**
 * A short text on the icon of a tab. ComfyUI draws it anew because its list holds the tab as something that it watches. Without that
 * list the icon has no number.
 * @type {(id: string, text: string) => void}
 */
export function markTab(id, text) {
  const { sidebarTab, getSidebarTabs } = app.extensionManager;
  const tabs = sidebarTab?.sidebarTabs ?? getSidebarTabs?.() ?? [];
  const tab = tabs.find((/** @type {{id: string}} */ each) => each.id === id);
  if (tab) tab.iconBadge = text;
}

/**
 * Opens or closes a tab of the sidebar.
 * @param {string} id
 */
export function toggleTab(id) {
  return app.extensionManager.command.execute(`Workspace.ToggleSidebarTab.${id}`);
}

/** The graph of the whole workflow, whatever subgraph is on the screen. */
export function rootGraph() {
  return app.rootGraph ?? app.graph; // older frontends have only the second
}

/**
 * How a node is called: its own title with its id, or the one of its kind where it is not on the canvas.
 * @type {(kind: string, id: string | null) => string}
 */
export function nodeTitle(kind, id) {
  const node = nodeOf(id);
  const title = node?.title ?? window.LiteGraph.registered_node_types[kind]?.title ?? kind;
  return node ? `${title} #${id}` : title;
}

/**
 * The node with an id as a run names it, "12:7" for node 7 in the subgraph of node 12.
 * @param {string | null} id
 */
export function nodeOf(id) {
  /** @type {GraphNode | null | undefined} */
  let node = null;
  for (const part of String(id ?? "").split(":")) {
    /** @type {Graph | undefined} */
    const graph = node ? node.subgraph : rootGraph();
    node = graph?.getNodeById(part) ?? graph?.getNodeById(Number(part));
    if (!node) return null;
  }
  return node;
}

/**
 * The ids by which a run may name a node: several where its subgraph is used more than once.
 * @param {GraphNode} node
 */
export function placesOf(node) {
  const within = (/** @type {Graph} */ graph, before = "") => {
    /** @type {string[]} */
    const found = graph === node.graph ? [`${before}${node.id}`] : [];
    for (const each of graph.nodes) if (each.subgraph) found.push(...within(each.subgraph, `${before}${each.id}:`));
    return found;
  };
  return within(rootGraph());
}

/** The nodes of the workflow that make pictures, also those in subgraphs. */
export function makingNodes(graph = rootGraph()) {
  /** @type {GraphNode[]} */
  const found = graph.nodes.filter(({ comfyClass }) => MAKING.includes(comfyClass ?? ""));
  for (const { subgraph } of graph.nodes) if (subgraph) found.push(...makingNodes(subgraph));
  return found;
}

/**
 * Whether a link leads into an input of a node, or into a widget of it.
 * @type {(node: GraphNode, name: string) => boolean}
 */
export function isWired(node, name) {
  const slot = slotOf(node, name);
  return slot >= 0 && node.isInputConnected(slot);
}

/**
 * The node at the other end of that link.
 * @type {(node: GraphNode, name: string) => GraphNode | null | undefined}
 */
export function nodeBehind(node, name) {
  const slot = slotOf(node, name);
  return slot >= 0 && node.graph ? node.getInputNode(slot) : null;
}

/** @type {(node: GraphNode, name: string) => number} */
function slotOf(node, name) {
  return node.inputs?.findIndex((input) => input.name === name || input.widget?.name === name) ?? -1;
}

/** Settings → Banana Batch. Its entries are drawn a moment later. */
export async function openSettings() {
  app.extensionManager.command.execute("Comfy.ShowSettingsDialog");
  (await soon(settingsPage))?.click();
}

/**
 * Address of a picture that ComfyUI serves.
 * @param {Place} place
 */
export function pictureAddress({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/**
 * How the widget of LoadImage names a picture: "folder/picture.png [output]".
 * @param {Place} place
 */
export function pictureValue({ filename, subfolder, type }) {
  const path = subfolder ? `${subfolder}/${filename}` : filename;
  return type === "input" ? path : `${path} [${type}]`;
}

/**
 * A LoadImage node for a picture, with its upper left corner `at` a place of the graph, or else in the middle of what is seen.
 * Returns its width.
 * @type {(picture: Place, at?: number[]) => number}
 */
export function addLoadImage(picture, at) {
  const node = window.LiteGraph.createNode("LoadImage");
  const { graph } = app.canvas;
  node.pos = at ?? middleOfView(node.size);
  graph.beforeChange?.(); // so that one undo takes it away
  graph.add(node);
  setPicture(node, picture);
  graph.afterChange?.();
  app.canvas.selectNode?.(node);
  return node.size[0];
}

/**
 * Lets a node load a picture, if it is one that does.
 * @type {(node: GraphNode, picture: Place) => boolean}
 */
export function setPicture(node, picture) {
  const widget = node.widgets?.find((each) => each.name === "image");
  if (!widget || !LOADERS.includes(node.comfyClass ?? "")) return false;
  const value = pictureValue(picture);
  offer(widget, value);
  widget.value = value;
  widget.callback?.(value);
  app.canvas.setDirty(true, true);
  return true;
}

/**
 * Where on the graph the pointer is.
 * @param {MouseEvent} event
 * @returns {number[]}
 */
export function graphPosition(event) {
  return app.canvas.convertEventToCanvasOffset(event);
}

/** @type {(x: number, y: number) => GraphNode | null} */
export function nodeAt(x, y) {
  return app.canvas.graph.getNodeOnPos(x, y);
}

/** What Run would send. */
export async function openPrompt() {
  return (await app.graphToPrompt()).output;
}

/**
 * Lets what Run sends, or a file gets, be completed first.
 * @param {(output: ApiGraph) => void} complete
 */
export function afterPrompt(complete) {
  const build = app.graphToPrompt;
  app.graphToPrompt = async function (...asked) {
    const prompt = await build.apply(this, asked);
    complete(prompt.output);
    return prompt;
  };
}

/**
 * Lets Run, whoever presses it, wait for an answer: how often it is to run, and at the end of which nodes. False: it does not run.
 * @param {(times: number, targets?: string[]) => Promise<boolean>} mayRun
 */
export function beforeRun(mayRun) {
  const run = app.queuePrompt;
  app.queuePrompt = async function (number, times = 1, how, ...more) {
    const targets = Array.isArray(how) ? how : how?.queueNodeIds; // a list in older frontends
    return (await mayRun(times, targets)) ? run.call(this, number, times, how, ...more) : false;
  };
}

/**
 * Queues nodes, which need not be those on the canvas; returns the id of the run. Throws what ComfyUI says against it.
 * @param {ApiGraph} output
 */
export async function queue(output) {
  const { prompt_id } = await api.queuePrompt(0, { output, workflow: rootGraph().serialize() });
  apart.set(prompt_id, output);
  return prompt_id;
}

/**
 * What a run of this session was made of; null if ComfyUI does not know it any more.
 * @param {string} promptId
 * @returns {Promise<ApiGraph | null>}
 */
export async function graphOf(promptId) {
  const known = await (await api.fetchApi(`/history/${promptId}`)).json();
  return known[promptId]?.prompt?.[2] ?? null;
}

/**
 * Runs once more what failed: what is on the canvas, as Run does, unless it was something else.
 * @param {string} promptId
 */
export async function runOnceMore(promptId) {
  const nodes = apart.get(promptId);
  if (nodes) return queue(nodes);
  await app.extensionManager.command.execute("Comfy.QueuePrompt");
}

/**
 * Takes away what ComfyUI itself says of a failed run: a window in older frontends, a box in newer ones, which comes only when
 * the reply to Run has come. Without the private stores both stay, and the failure is told twice.
 * @param {string} promptId that run
 * @param {{forgive?: boolean}} options also the red frame of the node
 */
export async function closeErrorWindow(promptId, { forgive = false } = {}) {
  pinia()?._s?.get("dialog")?.closeDialog?.({ key: ERROR_WINDOW });
  const errors = pinia()?._s?.get("executionError");
  if (!errors || !(await soon(() => errors.lastExecutionError?.prompt_id === promptId))) return;
  errors.dismissErrorOverlay?.();
  if (forgive) errors.clearExecutionStartErrors?.();
}

/**
 * The private stores of the frontend, by name; undefined where they cannot be reached. The Vue canvas draws what is read of them.
 * Without them a badge there follows links and prices late, and the picture that came last stays beside the grid.
 */
export function stores() {
  return pinia()?.state.value;
}

function pinia() {
  return document.getElementById("vue-app")?.__vue_app__?.config.globalProperties.$pinia;
}

// The entry of the pack in the list beside the settings, by its name: no command leads there. Not found, they open at their first page.
function settingsPage() {
  const named = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=dialog] *, .p-dialog *")]);
  return named.find((element) => !element.childElementCount && NAMES.includes(element.textContent?.trim() ?? ""));
}

// A list of file names that lacks the picture would mark it as missing.
/** @type {(widget: Widget, value: string) => void} */
function offer(widget, value) {
  const values = widget.options?.values;
  if (Array.isArray(values) && !values.includes(value)) values.push(value);
}

/** @param {number[]} size */
function middleOfView([width, height]) {
  const [left, top, wide, high] = app.canvas.ds.visible_area ?? app.canvas.visible_area;
  return [left + (wide - width) / 2, top + (high - height) / 2];
}
