#!/usr/bin/env node
// Takes the pictures of the help pages and of docs/images, of the real frontend with the example workflows in it.
//     PW_HOME=<folder with node_modules/playwright-core> node tools/make_pictures.mjs http://127.0.0.1:8188 readme help masks sidebar
//     … node tools/make_pictures.mjs http://127.0.0.1:8188 start settings
// All looks, or those that are named after the parts: dark, light, zh. All help pages, or those of the nodes that are named.
// The first three best with a service that takes a few seconds and has a balance: the emulator, named by GRSAI_BASE_URL when
// ComfyUI starts. The others without such a variable, and without a key that is worth something: they forget it and store another.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openFrontend, openTab } from "../tests/browser/frontend.mjs";
import { PLAIN_CANVAS, photographGraph, shrink } from "./photo.mjs";

const EDIT = "2 Edit one photo";
const BATCH = "5 Folder times prompts";
const SHEET = "8 Rows of a sheet";
const MASK = "9 Edit only here";
const CHINESE = { [EDIT]: "把咖啡换成抹茶拿铁，桌面换成白色大理石，其余保持不变。" };
const LINES = { en: "Screen print on kraft paper\nSepia print from an old family album", zh: "时尚杂志封面，暖色灯光\n老照片，柔和的边缘，高清" };
const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const HELP = [
  ["NanoBananaGenerate", EDIT],
  ["GrsaiUpload", "4 Upload once, use in three nodes"],
  ["BatchBanana", BATCH],
  ["LoadBananaFolder", BATCH],
  ["LoadBananaSheet", SHEET],
  ["GrsaiMaskOptions", MASK],
];
const LOOKS = [
  { name: "dark", palette: "dark" },
  { name: "light", palette: "light" },
  { name: "zh", palette: "dark", locale: "zh" },
];
const SIDEBAR = { x: 0, y: 0, width: 480, height: 1000 };
const WORKING = { x: 0, y: 0, width: 1120, height: 850 };
const RUN_MILLISECONDS = 120_000;

const SAMPLE_KEY = `sk-${"0123456789abcdef".repeat(2)}`;

const [url, ...parts] = process.argv.slice(2);
if (parts.includes("readme")) for (const locale of ["en", "zh"]) await readme(locale);
if (parts.includes("masks")) await masks();
if (parts.includes("help")) for (const locale of ["en", "zh"]) await help(locale);
const named = LOOKS.filter(({ name }) => parts.includes(name));
for (const look of named.length ? named : LOOKS) {
  if (parts.includes("start")) await start(look);
  if (parts.includes("sidebar")) await sidebar(look);
  if (parts.includes("settings")) await settings(look);
}

// A folder on the left, the finished batch on the right.
async function readme(locale) {
  const page = await openFrontend(url, { vue: true, locale, size: [1400, 1250], sharp: 1.5, settings: PLAIN_CANVAS });
  await load(page, BATCH);
  await page.evaluate(() => {
    const { graph } = window.app;
    const places = { LoadBananaFolder: [[40, 60], [420, 340]], BatchBanana: [[540, 60], [560, 880]] };
    for (const node of [...graph.nodes]) {
      if (!(node.type in places)) {
        graph.remove(node);
        continue;
      }
      const [place, size] = places[node.type];
      node.pos = place;
      node.setSize(size);
    }
  });
  await page.evaluate(type, LINES[locale]);
  await page.evaluate(newSeeds);
  await run(page);
  await page.waitForTimeout(1500);
  await photographGraph(page, path.join(ROOT, "docs", "images", locale === "zh" ? "nodes-zh.png" : "canvas.png"), { width: 1040 });
  await page.done();
}

async function help(locale) {
  const page = await openFrontend(url, { vue: true, locale, size: [1800, 1200], settings: PLAIN_CANVAS });
  const asked = HELP.filter(([node]) => parts.includes(node));
  for (const [node, example] of asked.length ? asked : HELP) {
    await load(page, example);
    await page.evaluate(newSeeds);
    if (locale === "zh" && example in CHINESE) await page.evaluate(say, CHINESE[example]);
    if (node === "BatchBanana") await page.evaluate(type, LINES[locale]);
    await run(page);
    await page.waitForTimeout(1500);
    await page.evaluate(leave, node); // alone it is legible in a narrow panel
    await page.waitForTimeout(1500);
    await photographGraph(page, path.join(ROOT, "web", "docs", node, locale === "zh" ? "canvas.zh.jpg" : "canvas.jpg"), { width: 1280 });
  }
  await page.done();
}

// An edit within its mask, before and after, and what it changed.
async function masks() {
  const page = await openFrontend(url, { vue: true, settings: PLAIN_CANVAS });
  await openTab(page);
  await load(page, MASK);
  await page.evaluate(newSeeds);
  await run(page);
  await page.locator(".grsai-past .grsai-tile img").first().waitFor();
  await page.waitForTimeout(1500);
  await page.locator(".grsai-past .grsai-tile").first().click();
  await page.waitForFunction(() => [...document.querySelectorAll(".grsai-viewer img[src]")].some((image) => image.naturalWidth > 500));
  await page.waitForTimeout(1000);
  const clip = await page.locator(".grsai-viewer-pictures").boundingBox();
  for (const name of ["before_after", "changed"]) {
    await shrink(page, await page.screenshot({ clip }), path.join(ROOT, "web", "docs", "GrsaiMaskOptions", `${name}.jpg`), 900);
    await page.keyboard.press("d");
    await page.waitForTimeout(500);
  }
  await page.done();
}

