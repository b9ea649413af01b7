// Uses the page on which pictures are judged, by its keys.
//     node review.mjs URL '{"story": "judge"}'
import { launch, tell, until } from "../browser/frontend.mjs";

const WAIT = { timeout: 30_000 };
const STORIES = { judge, redo, live, look, stop, busy, compare, many };

await tell(async (url, { story, locale = "en", ...options }) => {
  const browser = await launch();
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: locale === "zh" ? "zh-CN" : "en-US" });
    const page = await context.newPage();
    const troubles = [];
    page.on("pageerror", (error) => troubles.push(String(error.stack ?? error).slice(0, 600)));
    page.on("console", (message) => message.type() === "error" && troubles.push(message.text().slice(0, 600)));
    page.ask = asks(url);
    await page.goto(url);
    await page.locator(".grsai-strip .grsai-tile").first().waitFor(WAIT);
    return { ...(await STORIES[story](page, options)), troubles };
  } finally {
    await browser.close();
  }
});

// What the server knows, asked beside the page.
function asks(url) {
  const { origin, searchParams } = new URL(url);
  return async (path) => (await fetch(`${origin}/${path}`, { headers: { "X-Secret": searchParams.get("secret") } })).json();
}

function name(page) {
  return page.locator(".about h2").innerText();
}

function place(page) {
  return page.locator(".steps .place").innerText();
}

function counts(page) {
  return page.locator("#tools .choice button").allInnerTexts();
}

// Of each tile of the strip, in order: its verdict, and what is written in its corner.
function marks(page) {
  return page.locator(".grsai-strip .grsai-tile:not([hidden])").evaluateAll((tiles) => {
    const inOrder = tiles.sort((left, right) => parseFloat(left.style.left) - parseFloat(right.style.left));
    return inOrder.map((tile) => [tile.dataset.verdict, tile.querySelector(".grsai-tile-marks").textContent]);
  });
}

// Held down as long as a finger holds a key; what is on disk then.
async function press(page, key) {
  const before = page.locator(".about h2");
  const seen = await before.innerText();
  await page.keyboard.down(key);
  await page.waitForTimeout(120);
  const { pictures } = await page.ask("pictures");
  await page.keyboard.up(key);
  return [seen, pictures.find((picture) => picture.name === seen).verdict, await before.innerText()];
}

async function judge(page) {
  const said = { first: await name(page), place: await place(page), released: [await press(page, "k"), await press(page, "r")] };
  await page.keyboard.press("4");
  await page.keyboard.press("n");
  await page.keyboard.type("the hands are k r 5 wrong");
  await page.keyboard.press("Enter");
  await until(page, () => !document.activeElement.matches("textarea"));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("r");
  await page.keyboard.press("u"); // the reject
  said.undone = await name(page);
  await page.keyboard.press("End");
  await page.keyboard.press("k"); // there is no next one
  said.last = [await name(page), await place(page)];
  await until(page, async () => document.querySelector("#tools").textContent.includes("Kept 2"));
  said.counts = await counts(page);
  said.marks = await marks(page);
  said.filtered = [];
  for (let turn = 0; turn < 4; turn += 1) {
    await page.keyboard.press("f");
    said.filtered.push([await page.locator("#tools [aria-pressed=true]").getAttribute("value"), (await marks(page)).length]);
  }
  await page.keyboard.press("?");
  said.keys = await page.locator("dialog.keys[open] kbd").allInnerTexts();
  await page.keyboard.press("?");
  said.closed = await page.locator("dialog.keys[open]").count();
  said.zip = await page.locator("a[download]").evaluate(async (link) => [...new Uint8Array(await (await fetch(link.href)).arrayBuffer())].slice(0, 2));
  return said;
}

