// @ts-check
// The keys of the page, what each does, and the list of them.
import { h } from "../components/dom.js";
import { signButton } from "../components/signs.js";
import { tell } from "./sentences.js";

/** @type {[string[], Parameters<typeof tell>[0]][]} */
const LIST = [
  [["←", "→"], "keys.step"],
  [["↑", "↓"], "keys.version"],
  [["K"], "keys.keep"],
  [["R"], "keys.reject"],
  [["U"], "keys.undo"],
  [["1", "…", "5"], "keys.stars"],
  [["N"], "keys.note"],
  [["F"], "keys.filter"],
  [["Z"], "keys.zoom"],
  [["M"], "keys.mode"],
  [["D"], "keys.change"],
  [["C"], "keys.compare"],
  [["?"], "keys.list"],
];

/** The list of keys, in a window; `toggle` opens and closes it. */
export function makeKeyList() {
  const rows = LIST.map(([keys, about]) => h("div", {}, h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, tell(about))));
  const close = signButton("close", tell("said.close"), () => element.close());
  const element = h("dialog", { class: "keys", "aria-label": tell("keys.title") }, h("header", {}, h("h2", {}, tell("keys.title")), close), h("dl", {}, ...rows));
  element.addEventListener("click", (event) => event.target === element && element.close());
  const toggle = () => (element.open ? element.close() : element.showModal());
  return { element, toggle };
}

/**
 * Calls what belongs to a key, unless a text is written or another program is meant.
 * @param {(event: KeyboardEvent) => void} press
 */
export function onKeys(press) {
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select")) return;
    press(event);
  });
}
