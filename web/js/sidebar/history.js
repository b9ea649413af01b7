// @ts-check
// The history of the ledger, newest first, fetched page by page while the list is scrolled: by runs, and inside one its pictures; or
// all pictures.
import { say } from "../components.js";
import { h, icon, iconButton, settled } from "../dom.js";
import { get, whyOf } from "../routes.js";
import { t } from "../texts.js";
import { tileOf } from "../tile.js";
import { onVerdicts } from "../verdicts.js";
import { CARD_HEIGHT, makeEntryCard } from "./card.js";
import { makeList } from "./list.js";
import { makeRedo } from "./redo.js";
import { RUN_HEIGHT, facts, makeRunCard } from "./run_card.js";
import { showPictures } from "./viewer.js";

/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").State} State */
/** @typedef {import("../routes.js").PastRun} PastRun */
/** @typedef {{counts: Partial<Record<State, number>>, models: Record<string, number>, since: Record<string, number>, verdicts: Record<string, number>}} Counts */
/**
 * `service`: another one than that which is chosen; `run`: the pictures of one run.
 * @typedef {{text?: string, state?: State | "kept" | "rejected" | "", model?: string, since?: string, service?: string, run?: string}} Filter
 */
/**
 * @template Item
 * @typedef {{entries: Item[], elsewhere: Record<string, number>, next: number | null} & Counts} Page
 */

const [PAGE, RUNS] = [100, 20]; // entries of a page
const TYPING_MILLISECONDS = 250;
const JUDGED_MILLISECONDS = 1500;
/** @type {Record<string, "verdict.kept" | "verdict.rejected">} what was said of a picture, beside the states */
const VERDICTS = { kept: "verdict.kept", rejected: "verdict.rejected" };
/** @type {Record<string, import("../texts.js").TextKey>} */
const TIMES = { today: "history.today", week: "history.week", month: "history.month" };

/**
 * `isMaking()`: whether runs are under way.
 * @param {() => boolean} isMaking
 */