// The zoom, the ways to compare, pointer and touch.
async function look(page) {
  const stage = page.locator(".grsai-stage");
  const box = () => page.locator(".grsai-frame-after img").evaluate((image) => [image.getBoundingClientRect().width / image.naturalWidth, image.getBoundingClientRect().top]);
  await until(page, () => document.querySelector(".grsai-frame-after img").naturalWidth > 512);
  const said = { modes: [] };
  for (let turn = 0; turn < 3; turn += 1) {
    said.modes.push(await stage.getAttribute("data-mode"));
    await page.keyboard.press("m");
  }
  const { x, y, width, height } = await stage.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 3, y + height / 2, { steps: 4 });
  await page.mouse.up();
  said.slid = Number(await page.locator(".grsai-stage > input").inputValue());
  await page.keyboard.press("z");
  const [scale, top] = await box();
  await page.mouse.move(x + 0.75 * width, y + height / 4);
  await page.mouse.down();
  await page.mouse.move(x + 0.75 * width, y + height / 4 - 60, { steps: 4 });
  await page.mouse.up();
  said.zoomed = [scale, Math.round((await box())[1] - top)];
  await page.keyboard.press("ArrowRight"); // the zoom stays, to compare one picture with the next
  await until(page, () => document.querySelector(".grsai-frame-after img").naturalWidth > 512 && !document.querySelector(".grsai-loading"));
  said.next = (await box())[0];
  await page.keyboard.press("z");
  said.fit = (await box())[0];
  await page.locator(".grsai-judge[data-verdict=keep]").click();
  said.kept = [await place(page), (await marks(page))[1][0]];
  await page.locator(".grsai-strip .grsai-tile").nth(3).click();
  said.clicked = await place(page);
  return said;
}

async function redo(page, { prompt }) {
  await page.keyboard.press("r");
  await page.keyboard.press("k");
  await page.keyboard.press("r");
  const button = page.locator(".redo .primary");
  await button.filter({ hasText: "¥" }).waitFor(WAIT);
  const said = { label: await button.innerText() };
  await page.locator(".redo summary").click();
  await page.locator(".redo textarea").fill(prompt);
  await page.locator(".redo select[name=model]").selectOption("nano-banana-2");
  await page.locator(".redo select[name=image_size]").selectOption("1K");
  await until(page, (label) => !document.querySelector(".redo .primary").disabled && document.querySelector(".redo .primary").textContent !== label, said.label);
  said.dearer = await button.innerText();
  await button.click();
  await page.locator(".live[data-state=ended]").waitFor(WAIT);
  said.live = await page.locator(".live .told").innerText();
  await until(page, () => document.querySelectorAll(".grsai-strip .grsai-tile:not([hidden])").length === 8);
  said.marks = (await marks(page)).map(([verdict]) => verdict);
  await page.keyboard.press("Home");
  const first = await name(page);
  await page.keyboard.press("ArrowDown");
  said.versions = [first, await name(page), await page.locator(".grsai-versions .grsai-tile").count()];
  said.prompt = await page.locator(".grsai-whole-prompt").innerText();
  await page.locator(".against").selectOption("version");
  said.against = await page.locator(".grsai-frame-before img").getAttribute("src");
  said.again = await page.locator(".redo").isVisible();
  return said;
}

// Pictures come while the first ones are judged.
async function live(page, { total }) {
  const said = { told: await page.locator(".live .told").innerText(), begun: (await marks(page)).length };
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowLeft");
  const seen = await name(page);
  await until(page, (total) => document.querySelectorAll(".grsai-strip .grsai-tile:not([hidden])").length === total, total, 60_000);
  said.stayed = (await name(page)) === seen;
  await page.locator(".live[data-state=ended]").waitFor(WAIT);
  return { ...said, ended: await page.locator(".live .told").innerText(), counts: await counts(page) };
}

