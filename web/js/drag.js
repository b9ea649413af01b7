// @ts-check
// Pictures go where they are dragged: onto a LoadImage node or onto the canvas, at full size and under their name. Without this
// the canvas would fetch the address of what was dragged, a thumbnail, and keep that.
import { addLoadImage, graphPosition, nodeAt, pictureAddress, setPicture } from "./comfy.js";
import { notice } from "./notice.js";
import { asInput, whyOf } from "./routes.js";
import { t } from "./texts.js";

/** @typedef {import("./routes.js").Place} Place */

const KIND = "application/x-grsai-pictures";
const OURS = ".grsai-panel, .grsai-viewer, .grsai-grid";
const GAP = 40; // between the nodes of several pictures

/** @type {Map<HTMLElement, () => Place[]>} what was chosen with Ctrl, to be dragged at once */
const chosen = new Map();

/**
 * Lets an element carry pictures when it is dragged; with all that are chosen if it is one of them. A click with Ctrl, Cmd or
 * Shift chooses it, one without opens it and lets all go.
 * @param {HTMLElement} element
 * @param {() => Place[]} pictures
 */
export function carry(element, pictures) {
  element.draggable = true;
  element.addEventListener("click", (event) => (event.ctrlKey || event.metaKey || event.shiftKey ? choose(event) : letGo()), true);
  element.addEventListener("dragstart", (event) => {
    if (!chosen.has(element)) letGo();
    const carried = chosen.size ? inOrder().flatMap((each) => chosen.get(each)?.() ?? []) : pictures();
    const { dataTransfer } = event;
    if (!carried.length || !dataTransfer) return event.preventDefault();
    const address = new URL(pictureAddress(carried[0]), location.href).href;
    dataTransfer.effectAllowed = "copy";
    dataTransfer.setData(KIND, JSON.stringify(carried));
    dataTransfer.setData("text/uri-list", address); // for other programs, and for nodes that take one
    dataTransfer.setData("DownloadURL", `image/*:${carried[0].filename}:${address}`);
  });

  /** @param {MouseEvent} event */
  function choose(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (chosen.delete(element)) delete element.dataset.chosen;
    else if (pictures().length) {
      chosen.set(element, pictures);
      element.dataset.chosen = "true";
    }
  }
}

function letGo() {
  for (const element of chosen.keys()) delete element.dataset.chosen;
  chosen.clear();
}

// Those that are still on the screen, from the first to the last.
function inOrder() {
  const there = [...chosen.keys()].filter((element) => element.isConnected);
  return there.sort((left, right) => (left.compareDocumentPosition(right) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
}

/** To be called once. */
export function takeDrops() {
  window.addEventListener("dragover", (event) => isOurs(event) && allow(event), true);
  window.addEventListener("drop", (event) => isOurs(event) && drop(event), true);
}

/** @param {DragEvent} event */
function isOurs({ dataTransfer, target }) {
  return dataTransfer?.types.includes(KIND) && !(target instanceof Element && target.closest(OURS));
}

/** @param {DragEvent} event */
function allow(event) {
  event.preventDefault();
  if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
}

// The first picture goes into the node below the pointer, if that takes one; the others become nodes of their own.
/** @param {DragEvent} event */
async function drop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
  /** @type {Place[]} */
  const pictures = JSON.parse(event.dataTransfer?.getData(KIND) ?? "[]");
  const [left, top] = graphPosition(event);
  let node = nodeAt(left, top);
  try {
    const places = await Promise.all(pictures.map(asInput));
    let right = left;
    for (const place of places) {
      if (node && setPicture(node, place)) node = null;
      else right += addLoadImage(place, [right, top]) + GAP;
    }
  } catch (error) {
    notice("error", t("card.load"), whyOf(error));
  }
}
