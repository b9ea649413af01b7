// Settings → Grsai. Each entry draws itself and talks to the pack's own routes: nothing of it, the key least of all,
// gets into ComfyUI's settings file, because the setter that ComfyUI hands over is never called.
import { openSettings } from "./comfy.js";
import { h, soon } from "./dom.js";
import { get, inLanguage, post } from "./routes.js";
import { balance, refreshPrices } from "./money.js";
import { t } from "./texts.js";

const HOSTS = ["china", "overseas", "offline", "own"];
const CURRENCIES = ["cny", "usd", "credits"];
const MOST_AT_ONCE = 200;
const VARIABLES = { host: "GRSAI_BASE_URL", limit: "GRSAI_LIMIT", proxy: "GRSAI_PROXY" };
const KEY_STATUS = { environment: "key.from_environment", file: "key.set", ".env": "key.from_dotenv", offline: "key.offline" };

// The entries that are on the screen, so that a change of one can redraw the others.
const drawn = new Map();
// Changes go one after the other: what the redrawing of one shows must not hide what the next one is refused for.
let changes = Promise.resolve();

/** What `registerExtension` takes. ComfyUI lists the higher `sortOrder` first. */
export const SETTINGS = [
  entry("Grsai.Key", ["Grsai", "Key and service", "Key"], "API key", drawKey, 50),
  entry("Grsai.Host", ["Grsai", "Key and service", "Host"], "Service", drawHost, 40),
  entry("Grsai.Proxy", ["Grsai", "Key and service", "Proxy"], "Use the proxy of the system", drawProxy, 30),
  entry("Grsai.Limit", ["Grsai", "Limits and prices", "Limit"], "Most pictures at once", drawLimit, 20),
  entry("Grsai.Currency", ["Grsai", "Limits and prices", "Currency"], "Currency of prices", drawCurrency, 10),
];

/** Opens Settings → Grsai with the cursor where the key is entered. */
export async function enterKey() {
  await openSettings();
  const box = await soon(() => document.querySelector('[data-setting="Grsai.Key"] input:enabled'));
  box?.focus();
}

const TOOLTIPS = {
  "Grsai.Key": "Stored in a private folder of this ComfyUI, never in a workflow, a picture or ComfyUI's settings file.",
  "Grsai.Host": "China and overseas share one key. The offline emulator makes test pictures without key or cost.",
  "Grsai.Proxy": "Off: connect directly, whatever proxy the system names.",
  "Grsai.Limit": "Over all nodes and runs of this ComfyUI. 0: the largest concurrency among the running nodes counts.",
  "Grsai.Currency": "How prices are shown on nodes and in the sidebar.",
};
for (const setting of SETTINGS) setting.tooltip = TOOLTIPS[setting.id];

function entry(id, category, name, draw, sortOrder) {
  const type = () => {
    const box = h("div", { class: "grsai-setting", "data-setting": id });
    drawn.set(id, { box, draw });
    redraw(id);
    return box;
  };
  return { id, category, name, type, defaultValue: "", sortOrder };
}

async function redraw(id) {
  const { box, draw } = drawn.get(id);
  const now = await draw().catch((error) => [note(error.text ?? String(error), "error")]);
  const held = box.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  box.replaceChildren(...now);
  if (held) box.querySelector(`[aria-label="${held}"]`)?.focus();
}

function redrawAll() {
  return Promise.all([...drawn.keys()].filter((id) => drawn.get(id).box.isConnected).map(redraw));
}

// The key

async function drawKey() {
  const key = await get("key");
  const status = note(keyStatus(key), key.set ? "good" : "plain");
  const box = h("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: key.set && key.last4 ? `••••••••${key.last4}` : t("key.placeholder"),
    "aria-label": t("key.label"),
    disabled: !key.writable,
  });
  const save = button("key.save", () => keep(box.value.trim(), status), !key.writable);
  const test = button("key.test", () => tryKey(status));
  const forget = key.source === "file" && button("key.forget", () => keep("", status), !key.writable);
  box.addEventListener("keydown", (event) => event.key === "Enter" && keep(box.value.trim(), status));
  return [h("div", { class: "grsai-row" }, box, save, test, forget), status];
}