// What the page itself began is stopped by it.
async function stop(page) {
  for (const key of ["r", "r", "r", "r"]) await page.keyboard.press(key);
  await page.locator(".redo .primary:enabled").filter({ hasText: "4" }).click();
  const told = page.locator(".live .told");
  await told.filter({ hasText: "0 of 4" }).waitFor(WAIT);
  await page.locator(".live .button").click();
  await page.locator(".live[data-state=ended]").waitFor(WAIT);
  return { told: await told.innerText() };
}

// Presses keys, as fast as somebody judges, until the run is over.
async function busy(page, { keys }) {
  let pressed = 0;
  while (!(await page.locator(".live[data-state=ended]").count())) {
    await page.keyboard.press(keys[pressed % keys.length]);
    pressed += 1;
    await page.waitForTimeout(100);
  }
  return { pressed };
}

// Two models on two pictures, judged without their names; then the one of which more were kept is run on all.
async function compare(page) {
  await page.keyboard.press("c");
  const heads = () => page.locator(".compare thead th:not(:first-child)").evaluateAll((all) => all.map((head) => [head.querySelector("strong").textContent, head.textContent]));
  const facts = () => page.locator(".cell .facts").allInnerTexts();
  await page.locator(".cell").nth(3).waitFor(WAIT);
  const said = { blind: [await heads(), await facts()] };
  for (const key of ["k", "ArrowRight", "r", "ArrowDown", "k", "ArrowLeft"]) await page.keyboard.press(key);
  said.still = (await heads())[0][0];
  await page.keyboard.press("k"); // the last one: names are seen now
  await page.locator("[data-winner]").first().waitFor(WAIT);
  said.seen = [await heads(), await facts()];
  said.winner = await page.locator("[data-winner] strong").innerText();
  await page.locator(".cell .grsai-tile").first().click();
  await page.keyboard.press("5"); // no key of the table: it stays as it is
  await page.keyboard.press("Escape");
  await page.locator("[data-winner] .button").click();
  const sure = page.locator("[data-winner] .button.primary");
  await sure.waitFor(WAIT);
  said.sure = await sure.innerText();
  await sure.click();
  await page.locator(".live[data-state=ended]").waitFor(WAIT);
  said.live = await page.locator(".live .told").innerText();
  await until(page, () => document.querySelectorAll(".grsai-strip .grsai-tile:not([hidden])").length === 6);
  return said;
}

// Thousands: when the page is first seen, how long a key takes to the next picture, and what the page holds.
async function many(page, { steps }) {
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const shown = await page.evaluate(() => performance.now());
  await until(page, () => document.querySelector("#tools .choice button").textContent.includes("5,000"));
  await page.evaluate(timeKeys);
  const times = [];
  for (let step = 0; step < steps; step += 1) {
    times.push(await page.evaluate(() => window.pressed("ArrowRight")));
    await page.waitForTimeout(60);
  }
  const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
  const before = [await nodes(), await heap(page)];
  await page.keyboard.press("End");
  for (let jump = 0; jump < 40; jump += 1) {
    await page.evaluate((share) => (document.querySelector(".grsai-strip").scrollLeft = share * 450_000), jump / 40);
    await page.waitForTimeout(50);
  }
  await page.keyboard.press("Home");
  for (let step = 0; step < steps; step += 1) await page.keyboard.press("k");
  await page.waitForTimeout(500);
  return { paint, shown, times, before, after: [await nodes(), await heap(page)], place: await place(page) };
}

// From the key to the frame in which the next picture stands in its place.
function timeKeys() {
  window.pressed = async (key) => {
    const picture = document.querySelector(".grsai-frame-after img");
    const before = document.querySelector(".about h2").textContent;
    const begun = performance.now();
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    while (document.querySelector(".grsai-loading") || document.querySelector(".about h2").textContent === before || !picture.complete) {
      await new Promise(requestAnimationFrame);
    }
    await picture.decode().catch(() => {});
    await new Promise(requestAnimationFrame);
    return performance.now() - begun;
  };
}

// Megabytes of JavaScript, after a collection.
async function heap(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 2 ** 20;
}
