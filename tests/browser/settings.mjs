// Turns every setting of Settings → Grsai, the way a user does.
//     node settings.mjs URL '{"key": "sk-…", "far": "https://…", "address": "http://127.0.0.1:…"}'
// Answers with what the panel said after each step.
import { openFrontend, tell } from "./frontend.mjs";

await tell(async (url, { key, far, address, shot }) => {
  const page = await openFrontend(url, {});
  try {
    await addNode(page);
    const said = { first: await openPanel(page) };
    await choose(page, "Grsai.Host", "own");
    await fill(page, "Grsai.Host", "input[type=url]", far);
    await status(page, "Grsai.Host", far);
    said.proxied = await test(page, key);
    await entry(page, "Grsai.Proxy").locator("input").click();
    await status(page, "Grsai.Key", key.slice(-4));
    said.direct = await test(page, null);
    await fill(page, "Grsai.Host", "input[type=url]", address);
    said.host = await status(page, "Grsai.Host", address);
    said.other = await status(page, "Grsai.Key", "another host");
    said.key = await test(page, key);
    await entry(page, "Grsai.Limit").locator("input").fill("2");
    await entry(page, "Grsai.Limit").locator("input").press("Enter");
    await page.waitForTimeout(500);
    said.focused = await page.evaluate(() => document.activeElement.closest("[data-setting]")?.dataset.setting);
    await choose(page, "Grsai.Currency", "usd");
    await page.waitForFunction(() => window.badge().startsWith("≈$"));
    said.badge = await page.evaluate(() => window.badge());
    await fill(page, "Grsai.Limit", "input", "999");
    said.refused = await status(page, "Grsai.Limit", "999");
    await fill(page, "Grsai.Limit", "input", "2");
    if (shot) await page.screenshot({ path: shot });
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
  await page.getByText("Grsai", { exact: true }).first().click();
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

// Stores the key if one is given, and presses Test.
async function test(page, key) {
  const line = entry(page, "Grsai.Key").locator("small");
  if (key) {
    await entry(page, "Grsai.Key").locator("input").fill(key);
    await entry(page, "Grsai.Key").getByRole("button", { name: "Save" }).click();
    await status(page, "Grsai.Key", `…${key.slice(-4)}`);
  }
  await entry(page, "Grsai.Key").getByRole("button", { name: "Test" }).click();
  await page.waitForFunction(isTested, await entry(page, "Grsai.Key").elementHandle(), { timeout: 60_000 });
  return line.innerText();
}

// In the page: whether the line under the key says how the test ended.
function isTested(element) {
  const line = element.querySelector("small");
  return line.dataset.kind === "error" || line.textContent.includes("works");
}
