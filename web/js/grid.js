// @ts-check
// The grid on a node that makes pictures: a tile a picture from the start, in plan order. It stays after the run, takes the place
// of ComfyUI's own pictures, and is also on the outside of a subgraph.
import { api, graphOf, nodeOf, pictureAddress, queue, rootGraph } from "./comfy.js";
import { h, iconButton } from "./dom.js";
import { apart, shown, upstream } from "./graph.js";
import { isOffline, money } from "./money.js";
import { notice } from "./notice.js";
import { entryOf, get, inLanguage, onRun, onTiles, thumbnailAddress, whyOf } from "./routes.js";
import { again } from "./sidebar/actions.js";
import { showPictures } from "./sidebar/viewer.js";
import { t } from "./texts.js";
import { latest, remember } from "./made_anew.js";
import { makeOurTile } from "./tile.js";
import { judgeAll, learnTasks, nameOf, onVerdicts, opinionOfAll } from "./verdicts.js";

/** @typedef {import("./routes.js").TileFacts} TileFacts */
/** @typedef {import("./tile.js").Tile} Tile */
/** @typedef {import("./routes.js").RunTiles} RunTiles */
/** @typedef {{facts: TileFacts, tile: Tile, large: boolean, box: HTMLElement, button: HTMLElement, show: (tile: Tile) => void}} Cell */
/** @typedef {{again: () => unknown, anew: (key: string, facts: TileFacts) => unknown}} Actions `again` makes what is missing */
/** @typedef {ReturnType<typeof makeGrid>} Grid */
/** @typedef {{text: string, finished: boolean, offline: boolean}} Word what is said of a run */
/** @typedef {{element: HTMLElement, show: (pictures: Map<string, TileFacts>, word: Word) => void, height: (width: number) => number}} View */

const WIDGET = "grsai_pictures";
const COMFY_TEXT = "$$node-text-preview"; // the widget of ComfyUI's own line on a node; called otherwise, the line is told twice
const LARGE = 4; // up to so many pictures are shown large
const [GAP, FOOT, MOST_HEIGHT, SIDE] = [4, 34, 380, 92]; // pixels; SIDE: of a tile among many
const MISSING = ["failed", "stopped", "open", "uncertain"];

/** @type {Map<string, Grid>} by workflow and node */
const grids = new Map();
/** @type {Map<string, {grid: Grid, key: string}>} by the node that makes it: the tiles that are made anew */
const anew = new Map();

/** To be called once. */
export function showGrids() {
  onTiles((tiles) => isOfOneTile(tiles) || take(tiles));
  onRun(({ node_id, workflow_id, text, finished, offline }) => {
    if (node_id) grids.get(keyOf(node_id, workflow_id))?.say({ text: inLanguage(text), finished, offline });
  });
  // ComfyUI's own line on the node goes with success in newer frontends, and stays in all other cases.
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    api.addEventListener(end, () => setTimeout(() => grids.forEach((grid) => grid.show())));
  }
  get("tiles").then(({ runs }) => takeAll(runs));
}

/** To be called when a workflow is opened: its nodes are new objects, and get their grids back. */
export async function bringGridsBack() {
  const here = keyOf("");
  for (const key of grids.keys()) if (key.startsWith(here)) attach(key.slice(here.length));
  /** @type {{over: RunTiles[]}} */
  const { over } = await get("tiles", { workflow: rootGraph().id });
  takeAll(over.filter((run) => gridOf(run.node_id ?? "").isOf(run.group)));
}

// With what was said of their pictures before this page was loaded.
/** @param {RunTiles[]} runs */
function takeAll(runs) {
  runs.forEach(take);
  learnTasks(runs.flatMap(({ prompt_id, tiles }) => tiles.flatMap(([, facts]) => latest(prompt_id, facts).task ?? []))).catch(() => {});
}

/** @param {RunTiles} tiles */
function take(tiles) {
  const { node_id, workflow_id, text, finished = false, offline = false } = tiles;
  if (!node_id) return;
  const grid = gridOf(node_id, workflow_id);
  grid.take(tiles);
  if (text) grid.say({ text: inLanguage(text), finished, offline });
  if (keyOf(node_id, workflow_id) === keyOf(node_id)) attach(node_id);
}

