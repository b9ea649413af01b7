// What Run would make and cost, on the nodes and in the tab, and the question before a run that costs much.
//     node outlook.mjs URL '{"locale": "en", "vue": true}'
import { openFrontend, openTab, post, tell, until } from "./frontend.mjs";

const SHOWN_MILLISECONDS = 15_000;
const QUIET_MILLISECONDS = 1_500; // in which the server would have counted, and Run would have queued

await tell(async (url, { locale, vue, blueprint }) => {
  await post(`${url}/grsai/settings`, { host: "china", ask_above: null });
  const page = await openFrontend(url, { locale, vue });
  try {
    const said = { counted: await counted(page, vue) };
    said.control = await page.evaluate(() => window.batch.widgets[4].name);
    said.subgraph = await subgraph(page, blueprint);
    said.asked = await asked(page, url);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
    await post(`${url}/grsai/settings`, { host: "offline", ask_above: null });
  }
});

// The badge of a batch of a folder, and the line in the tab: at first, with another seed or prompt file, and with a second node.
async function counted(page, vue) {
  await page.evaluate(async () => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    app.canvas.ds.scale = 0.6;
    app.canvas.ds.offset = [600, 150];
    const add = (type, pos) => {
      const node = LiteGraph.createNode(type);
      node.pos = pos;
      app.graph.add(node);
      return node;
    };
    window.folder = add("LoadBananaFolder", [0, 0]);
    window.batch = add("BatchBanana", [500, 0]);
    for (const [from, to] of [["images", "images"], ["names", "names"], ["prompts", "prompts"]]) {
      const slot = (slots, name) => slots.findIndex((each) => each.name === name);
      window.folder.connect(slot(window.folder.outputs, from), window.batch, slot(window.batch.inputs, to));
    }
    window.turn = (node, name, value) => {
      const widget = node.widgets.find((each) => each.name === name);
      widget.value = value;
      widget.callback?.(value);
    };
    window.badgeOf = (node) => node.badges.at(-1)().text;
    window.inTab = () => document.querySelector(".grsai-total:not([hidden]) strong")?.textContent ?? "";
  });
  await openTab(page);
  const seen = [await settled(page)];
  if (vue) await page.getByText(seen[0][0], { exact: true }).first().waitFor({ timeout: SHOWN_MILLISECONDS });
  await page.evaluate(() => window.turn(window.batch, "model", "nano-banana-2"));
  seen.push(await settled(page));
  await page.evaluate(() => {
    window.turn(window.batch, "model", "nano-banana-fast");
    const node = window.LiteGraph.createNode("NanoBananaGenerate");
    const preview = window.LiteGraph.createNode("PreviewImage");
    for (const each of [node, preview]) window.app.graph.add(each);
    node.connect(0, preview, 0);
    window.turn(node, "prompt", "a red boat");
    window.turn(node, "count", 2);
  });
  seen.push(await settled(page));
  return seen;
}

// Badge and tab once the server has counted: both say the time then.
async function settled(page) {
  await page.waitForTimeout(100);
  await page.waitForFunction(() => /about|约/.test(window.badgeOf(window.batch)) && /about|约/.test(window.inTab()), null, { timeout: SHOWN_MILLISECONDS });
  await page.waitForTimeout(QUIET_MILLISECONDS / 2);
  return page.evaluate(() => [window.badgeOf(window.batch), window.inTab()]);
}

// What the node says on its outside that stands for a subgraph, and there with another model and a prompt; what Run would send then.
async function subgraph(page, workflow) {
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), workflow);
  const badge = () => page.evaluate(() => window.badgeOf(window.app.graph.nodes[0]));
  await page.waitForFunction(() => /about|约/.test(window.badgeOf(window.app.graph.nodes[0])), null, { timeout: SHOWN_MILLISECONDS });
  const before = await badge();
  await page.evaluate(() => {
    const [node] = window.app.graph.nodes;
    window.turn(node, "model", "nano-banana-2");
    window.turn(node, "prompts", "a third");
    window.app.api.dispatchCustomEvent("graphChanged"); // as a hand that does it has it told
  });
  const others = (before) => /about|约/.test(window.badgeOf(window.app.graph.nodes[0])) && !window.badgeOf(window.app.graph.nodes[0]).startsWith(before);
  await page.waitForFunction(others, before, { timeout: SHOWN_MILLISECONDS });
  const sent = await page.evaluate(async () => Object.values((await window.app.graphToPrompt()).output).find(({ class_type }) => class_type === "BatchBanana").inputs);
  return { before, after: await badge(), model: [sent.model, sent["model.image_size"]] };
}

// Run with different sums above which it asks: whether it queued, and what the question said. No key is there, so nothing is made.
async function asked(page, url) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    window.batch = LiteGraph.createNode("BatchBanana");
    app.graph.add(window.batch);
    window.turn(window.batch, "prompts", Array.from({ length: 16 }, (_, number) => `boat ${number}`).join("\n"));
    window.queued = 0;
    const { api } = app;
    api.queuePrompt = async () => ({ prompt_id: String(++window.queued), number: window.queued, node_errors: {} });
  });
  const press = async (sum, times = 1) => {
    await post(`${url}/grsai/settings`, { ask_above: sum });
    const before = await page.evaluate(() => window.queued);
    await page.evaluate((times) => void window.app.queuePrompt(0, times), times);
    const dialog = page.locator("dialog.grsai-ask");
    await Promise.race([
      dialog.waitFor({ timeout: SHOWN_MILLISECONDS }),
      until(page, (before) => window.queued > before, before, SHOWN_MILLISECONDS),
    ]);
    return (await dialog.count()) ? dialog : null;
  };
  const ended = async (button) => {
    await button.click();
    await page.waitForTimeout(QUIET_MILLISECONDS);
    return page.evaluate(() => window.queued);
  };
  const said = {};
  said.below = [(await press(0.71)) === null, await page.evaluate(() => window.queued)];
  said.never = [(await press(0)) === null, await page.evaluate(() => window.queued)];
  const dialog = await press(0.7);
  said.words = await dialog.innerText();
  said.cancelled = await ended(dialog.locator("footer button").nth(1));
  said.run = await ended((await press(0.7)).locator("footer button").last());
  said.fixed = [(await press(0.71, 3)) === null, await page.evaluate(() => window.queued)];
  await page.evaluate(() => (window.batch.widgets.find((widget) => widget.name === "seed").linkedWidgets[0].value = "randomize"));
  said.random = await (await press(0.71, 3)).innerText();
  return said;
}
