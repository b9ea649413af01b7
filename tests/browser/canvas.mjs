// What the nodes show on the canvas: prices, sockets, choices, failures, help.
//     node canvas.mjs URL '{"locale": "en", "vue": true}'
import { DIALOGS, openFrontend, openTab, post, tell, notices } from "./frontend.mjs";

const SHOWN_MILLISECONDS = 10_000;
const COUNTED_MILLISECONDS = 1_000; // after the last answer of the server it is not asked again
const RUN_MILLISECONDS = 60_000;

await tell(async (url, { locale, vue }) => {
  await set(url, { host: "china" });
  const page = await openFrontend(url, { locale, vue });
  try {
    const said = { badges: await badges(page, vue) };
    said.sockets = await sockets(page);
    said.choices = await choices(page);
    await set(url, { host: "offline" });
    said.live = await live(page, `${locale} ${vue}`);
    said.failed = await failure(page, "NanoBananaGenerate", { prompt: "[input_moderation] a failure" });
    said.mended = await mend(page, `mended ${locale} ${vue}`);
    said.some = await failure(page, "BatchBanana", { prompts: `all well ${locale} ${vue}\n[error] not well ${locale} ${vue}` });
    said.retried = await retry(page);
    said.shown = await showFailed(page);
    said.listed = await list(page, `a list ${locale} ${vue}`);
    said.help = await help(page, url);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
    await set(url, { host: "offline" });
  }
});

function set(url, settings) {
  return post(`${url}/grsai/settings`, settings);
}

// The text of the price badge after each change of a node, as it is drawn.
async function badges(page, vue) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    const add = (type, pos) => {
      const node = LiteGraph.createNode(type);
      node.pos = pos;
      app.graph.add(node);
      return node;
    };
    app.graph.clear();
    app.canvas.ds.scale = 0.6;
    app.canvas.ds.offset = [100, 150];
    window.nodes = {
      generate: add("NanoBananaGenerate", [0, 0]),
      batch: add("BatchBanana", [600, 0]),
      folder: add("LoadBananaFolder", [0, 700]),
      photo: add("LoadImage", [600, 900]),
    };
    window.turn = (node, name, value) => {
      const widget = window.nodes[node].widgets.find((each) => each.name === name);
      widget.value = value;
      widget.callback?.(value);
    };
    window.wire = (from, output, to, input) => {
      const slot = (slots, name) => slots.findIndex((each) => each.name === name);
      const [source, target] = [window.nodes[from], window.nodes[to]];
      source.connect(slot(source.outputs, output), target, slot(target.inputs, input));
    };
  });
  const seen = [];
  const look = async (node) => seen.push(await badge(page, node, vue));
  await look("generate");
  await page.evaluate(() => window.turn("generate", "count", 3));
  await look("generate");
  await page.evaluate(() => window.turn("generate", "model", "nano-banana-2"));
  await look("generate");
  await page.evaluate(() => window.turn("batch", "prompts", "one\n\ntwo\n"));
  await look("batch");
  await page.evaluate(() => window.wire("folder", "images", "batch", "images"));
  await look("batch");
  await page.evaluate(() => window.turn("batch", "pairing", "zip"));
  await look("batch");
  await page.evaluate(() => window.wire("folder", "prompts", "batch", "prompts"));
  await look("batch");
  return seen;
}

// In the Vue canvas: the text must stand in the page. In the classic one the badge is asked for each time it is drawn.
// It is empty until the catalogue with the prices has come. How long it would take depends on what was made before.
async function badge(page, node, vue) {
  await counted(page);
  await page.waitForFunction((name) => window.nodes[name].badges.at(-1)().text, node, { timeout: SHOWN_MILLISECONDS });
  const text = await page.evaluate((name) => window.nodes[name].badges.at(-1)().text, node);
  if (vue) await page.getByText(text, { exact: true }).first().waitFor({ timeout: SHOWN_MILLISECONDS });
  return text.replace(/ · (about|约) .*/, "");
}

// Until the server has said what the graph makes, and nothing more is asked of it.
async function counted(page) {
  if (!page.counting) {
    page.counting = { open: 0, last: Date.now() };
    const note = (change) => (request) => {
      if (request.url().includes("/grsai/estimate")) Object.assign(page.counting, { open: page.counting.open + change, last: Date.now() });
    };
    page.on("request", note(1));
    page.on("requestfinished", note(-1));
    page.on("requestfailed", note(-1));
  }
  const begun = Date.now();
  while (page.counting.open > 0 || Date.now() - Math.max(page.counting.last, begun) < COUNTED_MILLISECONDS) await page.waitForTimeout(50);
}