export function makeHistory(isMaking) {
  /** @type {Pages<Entry>} */
  const pictures = openPages("history", PAGE);
  /** @type {Pages<PastRun>} */
  const runs = openPages("runs", RUNS);
  let isByRuns = false;
  let isDecided = false; // by runs, unless none is known, as in a history of version 1.0
  /** @type {PastRun | null} */
  let opened = null;
  /** @type {string | undefined} */
  let service;

  const note = h("div", { class: "grsai-muted grsai-note", role: "status" }, t("history.loading"));
  const pictureList = makeList({
    height: CARD_HEIGHT,
    label: t("history.pictures"),
    draw: (/** @type {Entry} */ entry, index) => makeEntryCard(entry, () => open(index), isMaking()),
    nearEnd: () => pictures.more().then((some) => some && show()),
    toEnd: () => pictures.all().then(() => show()),
  });
  const runList = makeList({
    height: RUN_HEIGHT,
    label: t("history.by_run"),
    draw: (/** @type {PastRun} */ run) => makeRunCard(run, () => openRun(run), isMaking()),
    nearEnd: () => runs.more().then((some) => some && show()),
    toEnd: () => runs.all().then(() => show()),
  });
  const redo = makeRedo();
  const byRun = iconButton("list", t("history.by_run"), () => turn(true));
  const all = iconButton("images", t("history.pictures"), () => turn(false));
  const back = h("button", { type: "button", class: "grsai-button grsai-back", onclick: () => turn(true) }, icon("arrow-left"), h("span", {}));
  const states = select(t("history.state"), () => look());
  const models = select(t("history.model"), () => look());
  const times = select(t("history.since"), () => look());
  const search = h("input", {
    type: "search",
    class: "grsai-input",
    placeholder: t("history.search_short"),
    title: t("history.search"),
    "aria-label": t("history.search"),
    oninput: settled(() => look(), TYPING_MILLISECONDS),
  });

  const now = () => (isByRuns ? runs : pictures);
  /** @returns {Filter} */
  const chosen = () => ({
    text: search.value.trim(),
    state: /** @type {Filter["state"]} */ (states.value),
    model: models.value,
    since: times.value,
    service,
    run: isByRuns ? undefined : opened?.run,
  });
  const isJudged = () => states.value in VERDICTS;
  function look() {
    if (isJudged()) [isByRuns, isDecided] = [false, true]; // a verdict is one on a picture
    return now().filter(chosen()).then(() => show({ top: true }));
  }

  /** @param {boolean} toRuns */
  async function turn(toRuns) {
    const before = opened;
    [isByRuns, isDecided, opened] = [toRuns, true, null];
    await look();
    if (before && toRuns) runList.focus(runs.entries.findIndex(({ run }) => run === before.run));
  }

  /** @param {PastRun} run */
  async function openRun(run) {
    [isByRuns, opened] = [false, run];
    await look();
    pictureList.focus(0);
  }

  /** @param {number} index */
  function open(index) {
    const items = pictures.entries.map((entry) => ({ entry, tile: tileOf(entry, isMaking()) }));
    showPictures(items, index, pictureList.focus);
  }

  /** @param {Filter} wanted */
  function filter({ text = "", state = "", service: other }) {
    [isByRuns, isDecided, opened, service] = [false, true, null, other];
    search.value = text;
    choose(states, state);
    choose(models, "");
    choose(times, "");
    return look();
  }

  async function refresh() {
    if (!isDecided) {
      await runs.newest();
      isDecided = runs.entries.length > 0;
      isByRuns = runs.entries.some(({ run }) => run);
    }
    await now().newest();
    show();
  }

  function show({ top = false } = {}) {
    const [seen, list] = isByRuns ? [runs, runList] : [pictures, pictureList];
    if (top) list.toTop();
    if (isByRuns) runList.show(runs.entries);
    else pictureList.show(pictures.entries);
    [runList.element.hidden, pictureList.element.hidden] = [!isByRuns, isByRuns];
    byRun.setAttribute("aria-pressed", String(isByRuns));
    all.setAttribute("aria-pressed", String(!isByRuns && !opened));
    back.hidden = !opened;
    if (opened) back.lastElementChild?.replaceChildren(`${opened.run ? opened.prompt : t("run.earlier")} · ${facts(opened)}`);
    offer(seen);
    redo.show(states.value === "rejected");
    note.hidden = seen.entries.length > 0;
    note.replaceChildren(...said(seen));
  }

  // What the list can be narrowed to. While runs are under way, what is open is in the making, as on the cards.
  /** @param {Counts} counted */
  function offer({ counts, models: known, since, verdicts }) {
    const isDue = (/** @type {string} */ state) => state === "submitting" || (state === "open" && isMaking());
    const named = (/** @type {string} */ state) => VERDICTS[state] ? say(VERDICTS[state]) : say(isDue(state) ? "state.making" : `state.${/** @type {"done"} */ (state)}`);
    const sum = (/** @type {Record<string, number>} */ numbers) => Object.values(numbers).reduce((left, right) => left + right, 0);
    const found = search.value.trim() ? "history.found" : "history.all";
    put(states, t(found, { count: sum(counts) }), { ...counts, ...some(verdicts) }, named);
    put(models, t("history.all_models", { count: sum(known) }), known, (model) => model);
    const { "": ever = 0, ...lately } = since;
    put(times, t("history.any_time", { count: ever }), lately, (time) => t(TIMES[time]));
  }

  // Why there is nothing; with the way to what another service has.
  /** @param {Pages<any>} seen */
  function said(seen) {
    if (seen.error) return [seen.error];
    if (search.value || states.value || models.value || times.value) return [t("history.no_match")];
    const others = Object.entries(seen.elsewhere).map(([other, count]) => {
      const label = t("history.elsewhere", { count, service: serviceName(other) });
      return h("button", { type: "button", class: "grsai-button", onclick: () => filter({ service: other }) }, label);
    });
    return [t(others.length ? "history.none_here" : "history.none"), ...others];
  }

  onVerdicts(settled(() => element.isConnected && refresh(), JUDGED_MILLISECONDS)); // the counts, and what is listed
  const title = h("div", { class: "grsai-history-title" }, h("h3", {}, t("history.title")), byRun, all);
  const tools = h("div", { class: "grsai-tools" }, search, states);
  const more = h("div", { class: "grsai-filters" }, models, times);
  const element = h("section", { class: "grsai-section grsai-history" }, title, tools, more, back, redo.element, note, runList.element, pictureList.element);
  const redraw = () => {
    runList.show([...runs.entries], { anew: true });
    pictureList.show([...pictures.entries], { anew: true });
  };
  show();
  return { element, refresh, redraw, filter };
}

