// @ts-check
// The signs on tiles and buttons: lines in the colour of the text, which need no font and no file.
import { h } from "./dom.js";

const LINES = {
  clock: "M12 7v5l3 2 M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  spinner: "M21 12a9 9 0 1 1-6-8.5",
  image: "M4 5h16v14H4z M4 16l5-5 4 4 3-3 4 4 M15 9h.01",
  gone: "M4 4l16 16 M9 5.5A10 10 0 0 1 21 12a14 14 0 0 1-2.5 3.5 M6 7.5A14 14 0 0 0 3 12c2 4 5 6.5 9 6.5a9 9 0 0 0 4-1",
  failed: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0 M9 9l6 6 M15 9l-6 6",
  fetch: "M12 4v11 M7 10l5 5 5-5 M4 20h16",
  unsure: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0 M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7 M12 16.5h.01",
  stop: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0 M9.5 9.5h5v5h-5z",
  keep: "M4 12.5l5.5 5.5L20 6.5",
  reject: "M6 6l12 12 M18 6L6 18",
  star: "M12 3.5l2.6 5.5 6 .8-4.4 4.2 1.1 6-5.3-2.9L6.7 20l1.1-6L3.4 9.8l6-.8z",
  note: "M5 19l1-4L16 5l3 3L9 18z M14 7l3 3",
  undo: "M9 6L4 11l5 5 M4 11h10a5 5 0 0 1 0 10h-3",
  back: "M15 5l-7 7 7 7",
  on: "M9 5l7 7-7 7",
  slider: "M12 3v18 M4 5h5 M4 19h5V5H4z M15 5h5v14h-5",
  beside: "M3 6h8v12H3z M13 6h8v12h-8z",
  after: "M4 5h16v14H4z",
  change: "M4 5h16v14H4z M15.5 12a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0 M12 8.500v7",
  zoom: "M16 10a6 6 0 1 1-12 0 6 6 0 0 1 12 0 M14.5 14.5L20 20 M10 7.5v5 M7.5 10h5",
  close: "M6 6l12 12 M18 6L6 18",
  again: "M19 6v5h-5 M19 11a7.5 7.5 0 1 0 .5 4",
};

/** @typedef {keyof typeof LINES} SignName */

const SVG = "http://www.w3.org/2000/svg";

/**
 * A sign, which no screen reader reads out.
 * @param {SignName} name
 */
export function sign(name) {
  const drawn = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `grsai-sign grsai-sign-${name}`, "aria-hidden": "true" })) {
    drawn.setAttribute(key, value);
  }
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", LINES[name]);
  drawn.append(line);
  return drawn;
}

/**
 * A button that shows a sign, and says its label to screen readers and in its tooltip.
 * @type {(name: SignName, label: string, onclick: (event: MouseEvent) => unknown) => HTMLButtonElement}
 */
export function signButton(name, label, onclick) {
  return h("button", { type: "button", class: "grsai-tool", title: label, "aria-label": label, onclick }, sign(name));
}
