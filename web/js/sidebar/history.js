// @ts-check
// The history: the entries of the ledger, newest first, fetched page by page while the list is scrolled.
import { h, settled } from "../dom.js";
import { get, whyOf } from "../routes.js";
import { t } from "../texts.js";
import { CARD_HEIGHT, makeCard } from "./card.js";
import { makeList } from "./list.js";
import { showEntry } from "./viewer.js";

const PAGE = 100;
const TYPING_MILLISECONDS = 250;

/** @typedef {import("../routes.js").Entry} Entry */
/** @typedef {import("../routes.js").State} State */
/** @typedef {Partial<Record<State, number>>} Counts */
/** @typedef {{text?: string, state?: State | ""}} Filter */
/** @typedef {{entries: Entry[], counts: Counts, next: number | null}} Page */

/**
 * `isMaking()`: whether runs are under way.
 * @param {() => boolean} isMaking
 */
export function makeHistory(isMaking) {
  const pages = openPages();
  const note = h("p", { class: "grsai-muted", role: "status" }, t("history.loading"));
  const list = makeList({
    height: CARD_HEIGHT,
    label: t("history.title"),
    draw: (entry, index) => makeCard(entry, () => open(index), isMaking()),
    nearEnd: () => pages.more().then((some) => some && show()),
  });
  const states = h("select", { class: "grsai-select", "aria-label": t("history.state") });
  const search = h("input", {
    type: "search",
    class: "grsai-input",
    placeholder: t("history.search_short"),
    title: t("history.search"),
    "aria-label": t("history.search"),
  });
  const filter = () => pages.filter({ text: search.value.trim(), state: states.value }).then(() => show({ top: true }));
  /** @param {Filter} wanted */
  const filterBy = ({ text = "", state = "" }) => {
    search.value = text;
    offerStates(states, { ...pages.counts, ...(state ? { [state]: pages.counts[state] ?? 0 } : {}) });
    states.value = state;
    return filter();
  };
  states.addEventListener("change", filter);
  search.addEventListener("input", settled(filter, TYPING_MILLISECONDS));
  const open = (/** @type {number} */ index) => showEntry(pages.entries, index, list.focus);

  function show({ top = false } = {}) {
    if (top) list.toTop();
    list.show(pages.entries);
    offerStates(states, pages.counts);
    note.hidden = pages.entries.length > 0;
    note.textContent = pages.error ?? t(search.value || states.value ? "history.no_match" : "history.none");
  }

  const tools = h("div", { class: "grsai-tools" }, search, states);
  const element = h("section", { class: "grsai-section grsai-history" }, h("h3", {}, t("history.title")), tools, note, list.element);
  return { element, refresh: () => pages.newest().then(() => show()), redraw: () => list.show([...pages.entries], { anew: true }), filter: filterBy };
}

/** The entries loaded so far under one filter; `newest` brings in what is new, `more` the next older page. */
function openPages() {
  /** @type {{entries: Entry[], counts: Counts, error: string | null}} */
  const pages = { entries: [], counts: {}, error: null };
  let wanted = {};
  /** @type {number | null} */
  let next = null;
  let asked = 0;
  let busy = false;

  /** @type {(query: object) => Promise<Page | null>} */
  async function fetchPage(query) {
    const ticket = ++asked;
    try {
      const page = await get("history", { ...wanted, limit: PAGE, ...query });
      if (ticket !== asked) return null; // another filter was chosen meanwhile
      Object.assign(pages, { counts: page.counts, error: null });
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
  async function more() {
    if (next === null || busy) return false;
    busy = true;
    const page = await fetchPage({ before: next });
    busy = false;
    if (!page) return false;
    next = page.next;
    pages.entries = [...pages.entries, ...page.entries];
    return true;
  }

  /** @param {object} query */
  function filter(query) {
    wanted = query;
    next = null;
    pages.entries = [];
    return newest();
  }

  return Object.assign(pages, { newest, more, filter });
}

/** @type {(select: HTMLSelectElement, counts: Counts) => void} */
function offerStates(select, counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const offered = new Set(Object.keys(counts));
  if (select.value) offered.add(select.value);
  const options = [h("option", { value: "" }, t("history.all", { count: all }))];
  for (const state of /** @type {Set<State>} */ (offered)) {
    options.push(h("option", { value: state }, t("state.counted", { state: t(`state.${state}`), count: counts[state] ?? 0 })));
  }
  const chosen = select.value;
  select.replaceChildren(...options);
  select.value = chosen;
}
