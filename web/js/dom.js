// @ts-check
// Elements as ComfyUI's page has them: its icons, links, the style sheets.
import { STYLE, h } from "./components.js";

const SHOP = "grsai.com"; // where keys come from
export { h };

/**
 * One of ComfyUI's icons (PrimeIcons), which no screen reader reads out.
 * @param {string} name
 */
export function icon(name) {
  return h("i", { class: `pi pi-${name}`, "aria-hidden": "true" });
}

/**
 * A button that shows an icon and says its label to screen readers and in its tooltip.
 * @param {string} name of the icon
 * @param {string} label
 * @param {(event: MouseEvent) => unknown} onclick
 * @param {Record<string, any>} properties
 */
export function iconButton(name, label, onclick, properties = {}) {
  const { class: more = "", ...others } = properties;
  const names = `grsai-icon-button ${more}`;
  return h("button", { type: "button", class: names, title: label, "aria-label": label, onclick, ...others }, icon(name));
}

/**
 * A text, in which the place that keys come from is a link.
 * @param {string} text
 */
export function linked(text) {
  const link = () => h("a", { href: `https://${SHOP}`, target: "_blank", rel: "noopener" }, SHOP);
  return text.split(SHOP).flatMap((part, index) => (index ? [link(), part] : [part]));
}

/** Loads the style sheets of the components and of the pack, once. */
export function style() {
  if (document.getElementById("grsai-style")) return;
  const href = new URL("../style/banana.css", import.meta.url).href;
  document.head.append(h("link", { rel: "stylesheet", href: STYLE }), h("link", { id: "grsai-style", rel: "stylesheet", href }));
}

/**
 * Calls `task` once things are quiet for `milliseconds`.
 * @param {() => unknown} task
 * @param {number} milliseconds
 */
export function settled(task, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(task, milliseconds);
  };
}

/**
 * What `look()` finds, looked for at each frame until it is there; undefined if it does not come.
 * @template T
 * @param {() => T} look
 * @returns {Promise<T | undefined>}
 */
export async function soon(look, seconds = 3) {
  const until = performance.now() + 1000 * seconds;
  for (;;) {
    const found = look();
    if (found || performance.now() > until) return found || undefined;
    await new Promise(requestAnimationFrame);
  }
}
