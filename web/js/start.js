// @ts-check
// The first steps of somebody who has no key: try it offline, or enter one.
import { closeErrorWindow, runOnceMore } from "./comfy.js";
import { h, icon, iconButton, linked } from "./dom.js";
import { notice } from "./notice.js";
import { get, post, whyOf } from "./routes.js";
import { refreshPrices } from "./money.js";
import { enterKey } from "./settings.js";
import { t } from "./texts.js";

const NOTICE_SECONDS = 8;

let asking = false;

/** @typedef {{otherHost?: boolean, offline: boolean}} Situation what can be done without a key */

/**
 * Asks how to go on, instead of ComfyUI's own window, after a run that failed for want of a key.
 * @param {string} promptId that run
 */
export async function askHowToStart(promptId) {
  closeErrorWindow(promptId, { forgive: true });
  if (asking) return; // several runs were queued
  asking = true;
  const dialog = drawn(await situation().catch(() => ({ offline: true })), promptId);
  dialog.addEventListener("close", () => {
    dialog.remove();
    asking = false;
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the canvas has shortcuts of its own
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * `otherHost`: there is a key for another host; `offline`: the emulator can be chosen.
 * @returns {Promise<Situation>}
 */
export async function situation() {
  const [key, settings] = await Promise.all([get("key"), get("settings")]);
  return { otherHost: key.other_host, offline: !settings.locked.includes("host") };
}

export async function goOffline() {
  await post("settings", { host: "offline" });
  await refreshPrices();
  notice("info", t("start.chosen"), t("start.chosen_detail"), { seconds: NOTICE_SECONDS });
}

/** @type {(situation: Situation, promptId: string) => HTMLDialogElement} */
function drawn({ otherHost, offline }, promptId) {
  const close = () => dialog.close();
  const tryOffline = () => {
    close();
    goOffline()
      .then(() => runOnceMore(promptId))
      .catch((error) => notice("error", t("start.title"), whyOf(error)));
  };
  const leaveForKey = () => {
    close();
    enterKey();
  };
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { class: "grsai-start", "aria-labelledby": "grsai-start-title", "aria-describedby": "grsai-start-about" },
    h(
      "header",
      { class: "grsai-start-head" },
      h("i", { class: "grsai-banana-icon", "aria-hidden": "true" }),
      h("h2", { id: "grsai-start-title" }, t("start.title")),
      iconButton("times", t("viewer.close"), close),
    ),
    h("p", { id: "grsai-start-about" }, t(otherHost ? "key.other_host" : "start.about")),
    offline && way("play", t("start.offline"), t("start.offline_about"), tryOffline, "grsai-primary"),
    way("key", t("start.key"), t("start.key_about"), leaveForKey),
    h("p", { class: "grsai-muted" }, ...linked(t("start.where"))),
  );
  return dialog;
}

// One way to go on, and what comes of it. The first one has the focus.
/** @type {(symbol: string, name: string, about: string, onclick: () => void, look?: string) => HTMLElement} */
function way(symbol, name, about, onclick, look = "") {
  const words = h("span", {}, h("strong", {}, name), h("small", {}, about));
  return h("button", { type: "button", class: `grsai-way ${look}`, onclick, autofocus: true }, icon(symbol), words);
}
