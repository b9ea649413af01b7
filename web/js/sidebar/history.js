// @ts-check
// The history: the entries of the ledger, newest first, fetched page by page while the list is scrolled.
import { say } from "../components.js";
import { h, settled } from "../dom.js";
import { get, whyOf } from "../routes.js";
import { t } from "../texts.js";
import { tileOf } from "../tile.js";
import { CARD_HEIGHT, makeEntryCard } from "./card.js";
import { makeList } from "./list.js";
import { showPictures } from "./viewer.js";

/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").State} State */
/** @typedef {Partial<Record<State, number>>} Counts */
/** @typedef {{text?: string, state?: State | "", service?: string}} Filter `service`: another one than that which is chosen */
/** @typedef {{entries: Entry[], counts: Counts, elsewhere: Record<string, number>, next: number | null}} Page */

const PAGE = 100;
const TYPING_MILLISECONDS = 250;

/**
 * `isMaking()`: whether runs are under way.
 * @param {() => boolean} isMaking
 */
export function makeHistory(isMaking) {
  const pages = openPages();
  const note = h("div", { class: "grsai-muted grsai-note", role: "status" }, t("history.loading"));
  const list = makeList({
    height: CARD_HEIGHT,
    label: t("history.title"),
    draw: (entry, index) => makeEntryCard(entry, () => open(index), isMaking()),
    nearEnd: () => pages.more().then((some) => some && show()),
    toEnd: () => pages.all().then(() => show()),
  });
  const states = h("select", { class: "grsai-select", "aria-label": t("history.state") });
  const search = h("input", {
    type: "search",
    class: "grsai-input",
    placeholder: t("history.search_short"),
    title: t("history.search"),
    "aria-label": t("history.search"),
  });
  const chosen = () => ({ text: search.value.trim(), state: /** @type {State | ""} */ (states.value) });
  /** @param {Filter} wanted */
  const look = (wanted) => pages.filter(wanted).then(() => show({ top: true }));
  states.addEventListener("change", () => look(chosen()));
  search.addEventListener("input", settled(() => look(chosen()), TYPING_MILLISECONDS));
  const open = (/** @type {number} */ index) => {
    const items = pages.entries.map((entry) => ({ entry, tile: tileOf(entry, isMaking()) }));
    showPictures(items, index, list.focus);
  };

  /** @param {Filter} wanted */
  function filter({ text = "", state = "", service }) {
    search.value = text;
    offer(states, { ...pages.counts, ...(state && { [state]: pages.counts[state] ?? 0 }) }, text, isMaking());
    states.value = state;
    return look({ text, state, service });
  }

  function show({ top = false } = {}) {
    if (top) list.toTop();
    list.show(pages.entries);
    offer(states, pages.counts, search.value.trim(), isMaking());
    note.hidden = pages.entries.length > 0;
    note.replaceChildren(...said());
  }

  // Why there is nothing; with the way to what another service has.
  function said() {
    if (pages.error) return [pages.error];
    if (search.value || states.value) return [t("history.no_match")];
    const others = Object.entries(pages.elsewhere).map(([service, count]) => {
      const label = t("history.elsewhere", { count, service: serviceName(service) });
      return h("button", { type: "button", class: "grsai-button", onclick: () => filter({ service }) }, label);
    });
    return [t(others.length ? "history.none_here" : "history.none"), ...others];
  }

  const tools = h("div", { class: "grsai-tools" }, search, states);
  const element = h("section", { class: "grsai-section grsai-history" }, h("h3", {}, t("history.title")), tools, note, list.element);
  const redraw = () => list.show([...pages.entries], { anew: true });
  return { element, refresh: () => pages.newest().then(() => show()), redraw, filter };
}

/** The entries loaded so far under one filter; `newest` brings in what is new, `more` the next older page, `all` every one. */
function openPages() {
  /** @type {{entries: Entry[], counts: Counts, elsewhere: Record<string, number>, error: string | null}} */
  const pages = { entries: [], counts: {}, elsewhere: {}, error: null };
  /** @type {Filter} */
  let wanted = {};
  /** @type {number | null} */
  let next = null;
  let asked = 0;
  /** @type {Promise<boolean> | null} */
  let coming = null;

  /** @type {(query: object) => Promise<Page | null>} */
  async function fetchPage(query) {
    const ticket = ++asked;
    try {
      const page = await get("history", { ...wanted, limit: PAGE, ...query });
      if (ticket !== asked) return null; // another filter was chosen meanwhile
      Object.assign(pages, { counts: page.counts, elsewhere: page.elsewhere, error: null });
      return page;
    } catch (error) {
      pages.error = whyOf(error);
      return null;
    }
  }

  async function newest() {
    const page = await fetchPage({});
    if (!page) return;
    const oldest = page.entries.at(-1)?.row ?? 0;
    const older = page.next === null ? [] : pages.entries.filter((entry) => entry.row < oldest);
    if (!older.length) next = page.next;
    pages.entries = [...kept(page.entries), ...older];
  }

  // An entry that did not change stays the same object, so that its card is not drawn again.
  /** @param {Entry[]} entries */
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

// What the list can be narrowed to. While runs are under way, what is open is in the making, as on the cards.
/** @type {(select: HTMLSelectElement, counts: Counts, text: string, making: boolean) => void} */
function offer(select, counts, text, making) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const offered = new Set(Object.keys(counts));
  if (select.value) offered.add(select.value);
  const options = [h("option", { value: "" }, t(text ? "history.found" : "history.all", { count: all }))];
  for (const state of /** @type {Set<State>} */ (offered)) {
    const called = state === "submitting" || (state === "open" && making) ? "making" : state;
    options.push(h("option", { value: state }, t("state.counted", { state: say(`state.${called}`), count: counts[state] ?? 0 })));
  }
  const chosen = select.value;
  select.replaceChildren(...options);
  select.value = chosen;
}

/** @param {string} service as the ledger names it: the vendor, the emulator, or a host */
function serviceName(service) {
  return service === "offline" ? t("balance.offline") : service === "grsai" ? "Grsai" : service;
}
