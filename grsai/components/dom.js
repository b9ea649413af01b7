// @ts-check
// Elements without a framework.

// Set as properties, because the attribute of that name is only the initial value.
const PROPERTIES = new Set(["checked", "disabled", "hidden", "value"]);

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * `h("button", {class: "x", onclick: f}, "text", child)`. Texts stay texts, whatever they hold; a property that is null or false
 * is left out.
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

/** @type {(element: any, name: string, value: any) => void} */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}
