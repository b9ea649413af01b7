// @ts-check
// The grid on a node that makes pictures: a tile a picture from the start, in plan order. It stays after the run, takes the place
// of ComfyUI's own pictures, and is also on the outside of a subgraph.
import { api, graphOf, nodeOf, pictureAddress, queue, rootGraph } from "./comfy.js";
import { h } from "./dom.js";
import { shown, upstream } from "./graph.js";
import { money } from "./money.js";
import { notice } from "./notice.js";
import { entryOf, get, inLanguage, onRun, onTiles, thumbnailAddress, whyOf } from "./routes.js";
import { showPictures } from "./sidebar/viewer.js";
import { t } from "./texts.js";
import { makeOurTile } from "./tile.js";

/** @typedef {import("./routes.js").TileFacts} TileFacts */
/** @typedef {import("./tile.js").Tile} Tile */
/** @typedef {{facts: TileFacts, tile: Tile, element: HTMLElement, show: (tile: Tile) => void}} Cell */
/** @typedef {ReturnType<typeof makeGrid>} Grid */
/** @typedef {{text: string, finished: boolean, offline: boolean}} Word what is said of a run */
/** @typedef {{element: HTMLElement, show: (pictures: Map<string, TileFacts>, word: Word) => void, height: (width: number) => number}} View */

const WIDGET = "grsai_pictures";
const COMFY_TEXT = "$$node-text-preview"; // the widget of ComfyUI's own line on a node
const LARGE = 4; // up to so many pictures are shown large
const [GAP, FOOT, MOST_HEIGHT, SIDE] = [4, 34, 380, 92]; // pixels; SIDE: of a tile among many
const MISSING = ["failed", "stopped", "open", "uncertain"];

/** @type {Map<string, Grid>} by workflow and node */
const grids = new Map();

/** To be called once. */
export function showGrids() {
  onTiles(({ run, group, node_id, prompt_id, tiles }) => {
    if (node_id) gridOf(node_id).take(run, group, prompt_id, tiles);
    if (node_id) attach(node_id);
  });
  onRun((run) => {
    if (run.node_id && grids.has(keyOf(run.node_id))) gridOf(run.node_id).say({ text: inLanguage(run.text), finished: run.finished, offline: run.offline });
  });
  // ComfyUI's own line on the node goes with success in newer frontends, and stays in all other cases.
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    api.addEventListener(end, () => setTimeout(() => grids.forEach((grid) => grid.show())));
  }
  get("tiles").then(({ runs }) => {
    for (const each of runs) {
      gridOf(each.node_id).take(each.run, each.group, each.prompt_id, each.tiles);
      attach(each.node_id);
    }
  });
}

/** To be called when a workflow is opened: its nodes are new objects, and get their grids back. */
export function bringGridsBack() {
  const here = keyOf("");
  for (const key of grids.keys()) if (key.startsWith(here)) attach(key.slice(here.length));
}

/** @param {string} nodeId */
function keyOf(nodeId) {
  return `${rootGraph().id}/${nodeId}`;
}

/** @param {string} nodeId */
function gridOf(nodeId) {
  const key = keyOf(nodeId);
  const grid = grids.get(key) ?? makeGrid(nodeId);
  grids.set(key, grid);
  return grid;
}

// On the node itself, and on the subgraph node that is seen of it from outside.
/** @param {string} nodeId */
function attach(nodeId) {
  const [outermost] = nodeId.split(":");
  for (const id of new Set([nodeId, outermost])) {
    const node = nodeOf(id);
    if (node) place(node, gridOf(nodeId));
  }
}

/** @type {(node: GraphNode, grid: Grid) => void} */
function place(node, grid) {
  if (node.widgets?.some((widget) => widget.name === WIDGET)) return;
  const { element, height } = grid.view(() => !node.widgets?.some((widget) => widget.name === COMFY_TEXT));
  const options = { serialize: false, hideOnZoom: false, getMinHeight: () => height(node.size[0]) };
  const widget = node.addDOMWidget(WIDGET, "grsai_pictures", element, options);
  widget.serialize = false; // it is no value of the workflow
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
}

/** @param {string} nodeId */
function makeGrid(nodeId) {
  /** @type {Map<string, TileFacts>} by run and place, in order */
  let pictures = new Map();
  /** @type {Set<View>} */
  const views = new Set();
  let current = 0; // the group of runs that is shown
  /** @type {string | null} */
  let promptId = null;
  /** @type {Word} */
  let word = { text: "", finished: false, offline: false };

  /** @type {(run: number, group: number, prompt: string | null, tiles: [number, TileFacts][]) => void} */
  function take(run, group, prompt, tiles) {
    if (group !== current) [pictures, current, word] = [new Map(), group, { ...word, finished: false }];
    promptId = prompt;
    const before = pictures.size;
    for (const [index, facts] of tiles) pictures.set(`${String(run).padStart(9, "0")}/${String(index).padStart(6, "0")}`, facts);
    if (pictures.size !== before) pictures = new Map([...pictures].sort(([left], [right]) => (left < right ? -1 : 1)));
    show();
  }

  /** @param {Word} said */
  function say(said) {
    word = said;
    show();
  }

  function show() {
    for (const view of views) view.show(pictures, word);
  }

  const again = () => makeMissing(promptId, nodeId);
  /** @param {() => boolean} isQuiet */
  const view = (isQuiet) => {
    const made = makeView(again, isQuiet);
    views.add(made);
    made.show(pictures, word);
    return made;
  };
  return { take, say, show, view };
}

