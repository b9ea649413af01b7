// @ts-check
// What Run would make and cost, as the server counts it: of each node for its badge, and of the whole workflow.
import { api, makingNodes, openPrompt, placesOf } from "./comfy.js";
import { settled } from "./dom.js";
import { onPrices, total as price } from "./money.js";
import { onRun, post } from "./routes.js";
import { duration, t } from "./texts.js";

/**
 * What is not known before the run is null.
 * @typedef {object} Outlook
 * @property {number | null} pictures
 * @property {number | null} new the others were made earlier, or are paid and wait to be fetched
 * @property {number | null} credits of the new ones
 * @property {number | null} seconds
 * @property {import("./routes.js").Texts} [error] what a run would be refused for
 */
/** @typedef {{nodes: Record<string, Outlook>, total: Outlook, unknown: number, asks: boolean, ask_above: number, offline: boolean}} Whole */

const QUIET_MILLISECONDS = 400;

/** @type {Set<() => unknown>} */
const listeners = new Set();
/** @type {Whole | null} null: not known, or not any more */
let current = null;
let asked = ""; // the graph that it was asked of
let number = 0;

/** To be called once. */
export function followGraph() {
  for (const change of ["graphChanged", "execution_success", "execution_error", "execution_interrupted"]) api.addEventListener(change, soon);
  window.addEventListener("focus", anew); // files may have come into a folder meanwhile
  onPrices(anew);
  onRun(({ finished }) => finished && anew());
}

/**
 * Calls `listener()` when what Run would do is known anew; returns the function that ends it.
 * @param {() => unknown} listener
 */
export function onOutlook(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** To be called when a node has changed: what is known of it is not true any more. */
export function outdated() {
  current = null;
  anew();
}

/** To be called when something beside the graph has changed, such as the files of a folder. */
export function anew() {
  asked = "";
  soon();
}

/** The whole workflow; null while it is not known, or makes no pictures. */
export function outlook() {
  return current;
}

/**
 * One node; what is in a subgraph, for the node that stands for it outside. Null where it is not known.
 * @param {GraphNode} node
 * @returns {Outlook | null}
 */
export function outlookOf(node) {
  const nodes = current?.nodes ?? {};
  const places = placesOf(node);
  if (!node.subgraph) return nodes[places.find((place) => place in nodes) ?? ""] ?? null;
  const inside = Object.keys(nodes).filter((id) => places.some((place) => id.startsWith(`${place}:`)));
  return inside.length ? summed(inside.map((id) => nodes[id])) : null;
}

/**
 * "16 pictures · ¥0.70 · about 2 min"; empty where it is not known.
 * @param {Outlook} outlook
 */
export function inWords({ pictures, new: made, credits, seconds }) {
  if (!pictures || made === null) return "";
  if (!made) return t("outlook.nothing", { count: pictures });
  const time = seconds ? t("outlook.about", { time: duration(Math.max(seconds, 1)) }) : "";
  return [counted(pictures, made), credits === null ? t("money.unknown") : price(credits), time].filter(Boolean).join(" · ");
}

/** @type {(pictures: number, made?: number) => string} */
export function counted(pictures, made = pictures) {
  if (made < pictures) return t("outlook.some", { made, count: pictures });
  return t(pictures === 1 ? "outlook.picture" : "outlook.pictures", { count: pictures.toLocaleString("en") });
}

/**
 * What Run would do with a graph. `targets`: the nodes at whose end it is run; `times`: how often; `quick`: all count as new.
 * @type {(graph: import("./graph.js").ApiGraph, options?: {targets?: string[], times?: number, quick?: boolean}) => Promise<Whole>}
 */
export const estimate = (graph, options = {}) => post("estimate", { prompt: graph, ...options });

const soon = settled(look, QUIET_MILLISECONDS);

async function look() {
  if (document.hidden) return; // the page asks when it is seen again
  const mine = ++number;
  const graph = makingNodes().length ? await openPrompt().catch(() => null) : null;
  const text = graph ? JSON.stringify(graph) : "";
  if (mine !== number || (text && text === asked)) return;
  asked = text;
  const said = graph && (await estimate(graph).catch(() => null)); // without an answer, badges say what the page knows by itself
  if (mine !== number) return;
  current = said;
  for (const listener of listeners) listener();
}

/** @param {Outlook[]} outlooks */
function summed(outlooks) {
  const sum = (/** @type {"pictures" | "new" | "credits" | "seconds"} */ name) =>
    outlooks.some((each) => typeof each[name] !== "number") ? null : outlooks.reduce((whole, each) => whole + Number(each[name]), 0);
  return { pictures: sum("pictures"), new: sum("new"), credits: sum("credits"), seconds: sum("seconds") };
}
