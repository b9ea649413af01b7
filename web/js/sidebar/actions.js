// @ts-check
// What can be done with an entry of the history.
import { addLoadImage, openPrompt, pictureValue, queue } from "../comfy.js";
import { anySeed, money } from "../money.js";
import { APART, shown, upstream } from "../graph.js";
import { notice } from "../notice.js";
import { asInput, whyOf } from "../routes.js";
import { t } from "../texts.js";

/** @typedef {import("../graph.js").ApiGraph} ApiGraph */
/** @typedef {import("../routes.js").Entry} Entry */

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
 * Makes the picture once more with another seed; what is on the canvas stays as it is.
 * @param {Entry} entry
 */
export async function again(entry) {
  try {
    const seed = await anySeed();
    const nodes = isWhole(entry) ? nodesOf(entry, seed) : nodesOnCanvas(await openPrompt(), entry, seed);
    if (!nodes) return notice("warn", t("again.no_sources"), t("again.no_sources_detail", { names: lost(entry).join(", ") }));
    await queue(nodes);
    const price = entry.offline ? t("money.free") : money(entry.credits);
    notice("success", t("again.started", { seed }), t("again.price", { price }), { seconds: NOTICE_SECONDS });
  } catch (error) {
    notice("error", t("failures.one", { node: "Nano Banana" }), whyOf(error));
  }
}

/** @param {Entry} entry */
const lost = (entry) => entry.sources.filter((source) => typeof source === "string");
/** @param {Entry} entry */
const isWhole = (entry) => !lost(entry).length;

// From its references, which are files that ComfyUI still has.
/** @type {(entry: Entry, seed: number) => ApiGraph} */
function nodesOf(entry, seed) {
  /** @type {ApiGraph} */
  const loaders = {};
  /** @type {Record<string, any>} */
  const images = {};
  for (const [index, place] of entry.sources.entries()) {
    const id = String(APART + 2 + index);
    if (typeof place !== "string") loaders[id] = { class_type: "LoadImage", inputs: { image: pictureValue(place) } };
    images[`images.image_${index + 1}`] = [id, 0];
  }
  const inputs = { ...settingsOf(entry), seed, ...images };
  return { ...loaders, ...shown(String(APART), { class_type: "NanoBananaGenerate", inputs }) };
}

// From the node on the canvas that has this prompt, with whatever is wired to it.
/** @type {(prompt: ApiGraph, entry: Entry, seed: number) => ApiGraph | null} */
function nodesOnCanvas(prompt, entry, seed) {
  const id = Object.keys(prompt).find((id) => {
    const { class_type, inputs } = prompt[id];
    return class_type === "NanoBananaGenerate" && inputs.prompt?.trim?.() === entry.prompt;
  });
  if (id === undefined) return null;
  const inputs = { ...prompt[id].inputs, ...settingsOf(entry), seed };
  return { ...upstream(prompt, id), ...shown(id, { ...prompt[id], inputs }) };
}

/** @param {Entry} entry */
function settingsOf({ prompt, model, aspect_ratio, image_size }) {
  const size = image_size ? { "model.image_size": image_size } : {};
  return { prompt, count: 1, model, "model.aspect_ratio": aspect_ratio, ...size };
}
