// Turns every setting of Settings → Banana Batch, the way a user does.
//     node settings.mjs URL '{"key": "sk-…", "far": "https://…", "address": "http://127.0.0.1:…"}'
// Answers with what the panel said after each step.
import { openFrontend, tell } from "./frontend.mjs";

await tell(async (url, { key, far, address, shot }) => {
  const page = await openFrontend(url, { vue: true }); // which draws a badge as text of the page
  try {
    await addNode(page);
    const said = { first: await openPanel(page) };
    await choose(page, "Grsai.Host", "own");
    await fill(page, "Grsai.Host", "input[type=url]", far);
    await status(page, "Grsai.Host", far);
    said.unsaved = await tryUnsaved(page, key);
    said.proxied = await save(page, key);
    await entry(page, "Grsai.Proxy").locator("input").click();
    await status(page, "Grsai.Key", key.slice(-4));
    said.direct = await test(page);
    await fill(page, "Grsai.Host", "input[type=url]", address);
    said.host = await status(page, "Grsai.Host", address);
    said.other = await status(page, "Grsai.Key", "another host");
    said.key = await save(page, key);
    said.empty = await saveNothing(page);
    said.forgotten = await forget(page);
    await save(page, key);
    await entry(page, "Grsai.Limit").locator("input").fill("2");
    await entry(page, "Grsai.Limit").locator("input").press("Enter");
    await page.waitForTimeout(500);
    said.focused = await page.evaluate(() => document.activeElement.closest("[data-setting]")?.dataset.setting);
    await choose(page, "Grsai.Currency", "usd");
    await page.waitForFunction(() => window.badge().startsWith("≈$"));
    said.badge = await page.evaluate(() => window.badge());
    await choose(page, "Grsai.Api", "legacy");
    await choose(page, "Grsai.Api", "unified");
    await fill(page, "Grsai.BudgetDay", "input", "2.5");
    await entry(page, "Grsai.Models").getByRole("button").click();
    said.asked = await status(page, "Grsai.Models", "Prices of the service");
    await page.waitForFunction(() => window.badge().includes("800"));
    said.prices = await page.evaluate(() => window.badge());
    await page.getByText(said.prices, { exact: true }).first().waitFor();
    await page.getByText(said.badge, { exact: true }).waitFor({ state: "detached" });
    if (shot) await page.screenshot({ path: shot });
    await fill(page, "Grsai.Limit", "input", "999");
    said.refused = await status(page, "Grsai.Limit", "999");
    await fill(page, "Grsai.Limit", "input", "2");
    said.box = await entry(page, "Grsai.Key").locator("input").inputValue();
    said.stored = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }));
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

function entry(page, id) {
  return page.locator(`[data-setting="${id}"]`);
}

async function addNode(page) {
  await page.evaluate(() => {
    const node = window.LiteGraph.createNode("NanoBananaGenerate");
    window.app.graph.add(node);
    window.badge = () => node.badges.at(-1)().text;
  });
}

async function openPanel(page) {
  await page.evaluate(() => window.app.extensionManager.command.execute("Comfy.ShowSettingsDialog"));
  await page.locator("[role=dialog], .p-dialog").getByText(/^(Banana Batch|香蕉批量)$/).first().click();
  await entry(page, "Grsai.Key").locator("small").waitFor();
  return entry(page, "Grsai.Key").locator("small").innerText();
}

async function choose(page, id, value) {
  await entry(page, id).locator("select").selectOption(value);
}

async function fill(page, id, selector, value) {
  const box = entry(page, id).locator(selector);
  await box.fill(value);
  await box.press("Tab");
}

// The line under an entry, once it holds `text`.
async function status(page, id, text) {
  const line = entry(page, id).locator("small", { hasText: text }).first();
  await line.waitFor();
  return line.innerText();
}

// What is said after a press of the button: how the test ended.
async function pressed(page, name) {
  const line = entry(page, "Grsai.Key").locator("small");
  await line.evaluate((element) => delete element.dataset.kind);
  await entry(page, "Grsai.Key").getByRole("button", { name }).click();
  await page.waitForFunction(isTested, await entry(page, "Grsai.Key").elementHandle(), { timeout: 60_000 });
  return line.innerText();
}

function test(page) {
  return pressed(page, "Test");
}

// Stores a key, which is tested then.
async function save(page, key) {
  await entry(page, "Grsai.Key").locator("input").fill(key);
  return pressed(page, "Save");
}

// Tests a key that is only typed; answers with what was said, and whether a key is stored.
async function tryUnsaved(page, key) {
  await entry(page, "Grsai.Key").locator("input").fill(key);
  return { said: await test(page), stored: await isStored(page) };
}

// Enter in the empty box; answers with whether Save could be pressed, and whether the key is still there.
async function saveNothing(page) {
  const box = entry(page, "Grsai.Key").locator("input");
  await box.focus();
  await page.keyboard.press("Enter");
  await page.waitForTimeout(500);
  return { enabled: await entry(page, "Grsai.Key").getByRole("button", { name: "Save" }).isEnabled(), stored: await isStored(page) };
}

// Presses Forget once and twice.
async function forget(page) {
  const button = entry(page, "Grsai.Key").getByRole("button", { name: /Forget/ });
  await button.click();
  const asked = [await button.innerText(), await isStored(page)];
  await button.click();
  await status(page, "Grsai.Key", "No key yet");
  return { asked, stored: await isStored(page), link: await entry(page, "Grsai.Key").getByRole("link").getAttribute("href") };
}

function isStored(page) {
  return page.evaluate(async () => (await (await fetch("/grsai/key")).json()).set);
}

// In the page: whether the line under the key says how the test ended.
function isTested(element) {
  const line = element.querySelector("small");
  return line.dataset.kind === "error" || /works/.test(line.textContent);
}
