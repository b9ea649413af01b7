// Loads workflows into the real frontend, one after the other, and presses Run.
//     node workflows.mjs URL '{"locale": "en", "vue": false, "files": [...]}'
// Answers with one report for each: {name, missing, links, values, dialogs, warnings, done, images, drawn, tiles, badges, app}.
import fs from "node:fs";
import path from "node:path";
import { DIALOGS, openFrontend, tell } from "./frontend.mjs";

const RUN = '[data-testid="queue-button"], .comfyui-queue-button button';
const RUN_APP = "[data-testid=linear-run-button] button:has([data-testid=linear-run-button-icon])";
const [SHOWN_MILLISECONDS, TOUR_MILLISECONDS] = [15_000, 2_500];
const LOADED_MILLISECONDS = 100; // sockets and widgets that come with others
const RUN_MILLISECONDS = 90_000;
// What the frontend says of a workflow that names something it has not.
const WARNING = /missing (nodes?|models?|media)|(media|required) inputs? missing|缺少(媒体|模型|节点|必需)|缺失(节点|模型)/i;

await tell(async (url, { locale, vue, files }) => {
  const page = await openFrontend(url, { locale, vue });
  try {
    const reports = [];
    for (const file of files) reports.push(await tryWorkflow(page, url, file));
    return { reports, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

async function tryWorkflow(page, url, file) {
  const saved = JSON.parse(fs.readFileSync(file, "utf8"));
  await page.evaluate(listen);
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), saved);
  await page.waitForTimeout(LOADED_MILLISECONDS);
  const report = await page.evaluate(compare, saved);
  report.name = path.basename(file, ".json");
  report.app = saved.extra?.linearMode ? await appOf(page) : null;
  await page.locator(report.app ? RUN_APP : RUN).first().click();
  await page.waitForFunction(() => window.heard.done, null, { timeout: RUN_MILLISECONDS });
  const heard = await page.evaluate(() => window.heard);
  const images = await Promise.all(heard.images.map((image) => lengthOf(url, image)));
  const drawn = await page.waitForFunction(isDrawn, null, { timeout: 10_000 }).then(() => true, () => false);
  // Whatever the frontend has against the file, it has said by now.
  report.dialogs = await page.locator(DIALOGS).allInnerTexts();
  report.warnings = await page.getByText(WARNING).filter({ visible: true }).allInnerTexts();
  const tiles = await page.locator(".grsai-grid .grsai-tile[data-state=done]").count();
  return { ...report, done: heard.done, error: heard.error, images, drawn, tiles };
}

// What an app shows in place of the graph. The first time ComfyUI offers a tour.
async function appOf(page) {
  const run = page.locator(RUN_APP).first();
  await run.waitFor({ timeout: SHOWN_MILLISECONDS });
  const tour = page.locator("[data-testid=coach-landing]");
  if (await tour.waitFor({ timeout: TOUR_MILLISECONDS }).then(() => true, () => false)) {
    await page.keyboard.press("Escape");
    await tour.waitFor({ state: "detached" });
  }
  const widgets = page.locator("[data-testid=linear-widgets]");
  return { text: await widgets.innerText(), pictures: await widgets.locator(".grsai-folder img").count(), prompts: await widgets.locator("textarea").inputValue() };
}

// In the page: what ComfyUI tells of the run.
function listen() {
  const { api } = window.app;
  const heard = { done: null, error: null, images: [] };
  window.heard = heard;
  if (window.listening) return;
  window.listening = true;
  api.addEventListener("executed", ({ detail }) => window.heard.images.push(...(detail.output?.images ?? [])));
  for (const end of ["execution_success", "execution_error", "execution_interrupted"]) {
    api.addEventListener(end, ({ detail }) => Object.assign(window.heard, { done: end, error: detail.exception_message ?? null }));
  }
}

// In the page: what was lost on the way from the file into the graph.
function compare(saved) {
  const { app, LiteGraph } = window;
  const now = app.graph.serialize();
  const nodes = Object.fromEntries(now.nodes.map((node) => [node.id, node]));
  const ours = app.graph.nodes.filter((node) => node.comfyClass in { BatchBanana: 1, NanoBananaGenerate: 1 });
  const changed = saved.nodes.filter((node) => {
    const [before, after] = [node, nodes[node.id]].map((each) => each?.widgets_values ?? []);
    // Nodes of ComfyUI's own have more widgets in some versions than in others.
    const counted = ours.some(({ id }) => id === node.id) ? after : after.slice(0, before.length);
    return JSON.stringify(counted) !== JSON.stringify(before);
  });
  return {
    missing: saved.nodes.filter(({ type }) => !(type in LiteGraph.registered_node_types)).map(({ type }) => type),
    links: [saved.links.length, now.links.length],
    values: changed.map(({ id, type, widgets_values }) => [type, widgets_values, nodes[id]?.widgets_values]),
    errors: app.graph.nodes.filter((node) => node.has_errors).map((node) => node.type),
    titles: ours.map((node) => node.title),
    badges: ours.map((node) => node.badges.map((badge) => (typeof badge === "function" ? badge() : badge).text).at(-1)),
  };
}

function isDrawn() {
  const onNodes = window.app.graph.nodes.some((node) => node.imgs?.some((image) => image.naturalWidth > 0));
  return onNodes || [...document.querySelectorAll("img")].some((image) => /[/](view|grsai[/]thumbnail)[?]/.test(image.src) && image.naturalWidth > 0);
}

async function lengthOf(url, { filename, subfolder, type }) {
  const reply = await fetch(`${url}/view?${new URLSearchParams({ filename, subfolder, type })}`);
  return reply.ok ? (await reply.arrayBuffer()).byteLength : 0;
}
