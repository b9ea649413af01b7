// Load Banana Folder: what it shows of a folder, choosing another one, and what is dropped on it.
//     node folder.mjs URL '{"locale": "en", "vue": true, "folder": "/a/folder", "files": ["/a/picture.png", "/a/text.txt"]}'
import { openFrontend, tell, until } from "./frontend.mjs";

const SHOWN_MILLISECONDS = 15_000;

await tell(async (url, { locale, vue, folder, files, chosen, old }) => {
  const page = await openFrontend(url, { locale, vue });
  try {
    await add(page);
    const said = { fresh: await look(page, "8") };
    said.chosen = await choose(page, chosen);
    said.odd = await turn(page, "nowhere");
    said.files = await drop(page, files, "banana_dropped/");
    said.more = await drop(page, files.slice(0, 1), "banana_dropped/");
    said.folder = await drop(page, [folder], folder.split("/").at(-1));
    said.saved = await page.evaluate(() => window.node.serialize().widgets_values);
    said.old = await reopen(page, old);
    return { ...said, troubles: page.troubles };
  } finally {
    await page.done();
  }
});

async function add(page) {
  await page.evaluate(() => {
    const { app, LiteGraph } = window;
    app.graph.clear();
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [200, 150];
    window.node = LiteGraph.createNode("LoadBananaFolder");
    window.node.pos = [0, 0];
    app.graph.add(window.node);
    window.widgetOf = (name) => window.node.widgets.find((widget) => widget.name === name);
  });
}

// What the node says, once `words` stand in it; how many pictures it shows, and whether all of it fits into the node.
async function look(page, words) {
  await page.waitForFunction((words) => document.querySelector(".grsai-folder-words")?.textContent.includes(words), words, { timeout: SHOWN_MILLISECONDS });
  await page.waitForFunction(() => [...document.querySelectorAll(".grsai-folder img")].every((image) => image.naturalWidth), null, { timeout: SHOWN_MILLISECONDS });
  await page.waitForTimeout(500);
  return page.evaluate(() => {
    const box = document.querySelector(".grsai-folder");
    const said = box.querySelector(".grsai-folder-words");
    return {
      words: said.textContent,
      kind: said.dataset.kind,
      why: said.title,
      pictures: box.querySelectorAll("img").length,
      fits: box.scrollHeight <= box.clientHeight + 1,
      values: ["folder", "prompts_file"].map((name) => window.widgetOf(name).value),
    };
  });
}

async function choose(page, folder) {
  await page.locator(".grsai-folder").hover();
  const box = page.locator(".grsai-folder select").first();
  await until(page, (folder) => [...document.querySelector(".grsai-folder select").options].some(({ value }) => value === folder), folder);
  await box.selectOption(folder);
  return look(page, "1");
}

async function turn(page, folder) {
  await page.evaluate((folder) => {
    const widget = window.widgetOf("folder");
    widget.value = folder;
    widget.callback?.(folder);
  }, folder);
  const said = await look(page, folder);
  await page.evaluate(() => window.widgetOf("folder").callback((window.widgetOf("folder").value = "banana_demo/image")));
  await look(page, "8");
  return said;
}

// Files of the disk, as a hand drags them onto the title of the node.
async function drop(page, paths, begins) {
  const before = await page.evaluate(() => document.querySelector(".grsai-folder-words").textContent);
  const [x, y] = await page.evaluate(() => {
    const { ds, canvas } = window.app.canvas;
    const area = canvas.getBoundingClientRect();
    return [area.left + (60 + ds.offset[0]) * ds.scale, area.top + (20 + ds.offset[1]) * ds.scale];
  });
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
    await page.waitForTimeout(200);
  }
  await page.waitForFunction(
    ([begins, before]) => window.widgetOf("folder").value.startsWith(begins) && document.querySelector(".grsai-folder-words").textContent !== before,
    [begins, before],
    { timeout: SHOWN_MILLISECONDS },
  );
  await page.waitForTimeout(500);
  return look(page, "·");
}

// A workflow that was saved before the node showed anything.
async function reopen(page, workflow) {
  await page.evaluate((workflow) => window.app.loadGraphData(workflow, true, true, null), workflow);
  await page.evaluate(() => {
    window.node = window.app.graph.nodes.find((node) => node.type === "LoadBananaFolder");
  });
  return look(page, "8");
}
