// @ts-check
// Settings → Banana Batch. Each entry draws itself and talks to the pack's own routes: nothing of it, the key least of all,
// gets into ComfyUI's settings file, because the setter that ComfyUI hands over is never called.
import { openSettings } from "./comfy.js";
import { h, linked, soon } from "./dom.js";
import { balance, refreshPrices } from "./money.js";
import { get, inLanguage, post, whyOf } from "./routes.js";
import { SETTINGS as TEXTS_OF } from "./sentences.js";
import { moment, t } from "./texts.js";

/** @typedef {import("./texts.js").TextKey} TextKey */
/** @typedef {"plain" | "good" | "error"} Kind how the line under an entry looks */
/** @typedef {{set: boolean, last4: string | null, source: string | null, writable: boolean, other_host: boolean}} KeyState */
/** @typedef {"api" | "host" | "currency"} Chosen */
/** @typedef {{variables: Record<string, string>, choices: Record<Chosen, any[]>, locked: string[]} & Record<string, any>} Settings */
/** @typedef {() => Promise<(HTMLElement | string)[]>} Draw */

/** @type {Record<string, TextKey>} */
const KEY_STATUS = { environment: "key.from_environment", file: "key.set", ".env": "key.from_dotenv", offline: "key.offline" };

// The entries that are on the screen, so that a change of one can redraw the others.
/** @type {Map<string, {box: HTMLElement, draw: Draw}>} */
const drawn = new Map();
// Changes go one after the other: what the redrawing of one shows must not hide what the next one is refused for.
let changes = Promise.resolve();

/** What `registerExtension` takes. ComfyUI lists the higher `sortOrder` first. */
export const SETTINGS = [
  entry("Grsai.Key", drawKey, 90),
  entry("Grsai.Host", drawHost, 80),
  entry("Grsai.Api", () => drawSelect("Grsai.Api", "api"), 70),
  entry("Grsai.Proxy", drawProxy, 60),
  entry("Grsai.Ledger", drawLedger, 55),
  entry("Grsai.Limit", drawLimit, 50),
  entry("Grsai.BudgetDay", () => drawAmount("Grsai.BudgetDay", "budget_day"), 45),
  entry("Grsai.BudgetMonth", () => drawAmount("Grsai.BudgetMonth", "budget_month"), 40),
  entry("Grsai.AskAbove", () => drawAmount("Grsai.AskAbove", "ask_above"), 35),
  entry("Grsai.Currency", () => drawSelect("Grsai.Currency", "currency"), 30),
  entry("Grsai.Rate", drawRate, 20),
  entry("Grsai.Models", drawModels, 10),
];

/** Opens Settings → Banana Batch with the cursor where the key is entered. */
export async function enterKey() {
  await openSettings();
  /** @type {HTMLElement | null | undefined} */
  const box = await soon(() => document.querySelector('[data-setting="Grsai.Key"] input:enabled'));
  box?.focus();
}

/** @type {(id: keyof typeof TEXTS_OF, draw: Draw, sortOrder: number) => object} */
function entry(id, draw, sortOrder) {
  const type = () => {
    const box = h("div", { class: "grsai-setting", "data-setting": id });
    drawn.set(id, { box, draw });
    redraw(id);
    return box;
  };
  return { id, ...TEXTS_OF[id], type, defaultValue: "", sortOrder };
}

/** @param {string} id */
async function redraw(id) {
  const entry = drawn.get(id);
  if (!entry) return;
  const { box, draw } = entry;
  const now = await draw().catch((error) => [note(whyOf(error), "error")]);
  const held = box.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
  box.replaceChildren(...now);
  if (held) /** @type {HTMLElement | null} */ (box.querySelector(`[aria-label="${held}"]`))?.focus();
}

