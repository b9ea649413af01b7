// The grid on a node that makes pictures: its order, its buttons, where it stays, how much it costs.
//     node grid.mjs URL '{"vue": true, "words": "to make prompts new ones"}'
import { openFrontend, tell, notices, until } from "./frontend.mjs";

const WAIT = { timeout: 60_000 };
const MANY = 200;

await tell(async (url, { vue, words }) => {
  const page = await openFrontend(url, { vue });
  try {
    await page.evaluate(inPage);
    const said = { listed: await list(page, words) };
    said.word = await batch(page, words);
    const remade = await anew(page);
    said.anew = remade.said;
    said.dragged = await drag(page);
    said.elsewhere = await elsewhere(page, words);
    said.inside = await inside(page, words);
    said.reloaded = await reload(page);
    said.kept = await again(page, remade);
    said.dropped = await dropFile(page, url);
    said.many = await many(page);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

// In the page: what the steps below need.
function inPage() {
  const { app, LiteGraph } = window;
  // Nodes on an empty canvas, each [type, values]; a workflow with an id of its own.
  window.lay = async (...nodes) => {
    app.graph.clear();
    const made = nodes.map(([type, values], index) => {
      const node = LiteGraph.createNode(type);
      node.pos = [450 * index, 0];
      app.graph.add(node);
      for (const [name, value] of Object.entries(values ?? {})) node.widgets.find((widget) => widget.name === name).value = value;
      return node;
    });
    app.canvas.ds.scale = 0.6;
    app.canvas.ds.offset = [120, 160];
    return made;
  };
  window.opened = (graph) => app.loadGraphData({ ...graph, id: crypto.randomUUID() }, true, true, null);
  window.run = async () => {
    const ended = new Promise((done) => ["execution_success", "execution_error"].forEach((end) => app.api.addEventListener(end, done, { once: true })));
    await app.queuePrompt(0, 1);
    await ended;
  };
  window.tiles = () => [...document.querySelectorAll(".grsai-grid .grsai-tile")].filter((tile) => tile.checkVisibility());
  window.files = () => window.tiles().map((tile) => new URL(tile.querySelector("img").src).searchParams.get("filename"));
}

// A list of eight into a node that makes one picture at a time: of which picture each tile is.
async function list(page, words) {
  await page.evaluate(async (words) => {
    const [folder, generate, preview] = await window.lay(
      ["LoadBananaFolder", { folder: "banana_demo/image", prompts_file: "" }],
      ["NanoBananaGenerate", { prompt: `a list ${words}` }],
      ["PreviewImage"],
    );
    folder.connect(0, generate, 0);
    generate.connect(0, preview, 0);
    await window.opened(window.app.graph.serialize());
    await window.run();
  }, words);
  await page.waitForFunction(() => window.tiles().filter((tile) => tile.dataset.state === "done").length === 8, null, WAIT);
  return page.evaluate(async () => {
    const { entries } = await (await fetch("/grsai/history?limit=8")).json();
    const sources = new Map(entries.map(({ files, sources }) => [files[0].filename, sources[0].filename]));
    return window.files().map((file) => sources.get(file));
  });
}

// Five pictures; what stands below the grid, or on the node, once all is over.
async function batch(page, words) {
  await page.evaluate(async (words) => {
    const prompts = ["one", "two", "three", "four", "five"].map((number) => `${number} ${words}`).join("\n");
    await window.lay(["BatchBanana", { prompts }]);
    await window.opened(window.app.graph.serialize());
    await window.run();
  }, words);
  await page.waitForFunction(() => window.tiles().filter((tile) => tile.dataset.state === "done").length === 5, null, WAIT);
  await page.waitForTimeout(1500); // newer canvases take their own line away by then
  const foot = await page.locator(".grsai-grid-foot").innerText();
  const own = await page.evaluate(() => window.app.graph.nodes[0].widgets.find((widget) => widget.name === "$$node-text-preview")?.value ?? "");
  return foot || own;
}

// The second tile once more: what the button says, which files changed, and whether anything else did.
async function anew(page) {
  const before = await page.evaluate(() => window.files());
  const cell = page.locator(".grsai-grid-cell").nth(1);
  await cell.hover();
  const button = cell.locator(".grsai-tile-actions button").first();
  const label = await button.getAttribute("title");
  const entries = () => page.evaluate(async () => (await (await fetch("/grsai/history?limit=1")).json()).entries[0].row);
  const row = await entries();
  await button.click();
  await page.waitForFunction((before) => window.files()[1] && window.files()[1] !== before[1], before, WAIT);
  await page.waitForFunction(() => window.tiles().every((tile) => tile.dataset.state === "done"), null, WAIT);
  const after = await page.evaluate(() => window.files());
  const changed = after.map((file, index) => (file === before[index] ? null : index)).filter((index) => index !== null);
  const [more, nodes] = [(await entries()) - row, await page.evaluate(() => window.app.graph.nodes.length)];
  return { said: { label, changed, more, nodes }, files: after, graph: await page.evaluate(() => window.app.graph.serialize()) };
}

// The same workflow after the page was loaded anew: whether its grid shows the same files.
async function again(page, { files, graph }) {
  await page.evaluate((graph) => window.app.loadGraphData(graph, true, true, null), graph);
  const same = (files) => JSON.stringify(window.files()) === JSON.stringify(files);
  return page.waitForFunction(same, files, { timeout: 10_000 }).then(() => true, () => false);
}

// Two tiles, chosen with Ctrl, dragged onto the canvas at once: what is loaded, and how large it is.
async function drag(page) {
  const wanted = await page.evaluate(() => window.files().filter((_, index) => [0, 2].includes(index)));
  const tile = (index) => page.locator(".grsai-grid .grsai-tile").nth(index);
  await tile(0).click({ modifiers: ["Control"] });
  await tile(2).click({ modifiers: ["Control"] });
  const viewers = await page.locator("dialog.grsai-viewer").count();
  await tile(0).hover();
  await page.mouse.down();
  await page.mouse.move(1100, 560, { steps: 6 });
  await page.mouse.move(1110, 570, { steps: 2 });
  await page.mouse.up();
  await page.waitForFunction(() => window.app.graph.nodes.filter((node) => node.type === "LoadImage").length === 2, null, WAIT);
  const loaded = await page.evaluate(() => window.app.graph.nodes.filter((node) => node.type === "LoadImage").map((node) => node.widgets[0].value));
  const widths = await page.evaluate(async (names) => {
    const sizes = names.map(async (filename) => (await createImageBitmap(await (await fetch(`/view?${new URLSearchParams({ filename, type: "input" })}`)).blob())).width);
    return Promise.all(sizes);
  }, loaded);
  await tile(1).click(); // a plain click opens, and nothing is chosen any more
  await page.keyboard.press("Escape");
  return { wanted, loaded, small: widths.filter((width) => width < 500).length, viewers, chosen: await page.locator("[data-chosen]").count() };
}

// Another workflow is opened while a batch runs; its node has the same id, and must not show the other's pictures.
async function elsewhere(page, words) {
  await page.evaluate(async (words) => {
    await window.lay(["BatchBanana", { prompts: `[slow 3] away ${words}\n[slow 3] far ${words}` }]);
    await window.opened(window.app.graph.serialize());
    window.first = window.app.graph.serialize();
    window.over = window.run();
    await new Promise((soon) => setTimeout(soon, 1200));
    await window.lay(["BatchBanana", { prompts: "another workflow" }]);
    await window.opened(window.app.graph.serialize());
    await window.over;
    await new Promise((soon) => setTimeout(soon, 500));
  }, words);
  const there = await page.evaluate(() => window.tiles().length);
  await page.evaluate(() => window.app.loadGraphData(window.first, true, true, null));
  const back = await page.waitForFunction(() => window.tiles().length, null, WAIT).then((handle) => handle.jsonValue());
  return { there, back };
}

// A batch in a subgraph in a subgraph: its pictures are on the outside.
async function inside(page, words) {
  await page.evaluate(async (words) => {
    const { app } = window;
    const [node] = await window.lay(["BatchBanana", { prompts: `deep ${words}\nbelow ${words}` }]);
    const outer = app.graph.convertToSubgraph(new Set([node])).node;
    app.graph.convertToSubgraph(new Set([outer]));
    await window.opened(app.graph.serialize());
    await window.run();
  }, words);
  await page.waitForFunction(() => window.tiles().filter((tile) => tile.dataset.state === "done").length === 2, null, WAIT);
  return page.evaluate(() => window.app.graph.nodes.map((node) => [node.constructor.name !== "BatchBanana", node.widgets.filter((widget) => widget.name.startsWith("grsai_pictures")).length]));
}

// The page is loaded anew, and the workflow opened again.
async function reload(page) {
  const saved = await page.evaluate(() => window.app.graph.serialize());
  await page.reload({ waitUntil: "domcontentloaded" });
  await page.waitForFunction(() => window.app?.graph && "BatchBanana" in (window.LiteGraph?.registered_node_types ?? {}) && document.querySelector("button .grsai-banana-icon"), null, WAIT);
  await page.waitForTimeout(4000); // newer canvases load a workflow of their own last
  await page.evaluate(inPage);
  await page.evaluate((saved) => window.app.loadGraphData(saved, true, true, null), saved);
  await page.waitForFunction(() => window.tiles().length, null, { timeout: 10_000 }).catch(() => {});
  await page.waitForTimeout(500); // the canvas has hidden what is inside of subgraphs by then
  return page.evaluate(() => window.tiles().length);
}

// A made PNG, as a file dropped on an empty canvas: the nodes that it brings.
async function dropFile(page, url) {
  const place = await page.evaluate(async () => (await (await fetch("/grsai/history?limit=1&state=done")).json()).entries[0].files[0]);
  await page.evaluate(async (place) => {
    const { app } = window;
    app.graph.clear();
    const blob = await (await fetch(`/view?${new URLSearchParams(place)}`)).blob();
    const data = new DataTransfer();
    data.items.add(new File([blob], place.filename, { type: blob.type }));
    const canvas = document.querySelector("#graph-canvas, canvas.litegraph, canvas");
    const at = { bubbles: true, cancelable: true, clientX: 900, clientY: 700, dataTransfer: data };
    for (const kind of ["dragenter", "dragover", "drop"]) canvas.dispatchEvent(new DragEvent(kind, at));
  }, place);
  await page.waitForFunction(() => window.app.graph.nodes.length, null, WAIT);
  await page.waitForTimeout(500);
  return { suffix: place.filename.split(".").at(-1), loaders: await page.evaluate(() => window.app.graph.nodes.filter((node) => node.type === "LoadImage").length), nodes: await page.evaluate(() => window.app.graph.nodes.length) };
}

// Two hundred tiles, told as the server tells of them: how long our part of showing ten that changed takes, and what is touched then.
async function many(page) {
  await page.evaluate(async () => {
    await window.lay(["BatchBanana"]);
    await window.opened(window.app.graph.serialize());
  });
  return page.evaluate(async (count) => {
    const { app } = window;
    const [node] = app.graph.nodes;
    const tile = (index, percent) => [index, { state: "making", percent, label: `picture ${index}`, name: "", source: null, credits: 440, task: null, files: [], why: null }];
    const all = (percent) => Array.from({ length: count }, (_, index) => tile(index, percent));
    const tell = (tiles) => {
      const detail = { run: 1e6, group: 1e6, node_id: String(node.id), prompt_id: null, workflow_id: app.graph.id, tiles };
      const begun = performance.now();
      app.api.dispatchEvent(new CustomEvent("grsai.tiles", { detail }));
      return performance.now() - begun;
    };
    const first = tell(all(0));
    await new Promise(requestAnimationFrame);
    const touched = new Set();
    new MutationObserver((changes) => changes.forEach(({ target }) => touched.add((target.closest ? target : target.parentElement).closest(".grsai-grid-cell")))).observe(
      document.querySelector(".grsai-grid-tiles"),
      { subtree: true, childList: true, attributes: true, characterData: true },
    );
    const times = [];
    for (let round = 1; round <= 20; round += 1) {
      times.push(tell(all(round).slice(0, 10)));
      await new Promise(requestAnimationFrame);
    }
    const sorted = times.sort((left, right) => left - right);
    return { drawn: window.tiles().length, first, middle: sorted[10], touched: touched.size };
  }, MANY);
}
