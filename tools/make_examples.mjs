#!/usr/bin/env node
// Builds example_workflows/ and subgraphs/ in the real frontend, saves them there, runs them with the offline emulator and
// takes their thumbnails. For a ComfyUI with this pack in it that runs at the address given:
//     PW_HOME=<folder with node_modules/playwright-core> node tools/make_examples.mjs http://127.0.0.1:8188 [name …]
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openFrontend } from "../tests/browser/frontend.mjs";
import { BLUEPRINT, EXAMPLES } from "./examples.mjs";
import { PLAIN_CANVAS, photographGraph } from "./photo.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const RUN_MILLISECONDS = 120_000;

const [url, ...names] = process.argv.slice(2);
await fetch(`${url}/grsai/settings`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ host: "offline" }),
});
const page = await openFrontend(url, { vue: true, size: [1800, 1200], settings: PLAIN_CANVAS });
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
  await photographGraph(page, path.join(ROOT, "example_workflows", `${example.name}.jpg`));
  console.log(example.name);
}

// In the page: makes the nodes of an example and wires them.
async function build({ nodes, links }) {
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
