// @ts-check
// What the user thinks of pictures: the same for each of them wherever it is shown, kept by the server in the ledger.
import { notice } from "./notice.js";
import { post, whyOf } from "./routes.js";
import { t } from "./texts.js";

/** @typedef {import("./components.js").Opinion} Opinion */
/** @typedef {import("./routes.js").Entry} Entry */

/** @type {Opinion} */
const NOTHING = { verdict: "", stars: 0, note: "" };
/** @type {Map<string, Opinion>} by the name of a picture */
const known = new Map();
/** @type {Map<string, Promise<unknown>>} what is on its way of a picture, one after the other: the last word counts */
const sending = new Map();
/** @type {WeakSet<Entry>} */
const learnt = new WeakSet();
/** @type {Set<(name: string) => unknown>} */
const listeners = new Set();

/** @type {(task: string | null, number: number) => string} `number`: its place among the pictures of the task, from 1 */
export const nameOf = (task, number) => `${task}/${number}`;

/** @param {string} name */
export function opinionOf(name) {
  return known.get(name) ?? NOTHING;
}

/**
 * What is thought of all pictures of a task together: the verdict that is the same for all, and what else is said of the first.
 * @type {(task: string | null, numbers: number[]) => Opinion}
 */
export function opinionOfAll(task, numbers) {
  const all = numbers.map((number) => opinionOf(nameOf(task, number)));
  if (!all.length) return NOTHING;
  return all.every(({ verdict }) => verdict === all[0].verdict) ? all[0] : { ...all[0], verdict: "" };
}

/** Says it of all pictures of a task. @type {(task: string | null, numbers: number[], change: Partial<Opinion>) => Promise<unknown>} */
export const judgeAll = (task, numbers, change) => Promise.all(numbers.map((number) => judge(task, number, change)));

/** What an entry of the history tells of its pictures. @param {Entry} entry */
export function learn(entry) {
  if (learnt.has(entry) || !entry.verdicts) return;
  learnt.add(entry);
  entry.numbers.forEach((number, place) => set(nameOf(entry.task_id, number), entry.verdicts[place]));
}

/** Asks what was said of the pictures of tasks, as after a reload. @param {string[]} tasks */
export async function learnTasks(tasks) {
  if (!tasks.length) return;
  /** @type {{verdicts: Record<string, Opinion>}} */
  const { verdicts } = await post("verdicts", { tasks });
  for (const [name, opinion] of Object.entries(verdicts)) {
    set(name, opinion);
    tellOf(name);
  }
}

/**
 * Says it at once everywhere on this page; what cannot be written down is taken back.
 * @type {(task: string | null, number: number, change: Partial<Opinion>) => Promise<void>}
 */
export async function judge(task, number, change) {
  const [name, before] = [nameOf(task, number), opinionOf(nameOf(task, number))];
  known.set(name, { ...before, ...change });
  tellOf(name);
  const sent = (sending.get(name) ?? Promise.resolve()).then(() => post("verdict", { task, number, ...change }));
  const over = sent.catch(() => {});
  sending.set(name, over);
  try {
    await sent;
  } catch (error) {
    const earlier = Object.fromEntries(Object.entries(before).filter(([fact]) => fact in change));
    known.set(name, { ...opinionOf(name), ...earlier });
    tellOf(name);
    notice("error", t("verdict.not_kept"), whyOf(error));
  } finally {
    if (sending.get(name) === over) sending.delete(name);
  }
}

/**
 * Calls `show()` when something is said of one of the pictures, as long as the element is on the page.
 * @type {(element: HTMLElement, names: readonly string[], show: () => unknown) => void}
 */
export function follow(element, names, show) {
  const heard = (/** @type {string} */ name) => {
    if (!element.isConnected) listeners.delete(heard);
    else if (names.includes(name)) show();
  };
  listeners.add(heard);
}

/** Calls `listener(name)` for whatever is said, for good. @param {(name: string) => unknown} listener */
export function onVerdicts(listener) {
  listeners.add(listener);
}

/** @type {(name: string, opinion: Opinion) => void} */
function set(name, opinion) {
  if (!sending.has(name)) known.set(name, opinion);
}

/** @param {string} name */
function tellOf(name) {
  for (const listener of [...listeners]) listener(name);
}
