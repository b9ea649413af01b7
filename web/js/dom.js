// Elements without a framework.

// Set as properties, because the attribute of that name is only the initial value.
const PROPERTIES = new Set(["checked", "disabled", "hidden", "value"]);

/** `h("button", {class: "x", onclick: f}, "text", child)`. A property that is null or false is left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One of ComfyUI's icons (PrimeIcons), which no screen reader reads out. */
export function icon(name) {
  return h("i", { class: `pi pi-${name}`, "aria-hidden": "true" });
}

/** A button that shows an icon and says its label to screen readers and in its tooltip. */
export function iconButton(name, label, onclick, properties = {}) {
  const { class: more = "", ...others } = properties;
  const names = `grsai-icon-button ${more}`;
  return h("button", { type: "button", class: names, title: label, "aria-label": label, onclick, ...others }, icon(name));
}

/** Loads the pack's style sheet, once. */
export function style() {
  if (document.getElementById("grsai-style")) return;
  const href = new URL("../style/banana.css", import.meta.url).href;
  document.head.append(h("link", { id: "grsai-style", rel: "stylesheet", href }));
}

/** Calls `task` once things are quiet for `milliseconds`. */
export function settled(task, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => task(...values), milliseconds);
  };
}

/** What `look()` finds, looked for at each frame until it is there; undefined if it does not come. */
export async function soon(look, seconds = 3) {
  const until = performance.now() + 1000 * seconds;
  for (;;) {
    const found = look();
    if (found || performance.now() > until) return found || undefined;
    await new Promise(requestAnimationFrame);
  }
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}
