// Uses the sidebar tab the way a user does. The history holds `entries` pictures already.
//     node sidebar.mjs URL '{"entries": 5000, "prompt": "one slow prompt"}'
import { openFrontend, openTab, tell, notices, until } from "./frontend.mjs";

const WAIT = { timeout: 30_000 };
const EDIT = "the coffee as tea";

await tell(async (url, { entries, prompt }) => {
  const page = await openFrontend(url, { vue: true });
  try {
    const said = {};
    await openTab(page);
    await card(page, 0).waitFor();
    said.balance = await page.locator(".grsai-balance strong").innerText();
    Object.assign(said, await walk(page, entries));
    said.viewer = await view(page);
    said.found = await search(page, "needle");
    said.clicked = await clickPrompt(page);
    said.failed = await show(page, "failed");
    await show(page, "");
    said.copied = await copy(page);
    said.loaded = await load(page);
    said.dragged = await drag(page);
    said.stopped = await stop(page, prompt);
    said.collected = await collect(page);
    said.again = await again(page);
    said.edited = await againFromFile(page);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

function card(page, index) {
  return page.locator(`.grsai-card[data-index="${index}"]`);
}

// From the first entry to the last with the keyboard alone.
async function walk(page, entries) {
  await page.getByLabel("Search prompts and names").focus();
  for (let tabs = 0; tabs < 4 && !(await focused(page)); tabs += 1) await page.keyboard.press("Tab");
  const reached = await focused(page);
  await page.keyboard.press("ArrowDown");
  const below = await focused(page);
  const begun = Date.now();
  await page.keyboard.press("End");
  await page.waitForFunction((last) => document.activeElement.dataset.index === last, String(entries - 1), { timeout: 60_000 });
  const [seconds, drawn] = [(Date.now() - begun) / 1000, await page.locator(".grsai-card").count()];
  await page.keyboard.press("Home");
  return { reached, below, end: await page.locator(".grsai-card").last().getAttribute("aria-setsize"), seconds, drawn };
}

function focused(page) {
  return page.evaluate(() => document.activeElement.dataset.index ?? null);
}

async function view(page) {
  await card(page, 0).focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog.grsai-viewer img").first().waitFor();
  const first = await page.locator("dialog.grsai-viewer dd").first().innerText();
  await page.keyboard.press("ArrowRight");
  const second = await page.locator("dialog.grsai-viewer dd").first().innerText();
  await page.keyboard.press("Escape");
  await page.locator("dialog.grsai-viewer").waitFor({ state: "detached" });
  return { first, second, back: await focused(page) };
}

// A click anywhere on a card opens it.
async function clickPrompt(page) {
  await card(page, 0).locator(".grsai-prompt").click();
  const shown = await page.locator("dialog.grsai-viewer dd").first().innerText();
  await page.keyboard.press("Escape");
  await page.locator("dialog.grsai-viewer").waitFor({ state: "detached" });
  return shown;
}

async function search(page, text) {
  await page.getByLabel("Search prompts and names").fill(text);
  await page.waitForFunction(() => document.querySelectorAll(".grsai-card").length === 1, null, WAIT);
  const found = await page.locator(".grsai-card .grsai-prompt").innerText();
  const counted = await page.locator(".grsai-tools option").first().innerText();
  await page.getByLabel("Search prompts and names").fill("");
  await card(page, 3).waitFor();
  return { found, counted };
}

async function show(page, state) {
  await page.locator(".grsai-tools select").selectOption(state);
  await page.waitForTimeout(600);
  return page.locator(".grsai-card .grsai-chip").evaluateAll((chips) => chips.map((chip) => chip.dataset.state));
}

async function copy(page) {
  await card(page, 0).getByLabel("Copy prompt").click();
  await notices(page).filter({ hasText: "Prompt copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

// The node shows the picture, nothing is wrong with it, and the workflow that holds it loads again without a warning.
async function load(page) {
  await card(page, 0).getByLabel("Load as LoadImage node").click();
  await page.waitForFunction(() => window.app.graph.nodes.some((node) => node.type === "LoadImage"), null, WAIT);
  const value = await page.evaluate(() => window.app.graph.nodes.find((node) => node.type === "LoadImage").widgets[0].value);
  const shown = await page.waitForFunction(isShown, null, WAIT).then(() => true);
  await page.waitForTimeout(1000); // the canvas has looked for the file by then
  const errors = await troubles(page);
  await page.evaluate(() => window.app.loadGraphData(window.app.graph.serialize(), true, true, null));
  await page.waitForTimeout(1000);
  return { value, shown, errors, reloaded: await troubles(page) };
}

// Nodes with a red frame, and what the canvas says against the file.
async function troubles(page) {
  const marked = await page.evaluate(() => window.app.graph.nodes.filter((node) => node.type === "LoadImage" && node.has_errors).map((node) => node.type));
  const said = await page.getByText(/inputs? missing|missing inputs?|Select image/i).filter({ visible: true }).allInnerTexts();
  return [...marked, ...said];
}

// Cards dragged onto a LoadImage node and onto the canvas: what the nodes load, and how large it is.
async function drag(page) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const node = LiteGraph.createNode("LoadImage");
    node.pos = [0, 0];
    app.graph.add(node);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [700, 200];
    app.canvas.setDirty(true, true);
  });
  await page.waitForTimeout(500);
  for (const [index, x, y] of [[0, 760, 260], [1, 1200, 500]]) await dragTo(page, card(page, index).locator(".grsai-tile"), x, y);
  await page.waitForFunction(() => window.app.graph.nodes.length === 2, null, WAIT);
  await page.waitForFunction(() => window.app.graph.nodes.every((node) => node.widgets[0].value.includes("Task_")), null, WAIT);
  return page.evaluate(async () => {
    const widths = window.app.graph.nodes.map(async (node) => {
      const query = new URLSearchParams({ filename: node.widgets[0].value, type: "input" });
      const picture = await createImageBitmap(await (await fetch(`/view?${query}`)).blob());
      return [node.widgets[0].value, Math.max(picture.width, picture.height)];
    });
    return Promise.all(widths);
  });
}

async function dragTo(page, source, x, y) {
  await source.hover();
  await page.mouse.down();
  await page.mouse.move(x - 5, y - 5, { steps: 5 });
  await page.mouse.move(x, y, { steps: 2 });
  await page.mouse.up();
}

function isShown() {
  return [...document.querySelectorAll("img")].some((image) => image.src.includes("/view?") && image.naturalWidth > 0);
}

async function stop(page, prompt) {
  await page.evaluate((prompt) => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const [generate, preview] = ["NanoBananaGenerate", "PreviewImage"].map((type) => LiteGraph.createNode(type));
    for (const node of [generate, preview]) app.graph.add(node);
    generate.widgets.find((widget) => widget.name === "prompt").value = prompt;
    generate.connect(0, preview, 0);
    window.badges = () => generate.badges.map((badge) => (typeof badge === "function" ? badge() : badge).text);
    return app.queuePrompt(0, 1);
  }, prompt);
  const run = page.locator(".grsai-run");
  await run.locator(".grsai-muted", { hasText: "1 running" }).waitFor(WAIT);
  const name = await run.locator("strong").innerText();
  const value = Number(await run.getByRole("progressbar").getAttribute("aria-valuenow"));
  await run.getByRole("button").click();
  await run.waitFor({ state: "detached" });
  return { name, value };
}

async function collect(page) {
  const waiting = page.locator(".grsai-open");
  await waiting.waitFor(WAIT);
  const about = await waiting.locator("p").innerText();
  // What is still in the making, or in the hands of the run that was stopped, stays on offer.
  const picture = card(page, 0).locator("img");
  for (let tries = 0; tries < 10 && !(await picture.isVisible()); tries += 1) {
    if (await waiting.isVisible()) await waiting.getByRole("button", { name: "Collect" }).click();
    await picture.waitFor({ timeout: 3000 }).catch(() => {});
  }
  await picture.waitFor(WAIT);
  return { about, first: await card(page, 0).locator(".grsai-prompt").innerText() };
}

// The first entry once more: another seed, the same prompt.
async function again(page) {
  const before = await newest(page);
  await card(page, 0).getByLabel("Run again with a new seed").click();
  await notices(page).filter({ hasText: "Queued with seed" }).last().waitFor();
  await until(page, async (row) => (await (await fetch("/grsai/history?limit=1")).json()).entries[0].row > row, before.row);
  const after = await newest(page);
  return { seeds: [before.seed, after.seed], prompts: [before.prompt, after.prompt], canvas: await page.evaluate(() => window.app.graph.nodes.length) };
}

// A picture that was made from a file: its node need not be on the canvas any more.
async function againFromFile(page) {
  await page.evaluate((prompt) => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const [photo, generate, preview] = ["LoadImage", "NanoBananaGenerate", "PreviewImage"].map((type) => LiteGraph.createNode(type));
    for (const node of [photo, generate, preview]) app.graph.add(node);
    photo.widgets[0].value = "banana_demo_coffee.jpg";
    generate.widgets.find((widget) => widget.name === "prompt").value = prompt;
    photo.connect(0, generate, 0);
    generate.connect(0, preview, 0);
    return app.queuePrompt(0, 1);
  }, EDIT);
  await card(page, 0).locator(".grsai-prompt", { hasText: EDIT }).waitFor(WAIT);
  await card(page, 0).locator("img").waitFor(WAIT);
  await page.evaluate(() => window.app.graph.clear());
  const before = await newest(page);
  await again(page);
  const after = await newest(page);
  return { rows: after.row - before.row, sources: [before.sources, after.sources] };
}

function newest(page) {
  return page.evaluate(async () => (await (await fetch("/grsai/history?limit=1")).json()).entries[0]);
}
