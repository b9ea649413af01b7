// @ts-check
// Above a sum of the user's own the canvas asks before it queues. What scripts post never comes by here.
import { beforeRun, isWired, makingNodes, openPrompt, openSettings } from "./comfy.js";
import { h, iconButton } from "./dom.js";
import { balance, fromYuan } from "./money.js";
import { estimate, inWords } from "./outlook.js";
import { t } from "./texts.js";

/** @typedef {import("./outlook.js").Whole} Whole */

const MOST_SECONDS = 5; // that Run waits for the exact count; then all count as new

let asking = false;

/** To be called once. */
export function askBeforeRun() {
  beforeRun(mayRun);
}

/** @type {(times: number, targets?: string[]) => Promise<boolean>} */
async function mayRun(times, targets) {
  const dear = await whatIsDear(times, targets).catch(() => null); // whatever is wrong, Run itself says it
  return !dear || (!asking && ask(dear));
}

// What would be paid, if it is so much that the user is to be asked. To find that it is little, no picture need be read.
/** @type {(times: number, targets?: string[]) => Promise<Whole | null>} */
async function whatIsDear(times, targets) {
  if (!makingNodes().length) return null;
  const graph = await openPrompt();
  const how = { targets, times: isFixed() ? 1 : times };
  const quick = await estimate(graph, { ...how, quick: true });
  if (!quick.asks) return null;
  const late = new Promise((done) => setTimeout(done, 1000 * MOST_SECONDS, quick));
  const whole = await Promise.race([estimate(graph, how), late]);
  return whole.asks ? whole : null;
}

// Whether a second run of the same would make nothing new.
function isFixed() {
  return makingNodes().every((node) => {
    return !isWired(node, "seed") && node.widgets?.find(({ name }) => name === "seed")?.linkedWidgets?.[0]?.value === "fixed";
  });
}

/** @type {(whole: Whole) => Promise<boolean>} */
function ask({ total, unknown, ask_above }) {
  asking = true;
  return new Promise((done) => {
    const end = (/** @type {boolean} */ runs) => {
      done(runs);
      dialog.close();
    };
    const change = () => {
      end(false);
      openSettings();
    };
    const button = (/** @type {import("./texts.js").TextKey} */ key, /** @type {() => void} */ onclick, look = "", focus = false) =>
      h("button", { type: "button", class: `grsai-button ${look}`, autofocus: focus, onclick }, t(key));
    /** @type {HTMLDialogElement} */
    const dialog = h(
      "dialog",
      { class: "grsai-start grsai-ask", "aria-labelledby": "grsai-ask-title", "aria-describedby": "grsai-ask-about" },
      h(
        "header",
        { class: "grsai-start-head" },
        h("i", { class: "grsai-banana-icon", "aria-hidden": "true" }),
        h("h2", { id: "grsai-ask-title" }, t("ask.title")),
        iconButton("times", t("viewer.close"), () => end(false)),
      ),
      h("p", { id: "grsai-ask-about" }, h("strong", {}, inWords(total)), unknown > 0 && h("small", {}, t("outlook.more"))),
      h("p", { class: "grsai-muted" }, t("ask.why", { sum: balance(fromYuan(ask_above)) })),
      h("footer", {}, button("ask.settings", change), button("ask.cancel", () => end(false), "", true), button("ask.run", () => end(true), "grsai-primary")),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      asking = false;
      done(false);
    });
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the canvas has shortcuts of its own
    document.body.append(dialog);
    dialog.showModal();
  });
}
