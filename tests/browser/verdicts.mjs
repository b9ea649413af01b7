// Pictures are judged on the node, in the tab and in the viewer, and the rejected one is made again.
//     node verdicts.mjs URL '{"words": "to make prompts new ones"}'
import { openFrontend, openTab, tell, until } from "./frontend.mjs";

const WAIT = { timeout: 60_000 };

await tell(async (url, { words, locale = "en" }) => {
  const page = await openFrontend(url, { vue: true, locale });
  try {
    await batch(page, words);
    const said = { buttons: await judgeOnTheNode(page) };
    await openTab(page);
    await page.locator(".grsai-history").waitFor(WAIT);
    said.options = await narrow(page, "rejected");
    const card = page.locator(".grsai-card").filter({ hasText: words }); // other stories judge too
    await card.first().waitFor(WAIT);
    said.rejected = await card.locator(".grsai-tile").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.verdict));
    said.redo = await page.locator(".grsai-redo button").innerText();
    said.made = await makeAgain(page);
    await narrow(page, "");
    said.viewer = await judgeInTheViewer(page, words);
    said.kept = await narrow(page, "kept");
    said.everywhere = await nodeVerdicts(page);
    await narrow(page, "");
    said.change = await showChange(page, `edited ${words}`);
    await page.reload();
    await page.waitForFunction(() => window.app?.graph && document.querySelector("button .grsai-banana-icon"), null, WAIT);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

async function batch(page, words) {
  await page.evaluate(async (words) => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const node = LiteGraph.createNode("BatchBanana");
    node.pos = [60, 60];
    node.setSize([520, 700]);
    app.graph.add(node);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [60, 60];
    node.widgets.find((widget) => widget.name === "prompts").value = `first ${words}\nsecond ${words}\nthird ${words}`;
    await app.queuePrompt(0, 1);
  }, words);
  await until(page, () => document.querySelectorAll(".grsai-grid .grsai-tile[data-state=done]").length === 3, null, 60_000);
}

// The first is kept, the second is rejected.
async function judgeOnTheNode(page) {
  const tiles = page.locator(".grsai-grid .grsai-tile");
  const opacity = () => tiles.nth(0).locator(".grsai-tile-judges").evaluate((each) => getComputedStyle(each).opacity);
  const before = await opacity();
  await tiles.nth(0).hover();
  const during = await opacity();
  await tiles.nth(0).locator("[data-verdict=keep].grsai-tool").click();
  await tiles.nth(1).hover();
  await tiles.nth(1).locator("[data-verdict=reject].grsai-tool").click();
  await until(page, () => document.querySelectorAll(".grsai-grid .grsai-tile-marks [data-verdict]").length === 2);
  return { before, during, verdicts: await nodeVerdicts(page), opened: await page.locator("dialog[open]").count() };
}

function nodeVerdicts(page) {
  return page.locator(".grsai-grid .grsai-tile").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.verdict));
}

async function narrow(page, state) {
  const states = page.locator(".grsai-tools select").first();
  await until(page, (state) => [...document.querySelector(".grsai-tools select").options].some((option) => option.value === state), state);
  await states.selectOption(state);
  await page.waitForTimeout(600);
  return states.locator("option").evaluateAll((options) => options.map((option) => option.value));
}

// The newest entry once there is another one, it is done, and nothing is left to be made again.
async function makeAgain(page) {
  const newest = () => page.evaluate(async () => (await (await fetch("/grsai/history?limit=1")).json()).entries[0]);
  const before = (await newest()).name;
  await page.locator(".grsai-redo button").click();
  const isMade = async (before) => {
    const [entry] = (await (await fetch("/grsai/history?limit=1")).json()).entries;
    const { runs } = await (await fetch("/grsai/running")).json();
    return entry.name !== before && !runs.length && document.querySelector(".grsai-redo button").disabled;
  };
  await until(page, isMade, before, 60_000);
  const { name, state } = await newest();
  return [name, state];
}

// The newest picture, by keys: it is kept with four stars.
async function judgeInTheViewer(page, words) {
  const all = page.getByLabel(/Search prompts/);
  await all.fill(words);
  await listed(page, words);
  await page.locator(".grsai-card .grsai-prompt").first().click();
  await page.locator("dialog.grsai-viewer[open]").waitFor(WAIT);
  await page.keyboard.press("4");
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowLeft");
  const pressed = await page.locator("dialog.grsai-viewer [data-verdict=keep]").getAttribute("aria-pressed");
  const stars = await page.locator("dialog.grsai-viewer .grsai-star[aria-pressed=true]").count();
  await page.keyboard.press("Escape");
  return { pressed, stars };
}

// Until the first card is of these words and has its picture, which the list learns a moment after the server.
async function listed(page, words) {
  const isThere = (words) => {
    const card = document.querySelector(".grsai-card");
    return card?.querySelector(".grsai-prompt").textContent.includes(words) && card.querySelector(".grsai-tile").dataset.state === "done";
  };
  await until(page, isThere, words);
}

// A picture that is edited within a mask, opened from the tab; the key D shows what changed, and then the comparison again.
async function showChange(page, words) {
  await page.evaluate(async (words) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 512, height: 512 });
    const drawing = canvas.getContext("2d");
    drawing.fillStyle = "#468";
    drawing.fillRect(0, 0, 512, 512);
    drawing.clearRect(180, 180, 150, 150); // LoadImage takes what is clear for the mask
    const form = new FormData();
    form.append("image", await new Promise((done) => canvas.toBlob(done, "image/png")), `${words}.png`);
    const { name } = await (await fetch("/upload/image", { method: "POST", body: form })).json();
    const load = { class_type: "LoadImage", inputs: { image: name } };
    const made = { prompt: words, count: 1, seed: 1, model: "nano-banana-fast", "model.aspect_ratio": "auto", "images.image_1": ["1", 0], mask: ["1", 1] };
    const output = { 1: load, 2: { class_type: "NanoBananaGenerate", inputs: made }, 3: { class_type: "PreviewImage", inputs: { images: ["2", 0] } } };
    await window.app.api.queuePrompt(0, { output, workflow: window.app.graph.serialize() });
  }, words);
  await until(page, async (words) => (await (await fetch(`/grsai/history?text=${encodeURIComponent(words)}`)).json()).entries[0]?.masked, words, 60_000);
  await page.getByLabel(/Search prompts/).fill(words);
  await listed(page, words);
  await page.locator(".grsai-card .grsai-prompt").first().click();
  const modes = [];
  for (const key of ["", "d", "D"]) {
    if (key) await page.keyboard.press(key);
    await page.waitForTimeout(500);
    modes.push(await page.locator("dialog.grsai-viewer .grsai-stage").getAttribute("data-mode"));
  }
  await page.keyboard.press("Escape");
  return modes;
}