function redrawAll() {
  return Promise.all([...drawn].filter(([, { box }]) => box.isConnected).map(([id]) => redraw(id)));
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
  const typed = () => box.value.trim();
  const keep = () => typed() && keepKey(typed(), status); // an empty box is one in which nothing was typed
  const save = button("key.save", keep, true);
  const test = button("key.test", () => tryKey(status, typed()));
  box.addEventListener("input", () => (save.disabled = !typed()));
  box.addEventListener("keydown", (event) => event.key === "Enter" && keep());
  return [h("div", { class: "grsai-row" }, box, save, test, key.source === "file" && forgetButton(key, status)), status];
}

// The first press asks, the second one forgets.
/** @type {(key: KeyState, status: HTMLElement) => HTMLElement} */
function forgetButton(key, status) {
  const press = () => {
    if (element.dataset.sure) return said(status, () => post("key", { key: "" }).then(redrawAll));
    element.dataset.sure = "true";
    element.textContent = t("key.forget_sure", { last4: key.last4 });
  };
  const element = button("key.forget", press, !key.writable);
  element.addEventListener("blur", () => {
    delete element.dataset.sure;
    element.textContent = t("key.forget");
  });
  return element;
}

/** @param {KeyState} key */
function keyStatus(key) {
  if (key.other_host) return t("key.other_host");
  if (!key.set && key.source !== "offline") return t("key.unset");
  return t(KEY_STATUS[key.source ?? ""], { last4: key.last4 });
}

/** @type {(text: string, status: HTMLElement) => Promise<void>} */
async function keepKey(text, status) {
  await said(status, async () => {
    await post("key", { key: text });
    await redrawAll();
    await tryKey(statusOf("Grsai.Key") ?? status, "");
  });
}

// `typed`: a key that is not stored yet; without one, the key that is in use.
/** @type {(status: HTMLElement, typed: string) => Promise<void>} */
async function tryKey(status, typed) {
  say(status, t("key.testing"), "plain");
  await said(status, async () => {
    const reply = await post("key/test", typed ? { key: typed } : {});
    if (!reply.ok) return say(status, inLanguage(reply.error), "error");
    await refreshPrices();
    const works = typed ? "key.works_unsaved" : "key.works";
    say(status, reply.offline ? t("key.works_offline") : t(works, { balance: balance(reply.credits) }), "good");
  });
}

// The others

async function drawHost() {
  const now = await get("settings");
  const status = note(now.service ? t("host.now", { service: now.service }) : "", "plain");
  const own = ownAddress(now);
  own.hidden = now.host !== "own";
  const chosen = async (/** @type {string} */ host) => {
    own.hidden = host !== "own";
    if (host === "own" && !own.value) return own.focus();
    await change("Grsai.Host", { host, ...(host === "own" ? { own_url: own.value } : {}) });
  };
  return [select("host", now, chosen), own, status, locked("host", now)];
}

/** @param {Settings} now */
function ownAddress(now) {
  return h("input", {
    type: "url",
    value: now.own_url,
    placeholder: "https://",
    "aria-label": t("host.own_label"),
    disabled: now.locked.includes("host"),
    onchange: (/** @type {any} */ event) => change("Grsai.Host", { host: "own", own_url: event.target.value.trim() }),
  });
}

// Like the key: what was entered is kept, and of its password nothing is shown.
async function drawLedger() {
  const now = await get("settings");
  const status = note(t(now.ledger ? "ledger.now" : "ledger.own", { address: now.ledger }), "plain");
  const isLocked = now.locked.includes("ledger");
  const box = h("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "postgresql://",
    "aria-label": t("ledger.label"),
    disabled: isLocked,
  });
  const typed = () => box.value.trim();
  const send = (/** @type {string} */ ledger) => said(status, () => post("settings", { ledger }).then(redrawAll));
  const save = button("key.save", () => send(typed()), true);
  box.addEventListener("input", () => (save.disabled = !typed()));
  box.addEventListener("keydown", (event) => event.key === "Enter" && typed() && send(typed()));
  const leave = now.ledger && !isLocked && button("ledger.leave", () => send(""));
  return [h("div", { class: "grsai-row" }, box, save, leave), status, locked("ledger", now)];
}

async function drawLimit() {
  const now = await get("settings");
  return drawNumber("Grsai.Limit", "limit", now, { min: 0, max: now.most_at_once, step: 1 });
}