/** @type {(label: string, changed: () => unknown) => HTMLSelectElement} */
function select(label, changed) {
  return h("select", { class: "grsai-select", "aria-label": label, onchange: changed });
}

// Those that there are.
/** @param {Record<string, number>} counts */
function some(counts) {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count));
}

// Chooses a value, also one that is not on offer yet.
/** @type {(select: HTMLSelectElement, value: string) => void} */
function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.append(h("option", { value }, value));
  select.value = value;
}

// The choices of a filter with their counts; what is chosen stays on offer.
/** @type {(select: HTMLSelectElement, all: string, counts: Record<string, number>, named: (value: string) => string) => void} */
function put(select, all, counts, named) {
  const chosen = select.value;
  const values = [...new Set([...Object.keys(counts), chosen])].filter(Boolean);
  const options = values.map((value) => h("option", { value }, t("state.counted", { state: named(value), count: counts[value] ?? 0 })));
  select.replaceChildren(h("option", { value: "" }, all), ...options);
  select.value = chosen;
}

/**
 * What is loaded so far under one filter; `newest` brings in what is new, `more` the next older page, `all` every one.
 * @template {{row: number, run?: string}} Item
 * @typedef {{entries: Item[], elsewhere: Record<string, number>, error: string | null, newest: () => Promise<void>,
 *   more: () => Promise<boolean>, all: () => Promise<void>, filter: (filter: Filter) => Promise<void>} & Counts} Pages
 */

/** @type {(path: string, limit: number) => Pages<any>} */
function openPages(path, limit) {
  const pages = {
    entries: /** @type {any[]} */ ([]),
    counts: {},
    models: {},
    since: {},
    verdicts: {},
    elsewhere: {},
    error: /** @type {string | null} */ (null),
  };
  /** @type {Filter} */
  let wanted = {};
  /** @type {number | null} */
  let next = null;
  let asked = 0;
  /** @type {Promise<boolean> | null} */
  let coming = null;

  /** @type {(query: object) => Promise<Page<any> | null>} */
  async function fetchPage(query) {
    const ticket = ++asked;
    try {
      const page = await get(path, { ...wanted, limit, ...query });
      if (ticket !== asked) return null; // another filter was chosen meanwhile
      const { counts, models, since, verdicts, elsewhere } = page;
      Object.assign(pages, { counts, models, since, verdicts, elsewhere, error: null });
      return page;
    } catch (error) {
      pages.error = whyOf(error);
      return null;
    }
  }

  // The first page anew; what lies beyond it stays as it is.
  async function newest() {
    const page = await fetchPage({});
    if (!page) return;
    const last = page.entries.at(-1)?.row ?? 0;
    const isBeyond = (/** @type {number} */ row, /** @type {number} */ place) => (wanted.run ? place >= page.entries.length : row < last);
    const runs = new Set(page.entries.flatMap(({ run }) => run ?? [])); // a run moves up when it has something new
    const beyond = page.next === null ? [] : pages.entries.filter((entry, place) => isBeyond(entry.row, place) && !runs.has(entry.run));
    if (!beyond.length) next = page.next;
    pages.entries = [...kept(page.entries), ...beyond];
  }

  // An entry that did not change stays the same object, so that its card is not drawn again.
  /** @param {{row: number}[]} entries */
  function kept(entries) {
    const before = new Map(pages.entries.map((entry) => [entry.row, entry]));
    return entries.map((entry) => {
      const known = before.get(entry.row);
      return known && JSON.stringify(known) === JSON.stringify(entry) ? known : entry;
    });
  }

  // True if there was more.
  function more() {
    coming ??= older().finally(() => (coming = null));
    return coming;
  }

  async function older() {
    if (next === null) return false;
    const page = await fetchPage({ before: next });
    if (!page) return false;
    next = page.next;
    pages.entries = [...pages.entries, ...page.entries];
    return true;
  }

  async function all() {
    while (await more());
  }

  /** @param {Filter} filter */
  function filter(filter) {
    wanted = filter;
    next = null;
    pages.entries = [];
    return newest();
  }

  return Object.assign(pages, { newest, more, all, filter });
}

/** @param {string} service as the ledger names it: the vendor, the emulator, or a host */
function serviceName(service) {
  return service === "offline" ? t("balance.offline") : service === "grsai" ? "Grsai" : service;
}
