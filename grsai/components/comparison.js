// @ts-check
// A table of pictures against what they were made with: a row a picture, a column a model and prompt.
import { h } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./dom.js").Child} Child */
/**
 * A model and prompt. `price` of one picture, `seconds` it took in the mean; `whole`: what the whole folder costs.
 * @typedef {{model: string, prompt: string, price?: string, seconds?: number, whole?: {pictures: number, price: string} | null,
 *   command?: string | null}} Compared
 */
/** @typedef {{name: string, before_small?: string, cells: Child[][]}} ComparedRow what is in each column */

/**
 * What the verdicts say of a column.
 * @param {readonly (import("./tile.js").Choice | undefined)[]} verdicts
 */
export function makeTally(verdicts) {
  const [kept, rejected] = ["keep", "reject"].map((choice) => verdicts.filter((each) => each === choice).length);
  return h("p", { class: "grsai-tally" }, say("compare.tally", { kept, rejected, open: verdicts.length - kept - rejected }));
}

/**
 * What stands above a column; `more` behind what the whole folder costs.
 * @type {(compared: Compared, tally: HTMLElement, mark?: Child, more?: Child) => Child[]}
 */
export function aboutColumn({ model, prompt, price, seconds, whole, command }, tally, mark, more) {
  return [
    h("strong", {}, model),
    mark,
    h("p", { class: "grsai-prompt", title: prompt }, prompt),
    tally,
    price && h("p", {}, say("compare.each", { price, seconds: (seconds ?? 0).toFixed(1) })),
    whole && h("p", {}, say("compare.whole", whole)),
    more,
    command && h("code", {}, command),
  ];
}

/** @type {(heads: readonly HTMLElement[], rows: readonly ComparedRow[]) => HTMLElement} `heads`: a `th` each */
export function makeComparison(heads, rows) {
  const drawn = rows.map(({ name, before_small, cells }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, before_small && h("img", { src: before_small, alt: "" }), h("span", {}, name)),
      ...cells.map((cell) => h("td", {}, ...cell)),
    ),
  );
  return h("div", { class: "grsai-compared" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}), ...heads)), h("tbody", {}, ...drawn)));
}