// What a single tile was queued for goes to that tile.
/** @param {RunTiles} tiles */
function isOfOneTile({ node_id, tiles }) {
  const place = anew.get(node_id ?? "");
  const made = tiles.find(([index]) => index === 0)?.[1];
  if (place && made) place.grid.replace(place.key, made);
  return Boolean(place);
}

// Nodes of the workflow that is open unless another is named; a run of a script names none.
/** @type {(nodeId: string, workflow?: string | null) => string} */
function keyOf(nodeId, workflow) {
  return `${workflow ?? rootGraph().id}/${nodeId}`;
}

/** @type {(nodeId: string, workflow?: string | null) => Grid} */
function gridOf(nodeId, workflow) {
  const key = keyOf(nodeId, workflow);
  const grid = grids.get(key) ?? makeGrid(nodeId);
  grids.set(key, grid);
  return grid;
}

// On the node itself, and on the subgraph nodes that are seen of it from outside.
/** @param {string} nodeId */
function attach(nodeId) {
  const parts = nodeId.split(":");
  for (const depth of parts.keys()) {
    const node = nodeOf(parts.slice(0, depth + 1).join(":"));
    if (node) place(node, gridOf(nodeId), `${WIDGET}${parts.slice(depth + 1).map((part) => `:${part}`).join("")}`);
  }
}

/** @type {(node: GraphNode, grid: Grid, name: string) => void} */
function place(node, grid, name) {
  if (node.widgets?.some((widget) => widget.name === name)) return;
  const { element, height } = grid.view(() => !node.widgets?.some((widget) => widget.name === COMFY_TEXT));
  const options = { serialize: false, hideOnZoom: false, getMinHeight: () => height(node.size[0]) };
  const widget = node.addDOMWidget(name, WIDGET, element, options);
  widget.serialize = false; // it is no value of the workflow
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
}

