// The history by runs, the number on the tab's icon, and the browser's notice of a long run.
//     node runs.mjs URL '{"vue": true, "locale": "en", "words": "to make prompts new ones"}'
import { openFrontend, openTab, tell, notices, until } from "./frontend.mjs";

const WAIT = { timeout: 60_000 };

await tell(async (url, { vue, locale, words }) => {
  const page = await openFrontend(url, { vue, locale });
  try {
    await page.evaluate(watch);
    const said = { number: await number(page, words) };
    await run(page, "NanoBananaGenerate", { prompt: `alone ${words}`, model: "nano-banana-2" });
    await openTab(page);
    await row(page, 0).waitFor(WAIT);
    said.rows = [await told(page, 0), await told(page, 1)];
    said.narrowed = await narrow(page, "nano-banana-fast");
    said.inside = await inside(page);
    said.searched = await search(page, `alone ${words}`);
    said.zip = await zip(page);
    said.folder = await folder(page);
    said.again = await again(page);
    said.pictures = await pictures(page);
    said.notices = await ended(page);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

// In the page: notices of the browser are kept instead of shown, and the page can be in the background.
function watch() {
  window.told = [];
  window.Notification = class {
    static permission = "granted";
    constructor(title, options) {
      window.told.push([title, options.body]);
    }
  };
}

function row(page, index) {
  return page.locator(`.grsai-past[data-index="${index}"]`);
}

// One node alone on the canvas is run to its end.
async function run(page, type, values, begun = () => {}) {
  const over = page.evaluate(
    async ([type, values]) => {
      const { app, LiteGraph } = window;
      app.graph.clear();
      const [node, preview] = [type, "PreviewImage"].map((each) => LiteGraph.createNode(each));
      app.graph.add(node);
      if (type !== "BatchBanana") app.graph.add(preview), node.connect(0, preview, 0);
      for (const [name, value] of Object.entries(values)) {
        const widget = node.widgets.find((each) => each.name === name);
        widget.value = value;
        widget.callback?.(value);
      }
      const ended = new Promise((done) => ["execution_success", "execution_error"].forEach((end) => app.api.addEventListener(end, done, { once: true })));
      await app.queuePrompt(0, 1);
      await ended;
    },
    [type, values],
  );
  await begun();
  await over;
}

// What stands on the icon while three pictures are made of which one fails, and afterwards.
async function number(page, words) {
  const button = page.locator("button:has(.grsai-banana-icon)");
  let seen = "";
  await run(page, "BatchBanana", { prompts: `[slow 3] first ${words}\n[error] second ${words}\n[slow 3] third ${words}` }, async () => {
    await page.waitForFunction(() => /[123]/.test(document.querySelector("button:has(.grsai-banana-icon)").innerText), null, WAIT);
    seen = (await button.innerText()).replace(/\D/g, "");
  });
  await page.waitForFunction(() => !/\d/.test(document.querySelector("button:has(.grsai-banana-icon)").innerText), null, WAIT);
  return seen;
}

// Title, facts and the states of the strip of a row.
async function told(page, index) {
  const element = row(page, index);
  const states = await element.locator(".grsai-tile").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.state));
  return { title: await element.locator(".grsai-past-title").innerText(), facts: await element.locator(".grsai-facts").innerText(), states };
}

// One model alone: the first row then, and that every filter says how many it leaves.
async function narrow(page, model) {
  const models = page.locator(".grsai-history select").nth(1);
  const before = await options(page, 1);
  await models.selectOption(model);
  await page.waitForTimeout(800);
  const [first, states] = [await told(page, 0), await options(page, 0)];
  await models.selectOption("");
  await page.waitForTimeout(800);
  return { title: first.title, before, states, listed: await page.evaluate(async (model) => (await (await fetch(`/grsai/history?limit=200&model=${model}`)).json()).entries.length, model) };
}

function options(page, place) {
  return page.locator(".grsai-history select").nth(place).locator("option").allInnerTexts();
}

// A press of Enter shows the pictures of the second row, the button above them leads back to it.
async function inside(page) {
  await row(page, 1).focus();
  await page.keyboard.press("Enter");
  await page.locator(".grsai-card").first().waitFor(WAIT);
  await page.waitForTimeout(300);
  const prompts = await page.locator(".grsai-card .grsai-prompt").allInnerTexts();
  await page.locator(".grsai-back").click();
  await row(page, 1).waitFor(WAIT);
  await page.waitForTimeout(300);
  return { prompts, back: await page.evaluate(() => document.activeElement.dataset.index ?? null) };
}

async function search(page, text) {
  const box = page.locator(".grsai-tools input");
  await box.fill(text);
  await page.waitForFunction(() => document.querySelectorAll(".grsai-past").length === 1, null, WAIT);
  const found = [await row(page, 0).locator(".grsai-past-title").innerText(), (await options(page, 0))[0]];
  await box.fill("");
  await row(page, 1).waitFor(WAIT);
  return found;
}

// The file behind the link of the second row, as the browser would keep it.
async function zip(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), row(page, 1).locator("a").click()]);
  return { name: download.suggestedFilename(), failed: await download.failure() };
}

// A computer without windows says where the folder is.
async function folder(page) {
  await row(page, 1).locator("button:has(.pi-folder-open)").click();
  const box = notices(page).filter({ hasText: "banana" }).last();
  await box.waitFor(WAIT);
  return (await box.locator("p").innerText()).split("/").at(-1);
}

// The run of three once more, with another seed: a run of its own, without a node of the canvas.
async function again(page) {
  const before = await told(page, 1);
  const button = row(page, 1).locator("button:has(.pi-refresh)");
  const label = await button.getAttribute("title");
  const newest = () => page.evaluate(async () => (await (await fetch("/grsai/runs?limit=1")).json()).entries[0].run);
  const run = await newest();
  await button.click();
  await until(page, async (run) => { const [first] = (await (await fetch("/grsai/runs?limit=1")).json()).entries; return first.run !== run && first.made === 2 && !first.due; }, run, 60_000);
  const made = await newest();
  const seeds = await page.evaluate(async (run) => (await (await fetch(`/grsai/history?${new URLSearchParams({ run })}`)).json()).entries.map(({ seed }) => seed), made);
  await page.waitForFunction((title) => document.querySelector('.grsai-past[data-index="0"] .grsai-past-title')?.textContent === title, before.title, WAIT);
  return { label, fresh: !seeds.includes(0), pictures: (await told(page, 0)).states.length, canvas: await page.evaluate(() => window.app.graph.nodes.length) };
}

async function pictures(page) {
  await page.locator(".grsai-history-title button").last().click();
  await page.locator(".grsai-card").first().waitFor(WAIT);
  return page.locator(".grsai-past:visible").count();
}

// Runs as the server tells of them: what the browser is told of a short one, a long one that is looked at, a long one in the background.
function ended(page) {
  return page.evaluate(() => {
    const { api } = window.app;
    const run = (id, seconds) => ({ id, group: id, kind: "BatchBanana", node_id: "1", workflow_id: "x", total: 2, done: 2, failed: 0, seconds, finished: true, text: { en: `run ${id}`, zh: `run ${id}` }, error: null });
    const tell = (id, seconds) => api.dispatchEvent(new CustomEvent("grsai.run", { detail: run(id, seconds) }));
    tell(9001, 300);
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    tell(9002, 3);
    tell(9003, 300);
    return window.told.map(([, body]) => body);
  });
}