// What is asked when the first run has no key.
async function start({ name, palette, locale = "en" }) {
  await post("settings", { host: "china" });
  await post("key", { key: "" });
  const page = await openFrontend(url, { vue: true, palette, locale, size: [1280, 800], settings: PLAIN_CANVAS });
  await load(page, EDIT);
  await page.evaluate(() => {
    window.app.canvas.ds.scale = 0.68;
    window.app.canvas.ds.offset = [110, 130];
    return window.app.queuePrompt(0, 1);
  });
  await page.locator("dialog.grsai-start").waitFor();
  await page.waitForTimeout(1000);
  await shoot(page, `start-${name}`, { width: 1280 });
  await page.done();
}

async function sidebar({ name, palette, locale = "en" }) {
  const page = await openFrontend(url, { vue: true, palette, locale, settings: PLAIN_CANVAS });
  await openTab(page);
  await load(page, BATCH);
  await page.evaluate(newSeeds);
  await page.evaluate(moveIn);
  const ended = run(page);
  await page.waitForFunction(() => Number(document.querySelector(".grsai-bar")?.getAttribute("aria-valuenow")) > 45, null, { timeout: RUN_MILLISECONDS });
  await shoot(page, `canvas-${name}`, { clip: WORKING });
  await ended;
  await page.waitForFunction(isComplete, null, { timeout: RUN_MILLISECONDS });
  await page.waitForTimeout(1000);
  await shoot(page, `sidebar-${name}`, { clip: SIDEBAR });
  await page.locator(".grsai-past .grsai-tile").first().click();
  await page.waitForFunction(() => [...document.querySelectorAll(".grsai-viewer img[src]")].some((image) => image.naturalWidth > 500));
  await page.waitForTimeout(500);
  await shoot(page, `viewer-${name}`, {});
  await page.done();
}

async function settings({ name, palette, locale = "en" }) {
  await post("settings", { host: "china" });
  await post("key", { key: SAMPLE_KEY });
  const page = await openFrontend(url, { vue: true, palette, locale, settings: PLAIN_CANVAS });
  await page.evaluate(() => window.app.extensionManager.command.execute("Comfy.ShowSettingsDialog"));
  await page.locator(".p-dialog, [role=dialog]").getByText(/^(Banana Batch|香蕉批量)$/).first().click();
  await page.waitForTimeout(1000);
  await shoot(page, `settings-${name}`, {});
  await page.done();
  await post("key", { key: "" });
  await post("settings", { host: "offline" });
}

function post(route, body) {
  const headers = { "Content-Type": "application/json" };
  return fetch(`${url}/grsai/${route}`, { method: "POST", headers, body: JSON.stringify(body) });
}

async function shoot(page, name, { clip, width = 1200 }) {
  await shrink(page, await page.screenshot(clip ? { clip } : {}), path.join(ROOT, "docs", "images", `${name}.jpg`), width);
}

async function load(page, example) {
  const workflow = JSON.parse(fs.readFileSync(path.join(ROOT, "example_workflows", `${example}.json`), "utf8"));
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), workflow);
  await page.waitForTimeout(500);
}

// In the page: takes away all nodes but the first of a type, which gets as small as it can.
function leave(type) {
  const { graph } = window.app;
  const kept = graph.nodes.find((node) => node.type === type);
  for (const node of [...graph.nodes]) if (node !== kept) graph.remove(node);
  kept.setSize([440, kept.computeSize()[1]]);
}

// In the page: prompts typed into the batch in place of those that are wired.
function type(lines) {
  const batch = window.app.graph.nodes.find((node) => node.type === "BatchBanana");
  batch.disconnectInput(batch.inputs.findIndex((input) => input.name === "prompts"));
  batch.widgets.find((widget) => widget.name === "prompts").value = lines;
}

// In the page: nothing is in the making any more, and every thumbnail that is in view is there.
function isComplete() {
  const all = [...document.querySelectorAll(".grsai-past .grsai-after")];
  const thumbnails = all.filter((image) => image.getBoundingClientRect().top < window.innerHeight);
  return thumbnails.length > 5 && thumbnails.every((image) => image.naturalWidth) && !document.querySelector(".grsai-chip, .grsai-run");
}

// In the page: what is seen beside the sidebar.
function moveIn() {
  const { app } = window;
  app.canvas.ds.scale = 0.7;
  app.canvas.ds.offset = [520, 130];
  app.canvas.setDirty(true, true);
}

// In the page: seeds that nothing was made with, so that everything is made.
function newSeeds() {
  for (const node of window.app.graph.nodes) {
    const seed = node.widgets?.find((widget) => widget.name === "seed");
    if (seed) seed.value = Math.floor(Math.random() * 1e6);
  }
}

// In the page: another prompt.
function say(prompt) {
  window.app.graph.nodes.find((node) => node.type === "NanoBananaGenerate").widgets.find((widget) => widget.name === "prompt").value = prompt;
}

async function run(page) {
  await page.evaluate(() => {
    window.ended = new Promise((done) => window.app.api.addEventListener("execution_success", () => done(), { once: true }));
    return window.app.queuePrompt(0, 1);
  });
  await page.evaluate(() => window.ended);
}
