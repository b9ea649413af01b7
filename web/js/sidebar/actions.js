// @ts-check
// What can be done with an entry of the history.
import { addLoadImage, openPrompt, pictureValue, queue } from "../comfy.js";
import { anySeed, money } from "../money.js";
import { notice } from "../notice.js";
import { asInput, whyOf } from "../routes.js";
import { t } from "../texts.js";

/** @typedef {import("../comfy.js").ApiGraph} ApiGraph */
/** @typedef {import("../routes.js").Entry} Entry */

const NOTICE_SECONDS = 4;
const APART = 1_000_000_000; // ids that no node on the canvas has

/** @param {Entry} entry */
export async function loadNode(entry) {
  try {
    addLoadImage(await asInput({ row: entry.row, file: 0 }));
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

// A node and what it needs: all that links lead to, backwards.
/** @type {(prompt: ApiGraph, id: string, found?: ApiGraph) => ApiGraph} */
function upstream(prompt, id, found = {}) {
  if (id in found || !(id in prompt)) return found;
  found[id] = prompt[id];
  const links = Object.values(prompt[id].inputs).filter((value) => Array.isArray(value) && value.length === 2);
  for (const [from] of links) upstream(prompt, String(from), found);
  return found;
}

/** @type {(id: string, generate: import("../comfy.js").ApiNode) => ApiGraph} */
const shown = (id, generate) => ({
  [id]: generate,
  [String(APART + 1)]: { class_type: "PreviewImage", inputs: { images: [id, 0] } },
});

/** @param {Entry} entry */
function settingsOf({ prompt, model, aspect_ratio, image_size }) {
  const size = image_size ? { "model.image_size": image_size } : {};
  return { prompt, count: 1, model, "model.aspect_ratio": aspect_ratio, ...size };
}
