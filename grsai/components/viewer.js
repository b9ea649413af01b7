// @ts-check
// One picture in a window of its own, what is known of it beside, and the way to its neighbours.
import { h } from "./dom.js";
import { sign, signButton } from "./signs.js";
import { Stage } from "./stage.js";
import { say } from "./words.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./tile.js").Tile} Tile */

/**
 * What a window shows of one of its items: addresses of the picture; where there is none, why, and what can be done.
 * @typedef {object} Sight
 * @property {Tile} tile
 * @property {import("./stage.js").Shown | null} picture
 * @property {string} [why]
 * @property {Child[]} [ways] what can be done where there is no picture
 * @property {Child[]} about
 * @property {Child[]} [foot]
 */

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * `sight(index)`: what is to be seen of an item. `moved(index)` is told where the window has come to.
 * @typedef {{count: () => number, sight: (index: number) => Sight, moved?: (index: number) => void, key?: (event: KeyboardEvent) => void,
 *   around?: boolean}} ViewerUse `around`: behind the last one comes the first
 */

/** A window over the page; `dialog` is to be put into it. */
export class Viewer {
  /** @param {ViewerUse} use */
  constructor(use) {
    this.use = use;
    this.index = 0;
    this.stage = new Stage({ sized: (width, height) => this.tell(`${width} × ${height}`) });
    this.pixels = h("span", { class: "grsai-pixels" });
    this.none = h("div", { class: "grsai-nothing" });
    this.about = h("div", { class: "grsai-viewer-about" });
    this.foot = h("footer", { class: "grsai-viewer-foot" });
    this.back = signButton("back", say("view.back"), () => this.step(-1));
    this.on = signButton("on", say("view.on"), () => this.step(1));
    const close = signButton("close", say("view.close"), () => this.dialog.close());
    const bar = h("div", { class: "grsai-viewer-bar" }, this.pixels, this.back, this.on, close);
    const side = h("div", { class: "grsai-viewer-details" }, bar, this.about, this.foot);
    const room = h("div", { class: "grsai-viewer-pictures" }, this.stage.element, this.stage.tools.element, this.none);
    this.dialog = h("dialog", { class: "grsai-viewer", tabindex: -1, autofocus: true, "aria-label": say("view.full") }, room, side);
    this.dialog.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the page around has shortcuts of its own
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      if (event.key in STEPS) this.step(STEPS[event.key]);
      else if (event.key === "z" || event.key === "Z") this.stage.toggleZoom();
      else if (event.key === "d" || event.key === "D") this.stage.toggleChange();
      else use.key?.(event);
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  /** @param {number} index */
  open(index) {
    this.index = index;
    if (!this.dialog.isConnected) document.body.append(this.dialog);
    this.dialog.showModal();
    this.dialog.focus();
    this.show();
  }

  /** @param {number} by */
  step(by) {
    const count = this.use.count();
    const next = this.index + by;
    this.index = this.use.around ? (next + count) % count : Math.max(0, Math.min(count - 1, next));
    this.show();
  }

  /** Draws what is known by now. */
  show() {
    const { picture, tile, why, ways = [], about, foot = [] } = this.use.sight(this.index);
    this.tell("");
    this.stage.element.hidden = this.stage.tools.element.hidden = !picture;
    this.none.hidden = Boolean(picture);
    if (picture) this.stage.show(picture);
    else this.none.replaceChildren(...nothing(tile, why, ways));
    this.none.dataset.state = tile.state;
    put(this.about, about);
    put(this.foot, foot);
    this.about.scrollTop = 0;
    // Not disabled in earnest: a disabled button would lose the focus, and the keys with it.
    this.back.setAttribute("aria-disabled", String(!this.use.around && this.index === 0));
    this.on.setAttribute("aria-disabled", String(!this.use.around && this.index === this.use.count() - 1));
    this.use.moved?.(this.index);
  }

  /** @param {string} pixels */
  tell(pixels) {
    this.pixels.textContent = pixels;
  }
}

/** @type {(tile: Tile, why: string | undefined, ways: Child[]) => HTMLElement[]} */
function nothing({ source, state, why }, reason, ways) {
  const words = h("div", { role: "status" }, sign("failed"), h("p", {}, reason || why || say(`state.${state}`)), ...ways);
  return source ? [h("img", { src: source, alt: "" }), words] : [words];
}

/**
 * Names and values, those without a value left out.
 * @param {readonly [string, Child][]} rows
 */
export function makeFacts(rows) {
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl", { class: "grsai-facts-list" }, ...told.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** @type {(into: HTMLElement, children: Child[]) => void} */
function put(into, children) {
  into.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}
