// What can be done with an entry of the history.
import { addLoadImage, openPrompt, pictureValue, queue, toast } from "../comfy.js";
import { money } from "../money.js";
import { t } from "../texts.js";

const SEEDS = 2 ** 31;
const NOTICE_SECONDS = 4;
const APART = 1_000_000_000; // ids that no node on the canvas has

export function loadNode(picture) {
  addLoadImage(picture);
}

export async function copyPrompt(entry) {
  try {
    await navigator.clipboard.writeText(entry.prompt);
    toast("success", t("card.copied"), "", { seconds: NOTICE_SECONDS });
  } catch {
    toast("warn", t("card.copy_failed"), entry.prompt);
  }
}

/** Makes the picture once more with another seed; what is on the canvas stays as it is. */
export async function again(entry) {
  const seed = Math.floor(Math.random() * SEEDS);
  try {
    const nodes = isWhole(entry) ? nodesOf(entry, seed) : nodesOnCanvas(await openPrompt(), entry, seed);
    if (!nodes) return toast("warn", t("again.no_sources"), t("again.no_sources_detail", { names: lost(entry).join(", ") }));
    await queue(nodes);
    const price = entry.offline ? t("money.free") : money(entry.credits);
    toast("success", t("again.started", { seed }), t("again.price", { price }), { seconds: NOTICE_SECONDS });
  } catch (error) {
    toast("error", t("toast.failed", { node: "Nano Banana" }), error.message ?? String(error));
  }
}

const lost = (entry) => entry.sources.filter((source) => typeof source === "string");
const isWhole = (entry) => !lost(entry).length;

// From its references, which are files that ComfyUI still has.
function nodesOf(entry, seed) {
  const loaders = entry.sources.map((place, index) => [
    String(APART + 2 + index),
    { class_type: "LoadImage", inputs: { image: pictureValue(place) } },
  ]);
  const images = loaders.map(([id], index) => [`images.image_${index + 1}`, [id, 0]]);
  const inputs = { ...settingsOf(entry), seed, ...Object.fromEntries(images) };
  return { ...Object.fromEntries(loaders), ...shown(String(APART), { class_type: "NanoBananaGenerate", inputs }) };
}

// From the node on the canvas that has this prompt, with whatever is wired to it.
function nodesOnCanvas(prompt, entry, seed) {
  const same = ([, { class_type, inputs }]) => class_type === "NanoBananaGenerate" && inputs.prompt?.trim?.() === entry.prompt;
  const [id] = Object.entries(prompt).find(same) ?? [];
  if (id === undefined) return null;
  const inputs = { ...prompt[id].inputs, ...settingsOf(entry), seed };
  return { ...upstream(prompt, id), ...shown(id, { ...prompt[id], inputs }) };
}

// A node and what it needs: all that links lead to, backwards.
function upstream(prompt, id, found = {}) {
  if (id in found || !(id in prompt)) return found;
  found[id] = prompt[id];
  const links = Object.values(prompt[id].inputs).filter((value) => Array.isArray(value) && value.length === 2);
  for (const [from] of links) upstream(prompt, String(from), found);
  return found;
}

const shown = (id, generate) => ({
  [id]: generate,
  [String(APART + 1)]: { class_type: "PreviewImage", inputs: { images: [id, 0] } },
});

function settingsOf({ prompt, model, aspect_ratio, image_size }) {
  const size = image_size ? { "model.image_size": image_size } : {};
  return { prompt, count: 1, model, "model.aspect_ratio": aspect_ratio, ...size };
}
