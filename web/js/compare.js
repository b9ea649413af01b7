// @ts-check
// A picture over what it was made from; a slider uncovers the one or the other.
import { h } from "./dom.js";
import { t } from "./texts.js";

/** @type {(before: string | null, after: string, label: string) => HTMLElement} addresses; without `before` the picture alone */
export function makeCompare(before, after, label) {
  const result = h("img", { class: "grsai-after", src: after, alt: label });
  const element = h("div", { class: "grsai-compare" }, before && h("img", { class: "grsai-before", src: before, alt: "" }), result);
  if (!before) return element;
  const slide = (/** @type {any} */ { target }) => element.style.setProperty("--grsai-uncovered", `${target.value}%`);
  const slider = h("input", { type: "range", min: 0, max: 100, value: 0, "aria-label": t("compare.slider"), oninput: slide });
  slider.addEventListener("keydown", (event) => event.stopPropagation()); // the arrows move it, and not to the next picture
  element.append(h("div", { class: "grsai-slider" }, h("span", {}, t("compare.after")), slider, h("span", {}, t("compare.before"))));
  return element;
}
