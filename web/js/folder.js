// @ts-check
// What Load Banana Folder would read, on the node itself: the folders to choose from, how many pictures, and the first of them.
// The widgets for folder and prompts file stay texts, as saved workflows have them; what is chosen here is written into them.
import { app } from "./comfy.js";
import { h, icon, settled } from "./dom.js";
import { anew, counted } from "./outlook.js";
import { get, inLanguage, thumbnailAddress, whyOf } from "./routes.js";
import { takeFiles } from "./take_files.js";
import { t } from "./texts.js";
import { after, fill, read, select, write } from "./widgets.js";

/** @typedef {import("./routes.js").Texts} Texts */
/** @typedef {import("./routes.js").Place} Place */
/** @typedef {{pictures: number, prompts: number, first: Place[], left_out: Texts[]}} Found */
/** @typedef {{folders: {folder: string, pictures: number}[], prompts_files: string[]}} Offer */

const [WIDTH, LINES, COLUMNS] = [320, 100, 6]; // pixels of the node, and of what stands around the pictures; pictures in a row
const QUIET_MILLISECONDS = 300;
const CHOSEN = ["folder", "prompts_file"];

/**
 * To be called for each node that is created.
 * @param {GraphNode} node
 */
export function showFolder(node) {
  if (node.comfyClass !== "LoadBananaFolder" || !node.widgets) return;
  const view = makeView(node);
  const widget = node.addDOMWidget("grsai_folder", "grsai_folder", view.element, { serialize: false, hideOnZoom: false, getMinHeight: view.height });
  widget.serialize = false; // it is no value of the workflow
  widget.label = t("folder.label"); // in an app
  const look = settled(view.refresh, QUIET_MILLISECONDS);
  for (const each of node.widgets) if (CHOSEN.includes(each.name)) after(each, "callback", look);
  after(node, "onConnectionsChange", look);
  after(node, "onConfigure", () => fit(node));
  after(node, "onConfigure", look);
  const seen = () => (node.graph ? look() : window.removeEventListener("focus", seen));
  window.addEventListener("focus", seen); // files may have come into it meanwhile
  takeFiles(node, view.element, view.say, (/** @type {Record<string, string>} */ values) => {
    for (const [name, value] of Object.entries(values)) write(node, name, value);
    anew();
    look();
  });
  node.setSize([Math.max(node.size[0], WIDTH), node.size[1]]);
  fit(node);
  look();
}

/** @param {GraphNode} node */
function fit(node) {
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
}

/** @param {GraphNode} node */
function makeView(node) {
  const folders = select("folder.folder", (value) => write(node, "folder", value));
  const texts = select("folder.prompts_file", (value) => write(node, "prompts_file", value));
  const words = h("span", { class: "grsai-folder-words", role: "status" });
  const pictures = h("div", { class: "grsai-folder-pictures" });
  const hint = h("span", { class: "grsai-muted" }, icon("upload"), t("folder.drop"));
  const element = h("div", { class: "grsai-folder" }, h("div", { class: "grsai-row" }, folders, texts), words, pictures, hint);
  for (const event of ["pointerdown", "keydown"]) element.addEventListener(event, (heard) => heard.stopPropagation()); // else the canvas acts
  element.addEventListener("pointerenter", offer);

  let number = 0;
  const height = () => LINES + Math.ceil(pictures.childElementCount / COLUMNS) * (node.size[0] / COLUMNS);

  /** @type {(text: string, kind?: "plain" | "error", title?: string) => void} */
  function say(text, kind = "plain", title = "") {
    words.textContent = text;
    words.title = title;
    words.dataset.kind = kind;
  }

  async function offer() {
    /** @type {Offer} */
    const there = await get("folders").catch(() => ({ folders: [], prompts_files: [] }));
    fill(folders, there.folders.map(({ folder, pictures }) => [folder, `${folder} (${pictures})`]), read(node, "folder"));
    fill(texts, [["", t("folder.no_prompts")], ...there.prompts_files.map((file) => [file, file])], read(node, "prompts_file"));
  }

  async function refresh() {
    const [folder, prompts_file] = CHOSEN.map((name) => read(node, name));
    folders.disabled = folder === null;
    texts.disabled = prompts_file === null;
    offer();
    const mine = ++number;
    /** @type {{found: Found | null, why?: string}} */
    const { found, why } = folder === null ? { found: null } : await get("folder", { folder, prompts_file }).then((found) => ({ found }), refused);
    if (mine !== number) return;
    show(found);
    if (why) say(why, "error", why);
  }

  /** @param {Found | null} found null: only the run can tell */
  function show(found) {
    const reasons = found?.left_out.map((why) => inLanguage(why)) ?? [];
    const parts = found ? [counted(found.pictures)] : [];
    if (found?.prompts) parts.push(t("folder.prompts", { count: found.prompts }));
    if (reasons.length) parts.push(t("folder.left_out", { count: reasons.length }));
    say(parts.join(" · "), "plain", reasons.join("\n"));
    pictures.replaceChildren(...(found?.first ?? []).map((place) => h("img", { src: thumbnailAddress(place), alt: place.filename, title: place.filename, draggable: "false" })));
    fit(node);
    app.canvas?.setDirty(true, true);
  }

  return { element, refresh, say, height };
}

/** @param {any} error */
function refused(error) {
  return { found: null, why: whyOf(error) };
}
