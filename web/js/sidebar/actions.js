// @ts-check
// What can be done with an entry of the history.
import { addLoadImage, openPrompt, pictureValue, queue } from "../comfy.js";
import { anySeed, money } from "../money.js";
import { apart, away, shown, upstream } from "../graph.js";
import { notice } from "../notice.js";
import { asInput, get, post, whyOf } from "../routes.js";
import { t } from "../texts.js";

/** @typedef {import("../graph.js").ApiGraph} ApiGraph */
/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").PastRun} PastRun */

const NOTICE_SECONDS = 4;

/** @param {Entry} entry */
export async function loadNode(entry) {
  try {
    addLoadImage(await asInput(entry.files[0]));
  } catch (error) {
    notice("error", t("card.load"), whyOf(error));
  }
}

/** @param {Entry} entry */
export async function copyPrompt(entry) {
  try {
    await navigator.clipboard.writeText(entry.prompt);
    notice("success", t("card.copied"), "", { seconds: NOTICE_SECONDS });
  } catch {
    notice("warn", t("card.copy_failed"), entry.prompt);
  }
}

/**
 * Makes the picture once more with another seed, by a node of this id; what is on the canvas stays as it is. False if it cannot.
 * @param {Entry} entry
 */
export async function again(entry, id = apart()) {
  try {
    const seed = await anySeed();
    const nodes = isWhole(entry) ? nodesOf(entry, seed, id) : nodesOnCanvas(await openPrompt(), entry, seed, id);
    if (!nodes) {
      notice("warn", t("again.no_sources"), t("again.no_sources_detail", { names: lost(entry).join(", ") }));
      return false;
    }
    await queue(nodes);
    const price = entry.offline ? t("money.free") : money(entry.credits);
    notice("success", t("again.started", { seed }), t("again.price", { price }), { seconds: NOTICE_SECONDS });
    return true;
  } catch (error) {
    notice("error", t("failures.one", { node: "Nano Banana" }), whyOf(error));
    return false;
  }
}

/**
 * Makes all pictures of a run once more with another seed, as one of its PNGs tells; what is on the canvas stays as it is.
 * @param {PastRun} run
 */
export async function runAgain(run) {
  try {
    const told = await get("graph", { run: run.run });
    const { nodes, id } = away(upstream(told.prompt, told.node), told.node);
    const seed = await anySeed();
    const node = { ...nodes[id], inputs: { ...nodes[id].inputs, seed } };
    await queue({ ...nodes, ...shown(id, node) });
    const price = run.offline ? t("money.free") : money(run.price);
    notice("success", t("again.started", { seed }), t("again.price", { price }), { seconds: NOTICE_SECONDS });
  } catch (error) {
    notice("error", t("run.again_failed"), whyOf(error));
  }
}

/**
 * Opens the folder of a run in the file manager of this computer, or says where it is.
 * @param {PastRun} run
 */
export async function openFolder(run) {
  try {
    const { folder, opened } = await post("open", { run: run.run });
    if (!opened) notice("info", t("run.folder_at"), folder, { seconds: 3 * NOTICE_SECONDS });
  } catch (error) {
    notice("error", t("run.folder"), whyOf(error));
  }
}

/** @param {Entry} entry */
const lost = (entry) => entry.sources.filter((source) => typeof source === "string");
/** @param {Entry} entry */
const isWhole = (entry) => !lost(entry).length;

// From its references, which are files that ComfyUI still has.
/** @type {(entry: Entry, seed: number, node: string) => ApiGraph} */
function nodesOf(entry, seed, node) {
  /** @type {ApiGraph} */
  const loaders = {};
  /** @type {Record<string, any>} */
  const images = {};
  for (const [index, place] of entry.sources.entries()) {
    const id = String(Number(node) + 1 + index);
    if (typeof place !== "string") loaders[id] = { class_type: "LoadImage", inputs: { image: pictureValue(place) } };
    images[`images.image_${index + 1}`] = [id, 0];
  }
  const inputs = { ...settingsOf(entry), seed, ...images };
  return { ...loaders, ...shown(node, { class_type: "NanoBananaGenerate", inputs }) };
}

// From the node on the canvas that has this prompt, with whatever is wired to it.
/** @type {(prompt: ApiGraph, entry: Entry, seed: number, node: string) => ApiGraph | null} */
function nodesOnCanvas(prompt, entry, seed, node) {
  const id = Object.keys(prompt).find((id) => {
    const { class_type, inputs } = prompt[id];
    return class_type === "NanoBananaGenerate" && inputs.prompt?.trim?.() === entry.prompt;
  });
  if (id === undefined) return null;
  const inputs = { ...prompt[id].inputs, ...settingsOf(entry), seed };
  const { [id]: _, ...before } = upstream(prompt, id);
  return { ...before, ...shown(node, { ...prompt[id], inputs }) };
}

/** @param {Entry} entry */
function settingsOf({ prompt, model, aspect_ratio, image_size, quality, background }) {
  const some = { "model.image_size": image_size, "model.quality": quality, "model.background": background };
  const chosen = Object.fromEntries(Object.entries(some).filter(([, value]) => value));
  return { prompt, count: 1, model, "model.aspect_ratio": aspect_ratio, ...chosen };
}
