// @ts-check
// What a node would make and cost, as a badge that follows its widgets in the classic and in the Vue canvas. The server counts;
// until it has, the badge says what the page knows by itself.
import { sizeSentAlong } from "./canvas_fixes.js";
import { app, isWired, makingNodes, nodeBehind, stores } from "./comfy.js";
import { isOffline, modelOf, money, moneyAndCredits, onPrices } from "./money.js";
import { inWords, onOutlook, outdated, outlookOf } from "./outlook.js";
import { t } from "./texts.js";

/** @type {Record<string, (node: GraphNode, credits: number) => string>} */
const PRICED = { NanoBananaGenerate: priceOfGenerate, BatchBanana: priceOfBatch };
const BANANA = { fgColor: "#2a2000", bgColor: "#f4c845" };
const REDRAWN = "grsai.redrawn"; // a number beside ComfyUI's stores
const CLOSED = { fgColor: "#ffffff", bgColor: "#a33a2f" };
const FREE = { fgColor: "#ffffff", bgColor: "#3d6b57" };

/**
 * To be called for each node that is created.
 * @param {GraphNode} node
 */
export function addBadge(node) {
  if (node.subgraph) node.badges.push(() => outerBadge(node));
  const price = PRICED[node.comfyClass ?? ""];
  if (!price) return;
  node.badges.push(() => badge(node, price));
  redrawAfter(node, "onConnectionsChange");
  for (const widget of node.widgets ?? []) redrawAfter(widget, "callback");
}

/** Redraws every badge when the catalogue, the host or the currency changed, or the server has counted. */
export function followPrices() {
  onPrices(redraw);
  onOutlook(redraw);
}

/** @type {(node: GraphNode, price: (node: GraphNode, credits: number) => string) => unknown} */
function badge(node, price) {
  void stores()?.[REDRAWN]; // read, so that the Vue canvas asks again when it changes
  if (isOffline()) return new window.LGraphBadge({ text: t("money.free"), ...FREE });
  const model = modelOf(valueOf(node, "model"));
  if (model?.closed) return new window.LGraphBadge({ text: t("money.closed"), ...CLOSED });
  return new window.LGraphBadge({ text: model ? text(node, price, model) : "", ...BANANA });
}

// Of a subgraph, what its nodes make together, and the size that nobody could choose there.
/** @param {GraphNode} node */
function outerBadge(node) {
  void stores()?.[REDRAWN];
  const making = node.subgraph ? makingNodes(node.subgraph) : [];
  if (!making.length) return new window.LGraphBadge({ text: "", ...BANANA });
  const size = sizeSentAlong(node);
  const told = (/** @type {string} */ text) => [text, size && t("money.smallest", { size })].filter(Boolean).join(" · ");
  return isOffline()
    ? new window.LGraphBadge({ text: told(t("money.free")), ...FREE })
    : new window.LGraphBadge({ text: told(words(node)), ...BANANA });
}

/** @param {GraphNode} node */
function words(node) {
  const told = outlookOf(node);
  return told ? inWords(told) : "";
}

/** @type {(node: GraphNode, price: (node: GraphNode, credits: number) => string, model: import("./money.js").Model) => string} */
function text(node, price, { credits, maintenance }) {
  const cost = words(node) || (credits === null ? t("money.unknown") : price(node, credits));
  return maintenance ? `${cost} · ${t("money.maintenance")}` : cost;
}

/** @type {(node: GraphNode, credits: number) => string} */
function priceOfGenerate(node, credits) {
  const count = valueOf(node, "count");
  return count === null ? t("money.each", { price: money(credits) }) : moneyAndCredits(credits * count);
}

// How many pictures a link brings is known only when it runs, but for a LoadImage, which brings one.
/** @type {(node: GraphNode, credits: number) => string} */
function priceOfBatch(node, credits) {
  const prompts = promptCount(valueOf(node, "prompts"));
  const pictures = pictureCount(node);
  const oneToOne = valueOf(node, "pairing") === "zip";
  if (!prompts || isWired(node, "jobs")) return t("money.each", { price: money(credits) });
  if (pictures === null && !oneToOne) return t("money.each_source", { price: money(credits * prompts) });
  return moneyAndCredits(credits * prompts * (oneToOne ? 1 : (pictures ?? 1)));
}

/** @param {unknown} text */
function promptCount(text) {
  return text === null ? 0 : String(text).split(/\r?\n/).filter((line) => line.trim()).length;
}

// 1 without pictures: then every prompt makes one.
/** @param {GraphNode} node */
function pictureCount(node) {
  if (!isWired(node, "images")) return 1;
  return nodeBehind(node, "images")?.comfyClass === "LoadImage" ? 1 : null;
}

// The value of a widget; null where a link brings it.
/** @type {(node: GraphNode, name: string) => any} */
function valueOf(node, name) {
  return isWired(node, name) ? null : (node.widgets?.find((widget) => widget.name === name)?.value ?? null);
}

/** @type {(thing: any, name: string) => void} */
function redrawAfter(thing, name) {
  const before = thing[name];
  thing[name] = function (/** @type {any[]} */ ...facts) {
    const answer = before?.apply(this, facts);
    outdated();
    redraw();
    return answer;
  };
}

// Newer Vue canvases watch the values of widgets by themselves; older ones, and all of them for links and prices, are told.
function redraw() {
  const known = stores();
  if (known) known[REDRAWN] = (known[REDRAWN] ?? 0) + 1;
  app.canvas?.setDirty(true, true);
}