function keyStatus(key) {
  if (key.other_host) return t("key.other_host");
  if (!key.set && key.source !== "offline") return t("key.unset");
  return t(KEY_STATUS[key.source], { last4: key.last4 });
}

async function keep(text, status) {
  await said(status, async () => {
    await post("key", { key: text });
    await redrawAll();
  });
}

async function tryKey(status) {
  say(status, t("key.testing"), "plain");
  await said(status, async () => {
    const reply = await post("key/test");
    if (!reply.ok) return say(status, inLanguage(reply.error), "error");
    await refreshPrices();
    say(status, reply.offline ? t("key.works_offline") : t("key.works", { balance: balance(reply.credits) }), "good");
  });
}

// The others

async function drawHost() {
  const now = await get("settings");
  const status = note(now.service ? t("host.now", { service: now.service }) : "", "plain");
  const own = ownAddress(now);
  own.hidden = now.host !== "own";
  const chosen = async (host) => {
    own.hidden = host !== "own";
    if (host === "own" && !own.value) return own.focus();
    await change("Grsai.Host", { host, ...(host === "own" ? { own_url: own.value } : {}) });
  };
  return [select("host", HOSTS, now, chosen), own, status, locked("host", now)];
}

function ownAddress(now) {
  return h("input", {
    type: "url",
    value: now.own_url,
    placeholder: "https://",
    "aria-label": t("host.own_label"),
    disabled: now.locked.includes("host"),
    onchange: (event) => change("Grsai.Host", { host: "own", own_url: event.target.value.trim() }),
  });
}

async function drawLimit() {
  const now = await get("settings");
  const status = note(t("limit.none"), "plain");
  const box = h("input", {
    type: "number",
    min: 0,
    max: MOST_AT_ONCE,
    step: 1,
    value: now.limit,
    "aria-label": t("limit.label"),
    disabled: now.locked.includes("limit"),
    onchange: (event) => change("Grsai.Limit", { limit: Number(event.target.value) }),
  });
  return [box, status, locked("limit", now)];
}

async function drawProxy() {
  const now = await get("settings");
  const status = note("", "plain");
  const box = h("input", {
    type: "checkbox",
    role: "switch",
    class: "grsai-switch",
    checked: now.proxy,
    "aria-label": t("proxy.label"),
    disabled: now.locked.includes("proxy"),
    onchange: (event) => change("Grsai.Proxy", { proxy: event.target.checked }),
  });
  return [box, status, locked("proxy", now)];
}

async function drawCurrency() {
  const now = await get("settings");
  const status = note("", "plain");
  return [select("currency", CURRENCIES, now, (currency) => change("Grsai.Currency", { currency })), status];
}

function change(id, settings) {
  changes = changes.then(async () => {
    try {
      await post("settings", settings);
      await refreshPrices();
      await redrawAll();
    } catch (error) {
      const status = drawn.get(id).box.querySelector("small"); // the one that is drawn by now
      if (status) say(status, error.text ?? String(error), "error");
    }
  });
  return changes;
}

function select(name, values, now, chosen) {
  const options = values.map((value) => h("option", { value }, t(`${name}.${value}`)));
  const box = h("select", { "aria-label": t(`${name}.label`), disabled: now.locked.includes(name) }, ...options);
  box.value = now[name];
  box.addEventListener("change", () => chosen(box.value));
  return box;
}

function locked(name, now) {
  return now.locked.includes(name) ? note(t("settings.locked", { name: VARIABLES[name] }), "plain") : "";
}

function button(label, onclick, disabled = false) {
  return h("button", { type: "button", onclick, disabled }, t(label));
}

function note(text, kind) {
  const element = h("small", { role: "status" });
  say(element, text, kind);
  return element;
}

function say(status, text, kind) {
  status.textContent = text;
  status.dataset.kind = kind;
}

// Does `task`; what it is refused for is said under the entry.
async function said(status, task) {
  try {
    await task();
  } catch (error) {
    say(status, error.text ?? String(error), "error");
  }
}
