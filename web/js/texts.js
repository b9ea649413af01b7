// @ts-check
// Sentences, times and durations in the user's language. ComfyUI's own lists (settings, nodes) stand in locales/.
import { language } from "./comfy.js";
import { TEXTS } from "./sentences.js";

/** @typedef {keyof typeof TEXTS} TextKey */

/**
 * The text of a key in the user's language, its {places} filled.
 * @param {TextKey} key
 * @param {Record<string, unknown>} values
 * @param {"en" | "zh"} speaking
 */
export function t(key, values = {}, speaking = language()) {
  const text = TEXTS[key][speaking];
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/**
 * "42 s" or "3 min".
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 100) return t("time.seconds", { count: Math.round(seconds) });
  return t("time.minutes", { count: Math.round(seconds / 60) });
}

/**
 * When something happened, short: the time of a day, with the day unless it is today.
 * @param {number} unixSeconds
 */
export function moment(unixSeconds) {
  const when = new Date(unixSeconds * 1000);
  const today = when.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const day = today ? {} : { month: "short", day: "numeric" };
  const locale = language() === "zh" ? "zh-CN" : "en-GB";
  return when.toLocaleString(locale, { ...day, hour: "2-digit", minute: "2-digit" });
}
