#!/usr/bin/env node
// Takes the pictures of docs/REVIEW.md, of a page that `python -m grsai review` serves over a folder of pictures nobody judged yet.
//     PW_HOME=<folder with node_modules/playwright-core> node tools/review_pictures.mjs 'http://127.0.0.1:…/?secret=…' en
// Best over the demo's photos with a service that takes a second. It judges, and makes two of them again. With `compare` behind it:
// of the table, over a folder in which two models were compared on four pictures.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "../tests/browser/frontend.mjs";
import { shrink } from "./photo.mjs";

const IMAGES = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "docs", "images");
const WIDTH = 1280;
const [url, language = "en", part = "page"] = process.argv.slice(2);
const browser = await launch();
if (part === "compare") await compare();
else await judge();
await browser.close();

async function open(colorScheme) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme })).newPage();
  await page.goto(url);
  await page.locator(".grsai-strip .grsai-tile").first().waitFor();
  await page.waitForTimeout(800);
  return page;
}

async function photograph(page, name) {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(600);
  const helper = await browser.newPage(); // the page itself lets nothing in
  await shrink(helper, await page.screenshot(), path.join(IMAGES, `${name}-${language}.jpg`), WIDTH);
  await helper.close();
}

async function judge() {
  const page = await open("light");
  for (const key of ["k", "r", "k", "ArrowRight", "k", "r", "k"]) await page.keyboard.press(key);
  await page.keyboard.press("5");
  await page.locator(".redo .primary:enabled").waitFor();
  await photograph(page, "review");
  await page.locator(".redo .primary").click();
  await page.locator(".live[data-state=ended]").waitFor();
  await page.locator(".live .grsai-tool").click();
  await page.close();

  const dark = await open("dark");
  await dark.keyboard.press("ArrowRight");
  await dark.keyboard.press("ArrowRight");
  await dark.keyboard.press("m");
  await dark.locator(".against").selectOption("version");
  await photograph(dark, "review-versions");
}

async function compare() {
  const page = await open("light");
  await page.keyboard.press("c");
  await page.locator(".cell .grsai-tile").nth(7).waitFor();
  for (const key of "krkkrkkr") {
    await page.keyboard.press(key);
    await page.keyboard.press("ArrowRight");
  }
  await page.locator("[data-winner]").first().waitFor();
  await page.locator(".table").evaluate((table) => table.scrollTo(0, 0));
  await photograph(page, "review-compare");
}
