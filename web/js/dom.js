// @ts-check
// Elements without a framework.

const SHOP = "grsai.com"; // where keys come from
// Set as properties, because the attribute of that name is only the initial value.
const PROPERTIES = new Set(["checked", "disabled", "hidden", "value"]);

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * `h("button", {class: "x", onclick: f}, "text", child)`. A property that is null or false is left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} properties
 * @param {(Child | Child[])[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

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

/** Loads the pack's style sheet, once. */
export function style() {
  if (document.getElementById("grsai-style")) return;
  const href = new URL("../style/banana.css", import.meta.url).href;
  document.head.append(h("link", { id: "grsai-style", rel: "stylesheet", href }));
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

/** @type {(element: any, name: string, value: any) => void} */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}
