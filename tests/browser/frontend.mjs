// ComfyUI's frontend in a headless Chromium. Needs playwright-core (looked for where PW_HOME says, beside this file, in the home
// folder, and where npm install --global puts it) and a Chromium (CHROMIUM, or where the system keeps it).
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const CHROMIUMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const GLOBAL = path.join(path.dirname(process.execPath), "..", "lib");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"];
const READY_MILLISECONDS = 90_000;
const OWN_WORKFLOW_MILLISECONDS = 4_000;
const SETTLED_MILLISECONDS = 300; // from its nodes to its end

// Without these a dialog stands in front of the canvas.
const QUIET = {
  "Comfy.TutorialCompleted": true,
  "Comfy.Workflow.Persist": false,
  "Comfy.Workflow.WarnBlueprintOverwrite": false,
};

/** Whatever window stands open, ComfyUI's or the pack's. */
export const DIALOGS = ".p-dialog:visible, [role=dialog]:visible, dialog[open]";

/**
 * Opens the frontend. `locale`: en or zh; `vue`: the Vue canvas; `palette`: dark or light; `fresh`: for the first time, so that
 * only the language is the browser's and all else as ComfyUI has it; `sharp`: pixels of a screenshot to one of the page. Close it
 * with `page.done()`.
 */
export async function openFrontend(url, options = {}) {
  const { locale = "en", vue = false, palette = "dark", size = [1600, 1000], settings = {}, fresh = false, sharp = 1 } = options;
  const browser = await launch();
  const context = await browser.newContext({
    viewport: { width: size[0], height: size[1] },
    deviceScaleFactor: sharp,
    locale: locale === "zh" ? "zh-CN" : "en-US",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.done = () => browser.close();
  page.troubles = listen(page);
  await page.addInitScript(watchWarnings, OLD);
  await stayHome(page, url);
  const chosen = { ...QUIET, "Comfy.Locale": locale, "Comfy.VueNodes.Enabled": vue, "Comfy.ColorPalette": palette, ...settings };
  if (!fresh) await post(`${url}/api/settings`, chosen);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.waitForFunction(isReady, null, { timeout: READY_MILLISECONDS });
  await page.evaluate(() => (window.LiteGraph.alwaysRepeatWarnings = true)); // else only the first caller is told
  if (!fresh) await ownWorkflow(page);
  return page;
}

/** A headless Chromium. */
export function launch() {
  return playwright().chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

/** Opens the tab of the pack in the sidebar. */
export async function openTab(page) {
  await page.locator("button:has(.grsai-banana-icon)").click();
}

/** What the pack says in passing. */
export function notices(page) {
  return page.locator(".grsai-notice");
}

/** Posts JSON. The reply is read to its end: one that is not keeps Node alive as long as the server keeps the connection. */
export async function post(address, body) {
  const headers = { "Content-Type": "application/json" };
  return (await fetch(address, { method: "POST", headers, body: JSON.stringify(body) })).text();
}

/** Waits until `look(argument)`, which the page may take its time for, answers with something; `waitForFunction` takes a promise for a yes. */
export async function until(page, look, argument, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  while (!(await page.evaluate(look, argument))) {
    if (Date.now() > end) throw new Error(`it does not come about: ${look}`);
    await page.waitForTimeout(100);
  }
}

/** Why the browser tests cannot run here, or null. */
export function whatIsMissing() {
  try {
    playwright();
  } catch {
    return "playwright-core is not installed (npm install playwright-core; PW_HOME names its folder)";
  }
  return chromiumPath() ? null : "there is no Chromium (CHROMIUM names one)";
}

function playwright() {
  const folders = [process.env.PW_HOME, path.dirname(fileURLToPath(import.meta.url)), os.homedir(), GLOBAL].filter(Boolean);
  const require = createRequire(import.meta.url);
  return require(require.resolve("playwright-core", { paths: folders }));
}

function chromiumPath() {
  return [process.env.CHROMIUM, ...CHROMIUMS].find((each) => each && fs.existsSync(each)) ?? null;
}

const OLD = "a call that is deprecated: ";

// In the page: what ComfyUI says against a call of ours.
function watchWarnings(old) {
  const { warn } = console;
  console.warn = (...said) => {
    if (/deprecated/i.test(String(said[0])) && new Error().stack.includes("/extensions/grsai")) console.error(old + said[0]);
    warn.apply(console, said);
  };
}

// Errors that come from a script of ours or that nobody caught, and calls of ours that will go.
function listen(page) {
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error.stack ?? error).slice(0, 600)));
  page.on("console", (message) => {
    const from = message.location().url;
    const isOurs = from.includes("/extensions/grsai") || message.text().startsWith(OLD);
    if (message.type() === "error" && isOurs) troubles.push(message.text().slice(0, 600));
  });
  return troubles;
}

// Nothing outside of this ComfyUI is fetched.
async function stayHome(page, url) {
  await page.route("**/*", (route) => {
    const to = route.request().url();
    return to.startsWith(url) || /^(data|blob):/.test(to) ? route.continue() : route.abort();
  });
}

function isReady() {
  const types = Object.keys(window.LiteGraph?.registered_node_types ?? {});
  return Boolean(window.app?.graph && types.includes("BatchBanana") && document.querySelector("button .grsai-banana-icon"));
}

// ComfyUI's newer frontends load a workflow of their own last, over whatever is on the canvas by then; older ones have none.
async function ownWorkflow(page) {
  const loaded = page.waitForFunction(() => window.app.graph.nodes.length, null, { timeout: OWN_WORKFLOW_MILLISECONDS });
  await loaded.then(() => page.waitForTimeout(SETTLED_MILLISECONDS), () => {});
}

/** Runs a script of this folder: `story(url, options)` with what the command line gives; its answer goes to stdout as JSON. */
export async function tell(story) {
  const [url, options = "{}"] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await story(url, JSON.parse(options))));
}
