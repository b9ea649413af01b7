// @ts-check
// Files and folders that are dropped on Load Banana Folder go into ComfyUI's input folder, by ComfyUI's own upload.
import { api } from "./comfy.js";
import { t } from "./texts.js";

/** @typedef {{file: File, folder: string}} Dropped `folder`: of the folder that was dropped, or empty */
/** @typedef {(text: string, kind?: "plain" | "error", title?: string) => void} Say */

const AT_ONCE = 3;
const DEMO = /^(banana_demo(\/|$)|$)/; // the pack's own pictures, which others do not go among
const PICTURE = /\.(avif|bmp|gif|jfif|jpe|jpe?g|png|tiff?|webp)$/i;
const TEXT = /\.txt$/i;

/**
 * Lets a node, and what is drawn on it, take what is dropped. `chosen`: called with the values that its widgets get then.
 * @type {(node: GraphNode, element: HTMLElement, say: Say, chosen: (values: Record<string, string>) => void) => void}
 */
export function takeFiles(node, element, say, chosen) {
  const drop = (/** @type {DragEvent} */ event) => {
    const entries = entriesOf(event);
    if (!entries.length) return false;
    take(entries, String(node.widgets?.find(({ name }) => name === "folder")?.value ?? ""), say)
      .then(chosen)
      .catch((error) => say(String(error.message ?? error), "error"));
    return true;
  };
  node.onDragOver = hasFiles; // ComfyUI asks these two, wherever on the node it is
  node.onDragDrop = drop;
  element.addEventListener("dragover", (event) => hasFiles(event) && ours(event));
  element.addEventListener("drop", (event) => drop(event) && ours(event));
}

/** @param {DragEvent} event */
function hasFiles({ dataTransfer }) {
  return Boolean(dataTransfer?.types.includes("Files"));
}

/** @param {Event} event */
function ours(event) {
  event.preventDefault();
  event.stopPropagation();
}

// To be asked for while the drop is heard: later they are not there any more. A file of a page, not of a disk, is no entry.
/** @param {DragEvent} event @returns {(FileSystemEntry | File)[]} */
function entriesOf({ dataTransfer }) {
  const entries = [...(dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return entries.filter((entry) => entry !== null);
}

// Pictures of a folder go into one of its name, others to those that are chosen already; texts beside it, as they are no pictures.
/** @type {(entries: (FileSystemEntry | File)[], current: string, say: Say) => Promise<Record<string, string>>} */
async function take(entries, current, say) {
  const dropped = (await Promise.all(entries.map(filesIn))).flat();
  const own = DEMO.test(current) ? `banana_dropped/${stamp()}` : current;
  const place = (/** @type {Dropped} */ { folder }) => folder || own;
  const pictures = dropped.filter(({ file }) => PICTURE.test(file.name));
  const texts = dropped.filter(({ file }) => TEXT.test(file.name));
  if (!pictures.length && !texts.length) throw new Error(t("folder.nothing"));
  let done = 0;
  const progress = () => say(t("folder.taking", { done: done++, total: pictures.length + Math.min(texts.length, 1) }));
  await inTurn(pictures, async (each) => {
    progress();
    await upload(each.file, place(each));
  });
  /** @type {Record<string, string>} */
  const values = pictures.length ? { folder: place(pictures[0]) } : {};
  for (const each of texts.slice(0, 1)) {
    progress();
    values.prompts_file = await upload(each.file, place(each).split("/").slice(0, -1).join("/"));
  }
  return values;
}

/** @param {FileSystemEntry | File} entry @returns {Promise<Dropped[]>} */
async function filesIn(entry) {
  if (entry instanceof File) return [{ file: entry, folder: "" }];
  if (entry.isFile) return [{ file: await fileOf(entry), folder: "" }];
  const files = (await entriesIn(/** @type {FileSystemDirectoryEntry} */ (entry))).filter(({ isFile }) => isFile);
  return Promise.all(files.map(async (each) => ({ file: await fileOf(each), folder: entry.name })));
}

/** @param {FileSystemEntry} entry @returns {Promise<File>} */
const fileOf = (entry) => new Promise((done, failed) => /** @type {FileSystemFileEntry} */ (entry).file(done, failed));

// A browser gives a hundred at a time.
/** @param {FileSystemDirectoryEntry} folder */
async function entriesIn(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return all;
    all.push(...some);
  }
}

// Where the file is by then, below input: one of the same name and content is taken as it is, of another content gets a number.
/** @type {(file: File, folder: string) => Promise<string>} */
async function upload(file, folder) {
  const body = new FormData();
  body.append("image", file, file.name);
  body.append("subfolder", folder);
  body.append("type", "input");
  const reply = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!reply.ok) throw new Error(t("folder.refused", { name: file.name, status: reply.status }));
  const { name, subfolder } = await reply.json();
  return subfolder ? `${subfolder}/${name}` : name;
}

/** @type {<T>(all: T[], task: (each: T) => Promise<void>) => Promise<void>} */
async function inTurn(all, task) {
  const left = [...all];
  const worker = async () => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await task(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// "2026-11-26_073005": of now, as a name.
function stamp() {
  const now = new Date();
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const [day, time] = [[now.getMonth() + 1, now.getDate()], [now.getHours(), now.getMinutes(), now.getSeconds()]];
  return `${now.getFullYear()}-${day.map(two).join("-")}_${time.map(two).join("")}`;
}
