// The first steps in a ComfyUI that nobody has used yet, without a key.
//     node start.mjs URL '{"locale": "en", "example": "1 Text to picture"}'
import { DIALOGS, openFrontend, openTab, post, tell, notices, until } from "./frontend.mjs";

const WAIT = { timeout: 30_000 };

await tell(async (url, { locale, example }) => {
  const page = await openFrontend(url, { locale, fresh: true });
  try {
    const said = { clicks: await fiveClicks(page, example), ...(await result(page)) };
    await post(`${url}/grsai/settings`, { host: "china" });
    said.closed = await escape(page);
    said.focused = await keyByKeyboard(page);
    said.locked = await locked(page);
    said.apart = await apart(page, url, locale);
    await post(`${url}/grsai/settings`, { host: "china" });
    said.panel = await panel(page);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

function dialog(page) {
  return page.locator("dialog.grsai-start");
}

// From the open page to the offline emulator, as a user goes. A first start opens the templates by itself.
async function fiveClicks(page, example) {
  let clicks = 0;
  const click = async (target) => {
    await target.click(WAIT);
    clicks += 1;
  };
  const category = page.locator("[role=dialog], .p-dialog").getByText(/^(Banana Batch|香蕉批量)$/).first();
  const opened = await category.waitFor({ timeout: 30_000 }).then(() => true, () => false);
  if (!opened) await click(page.locator(".templates-tab-button, [aria-label=Templates], [aria-label=模板]").first());
  await click(category);
  await click(page.getByText(example, { exact: true }).first());
  await page.waitForFunction(() => window.app.graph.nodes.some((node) => node.type === "NanoBananaGenerate"), null, WAIT);
  await click(page.locator('[data-testid="queue-button"], .comfyui-queue-button button').first());
  await dialog(page).waitFor(WAIT);
  await click(dialog(page).locator(".grsai-way").first());
  return clicks;
}

// What is on the canvas in the end.
async function result(page) {
  const toast = notices(page);
  await toast.first().waitFor(WAIT);
  const texts = await toast.allInnerTexts();
  await page.waitForFunction(isDrawn, null, WAIT);
  return { toasts: texts, dialogs: await page.locator(DIALOGS).count() };
}

function isDrawn() {
  const preview = window.app.graph.nodes.find((node) => node.type === "PreviewImage");
  const shown = [...(preview?.imgs ?? []), ...document.querySelectorAll(".lg-node img")];
  return shown.some((image) => image.src.includes("/view?") && image.naturalWidth > 100);
}

// Puts a node on the canvas and runs it; the dialog is there then.
async function runWithoutKey(page) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const [generate, preview] = ["NanoBananaGenerate", "PreviewImage"].map((type) => LiteGraph.createNode(type));
    for (const node of [generate, preview]) app.graph.add(node);
    generate.widgets.find((widget) => widget.name === "prompt").value = "a boat";
    generate.connect(0, preview, 0);
    return app.queuePrompt(0, 1);
  });
  await dialog(page).waitFor(WAIT);
}

async function escape(page) {
  await runWithoutKey(page);
  const words = await dialog(page).innerText();
  const links = await dialog(page).locator("a").evaluateAll((all) => all.map((link) => link.href));
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  await page.waitForTimeout(500); // ComfyUI has said its own by then
  const others = await page.locator("[data-testid=error-overlay]").filter({ visible: true }).count();
  const failed = await page.evaluate(() => Boolean(window.app.extensionManager.lastExecutionError));
  return { words, links, others, failed };
}

// With the keyboard alone to the box for the key; answers with what has the focus then.
async function keyByKeyboard(page) {
  await runWithoutKey(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.type === "password", null, WAIT);
  const focused = await page.evaluate(() => document.activeElement.closest("[data-setting]")?.dataset.setting);
  await page.keyboard.press("Escape");
  await page.locator('[data-setting="Grsai.Key"]').waitFor({ state: "detached" });
  return focused;
}

// The ways that are offered where the environment decides the service.
async function locked(page) {
  const settings = "**/grsai/settings";
  await page.route(settings, async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, json: { ...(await reply.json()), locked: ["host"] } });
  });
  await runWithoutKey(page);
  const ways = await dialog(page).locator(".grsai-way strong").allInnerTexts();
  await page.keyboard.press("Escape");
  await page.unroute(settings);
  return ways;
}

// What was queued beside the canvas is what runs once more.
async function apart(page, url, locale) {
  const node = (prompt) => ({ class_type: "NanoBananaGenerate", inputs: { prompt, count: 1, seed: 0, model: "nano-banana-fast", "model.aspect_ratio": "1:1" } });
  const prompt = `not on the canvas ${locale}`;
  await page.evaluate(async (output) => (await import("/extensions/grsai-nano-banana/js/comfy.js")).queue(output), {
    1: node(prompt),
    2: { class_type: "PreviewImage", inputs: { images: ["1", 0] } },
  });
  await dialog(page).waitFor(WAIT);
  await dialog(page).locator(".grsai-way").first().click();
  await until(page, async (prompt) => (await (await fetch("/grsai/history?limit=1&state=done")).json()).entries[0]?.prompt === prompt, prompt);
  return (await (await fetch(`${url}/grsai/history`)).json()).entries.map((entry) => entry.prompt);
}

// The same two ways in the sidebar.
async function panel(page) {
  await openTab(page);
  const buttons = page.locator(".grsai-balance button");
  await buttons.nth(1).waitFor(WAIT);
  const ways = await buttons.allInnerTexts();
  const boxes = await buttons.evaluateAll((all) => all.map((button) => button.getBoundingClientRect()).map(({ left, top, right, bottom }) => ({ left, top, right, bottom })));
  const elsewhere = page.locator(".grsai-note button");
  await elsewhere.click(WAIT);
  await page.locator(".grsai-card").first().waitFor(WAIT);
  await buttons.first().click();
  await page.locator(".grsai-balance strong").waitFor(WAIT);
  return { ways, boxes, then: await page.locator(".grsai-balance strong").innerText() };
}
