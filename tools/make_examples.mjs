#!/usr/bin/env node
// Builds example_workflows/ and subgraphs/ in the real frontend, saves them there, runs them with the offline emulator and
// makes their thumbnails of what goes in and what comes out. For a ComfyUI with this pack in it that runs at the address given:
//     PW_HOME=<folder with node_modules/playwright-core> node tools/make_examples.mjs http://127.0.0.1:8188 [name …]
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openFrontend } from "../tests/browser/frontend.mjs";
import { BLUEPRINT, EXAMPLES } from "./examples.mjs";
import { PLAIN_CANVAS } from "./photo.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const RUN_MILLISECONDS = 120_000;
const MOST_SHOWN = 4;

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
  const ids = await page.evaluate(build, example);
  await page.waitForTimeout(500);
  const saved = asApp(await page.evaluate(save), example.app, ids);
  write(path.join(ROOT, "example_workflows", `${example.name}.json`), saved);
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), saved);
  const results = await run();
  const grid = Object.values(example.nodes).some(({ type }) => type === "ImageGrid");
  const sources = grid ? [] : sourcesOf(example);
  const whole = !sources.length;
  const picture = await page.evaluate(beforeAndAfter, { sources, results, whole });
  fs.writeFileSync(path.join(ROOT, "example_workflows", `${example.name}.jpg`), Buffer.from(picture, "base64"));
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
  return Object.fromEntries(Object.entries(made).map(([name, node]) => [name, Number(node.id)]));
}

// An app shows the widgets and results that it names, in place of the graph.
function asApp(saved, app, ids) {
  if (!app) return saved;
  const linearData = { inputs: app.inputs.map(([node, widget]) => [ids[node], widget]), outputs: app.outputs.map((node) => ids[node]) };
  return { ...saved, extra: { ...saved.extra, linearMode: true, linearData } };
}

async function save() {
  return (await window.app.graphToPrompt()).workflow;
}

// What the example begins with, as ComfyUI's /view names it.
function sourcesOf({ nodes }) {
  const chosen = Object.values(nodes).flatMap(({ type, values }) => {
    if (type === "LoadImage") return [{ filename: values.image, subfolder: "" }];
    const first = { LoadBananaFolder: "astronaut.jpg", LoadBananaSheet: "coffee.jpg" }[type];
    return first ? [{ filename: first, subfolder: "banana_demo/image" }] : [];
  });
  return chosen.map((place) => ({ ...place, type: "input" }));
}

// In the page: what goes in, in a column, and beside it what comes out; `whole`: with its caption and uncut.
async function beforeAndAfter({ sources, results, whole }) {
  const [width, height, gap] = [800, 600, 8];
  const clear = 0.74; // the part of a result above the caption that the emulator writes
  const load = (place) =>
    new Promise((done, failed) => {
      const picture = new Image();
      picture.onload = () => done(picture);
      picture.onerror = failed;
      picture.src = window.app.api.apiURL(`/view?${new URLSearchParams(place)}`);
    });
  const [before, after] = [await Promise.all(sources.map(load)), await Promise.all(results.map(load))];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#f4c845";
  pen.fillRect(0, 0, width, height);
  const cover = (picture, left, top, wide, high, share = 1) => {
    const tall = picture.height * share;
    const scale = Math.max(wide / picture.width, high / tall);
    const [cutWide, cutHigh] = [wide / scale, high / scale];
    pen.fillStyle = "#ffffff";
    pen.fillRect(left, top, wide, high);
    pen.drawImage(picture, (picture.width - cutWide) / 2, (tall - cutHigh) / 2, cutWide, cutHigh, left, top, wide, high);
  };
  const fit = (picture, left, top, wide, high) => {
    const scale = Math.min(wide / picture.width, high / picture.height);
    const [across, down] = [picture.width * scale, picture.height * scale];
    pen.fillStyle = "#202020";
    pen.fillRect(left, top, wide, high);
    pen.drawImage(picture, left + (wide - across) / 2, top + (high - down) / 2, across, down);
  };
  const column = before.length ? Math.round(width / (before.length > 1 ? 4 : 3)) : 0;
  const tall = (height - gap * (before.length - 1)) / Math.max(before.length, 1);
  before.forEach((picture, place) => cover(picture, 0, place * (tall + gap), column, tall));
  const [from, across] = [column ? column + gap : 0, after.length > 1 ? 2 : 1];
  const rows = Math.ceil(after.length / across);
  const [wide, high] = [(width - from - gap * (across - 1)) / across, (height - gap * (rows - 1)) / rows];
  after.forEach((picture, place) => {
    const [row, at] = [Math.floor(place / across), place % across];
    const last = place === after.length - 1 && at < across - 1 ? wide * across + gap : wide;
    (whole ? fit : cover)(picture, from + at * (wide + gap), row * (high + gap), last, high, clear);
  });
  return canvas.toDataURL("image/jpeg", 0.85).split(",")[1];
}

// The pictures that the nodes at the end show; those of a batch only where there is no other.
async function run() {
  const ended = page.evaluate(
    () =>
      new Promise((done, failed) => {
        const { api } = window.app;
        window.shown = [];
        const take = ({ detail }) => {
          const type = window.app.graph.getNodeById(detail.node)?.comfyClass;
          window.shown.push(...(detail.output?.images ?? []).map((place) => ({ place, type })));
        };
        api.addEventListener("executed", take);
        api.addEventListener("execution_success", () => api.removeEventListener("executed", take), { once: true });
        api.addEventListener("execution_success", done, { once: true });
        api.addEventListener("execution_error", ({ detail }) => failed(new Error(detail.exception_message)), { once: true });
      }).then(() => null),
  );
  await page.evaluate(() => window.app.queuePrompt(0, 1));
  await Promise.race([ended, page.waitForTimeout(RUN_MILLISECONDS).then(() => Promise.reject(new Error("it does not end")))]);
  await page.waitForTimeout(1500);
  const shown = await page.evaluate(() => window.shown);
  const others = shown.filter(({ type }) => type !== "BatchBanana" && type !== "LoadImage");
  const last = (others.length ? others : shown).slice(0, MOST_SHOWN);
  return last.map(({ place }) => place);
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
  for (const [type, slot, called = slot] of inputs) {
    const target = find(type).inputs.find((each) => each.name === slot);
    subgraph.addInput(called, target.type).connect(target, find(type));
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