/** @param {string} nodeId */
function makeGrid(nodeId) {
  /** @type {Map<string, TileFacts>} by run and place, in order */
  let pictures = new Map();
  /** @type {Map<string, TileFacts>} what was there before of those that are made anew */
  const earlier = new Map();
  /** @type {Set<View>} */
  const views = new Set();
  let current = 0; // the group of runs that is shown
  /** @type {string | null} */
  let promptId = null;
  /** @type {Word} */
  let word = { text: "", finished: false, offline: false };

  /** @param {RunTiles} of */
  function take({ run, group, prompt_id, tiles }) {
    if (group !== current) earlier.clear();
    if (group !== current) [pictures, current, word] = [new Map(), group, { ...word, finished: false }];
    promptId = prompt_id;
    const before = pictures.size;
    for (const [index, facts] of tiles) pictures.set(`${String(run).padStart(9, "0")}/${String(index).padStart(6, "0")}`, latest(prompt_id, facts));
    if (pictures.size !== before) pictures = new Map([...pictures].sort(([left], [right]) => (left < right ? -1 : 1)));
    show();
  }

  // A tile that is made anew keeps its picture where nothing better comes.
  /** @type {(key: string, facts: TileFacts) => void} */
  function replace(key, facts) {
    const before = earlier.get(key) ?? pictures.get(key);
    if (!before) return; // another run is shown by now
    const isMaking = ["waiting", "making"].includes(facts.state);
    const ended = facts.state === "done" ? facts : before;
    if (facts.state === "done") remember(promptId, before, facts);
    pictures.set(key, isMaking ? { ...before, state: "making", percent: facts.percent, why: null } : ended);
    if (isMaking) earlier.set(key, before);
    else earlier.delete(key);
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

  /** @param {number} group whether that is what is shown, or nothing yet */
  const isOf = (group) => [0, group].includes(current);
  /** @type {Actions} */
  const actions = { again: () => makeMissing(promptId, nodeId), anew: (key, facts) => makeAnew(grid, key, facts) };
  /** @param {() => boolean} isQuiet */
  const view = (isQuiet) => {
    const made = makeView(actions, isQuiet);
    views.add(made);
    made.show(pictures, word);
    return made;
  };
  const grid = { take, say, show, view, replace, isOf };
  return grid;
}

/** @type {(actions: Actions, isQuiet: () => boolean) => View} `isQuiet`: ComfyUI says no text */
function makeView(actions, isQuiet) {
  /** @type {Map<string, Cell>} in order */
  let cells = new Map();
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
    for (const [key, cell] of cells) if (!pictures.has(key)) cell.box.remove();
    const added = [...pictures.keys()].some((key) => !cells.has(key));
    cells = new Map([...pictures].map(([key, facts]) => [key, draw(key, facts, large)]));
    if (added) tiles.replaceChildren(...[...cells.values()].map(({ box }) => box)); // those of a list come in any order
    foot.replaceChildren(...(word.finished ? ended([...pictures.values()], word) : []));
  }

  /** @type {(key: string, facts: TileFacts, large: boolean) => Cell} */
  function draw(key, facts, large) {
    const cell = cells.get(key) ?? newCell(key, facts, large);
    if (cell.facts === facts && cell.large === large) return cell;
    const tile = tileFrom(facts, large);
    cell.show(tile);
    return offer(Object.assign(cell, { facts, tile, large }));
  }

  /** @type {(key: string, facts: TileFacts, large: boolean) => Cell} */
  function newCell(key, facts, large) {
    const tile = tileFrom(facts, large);
    const judged = (/** @type {import("./components.js").Choice} */ verdict) => judgeAll(cell.facts.task, numbersOf(cell.facts), { verdict });
    const { element, show } = makeOurTile(tile, () => open(key), judged);
    const button = iconButton("refresh", "", () => actions.anew(key, cell.facts));
    const box = h("div", { class: "grsai-grid-cell" }, element, h("div", { class: "grsai-tile-actions" }, button));
    /** @type {Cell} */
    const cell = { facts, tile, large, box, button, show };
    box.addEventListener("pointerenter", () => offer(cell)); // prices may have changed since
    return offer(cell);
  }

  /** @param {string} key */
  function open(key) {
    const items = [...cells.values()].map(({ facts, tile }) => ({ tile, task: facts.task, load: () => (facts.task ? entryOf(facts.task) : undefined) }));
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
    return [line, h("button", { type: "button", class: "grsai-button grsai-primary", onclick: actions.again }, label)];
  }

  // Large ones side by side, at most two; small ones as many as fit; from some rows on it scrolls.
  /** @param {number} width of the node */
  function height(width) {
    const columns = cells.size <= LARGE ? Math.min(cells.size, 2) || 1 : Math.max(3, Math.floor((width - 20) / SIDE));
    const side = (width - 20) / columns;
    const rows = Math.ceil(cells.size / columns) || 1;
    return Math.min(rows * (side + GAP), MOST_HEIGHT) + FOOT;
  }

  onVerdicts((name) => {
    for (const cell of cells.values()) if (namesOf(cell.facts).includes(name)) cell.show((cell.tile = tileFrom(cell.facts, cell.large)));
  });
  return { element, show, height };
}

// The button of a tile, with what a press costs.
/** @param {Cell} cell */
function offer(cell) {
  const { button, facts } = cell;
  const price = isOffline() || facts.credits === null ? t(isOffline() ? "money.free" : "money.unknown") : money(facts.credits);
  button.title = t("grid.anew", { price });
  button.setAttribute("aria-label", button.title);
  button.hidden = !facts.task || ["waiting", "making", "open"].includes(facts.state);
  return cell;
}

/** @type {(facts: TileFacts, large: boolean) => Tile} */
function tileFrom(facts, large) {
  const { state, label, name, source, why, percent, files, task } = facts;
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
    ...opinionOfAll(task, numbersOf(facts)),
  };
}

// The places of its pictures among those of the task.
/** @param {TileFacts} facts */
const numbersOf = ({ files }) => files.map((_, place) => place + 1);
/** @param {TileFacts} facts */
const namesOf = (facts) => numbersOf(facts).map((number) => nameOf(facts.task, number));

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

// One tile with another seed, on that tile.
/** @type {(grid: Grid, key: string, facts: TileFacts) => Promise<void>} */
async function makeAnew(grid, key, facts) {
  const id = apart();
  const entry = facts.task ? await entryOf(facts.task).catch(() => undefined) : undefined;
  if (!entry) return void notice("info", t("grid.gone"), t("grid.gone_detail"), { seconds: 8 });
  anew.set(id, { grid, key });
  if (!(await again(entry, id))) anew.delete(id);
}
