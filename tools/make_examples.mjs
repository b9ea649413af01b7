#!/usr/bin/env node
// Builds example_workflows/ and subgraphs/ in the real frontend, saves them there, runs them with the offline emulator and
// takes their thumbnails. For a ComfyUI with this pack in it that runs at the address given:
//     PW_HOME=<folder with node_modules/playwright-core> node tools/make_examples.mjs http://127.0.0.1:8188 [name …]
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openFrontend } from "../tests/browser/frontend.mjs";
import { BLUEPRINT, EXAMPLES } from "./examples.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const RUN_MILLISECONDS = 120_000;
const MARGIN = 24;
const THUMBNAIL_WIDTH = 1024;
const QUIET = { "Comfy.Minimap.Visible": false, "Comfy.Graph.CanvasInfo": false };
const [LEFT, TOP] = [40, 130]; // of the picture on the canvas, clear of what floats above it
const HIDDEN = `.comfyui-body-top, .comfyui-body-left, .comfyui-body-right, .comfyui-body-bottom, .p-toast, .side-tool-bar-container,
  .actionbar-container, .workflow-tabs-container, .graph-canvas-panel > *:not(canvas):not(.dom-widget), .p-buttongroup,
  [data-testid="graph-canvas-menu"], .subgraph-breadcrumb, .top-menu, .queue-progress-overlay { visibility: hidden !important; }`;

const [url, ...names] = process.argv.slice(2);
await fetch(`${url}/grsai/settings`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ host: "offline" }),
});
const page = await openFrontend(url, { vue: true, size: [1800, 1200], settings: QUIET });
for (const example of EXAMPLES.filter(({ name }) => !names.length || names.includes(name))) await make(example);
if (!names.length || names.includes(BLUEPRINT.name)) await makeBlueprint();
console.log(page.troubles.join("\n"));
await page.done();

async function make(example) {
  await page.evaluate(build, example);
  await page.waitForTimeout(500);
  const saved = await page.evaluate(save);
  write(path.join(ROOT, "example_workflows", `${example.name}.json`), saved);
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), saved);
  await run();
  await photograph(path.join(ROOT, "example_workflows", `${example.name}.jpg`));
  console.log(example.name);
}

// In the page: makes the nodes of an example and wires them.
async function build({ nodes, links, groups = [] }) {
  const { app, LiteGraph } = window;
  await app.loadGraphData({ nodes: [], links: [], groups: [], version: 0.4, last_node_id: 0, last_link_id: 0 }, true, true, null);
  const made = {};
  for (const [name, { type, title, at, size, values = {} }] of Object.entries(nodes)) {
    const node = LiteGraph.createNode(type);
    app.graph.add(node);
    made[name] = node;
    if (title) node.title = title;
    for (const [widget, value] of Object.entries(values)) {
      const found = node.widgets.find((each) => each.name === widget || widget === "*");
      if (!found) throw new Error(`${type} has no widget ${widget}`);
      found.value = value;
      found.callback?.(value);
    }
    node.pos = at;
    node.setSize(size ?? node.computeSize());
  }
  for (const [from, output, to, input] of links) {
    const source = made[from].outputs.findIndex((each) => each.name === output);
    const target = made[to].inputs.findIndex((each) => each.name === input);
    if (source < 0 || target < 0) throw new Error(`no ${output} of ${from}, or no ${input} of ${to}`);
    made[from].connect(source, made[to], target);
    await new Promise((done) => requestAnimationFrame(done));
  }
  for (const [name, { at, size }] of Object.entries(nodes)) {
    made[name].pos = at;
    if (size) made[name].setSize(size);
  }
  for (const { title, at, size, color } of groups) {
    const group = new LiteGraph.LGraphGroup(title);
    group.pos = at;
    group.size = size;
    group.color = color;
    app.graph.add(group);
  }
}

async function save() {
  return (await window.app.graphToPrompt()).workflow;
}

async function run() {
  const ended = page.evaluate(
    () =>
      new Promise((done, failed) => {
        const { api } = window.app;
        api.addEventListener("execution_success", done, { once: true });
        api.addEventListener("execution_error", ({ detail }) => failed(new Error(detail.exception_message)), { once: true });
      }).then(() => null),
  );
  await page.evaluate(() => window.app.queuePrompt(0, 1));
  await Promise.race([ended, page.waitForTimeout(RUN_MILLISECONDS).then(() => Promise.reject(new Error("it does not end")))]);
  await page.waitForTimeout(1500);
}

