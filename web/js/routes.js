// @ts-check
// The pack's own routes. Every failure is a Refused, whose text is in the user's language.
import { api, language } from "./comfy.js";
import { t } from "./texts.js";

/** @typedef {{en: string, zh: string}} Texts a sentence in both languages */
/** @typedef {{filename: string, subfolder: string, type: string}} Place a picture, as ComfyUI's /view names it */
/** @typedef {"submitting" | "open" | "done" | "failed" | "uncertain"} State */

/**
 * An entry of the history. Times in seconds since 1970; a source that ComfyUI cannot show is a name.
 * @typedef {object} Entry
 * @property {number} row
 * @property {State} state
 * @property {string | null} task_id
 * @property {string} model
 * @property {string} prompt
 * @property {string} aspect_ratio
 * @property {string | null} image_size
 * @property {string | null} quality
 * @property {string | null} background
 * @property {number} seed
 * @property {number} variation
 * @property {number} credits
 * @property {number} created
 * @property {number | null} seconds
 * @property {string | null} reason
 * @property {string | null} error what went wrong, and what to do
 * @property {string | null} why the same in few words
 * @property {string} name
 * @property {string | null} who user@machine, where several share the ledger
 * @property {boolean} offline
 * @property {(Place | string)[]} sources
 * @property {Place[]} files
 * @property {boolean} [masked] whether it was edited within a mask
 * @property {number[]} numbers of these among the pictures of the task, from 1
 * @property {import("./components.js").Opinion[]} verdicts on these
 */

/**
 * A run as the history knows it. `row`: of its newest task; `made` of its `pictures`, `due` are to come or uncertain; `price`: what
 * all of it costs in credits; `who`: user@machine, where several share the ledger; `entries`: its first pictures.
 * @typedef {{run: string, row: number, pictures: number, made: number, due: number, credits: number, price: number, created: number,
 *   seconds: number | null, offline: boolean, prompt: string, who: string | null, entries: Entry[]}} PastRun
 */

/**
 * A run of a node, or a collection.
 * @typedef {object} Run
 * @property {number} id
 * @property {string} kind the node's id, or "collect"
 * @property {string | null} node_id
 * @property {string | null} workflow_id
 * @property {number} group the first of the runs that a list started in one node
 * @property {number} total
 * @property {number} done
 * @property {number} failed
 * @property {number} running
 * @property {number} reused
 * @property {number} progress 0 to 1
 * @property {number} seconds
 * @property {number | null} remaining_seconds
 * @property {number} credits
 * @property {boolean} offline
 * @property {boolean} stopping
 * @property {boolean} finished
 * @property {Texts} text of its whole group
 * @property {Texts | null} error
 */

/**
 * A picture of a run, as far as it is made.
 * @typedef {object} TileFacts
 * @property {"waiting" | "making" | "done" | "failed" | "open" | "uncertain" | "stopped"} state
 * @property {number} percent
 * @property {string} label its prompt
 * @property {string} name of the picture that it is made from
 * @property {Place | null} source
 * @property {number | null} credits
 * @property {string | null} task
 * @property {Place[]} files
 * @property {Texts | null} why
 */
/**
 * Tiles of a run with their places in its plan. What it says in the end is told of a run that is over when it is asked for.
 * @typedef {{run: number, group: number, node_id: string | null, prompt_id: string | null, workflow_id: string | null,
 *   tiles: [number, TileFacts][], finished?: boolean, text?: Texts, offline?: boolean}} RunTiles
 */

export class Refused extends Error {
  /** @param {Texts} texts */
  constructor(texts) {
    super(texts.en);
    this.texts = texts;
  }

  get text() {
    return inLanguage(this.texts);
  }
}

/** @type {(path: string, query?: Record<string, any>) => Promise<any>} */
export const get = (path, query = {}) => ask(`${path}${asQuery(query)}`);
/** @type {(path: string, body?: object) => Promise<any>} */
export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/**
 * The user's language of a sentence.
 * @param {Texts | null | undefined} texts
 */
export function inLanguage(texts) {
  return texts?.[language()] ?? texts?.en ?? "";
}

/**
 * What to say of something that was thrown.
 * @param {any} error
 * @returns {string}
 */
export function whyOf(error) {
  return error?.text ?? error?.message ?? String(error);
}

/** The outline of the mask that a picture was edited within. @param {Place} place */
export function outlineAddress(place) {
  return api.apiURL(`/grsai/outline${asQuery(place)}`);
}

/** @param {Place} place */
export function thumbnailAddress(place) {
  return api.apiURL(`/grsai/thumbnail${asQuery(place)}`);
}

/**
 * The picture in ComfyUI's input folder, where LoadImage takes it from.
 * @param {Place} place
 * @returns {Promise<Place>}
 */
export function asInput(place) {
  return post("input", place);
}

/**
 * The entry of the history that a task belongs to.
 * @param {string} task
 * @returns {Promise<Entry | undefined>}
 */
export async function entryOf(task) {
  return (await get("history", { task })).entries.at(-1);
}

/**
 * Calls `listener(tiles)` for whatever changed among the pictures of a run.
 * @param {(tiles: RunTiles) => void} listener
 */
export function onTiles(listener) {
  api.addEventListener("grsai.tiles", (/** @type {CustomEvent<RunTiles>} */ { detail }) => listener(detail));
}

/**
 * Calls `listener(run)` for each change of a run; returns the function that ends it.
 * @param {(run: Run) => void} listener
 */
export function onRun(listener) {
  const heard = (/** @type {CustomEvent} */ event) => listener(event.detail);
  api.addEventListener("grsai.run", heard);
  return () => api.removeEventListener("grsai.run", heard);
}

/** @type {(path: string, options?: RequestInit) => Promise<any>} */
async function ask(path, options = {}) {
  let reply;
  try {
    const headers = { ...options.headers, "Grsai-Client": api.clientId ?? "" }; // its runs speak this browser's language
    reply = await api.fetchApi(`/grsai/${path}`, { ...options, headers });
  } catch {
    throw new Refused({ en: t("net.silent", {}, "en"), zh: t("net.silent", {}, "zh") });
  }
  const body = await reply.json().catch(() => null);
  if (reply.ok && body) return body;
  const status = { status: reply.status };
  throw new Refused(body?.error ?? { en: t("net.odd", status, "en"), zh: t("net.odd", status, "zh") });
}

/** @param {Record<string, any>} query */
function asQuery(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