async function sockets(page) {
  await page.evaluate(() => window.wire("photo", "IMAGE", "generate", "images.image_1"));
  await page.waitForTimeout(300);
  return page.evaluate(() => window.nodes.generate.inputs.map((input) => input.name).filter((name) => name.startsWith("images.")));
}

// The widgets under the model, for a model with sizes and for one without.
async function choices(page) {
  const read = () => page.evaluate(() => window.nodes.generate.widgets.map((widget) => widget.name).filter((name) => name.startsWith("model")));
  const withSizes = await read();
  await page.evaluate(() => window.turn("generate", "model", "nano-banana-fast"));
  return [withSizes, await read()];
}

// A batch of two, of which the first takes longer: the tiles at the start, once one is done, and in the end; then the workflow is
// opened anew. `words` make its prompts new ones.
async function live(page, words) {
  await page.evaluate(async (words) => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const node = LiteGraph.createNode("BatchBanana");
    node.pos = [100, 100];
    app.graph.add(node);
    node.widgets.find((widget) => widget.name === "prompts").value = `[slow 6] late ${words}\n[slow 1] early ${words}`;
    window.states = () => [...document.querySelectorAll(".grsai-grid .grsai-tile")].map((tile) => tile.dataset.state);
    await app.loadGraphData(app.graph.serialize(), true, true, null); // a cleared graph has no id of its own
    window.saved = app.graph.serialize().nodes[0].widgets_values;
    await app.queuePrompt(0, 1);
  }, words);
  await page.waitForFunction(() => window.states().length, null, { timeout: RUN_MILLISECONDS });
  const begun = await page.evaluate(() => window.states());
  await page.waitForFunction(() => window.states().includes("done"), null, { timeout: RUN_MILLISECONDS });
  const meanwhile = await page.evaluate(() => window.states());
  const states = await page.evaluate(async () => (await (await fetch("/grsai/history?limit=2")).json()).entries.map(({ prompt, state, files }) => [prompt.split(" ")[2], state, files.length]));
  await page.waitForFunction(() => window.states().every((state) => state === "done"), null, { timeout: RUN_MILLISECONDS });
  await page.waitForTimeout(1000); // ComfyUI has its own pictures by then
  const shown = await page.evaluate(() => window.app.graph.nodes[0] && [...document.querySelectorAll(".grsai-grid img")].map((image) => new URL(image.src).searchParams.get("filename")));
  const others = await page.evaluate(() => {
    const [node] = window.app.graph.nodes;
    const inside = [...document.querySelectorAll(`[data-node-id="${node.id}"] img`)].filter((image) => !image.closest(".grsai-grid"));
    return (node.imgs ?? []).length + inside.length;
  });
  const kept = await page.evaluate(async () => {
    const { app } = window;
    const saved = app.graph.serialize();
    await app.loadGraphData(saved, true, true, null);
    return JSON.stringify(saved.nodes[0].widgets_values) === JSON.stringify(window.saved);
  });
  const reloaded = await page.waitForFunction(() => window.states().length === 2, null, { timeout: SHOWN_MILLISECONDS }).then(() => true, () => false);
  return { begun: begun.length, meanwhile, states: Object.fromEntries(states.map(([prompt, ...state]) => [prompt, state])), shown, others, kept, reloaded };
}

// The button below a grid in which one picture is missing: its words, and how often the service was asked for each prompt.
async function retry(page) {
  const button = page.locator(".grsai-grid-foot button");
  const label = await button.innerText();
  const count = () => page.evaluate(async () => (await (await fetch("/grsai/history?limit=10")).json()).entries.filter(({ prompt }) => prompt.includes("not well")).length);
  const before = await count();
  await button.click();
  await page.waitForFunction(() => !document.querySelector(".grsai-grid-foot button"), null, { timeout: RUN_MILLISECONDS });
  await button.waitFor({ timeout: RUN_MILLISECONDS });
  return { label, more: (await count()) > before, canvas: await page.evaluate(() => window.app.graph.nodes.length) };
}

