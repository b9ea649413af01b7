// @ts-check
// The widgets of a node: what is in them, what is chosen for them from a list, and what follows when they change.
import { app, isWired } from "./comfy.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** @type {(label: import("./texts.js").TextKey, chosen: (value: string) => void) => HTMLSelectElement} */
export function select(label, chosen) {
  const box = h("select", { "aria-label": t(label), title: t(label) });
  box.addEventListener("change", () => chosen(box.value));
  return box;
}

// What is chosen is on the list, also where it is not there.
/** @type {(box: HTMLSelectElement, offered: string[][], chosen: string | null) => void} */
export function fill(box, offered, chosen) {
  const known = offered.some(([value]) => value === chosen);
  const all = known || chosen === null ? offered : [[chosen, chosen], ...offered];
  box.replaceChildren(...all.map(([value, text]) => h("option", { value }, text)));
  box.value = chosen ?? "";
}

// The text in a widget; null where a wire brings it.
/** @type {(node: GraphNode, name: string) => string | null} */
export function read(node, name) {
  return isWired(node, name) ? null : String(node.widgets?.find((each) => each.name === name)?.value ?? "");
}

/** @type {(node: GraphNode, name: string, value: string) => void} */
export function write(node, name, value) {
  const widget = node.widgets?.find((each) => each.name === name);
  if (!widget) return;
  widget.value = value;
  widget.callback?.(value);
  app.canvas?.setDirty(true, true);
}

/** @type {(thing: any, name: string, then: () => void) => void} */
export function after(thing, name, then) {
  const before = thing[name];
  thing[name] = function (/** @type {any[]} */ ...facts) {
    const answer = before?.apply(this, facts);
    then();
    return answer;
  };
}
