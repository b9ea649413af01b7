// The one door to ComfyUI's frontend: everything the pack asks of it.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { soon } from "./dom.js";

export { api, app };

const ERROR_WINDOW = "global-execution-error";
const apart = new Map(); // prompt id → nodes that were queued beside the canvas

export const NODES = ["GrsaiUpload", "NanoBananaGenerate", "BatchBanana", "LoadBananaFolder"];

/** "zh" where ComfyUI speaks Chinese, else "en". */
export function language() {
  const locale = app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";
  return String(locale).startsWith("zh") ? "zh" : "en";
}

export function toast(severity, summary, detail, { seconds = 0 } = {}) {
  const life = seconds ? { life: seconds * 1000 } : {};
  app.extensionManager.toast.add({ severity, summary, detail, ...life });
}

/** Settings → Grsai. Its entries are drawn a moment later. */
export async function openSettings() {
  app.extensionManager.command.execute("Comfy.ShowSettingsDialog");
  (await soon(settingsPage))?.click();
}

/** Address of a picture `{filename, subfolder, type}` that ComfyUI serves. */
export function pictureAddress({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** How the widget of LoadImage names a picture: "folder/picture.png [output]". */
export function pictureValue({ filename, subfolder, type }) {
  const path = subfolder ? `${subfolder}/${filename}` : filename;
  return type === "input" ? path : `${path} [${type}]`;
}

/** A LoadImage node for a picture, in the middle of what is seen of the graph. */
export function addLoadImage(picture) {
  const node = window.LiteGraph.createNode("LoadImage");
  const value = pictureValue(picture);
  const widget = node.widgets.find((each) => each.name === "image");
  offer(widget, value);
  node.pos = middleOfView(node.size);
  app.canvas.graph.add(node);
  widget.value = value;
  widget.callback?.(value);
  app.canvas.selectNode?.(node);
  app.canvas.setDirty(true, true);
  return node;
}

/** What Run would send: {id: {class_type, inputs}}. */
export async function openPrompt() {
  return (await app.graphToPrompt()).output;
}

/** Queues nodes `{id: {class_type, inputs}}`, which need not be those on the canvas. Throws what ComfyUI says against it. */
export async function queue(output) {
  const { prompt_id } = await api.queuePrompt(0, { output, workflow: app.graph.serialize() });
  apart.set(prompt_id, output);
}

/** Runs once more what failed: what is on the canvas, as Run does, unless it was something else. */
export async function runOnceMore(promptId) {
  if (apart.has(promptId)) return queue(apart.get(promptId));
  await app.extensionManager.command.execute("Comfy.QueuePrompt");
}

/** Takes away ComfyUI's own window about a failed run, which older frontends open. */
export function closeErrorWindow() {
  const dialogs = pinia()?._s?.get("dialog");
  dialogs?.closeDialog?.({ key: ERROR_WINDOW });
}

/** The stores of the frontend, by name; undefined where they cannot be reached. The Vue canvas draws what is read of them. */
export function stores() {
  return pinia()?.state.value;
}

function pinia() {
  return document.getElementById("vue-app")?.__vue_app__?.config.globalProperties.$pinia;
}

// The entry of the pack in the list beside the settings.
function settingsPage() {
  const named = [...document.querySelectorAll("[role=dialog] *, .p-dialog *")];
  return named.find((element) => !element.childElementCount && element.textContent.trim() === "Grsai");
}

// A list of file names that lacks the picture would mark it as missing.
function offer(widget, value) {
  const values = widget.options?.values;
  if (Array.isArray(values) && !values.includes(value)) values.push(value);
}

function middleOfView([width, height]) {
  const [left, top, wide, high] = app.canvas.ds.visible_area ?? app.canvas.visible_area;
  return [left + (wide - width) / 2, top + (high - height) / 2];
}
