// @ts-check
// What the user thinks of a picture: keep or reject, stars, a note; to be set, or only to be read.
import { h } from "./dom.js";
import { sign } from "./signs.js";
import { say } from "./words.js";

/** @typedef {{verdict: import("./tile.js").Choice, stars: number, note: string}} Opinion */
/** @typedef {{set: (change: Partial<Opinion>) => void, note?: boolean}} VerdictUse `note`: there is room for one */

const MOST_STARS = 5;

/**
 * Buttons, stars and a field for the note. A second press takes a verdict or the stars back.
 * @param {VerdictUse} use
 */
export function makeVerdict({ set, note = true }) {
  /** @type {Opinion} */
  let now = { verdict: "", stars: 0, note: "" };
  const choices = /** @type {const} */ (["keep", "reject"]).map((choice) =>
    h(
      "button",
      { type: "button", class: "grsai-judge", "data-verdict": choice, onclick: () => set({ verdict: now.verdict === choice ? "" : choice }) },
      sign(choice),
      say(`verdict.${choice}`),
    ),
  );
  const stars = Array.from({ length: MOST_STARS }, (_, place) => {
    const [count, label] = [place + 1, say("verdict.star", { count: place + 1 })];
    const onclick = () => set({ stars: now.stars === count ? 0 : count });
    return h("button", { type: "button", class: "grsai-star", title: label, "aria-label": label, onclick }, sign("star"));
  });
  const field = h("textarea", { class: "grsai-note-field", rows: 2, placeholder: say("verdict.note_hint"), "aria-label": say("verdict.note") });
  const write = () => field.value.trim() !== now.note && set({ note: field.value.trim() });
  field.addEventListener("change", write);
  field.addEventListener("keydown", (event) => {
    event.stopPropagation(); // letters are letters here
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) field.blur();
  });
  const row = h("div", { class: "grsai-stars", role: "group", "aria-label": say("verdict.stars") }, ...stars);
  const element = h("div", { class: "grsai-verdict" }, h("div", { class: "grsai-judges" }, ...choices), row, note && field);

  /** @param {Opinion} opinion */
  function show(opinion) {
    now = opinion;
    for (const each of choices) each.setAttribute("aria-pressed", String(each.dataset.verdict === now.verdict));
    stars.forEach((each, place) => each.setAttribute("aria-pressed", String(place < now.stars)));
    if (field !== document.activeElement) field.value = now.note;
  }

  return { element, show, focusNote: () => field.focus() };
}

/**
 * The same to be read only; null where nothing was said.
 * @param {Partial<Opinion>} opinion
 */
export function readVerdict({ verdict, stars = 0, note }) {
  if (!verdict && !stars && !note) return null;
  const word = verdict && h("strong", { "data-verdict": verdict }, sign(verdict), say(verdict === "keep" ? "verdict.kept" : "verdict.rejected"));
  const given = stars > 0 && h("span", { class: "grsai-stars-read", title: say("verdict.star", { count: stars }) }, "★".repeat(stars));
  return h("div", { class: "grsai-opinion" }, word, given, note && h("p", {}, note));
}