/** @type {(again: () => unknown, isQuiet: () => boolean) => View} `again` makes what is missing; `isQuiet`: ComfyUI says no text */
function makeView(again, isQuiet) {
  /** @type {Map<string, Cell>} */
  const cells = new Map();
  const tiles = h("div", { class: "grsai-grid-tiles" });
  const foot = h("div", { class: "grsai-grid-foot" });
  const element = h("div", { class: "grsai-grid", "data-capture-wheel": "true" }, tiles, foot);
  element.addEventListener("pointerdown", (event) => event.stopPropagation()); // else the canvas drags the node
  element.addEventListener("wheel", (event) => tiles.scrollHeight > tiles.clientHeight && event.stopPropagation());

  /** @type {View["show"]} */
  function show(pictures, word) {
    const large = pictures.size <= LARGE;
    element.dataset.size = large ? "large" : "small";
    element.style.setProperty("--grsai-columns", String(large ? Math.min(pictures.size, 2) : ""));
    for (const key of cells.keys()) if (!pictures.has(key)) drop(key);
    for (const [key, facts] of pictures) draw(key, facts, large);
    foot.replaceChildren(...(word.finished ? ended([...pictures.values()], word) : []));
  }

  /** @type {(key: string, facts: TileFacts, large: boolean) => void} */
  function draw(key, facts, large) {
    const cell = cells.get(key);
    if (cell?.facts === facts) return;
    const tile = tileFrom(facts, large);
    if (cell) return cell.show(Object.assign(cell, { facts, tile }).tile);
    const made = makeOurTile(tile, () => open(key));
    tiles.append(made.element);
    cells.set(key, { facts, tile, ...made });
  }

  /** @param {string} key */
  function drop(key) {
    cells.get(key)?.element.remove();
    cells.delete(key);
  }

  /** @param {string} key */
  function open(key) {
    const items = [...cells.values()].map(({ facts, tile }) => ({ tile, load: () => (facts.task ? entryOf(facts.task) : undefined) }));
    showPictures(items, [...cells.keys()].indexOf(key));
  }

  // The last word of a run, and what can be done about what is missing.
  /** @type {(pictures: TileFacts[], word: Word) => HTMLElement[]} */
  function ended(pictures, { text, offline }) {
    const missing = pictures.filter(({ state }) => MISSING.includes(state));
    const line = h("span", { title: text }, isQuiet() ? text : "");
    if (!missing.length) return [line];
    const failed = missing.every(({ state }) => state === "failed");
    const credits = missing.reduce((sum, { state, credits }) => sum + (state === "open" ? 0 : (credits ?? 0)), 0);
    const price = offline ? t("money.free") : money(credits);
    const label = t(failed ? "grid.again" : "grid.go_on", { count: missing.length, price });
    return [line, h("button", { type: "button", class: "grsai-button grsai-primary", onclick: again }, label)];
  }

  // Large ones side by side, at most two; small ones as many as fit; from some rows on it scrolls.
  /** @param {number} width of the node */
  function height(width) {
    const columns = cells.size <= LARGE ? Math.min(cells.size, 2) || 1 : Math.max(3, Math.floor((width - 20) / SIDE));
    const side = (width - 20) / columns;
    const rows = Math.ceil(cells.size / columns) || 1;
    return Math.min(rows * (side + GAP), MOST_HEIGHT) + FOOT;
  }

  return { element, show, height };
}

/** @type {(facts: TileFacts, large: boolean) => Tile} */
function tileFrom({ state, label, name, source, why, percent, files }, large) {
  const gone = state === "done" && !files.length;
  const address = large ? pictureAddress : thumbnailAddress;
  return {
    state: gone ? "gone" : state,
    label: [name, label].filter(Boolean).join(" · "),
    image: files.length ? address(files[0]) : null,
    source: source ? thumbnailAddress(source) : null,
    why: why ? inLanguage(why) : null,
    percent,
    pictures: files,
  };
}

// The node once more with the same values: what was made costs nothing, what was paid is fetched, the rest is made.
/** @type {(promptId: string | null, nodeId: string) => Promise<void>} */
async function makeMissing(promptId, nodeId) {
  try {
    const graph = promptId ? await graphOf(promptId) : null;
    if (!graph?.[nodeId]) return void notice("info", t("grid.gone"), t("grid.gone_detail"), { seconds: 8 });
    await queue({ ...upstream(graph, nodeId), ...shown(nodeId, graph[nodeId]) });
  } catch (error) {
    notice("error", t("failures.one", { node: "Banana" }), whyOf(error));
  }
}