// The nodes without the interface around them, as one picture.
async function photograph(file, { width = THUMBNAIL_WIDTH } = {}) {
  const box = await page.evaluate(fit, { margin: MARGIN, corner: [LEFT, TOP] });
  await page.addStyleTag({ content: HIDDEN });
  await page.waitForTimeout(700);
  const png = await page.screenshot({ clip: box });
  await shrink(png, file, width);
}

// In the page: brings all nodes into view; answers with the part of the screen that they take.
function fit({ margin, corner }) {
  const { app } = window;
  const scale = Math.min(1, ...boundsScale());
  app.canvas.ds.scale = scale;
  const [left, top, right, bottom] = bounds();
  const canvas = app.canvas.canvas.getBoundingClientRect();
  app.canvas.ds.offset = [(margin + corner[0]) / scale - left, (margin + corner[1]) / scale - top];
  app.canvas.setDirty(true, true);
  const [x, y] = [canvas.x + corner[0], canvas.y + corner[1]];
  return { x, y, width: (right - left) * scale + 2 * margin, height: (bottom - top) * scale + 2 * margin };

  function boundsScale() {
    const [left, top, right, bottom] = bounds();
    const area = app.canvas.canvas.getBoundingClientRect();
    return [(area.width - corner[0] - 3 * margin) / (right - left), (area.height - corner[1] - 3 * margin) / (bottom - top)];
  }

  function bounds() {
    const boxes = [...app.graph.nodes, ...app.graph.groups].map((each) => each.boundingRect ?? each._bounding);
    return [
      Math.min(...boxes.map(([x]) => x)),
      Math.min(...boxes.map(([, y]) => y)) - 30,
      Math.max(...boxes.map(([x, , w]) => x + w)),
      Math.max(...boxes.map(([, y, , h]) => y + h)),
    ];
  }
}

async function shrink(png, file, width) {
  const data = await page.evaluate(
    async ([source, width]) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
      const scale = Math.min(1, width / picture.width);
      const canvas = new OffscreenCanvas(picture.width * scale, picture.height * scale);
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    },
    [png.toString("base64"), width],
  );
  fs.writeFileSync(file, Buffer.from(data));
}

async function makeBlueprint() {
  const { name } = BLUEPRINT;
  await page.evaluate(build, BLUEPRINT);
  await page.evaluate(wrap, BLUEPRINT);
  await page.waitForTimeout(500);
  await page.evaluate((name) => window.app.extensionManager.command.execute("Comfy.PublishSubgraph", { metadata: { name } }), name);
  await page.waitForTimeout(500);
  const place = `${url}/api/userdata/${encodeURIComponent(`subgraphs/${name}.json`)}`;
  write(path.join(ROOT, "subgraphs", `${name}.json`), await (await fetch(place)).json());
  await fetch(place, { method: "DELETE" });
}

// In the page: makes one node of all nodes, with the chosen widgets and outputs on its outside.
async function wrap({ name, description, inputs, outputs }) {
  const { app } = window;
  const inner = Object.fromEntries(app.graph.nodes.map((node) => [node.comfyClass, node]));
  const { node } = app.graph.convertToSubgraph(new Set(app.graph.nodes));
  const { subgraph } = node;
  const find = (type) => subgraph.nodes.find((each) => each.comfyClass === inner[type].comfyClass);
  for (const chosenByItself of [...subgraph.inputs]) subgraph.removeInput(chosenByItself);
  for (const [type, slot] of inputs) {
    const target = find(type).inputs.find((each) => each.name === slot);
    subgraph.addInput(slot, target.type).connect(target, find(type));
  }
  for (const [type, slot] of outputs) {
    const source = find(type).outputs.find((each) => each.name === slot);
    subgraph.addOutput(slot, source.type).connect(source, find(type));
  }
  subgraph.name = node.title = name;
  subgraph.description = description;
  node.setSize([380, 240]);
  subgraph.inputNode.pos = [-200, 40];
  subgraph.outputNode.pos = [1100, 40];
  app.canvas.deselectAll();
  app.canvas.select(node);
}

function write(file, workflow) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify(workflow, null, 2)}\n`);
}
