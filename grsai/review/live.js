// @ts-check
// What is being made: how far it is, how long it takes, what it costs, what failed; and the way to stop it.
import { h } from "../components/dom.js";
import { signButton } from "../components/signs.js";
import { post } from "./asking.js";
import { tell } from "./sentences.js";

/**
 * @typedef {object} Run
 * @property {"batch" | "redo" | "compare"} kind
 * @property {"running" | "stopping" | "ended"} state
 * @property {number} total
 * @property {number} done
 * @property {number} failed
 * @property {number} progress 0 to 1
 * @property {string} left the time, as a text
 * @property {string} price
 * @property {string[]} said
 */
/** @typedef {{name: string, prompt: string, why: string}} Failed */

/** @param {(error: Error) => void} wrong is told what the server says against it */
export function makeLive(wrong) {
  const fill = h("div", { class: "fill" });
  const meter = h("div", { class: "meter", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  const text = h("span", { class: "told", role: "status" });
  const stop = h("button", { type: "button", class: "button", onclick: () => post("stop").catch(wrong) });
  const close = signButton("close", tell("said.close"), () => (element.hidden = true));
  const list = h("ul", {});
  const count = h("summary", {});
  const failures = h("details", { class: "failures", hidden: true }, count, list);
  const element = h("section", { class: "live", hidden: true }, meter, text, failures, stop, close);

  /** @param {Run | null} run */
  function show(run) {
    element.hidden = !run;
    if (!run) return;
    const over = run.state === "ended";
    fill.style.width = `${Math.round(100 * run.progress)}%`;
    meter.setAttribute("aria-valuenow", String(Math.round(100 * run.progress)));
    const left = run.left && tell("live.left", { time: run.left });
    const words = [over && tell("live.ended"), tell("live.running", run), left, run.price, ...run.said];
    text.textContent = words.filter(Boolean).join(" · ");
    element.dataset.state = run.state;
    stop.hidden = over;
    close.hidden = !over;
    stop.disabled = run.state === "stopping";
    stop.textContent = tell(stop.disabled ? "live.stopping" : "live.stop");
  }

  /** @param {Failed} failed */
  function fail({ name, why }) {
    list.append(h("li", {}, h("strong", {}, name), ` ${why}`));
    count.textContent = tell("live.failed", { count: list.childElementCount });
    failures.hidden = false;
  }

  return { element, show, fail };
}
