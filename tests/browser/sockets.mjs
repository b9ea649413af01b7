// What a node keeps of its sockets when it is copied, and what is read on it.
//     node sockets.mjs URL '{"locale": "en", "vue": true}'
import { openFrontend, tell } from "./frontend.mjs";

const SETTLED_MILLISECONDS = 800; // sockets that grow as they are wired

await tell(async (url, { locale, vue }) => {
  const page = await openFrontend(url, { locale, vue });
  try {
    const said = { pasted: await pasted(page) };
    said.reloaded = await reloaded(page);
    said.choices = await choices(page);
    said.named = await named(page);
    said.grown = await grown(page, vue);
    if (!vue) said.heights = await heights(page);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

// Sockets and wires of a node with three, and of its copy.
async function pasted(page) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const add = (type, pos) => {
      const node = LiteGraph.createNode(type);
      node.pos = pos;
      app.graph.add(node);
      return node;
    };
    const wire = (from, to, name) => from.connect(0, to, to.inputs.findIndex((input) => input.name === name));
    window.sockets = (node) => node.inputs.filter((input) => /^(images[.]|image_urls)/.test(input.name)).map((input) => input.name);
    window.wires = async () => {
      const nodes = Object.values((await app.graphToPrompt()).output).filter((node) => node.class_type === "NanoBananaGenerate");
      return nodes.map(({ inputs }) => Object.keys(inputs).filter((name) => Array.isArray(inputs[name])));
    };
    const [one, two, upload, node] = [add("LoadImage", [0, 0]), add("LoadImage", [0, 400]), add("GrsaiUpload", [350, 500]), add("NanoBananaGenerate", [700, 0])];
    wire(one, node, "images.image_1");
    requestAnimationFrame(() => {
      wire(two, node, "images.image_2");
      wire(two, upload, "images");
      wire(upload, node, "image_urls");
    });
  });
  await page.waitForTimeout(SETTLED_MILLISECONDS);
  await page.evaluate(() => {
    const { canvas, graph } = window.app;
    canvas.selectItems([...graph.nodes]);
    canvas.copyToClipboard();
    canvas.pasteFromClipboard();
  });
  return look(page);
}

async function reloaded(page) {
  await page.evaluate(() => window.app.loadGraphData(window.app.graph.serialize(), true, true, null));
  return look(page);
}

async function look(page) {
  await page.waitForTimeout(SETTLED_MILLISECONDS);
  return page.evaluate(async () => {
    const nodes = window.app.graph.nodes.filter((node) => node.type === "NanoBananaGenerate");
    return { sockets: nodes.map(window.sockets), wires: await window.wires() };
  });
}

// How the values of a widget read, and what the workflow holds of them.
async function choices(page) {
  return page.evaluate(() => {
    const node = window.LiteGraph.createNode("BatchBanana");
    window.app.graph.add(node);
    const widgets = ["pairing", "on_failure"].map((name) => node.widgets.find((widget) => widget.name === name));
    return widgets.map((widget) => [widget.value, widget.options.values.map((value) => widget.options.getOptionLabel(value))]);
  });
}

// What the classic canvas writes where the box for prompts was, without and with a wire.
async function named(page) {
  return page.evaluate(() => {
    const { app, LiteGraph } = window;
    const [folder, node] = ["LoadBananaFolder", "BatchBanana"].map((type) => LiteGraph.createNode(type));
    for (const each of [folder, node]) app.graph.add(each);
    const written = () => {
      const texts = [];
      node.onDrawForeground({ fillText: (text) => texts.push(text) });
      return texts;
    };
    const before = written();
    folder.connect(2, node, node.inputs.findIndex((input) => input.name === "prompts"));
    return [before, written()];
  });
}

// What the sockets of a batch are called that grow: new, after a wire, and in a workflow that is opened again.
async function grown(page, vue) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    const [photo, node] = ["LoadImage", "BatchBanana"].map((type) => LiteGraph.createNode(type));
    for (const each of [photo, node]) app.graph.add(each);
    node.pos = [400, 0];
    window.names = () => {
      const batch = app.graph.nodes.find((each) => each.type === "BatchBanana");
      return batch.inputs.filter(({ name }) => name.includes(".image_")).map((input) => input.label ?? input.localized_name ?? input.name);
    };
    window.wirePaired = () => photo.connect(0, node, node.inputs.findIndex(({ name }) => name === "paired.image_1"));
  });
  const read = async () => {
    await page.waitForTimeout(SETTLED_MILLISECONDS);
    const names = await page.evaluate(() => window.names());
    if (vue) for (const name of names) await page.locator("[data-node-id]").getByText(name, { exact: true }).first().waitFor({ timeout: 5000 });
    return names;
  };
  const seen = [await read()];
  await page.evaluate(() => window.wirePaired());
  seen.push(await read());
  await page.evaluate(() => window.app.loadGraphData(window.app.graph.serialize(), true, true, null));
  seen.push(await read());
  return seen;
}

// How much of a node its box for prompts takes, without and with a wire.
async function heights(page) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    [window.folder, window.node] = ["LoadBananaFolder", "BatchBanana"].map((type) => LiteGraph.createNode(type));
    for (const each of [window.folder, window.node]) app.graph.add(each);
    window.node.pos = [450, 50];
    app.canvas.ds.offset = [50, 100];
    app.canvas.ds.scale = 1;
  });
  const height = async () => {
    await page.waitForTimeout(SETTLED_MILLISECONDS);
    return page.evaluate(() => {
      const { widgets } = window.node;
      const at = widgets.findIndex(({ name }) => name === "prompts");
      return widgets[at + 1].y - widgets[at].y;
    });
  };
  const before = await height();
  await page.evaluate(() => window.folder.connect(2, window.node, window.node.inputs.findIndex((input) => input.name === "prompts")));
  return [before, await height()];
}