// Runs one node and reads what is said of it.
async function failure(page, type, values) {
  await page.evaluate(
    async ([type, values]) => {
      const { app, LiteGraph } = window;
      app.graph.clear();
      const [node, preview] = [type, "PreviewImage"].map((each) => LiteGraph.createNode(each));
      for (const each of [node, preview]) app.graph.add(each);
      node.connect(0, preview, 0);
      for (const [name, value] of Object.entries(values)) node.widgets.find((widget) => widget.name === name).value = value;
      await app.queuePrompt(0, 1);
    },
    [type, values],
  );
  await notices(page).last().waitFor({ timeout: RUN_MILLISECONDS });
  await page.waitForTimeout(300); // ComfyUI has said its own by then
  const text = await notices(page).last().innerText();
  const dialogs = await page.locator(DIALOGS).allInnerTexts();
  return { text, dialogs, others: await page.locator("[data-testid=error-overlay]").filter({ visible: true }).count() };
}

// The node that failed runs well with another prompt: how many messages stand then.
async function mend(page, prompt) {
  await page.evaluate(async (prompt) => {
    const { app } = window;
    const node = app.graph.nodes.find((each) => each.type === "NanoBananaGenerate");
    node.widgets.find((widget) => widget.name === "prompt").value = prompt;
    const ended = new Promise((done) => app.api.addEventListener("execution_success", done, { once: true }));
    await app.queuePrompt(0, 1);
    await ended;
  }, prompt);
  await page.waitForTimeout(300);
  return notices(page).count();
}

// What the tab shows after a press of the button in the message.
async function showFailed(page) {
  await notices(page).last().locator(".grsai-button").click();
  await page.locator(".grsai-tools select").waitFor({ timeout: SHOWN_MILLISECONDS });
  await page.waitForFunction(() => document.querySelector(".grsai-tools select").value === "failed", null, { timeout: SHOWN_MILLISECONDS });
  await page.locator(".grsai-card").first().waitFor({ timeout: SHOWN_MILLISECONDS });
  const chips = page.locator(".grsai-card .grsai-chip");
  const states = await chips.evaluateAll((all) => all.map((chip) => chip.dataset.state));
  const reason = await chips.first().innerText();
  await page.locator(".grsai-card").first().click();
  const viewer = page.locator("dialog.grsai-viewer");
  await viewer.waitFor({ timeout: SHOWN_MILLISECONDS });
  const words = await viewer.innerText();
  const buttons = await viewer.locator("footer button").first().evaluate((button) => button.getBoundingClientRect().bottom <= window.innerHeight);
  await page.keyboard.press("Escape");
  await openTab(page); // closes it
  return { states: [...new Set(states)], reason, told: words.split(reason).length - 1, buttons };
}

// A list into a node that makes one picture at a time: the most rows that the tab shows at once, and what the last one says.
async function list(page, prompt) {
  await openTab(page);
  await page.evaluate(async (prompt) => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const [folder, node, preview] = ["LoadBananaFolder", "NanoBananaGenerate", "PreviewImage"].map((type) => LiteGraph.createNode(type));
    for (const each of [folder, node, preview]) app.graph.add(each);
    folder.connect(0, node, 0);
    node.connect(0, preview, 0);
    folder.widgets.find((widget) => widget.name === "folder").value = "banana_demo/image";
    folder.widgets.find((widget) => widget.name === "prompts_file").value = "";
    node.widgets.find((widget) => widget.name === "prompt").value = prompt;
    window.rows = { most: 0, text: "" };
    window.counting = setInterval(() => {
      const rows = document.querySelectorAll(".grsai-run");
      window.rows.most = Math.max(window.rows.most, rows.length);
      window.rows.text = rows[0]?.querySelector(".grsai-muted").textContent || window.rows.text;
    }, 50);
    const ended = new Promise((done) => app.api.addEventListener("execution_success", done, { once: true }));
    await app.queuePrompt(0, 1);
    await ended;
    clearInterval(window.counting);
  }, prompt);
  await openTab(page); // closes it
  return page.evaluate(() => window.rows);
}

// The help page of each node in its language, and whether its picture is there.
async function help(page, url) {
  const pages = [];
  for (const node of ["NanoBananaGenerate", "BatchBanana", "GrsaiUpload", "LoadBananaFolder"]) {
    const locale = await page.evaluate(() => window.app.extensionManager.setting.get("Comfy.Locale"));
    const text = await (await fetch(`${url}/extensions/grsai-nano-banana/docs/${node}/${locale}.md`)).text();
    const [, picture] = text.match(/!\[[^\]]+\]\(([^)]+)\)/);
    const blob = await (await fetch(`${url}/extensions/grsai-nano-banana/docs/${picture}`)).blob();
    pages.push([text.split("\n")[0], blob.type]);
  }
  return pages;
}
