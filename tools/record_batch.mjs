#!/usr/bin/env node
// Records a batch that fills its grid, on the real frontend: frames into a folder, of which tools/join_frames.py makes one moving picture.
//     PW_HOME=<folder with node_modules/playwright-core> node tools/record_batch.mjs http://127.0.0.1:8188 FOLDER en|zh
// Best with a service that takes a few seconds: the emulator, named by GRSAI_BASE_URL when ComfyUI starts.
import fs from "node:fs";
import path from "node:path";
import { openFrontend } from "../tests/browser/frontend.mjs";
import { HIDDEN, PLAIN_CANVAS, extent, fit } from "./photo.mjs";

const PROMPTS = {
  en: ["Screen print on kraft paper", "Sepia print from an old family album"],
  zh: ["时尚杂志封面，暖色灯光", "老照片，柔和的边缘，高清"],
};
const MARGIN = 16;
const STILL = 3; // frames before the run
const LAST_MILLISECONDS = 1500;

const [url, folder, locale = "en"] = process.argv.slice(2);
fs.mkdirSync(folder, { recursive: true });
const page = await openFrontend(url, { vue: true, locale, size: [1150, 1240], settings: PLAIN_CANVAS });
await page.evaluate(lay, PROMPTS[locale].join("\n"));
await page.waitForTimeout(1500);
await page.evaluate(fit, { margin: MARGIN, corner: [0, 130] });
await page.addStyleTag({ content: HIDDEN });
await page.waitForTimeout(1500);
const clip = await page.evaluate(extent, MARGIN);
const begun = Date.now();
let number = 0;
while (number < STILL) await frame();
await page.evaluate(run);
while (!(await page.evaluate(() => window.over))) await frame();
for (const end = Date.now() + LAST_MILLISECONDS; Date.now() < end; ) await frame();
await page.done();

// One frame; its name says when it was taken, in milliseconds.
async function frame() {
  number += 1;
  const png = await page.screenshot({ clip });
  fs.writeFileSync(path.join(folder, `${String(Date.now() - begun).padStart(6, "0")}.png`), png);
}

// In the page: a folder into a batch whose prompts can be read.
async function lay(prompts) {
  const { app, LiteGraph } = window;
  app.graph.clear();
  const [folder, batch] = ["LoadBananaFolder", "BatchBanana"].map((type) => {
    const node = LiteGraph.createNode(type);
    app.graph.add(node);
    return node;
  });
  const value = (name, value) => (batch.widgets.find((widget) => widget.name === name).value = value);
  value("prompts", prompts);
  value("seed", Math.floor(Math.random() * 1e6));
  [folder.pos, batch.pos] = [[0, 0], [400, 0]];
  folder.setSize([360, 340]);
  batch.setSize([640, 940]);
  for (const name of ["images", "names"]) {
    const [from, to] = [folder.outputs, batch.inputs].map((sockets) => sockets.findIndex((socket) => socket.name === name));
    if (from >= 0 && to >= 0) folder.connect(from, batch, to);
  }
}

// In the page: presses Run; `over` is set when it has ended.
function run() {
  for (const end of ["execution_success", "execution_error"]) {
    window.app.api.addEventListener(end, () => setTimeout(() => (window.over = true), 300), { once: true });
  }
  return window.app.queuePrompt(0, 1);
}
