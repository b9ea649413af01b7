// The pack's own routes. Every failure is a Refused, whose text is in the user's language.
import { api, language } from "./comfy.js";
import { t } from "./texts.js";

export class Refused extends Error {
  /** `texts`: the sentence as {en, zh}. */
  constructor(texts) {
    super(texts.en);
    this.texts = texts;
  }

  get text() {
    return inLanguage(this.texts);
  }
}

export const get = (path, query = {}) => ask(`${path}${asQuery(query)}`);
export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** The user's language of a pair {en, zh}. */
export function inLanguage(texts) {
  return texts?.[language()] ?? texts?.en ?? "";
}

export function thumbnailAddress(row, file = 0) {
  return api.apiURL(`/grsai/thumbnail?row=${row}&file=${file}`);
}

/** Calls `listener(run)` for each change of a run; returns the function that ends it. */
export function onRun(listener) {
  const heard = (event) => listener(event.detail);
  api.addEventListener("grsai.run", heard);
  return () => api.removeEventListener("grsai.run", heard);
}

async function ask(path, options) {
  let reply;
  try {
    reply = await api.fetchApi(`/grsai/${path}`, options);
  } catch {
    throw new Refused({ en: t("net.silent", {}, "en"), zh: t("net.silent", {}, "zh") });
  }
  const body = await reply.json().catch(() => null);
  if (reply.ok && body) return body;
  const status = { status: reply.status };
  throw new Refused(body?.error ?? { en: t("net.odd", status, "en"), zh: t("net.odd", status, "zh") });
}

function asQuery(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
