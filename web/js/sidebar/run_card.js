// @ts-check
// One run of the history as a row: its pictures as a strip, what it made, cost and took, and what can be done with all of it.
import { api } from "../comfy.js";
import { h, icon, iconButton } from "../dom.js";
import { money } from "../money.js";
import { duration, moment, t } from "../texts.js";
import { makeOurTile, tileOf } from "../tile.js";
import { openFolder, runAgain } from "./actions.js";
import { showPictures } from "./viewer.js";

/** @typedef {import("../routes.js").PastRun} PastRun */

export const RUN_HEIGHT = 128; // with the gap below it, in pixels

/**
 * `making`: runs are under way. A click anywhere but on a button or a picture opens it.
 * @type {(run: PastRun, open: () => void, making: boolean) => HTMLElement}
 */
export function makeRunCard(run, open, making) {
  const title = run.run ? run.prompt || t("card.no_prompt") : t("run.earlier");
  const whose = run.who ? `${run.who} · ` : "";
  const element = h(
    "article",
    { class: "grsai-past", role: "listitem", "aria-label": `${whose}${title}. ${facts(run)}` },
    h("div", { class: "grsai-past-title", title }, h("span", { class: "grsai-muted" }, whose), title),
    strip(run, making),
    h("div", { class: "grsai-card-foot" }, h("span", { class: "grsai-muted grsai-facts", title: facts(run) }, facts(run)), buttons(run)),
  );
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== element) return;
    event.preventDefault(); // else the key presses a button of what opens
    open();
  });
  element.addEventListener("click", ({ target }) => target instanceof Element && !target.closest("button, a, .grsai-tile") && open());
  return element;
}

/** @type {(run: PastRun, making: boolean) => HTMLElement} */
function strip(run, making) {
  const items = run.entries.map((entry) => ({ entry, tile: tileOf(entry, making) }));
  const tiles = items.map(({ tile }, index) => makeOurTile({ ...tile, why: null }, () => showPictures(items, index)).element);
  return h("div", { class: "grsai-past-strip" }, ...tiles);
}

/** @param {PastRun} run */
export function facts({ pictures, made, due, credits, offline, seconds, created }) {
  const failed = pictures - made - due;
  const parts = [
    made === pictures ? t("run.all", { count: pictures }) : t("run.some", { made, count: pictures }),
    failed && t("run.failed", { count: failed }),
    due && t("run.due", { count: due }),
    offline ? t("card.free") : money(credits),
    seconds && !due && duration(seconds),
    moment(created),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {PastRun} run */
function buttons(run) {
  const price = run.offline ? t("money.free") : money(run.price);
  const href = api.apiURL(`/grsai/zip?${new URLSearchParams({ run: run.run })}`);
  const zip = { class: "grsai-icon-button", href, download: "", title: t("run.zip"), "aria-label": t("run.zip") };
  return h(
    "div",
    { class: "grsai-buttons" },
    run.run && iconButton("refresh", t("run.again", { price }), () => runAgain(run)),
    run.made > 0 && iconButton("folder-open", t("run.folder"), () => openFolder(run)),
    run.made > 0 && h("a", zip, icon("download")),
  );
}
