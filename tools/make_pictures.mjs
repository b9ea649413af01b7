#!/usr/bin/env node
// Takes the pictures of the help pages and of docs/images, of the real frontend with the example workflows in it.
//     PW_HOME=<folder with node_modules/playwright-core> node tools/make_pictures.mjs http://127.0.0.1:8188 help sidebar settings
// `help` and `sidebar` best with a service that takes a few seconds and has a balance: the emulator, named by GRSAI_BASE_URL when
// ComfyUI starts. `settings` without such a variable, and without a key that is worth something: it stores another one.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openFrontend } from "../tests/browser/frontend.mjs";
import { PLAIN_CANVAS, photographGraph, shrink } from "./photo.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const HELP = [
  ["NanoBananaGenerate", "2 Edit one photo", ["LoadImage", "NanoBananaGenerate", "PreviewImage"]],
  ["GrsaiUpload", "4 Upload once, use in three nodes", ["LoadImage", "GrsaiUpload", "NanoBananaGenerate", "PreviewImage"]],
  ["BatchBanana", "5 Folder times prompts", ["LoadBananaFolder", "BatchBanana", "PreviewAny"]],
  ["LoadBananaFolder", "5 Folder times prompts", ["LoadBananaFolder"]],
];
const LOOKS = [
  { name: "dark", palette: "dark" },
  { name: "light", palette: "light" },
  { name: "zh", palette: "dark", locale: "zh" },
];
const SIDEBAR = { x: 0, y: 0, width: 480, height: 1000 };
const RUN_MILLISECONDS = 120_000;

const SAMPLE_KEY = `sk-${"0123456789abcdef".repeat(2)}`;

const [url, ...parts] = process.argv.slice(2);
if (parts.includes("help")) await help();
for (const look of LOOKS) {
  if (parts.includes("sidebar")) await sidebar(look);
  if (parts.includes("settings")) await settings(look);
}

async function help() {
  const page = await openFrontend(url, { vue: true, size: [1800, 1200], settings: PLAIN_CANVAS });
  for (const [node, example, only] of HELP) {
    await load(page, example);
    await run(page);
    await page.waitForTimeout(1500);
    await page.evaluate(leave, only);
    await photographGraph(page, path.join(ROOT, "web", "docs", node, "canvas.jpg"));
  }
  await page.done();
}

async function sidebar({ name, palette, locale = "en" }) {
  const page = await openFrontend(url, { vue: true, palette, locale, settings: PLAIN_CANVAS });
  await page.click(".grsai-banana-tab-button");
  await load(page, "5 Folder times prompts");
  await page.evaluate(moveIn);
  const ended = run(page);
  await page.waitForFunction(() => Number(document.querySelector(".grsai-bar")?.getAttribute("aria-valuenow")) > 45, null, { timeout: RUN_MILLISECONDS });
  await shoot(page, `canvas-${name}`, { width: 1600 });
  await ended;
  await page.waitForTimeout(1500);
  await shoot(page, `sidebar-${name}`, { clip: SIDEBAR });
  await page.locator(".grsai-thumbnail").first().click();
  await page.locator("dialog.grsai-viewer img").first().waitFor();
  await page.waitForTimeout(500);
  await shoot(page, `viewer-${name}`, {});
  await page.done();
}

async function settings({ name, palette, locale = "en" }) {
  await post("settings", { host: "china" });
  await post("key", { key: SAMPLE_KEY });
  const page = await openFrontend(url, { vue: true, palette, locale, settings: PLAIN_CANVAS });
  await page.evaluate(() => window.app.extensionManager.command.execute("Comfy.ShowSettingsDialog"));
  await page.getByText("Grsai", { exact: true }).first().click();
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

// In the page: takes away all nodes of other types.
function leave(types) {
  const { graph } = window.app;
  for (const node of [...graph.nodes]) if (!types.includes(node.type)) graph.remove(node);
}

// In the page: what is seen beside the sidebar, and a seed that nothing was made with.
function moveIn() {
  const { app } = window;
  for (const node of app.graph.nodes) {
    const seed = node.widgets?.find((widget) => widget.name === "seed");
    if (seed) seed.value = Math.floor(Math.random() * 1e6);
  }
  app.canvas.ds.scale = 0.7;
  app.canvas.ds.offset = [520, 130];
  app.canvas.setDirty(true, true);
}

async function run(page) {
  await page.evaluate(() => {
    window.ended = new Promise((done) => window.app.api.addEventListener("execution_success", () => done(), { once: true }));
    return window.app.queuePrompt(0, 1);
  });
  await page.evaluate(() => window.ended);
}