/** @type {(id: string, name: "budget_day" | "budget_month" | "ask_above") => ReturnType<Draw>} */
async function drawAmount(id, name) {
  return drawNumber(id, name, await get("settings"), { min: 0, step: "any" });
}

async function drawRate() {
  return drawNumber("Grsai.Rate", "credits_per_yuan", await get("settings"), { min: 1, step: "any" });
}

/** @type {(id: string, name: "limit" | "budget_day" | "budget_month" | "ask_above" | "credits_per_yuan", now: Settings, range: object) => HTMLElement[]} */
function drawNumber(id, name, now, range) {
  const box = h("input", {
    type: "number",
    ...range,
    value: now[name],
    "aria-label": t(`${name}.label`),
    disabled: now.locked.includes(name),
    onchange: (/** @type {any} */ event) => change(id, { [name]: Number(event.target.value) }),
  });
  return [box, note(t(`${name}.about`), "plain"), locked(name, now)];
}

// The service's own list: prices, what is closed, what is new.
async function drawModels() {
  const { as_of, offline } = await get("catalogue");
  const status = note(t(as_of ? "models.as_of" : "models.own", { time: moment(as_of ?? 0) }), "plain");
  const press = async () => {
    say(status, t("models.asking"), "plain");
    await said(status, async () => {
      await post("models/refresh");
      await refreshPrices();
      await redrawAll();
    });
  };
  return [button("models.refresh", press, offline), status];
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
    onchange: (/** @type {any} */ event) => change("Grsai.Proxy", { proxy: event.target.checked }),
  });
  return [box, status, locked("proxy", now)];
}

/** @type {(id: string, name: "api" | "currency") => ReturnType<Draw>} */
async function drawSelect(id, name) {
  const now = await get("settings");
  const status = note("", "plain");
  return [select(name, now, (value) => change(id, { [name]: value })), status, locked(name, now)];
}

/** @type {(id: string, settings: Record<string, unknown>) => Promise<void>} */
function change(id, settings) {
  changes = changes.then(async () => {
    try {
      await post("settings", settings);
      await refreshPrices();
      await redrawAll();
    } catch (error) {
      const status = statusOf(id);
      if (status) say(status, whyOf(error), "error");
    }
  });
  return changes;
}

// The line under an entry that is drawn by now.
/** @param {string} id */
function statusOf(id) {
  return drawn.get(id)?.box.querySelector("small");
}

/** @type {(name: Chosen, now: Settings, chosen: (value: string) => unknown) => HTMLSelectElement} */
function select(name, now, chosen) {
  const options = now.choices[name].map((value) => h("option", { value }, t(/** @type {TextKey} */ (`${name}.${value}`))));
  const box = h("select", { "aria-label": t(`${name}.label`), disabled: now.locked.includes(name) }, ...options);
  box.value = now[name];
  box.addEventListener("change", () => chosen(box.value));
  return box;
}

/** @type {(name: string, now: Settings) => HTMLElement} */
function locked(name, now) {
  return note(now.locked.includes(name) ? t("settings.locked", { name: now.variables[name] }) : "", "plain");
}

/** @type {(label: TextKey, onclick: () => unknown, disabled?: boolean) => HTMLButtonElement} */
function button(label, onclick, disabled = false) {
  return h("button", { type: "button", onclick, disabled }, t(label));
}

/** @type {(text: string, kind: Kind) => HTMLElement} */
function note(text, kind) {
  const element = h("small", { role: "status" });
  say(element, text, kind);
  return element;
}

/** @type {(status: HTMLElement, text: string, kind: Kind) => void} */
function say(status, text, kind) {
  status.replaceChildren(...linked(text));
  status.dataset.kind = kind;
}

// Does `task`; what it is refused for is said under the entry.
/** @type {(status: HTMLElement, task: () => Promise<unknown>) => Promise<void>} */
async function said(status, task) {
  try {
    await task();
  } catch (error) {
    say(status, whyOf(error), "error");
  }
}
