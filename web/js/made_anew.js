// @ts-check
// What was made anew in place of a picture of a run: kept by the browser, so that the grid of that run shows it after a reload too.

/** @typedef {import("./routes.js").TileFacts} TileFacts */

const KEY = "grsai.made_anew";
const MOST = 300; // of the newest

/** @type {(promptId: string | null, task: string) => string} the same picture may be part of other runs, whose grids show it as it is */
const placeOf = (promptId, task) => `${promptId}/${task}`;

/** @returns {[string, TileFacts][]} oldest first */
function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

let known = new Map(kept());

/** @type {(promptId: string | null, before: TileFacts, now: TileFacts) => void} */
export function remember(promptId, before, now) {
  if (!before.task || before.task === now.task) return;
  const place = placeOf(promptId, before.task);
  const others = kept().filter(([each]) => each !== place); // also those of other tabs
  known = new Map(others.slice(1 - MOST)).set(place, now);
  try {
    localStorage.setItem(KEY, JSON.stringify([...known]));
  } catch {
    // full, or forbidden: then until the reload
  }
}

/**
 * What stands in the place of a picture of a run by now.
 * @type {(promptId: string | null, facts: TileFacts) => TileFacts}
 */
export function latest(promptId, facts) {
  const seen = new Set();
  let now = facts;
  while (now.task && !seen.has(now.task)) {
    seen.add(now.task);
    now = known.get(placeOf(promptId, now.task)) ?? now;
  }
  return now;
}
