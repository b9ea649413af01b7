// @ts-check
// The rejected pictures made again: the price first, with what is to be other; nothing is sent before it was shown.
import { h } from "../components/dom.js";
import { post } from "./asking.js";
import { tell } from "./sentences.js";

/** @typedef {{id: string, sizes: string[], ratios: string[], qualities: string[], backgrounds: string[]}} Choices what a model takes */
/**
 * @typedef {object} Priced
 * @property {string | null} ticket
 * @property {number} pictures
 * @property {number} unpriced
 * @property {string} price
 * @property {{id: string, name: string, why: string}[]} gone
 * @property {string[]} said
 * @property {Choices[]} models
 */

const QUIET = 300; // milliseconds after the last change before the price is asked for

/** @param {(error: Error) => void} wrong is told what the server says against it */
export function makeRedo(wrong) {
  const make = h("button", { type: "button", class: "button primary" });
  const prompt = h("textarea", { rows: 2, placeholder: tell("redo.prompt"), "aria-label": tell("redo.prompt") });
  const model = h("select", { name: "model", "aria-label": tell("redo.model") });
  const size = h("select", { name: "image_size", "aria-label": tell("redo.size") });
  const ratio = h("select", { name: "aspect_ratio", "aria-label": tell("redo.ratio") });
  const fields = h("div", { class: "fields" }, prompt, model, size, ratio);
  const other = h("details", {}, h("summary", {}, tell("redo.other")), fields);
  const said = h("div", { class: "said", role: "status" });
  const element = h("section", { class: "redo", hidden: true }, make, other, said);
  /** @type {Priced | null} */
  let priced = null;
  let timer = 0;
  let asked = 0;
  let wanted = 0;

  make.addEventListener("click", async () => {
    const ticket = priced?.ticket;
    if (!ticket) return;
    make.disabled = true;
    await post("make", { ticket }).then(reset, wrong);
    if (wanted) ask();
  });
  element.addEventListener("input", () => ask());

  /** How many are rejected now. @param {number} count */
  function show(count) {
    element.hidden = !count;
    if (count === wanted) return;
    wanted = count;
    if (count) ask();
  }

  function ask() {
    clearTimeout(timer);
    make.disabled = true;
    make.textContent = tell("redo.asking");
    timer = setTimeout(price, QUIET);
  }

  async function price() {
    const number = ++asked;
    const changes = { prompt: prompt.value.trim(), model: model.value, image_size: size.value, aspect_ratio: ratio.value };
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value));
    try {
      const answer = await post("redo/estimate", given);
      if (number === asked) draw(answer);
    } catch (error) {
      if (number === asked) refuse(/** @type {Error} */ (error));
    }
  }

  /** @param {Priced} answer */
  function draw(answer) {
    priced = answer;
    const { pictures, price, ticket, gone, models } = answer;
    element.hidden = !wanted;
    make.disabled = !ticket;
    make.textContent = tell("redo.make", { count: pictures, price: answer.unpriced ? tell("redo.unpriced") : price });
    if (model.childElementCount === 0) offer(model, models.map(({ id }) => id));
    const chosen = models.find(({ id }) => id === model.value);
    offer(size, chosen?.sizes ?? [...new Set(models.flatMap(({ sizes }) => sizes))]);
    offer(ratio, chosen?.ratios ?? [...new Set(models.flatMap(({ ratios }) => ratios))]);
    said.replaceChildren(...answer.said.map((text) => h("p", {}, text)), ...gone.map((each) => h("p", {}, tell("redo.gone", each))));
  }

  /** @param {Error} error */
  function refuse(error) {
    priced = null;
    make.textContent = tell("redo.make", { count: wanted, price: "–" });
    said.replaceChildren(h("p", {}, error.message));
  }

  function reset() {
    for (const field of [prompt, model, size, ratio]) field.value = "";
    other.open = false;
  }

  return { element, show };
}

/** @type {(select: HTMLSelectElement, values: string[]) => void} the first one: as before */
function offer(select, values) {
  const chosen = select.value;
  const first = `${select.getAttribute("aria-label")}: ${tell("redo.same")}`;
  select.replaceChildren(h("option", { value: "" }, first), ...values.map((value) => h("option", { value }, value)));
  select.value = values.includes(chosen) ? chosen : "";
  select.hidden = !values.length;
}
