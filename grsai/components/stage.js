// @ts-check
// One picture large, with the one before it: under a slider, side by side, or alone; zoomed to its pixels and moved about.
import { h } from "./dom.js";
import { signButton } from "./signs.js";
import { say } from "./words.js";

/** @typedef {"slider" | "beside" | "after" | "change"} Mode */
/**
 * Addresses. `mask`: the outline of where alone a picture may have changed, drawn over the one before; only then is there a mode "change".
 * @typedef {{label: string, after: string, after_small?: string, before?: string | null, before_small?: string | null, mask?: string | null,
 *   named?: string}} Shown
 */
/** @typedef {{mode?: Mode, sized?: (width: number, height: number) => void}} StageUse `sized` is told the pixels of the file */

/** @type {Mode[]} */
const MODES = ["slider", "beside", "after", "change"];
const [MOST_ZOOM, NEAR_EDGE, A_MOVE] = [8, 24, 4]; // CSS pixels to a pixel of the picture; CSS pixels
const ALIKE = 0.02; // ratios that differ by no more are one

/** Shows one picture at a time; zoom and place stay from one to the next, so that they can be compared. */
export class Stage {
  /** @param {StageUse} use */
  constructor({ mode = "slider", sized = () => {} } = {}) {
    this.mode = mode;
    this.sized = sized;
    this.zoom = 0; // CSS pixels to a pixel of the picture; 0: all of it is seen
    this.center = { x: 0.5, y: 0.5 }; // of the picture, in the middle of the stage
    this.share = 50; // percent of the picture before that is seen under the slider
    this.size = { width: 1, height: 1 };
    /** @type {Shown | null} */
    this.shown = null;
    this.after = h("img", { class: "grsai-after", alt: "", draggable: "false", decoding: "async" });
    this.before = h("img", { class: "grsai-before", alt: "", draggable: "false", decoding: "async" });
    this.outline = h("img", { class: "grsai-outline", alt: "", draggable: "false" });
    this.range = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": say("view.compare") });
    this.frames = [frame("before", this.before, say("view.before")), frame("after", this.after, say("view.result"))];
    this.edge = h("i", { class: "grsai-edge" });
    this.element = h("div", { class: "grsai-stage" }, this.frames[1], this.frames[0], this.edge, this.range);
    this.range.addEventListener("input", () => this.slide(Number(this.range.value)));
    this.range.addEventListener("keydown", (event) => event.stopPropagation()); // the arrows move it, and not to the next picture
    this.tools = makeTools(this);
    letMove(this);
    new ResizeObserver(() => this.lay()).observe(this.element);
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    this.after.alt = shown.label;
    this.frames[0].querySelector(".grsai-tag")?.replaceChildren(shown.named ?? say("view.before"));
    const isHere = () => shown === this.shown;
    this.element.classList.add("grsai-loading");
    load(this.after, shown.after_small ?? shown.after, shown.after, isHere, (isFile) => this.loaded(isFile));
    if (shown.before) load(this.before, shown.before_small ?? shown.before, shown.before, isHere);
    else this.before.removeAttribute("src");
    if (shown.mask) this.outline.src = shown.mask;
    if (shown.mask) this.before.after(this.outline);
    else this.outline.remove();
    this.slide(50);
    this.setMode(this.mode);
  }

  /** @param {boolean} isFile and not its thumbnail, which only tells the ratio */
  loaded(isFile) {
    this.element.classList.remove("grsai-loading");
    const { naturalWidth: width, naturalHeight: height } = this.after;
    const isAlike = Math.abs((width * this.size.height) / (height * this.size.width) - 1) < ALIKE;
    if (width && (isFile || !this.zoom || !isAlike)) this.size = { width, height };
    this.lay();
    if (isFile && width) this.sized(width, height);
  }

  /** Loads what will be shown next, so that it is there at once. @param {readonly (Shown | undefined)[]} coming */
  expect(coming) {
    this.coming = coming.flatMap((each) => (each ? [each.after, each.before] : [])).map((address) => {
      const picture = new Image();
      if (address) picture.src = address;
      return picture;
    });
  }

  /** @param {Mode} mode */
  setMode(mode) {
    this.mode = mode;
    const possible = mode !== "change" || this.knowsChange() ? mode : "slider";
    this.element.dataset.mode = this.shown?.before ? possible : "after";
    this.lay();
    this.tools.show();
  }

  /** Whether the very pixels before are there to be compared, and not their thumbnail. */
  knowsChange() {
    return Boolean(this.shown?.mask && this.shown.before && this.shown.before !== this.shown.before_small);
  }

  /** To what changed, brightened, and back; nothing where nobody knows where it may have changed. */
  toggleChange() {
    if (this.knowsChange()) this.setMode(this.mode === "change" ? "slider" : "change");
  }

  /** To the pixels of the picture, or back to all of it. @param {{x: number, y: number}} [at] of the picture, 0 to 1 */
  toggleZoom(at) {
    this.zoomTo(this.zoom ? 0 : 1 / devicePixelRatio, at);
  }

  /** @type {(zoom: number, at?: {x: number, y: number}) => void} */
  zoomTo(zoom, at) {
    this.zoom = zoom && Math.min(zoom, MOST_ZOOM);
    if (at) this.center = at;
    if (!zoom) this.center = { x: 0.5, y: 0.5 };
    this.lay();
    this.tools.show();
  }

  /** @param {number} share percent of the width of the picture */
  slide(share) {
    this.share = Math.min(100, Math.max(0, share));
    this.range.value = String(this.share);
    this.lay();
  }

  /** Where the picture lies in a frame, in CSS pixels. */
  box() {
    const { clientWidth: width, clientHeight: height } = this.frames[1];
    const fit = Math.min(width / this.size.width, height / this.size.height);
    const scale = this.zoom || fit;
    const [wide, high] = [this.size.width * scale, this.size.height * scale];
    this.center = { x: within(this.center.x, width / wide), y: within(this.center.y, height / high) };
    return { left: width / 2 - this.center.x * wide, top: height / 2 - this.center.y * high, wide, high, scale, width, height };
  }

  lay() {
    const { left, top, wide, high, width, height } = this.box();
    const { style } = this.element;
    for (const [name, value] of Object.entries({ left, top, width: wide, height: high })) style.setProperty(`--grsai-${name}`, `${value}px`);
    const edge = Math.min(width, Math.max(0, left + (wide * this.share) / 100));
    style.setProperty("--grsai-at", `${edge}px`);
    style.setProperty("--grsai-edge-top", `${Math.max(0, top)}px`);
    style.setProperty("--grsai-edge-bottom", `${Math.max(0, height - top - high)}px`);
    this.element.classList.toggle("grsai-zoomed", this.zoom > 0);
  }

  /** Where on the picture a place of the screen is, 0 to 1. @param {{clientX: number, clientY: number}} event */
  at({ clientX, clientY }) {
    const { left, top, wide, high } = this.box();
    const over = this.frames.map((each) => each.getBoundingClientRect()).find((box) => clientX >= box.left && clientX <= box.right);
    const from = over ?? this.frames[1].getBoundingClientRect();
    return { x: (clientX - from.left - left) / wide, y: (clientY - from.top - top) / high };
  }
}

/** @type {(kind: string, picture: HTMLImageElement, name: string) => HTMLElement} */
function frame(kind, picture, name) {
  return h("div", { class: `grsai-frame grsai-frame-${kind}` }, picture, h("span", { class: "grsai-tag" }, name));
}

/** @type {(at: number, seen: number) => number} a middle with which the picture leaves no room empty */
function within(at, seen) {
  return seen >= 1 ? 0.5 : Math.min(1 - seen / 2, Math.max(seen / 2, at));
}

/** The buttons of a stage: how it compares, and the zoom. @param {Stage} stage */
function makeTools(stage) {
  const modes = MODES.map((mode) => signButton(mode, say(`view.${mode}`), () => stage.setMode(mode)));
  const zoom = signButton("zoom", say("view.zoom"), () => stage.toggleZoom());
  const group = h("div", { class: "grsai-choice", role: "group", "aria-label": say("view.compare") }, ...modes);
  const element = h("div", { class: "grsai-tools-of-view" }, group, zoom);
  const show = () => {
    group.hidden = !stage.shown?.before;
    modes[MODES.indexOf("change")].hidden = !stage.knowsChange();
    modes.forEach((each, index) => each.setAttribute("aria-pressed", String(MODES[index] === stage.mode)));
    zoom.setAttribute("aria-pressed", String(stage.zoom > 0));
  };
  return { element, show };
}

/**
 * A pointer drags the edge where it is near it or nothing is zoomed, else the picture; two pointers and the wheel zoom.
 * @param {Stage} stage
 */
function letMove(stage) {
  const { element } = stage;
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let moves = "";
  let spread = 0;

  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const near = Math.abs(event.clientX - element.getBoundingClientRect().left - parseFloat(element.style.getPropertyValue("--grsai-at")));
    const slides = element.dataset.mode === "slider" && (!stage.zoom || near < NEAR_EDGE);
    moves = pointers.size > 1 ? "zoom" : slides ? "edge" : "picture";
    if (moves === "edge") stage.slide(stage.at(event).x * 100);
    spread = apart([...pointers.values()]);
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (moves === "edge") stage.slide(stage.at(event).x * 100);
    if (moves === "picture" && stage.zoom) move(event.clientX - before.x, event.clientY - before.y);
    if (moves === "zoom") pinch(event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    element.addEventListener(end, (event) => {
      pointers.delete(/** @type {PointerEvent} */ (event).pointerId);
      if (pointers.size) moves = "picture";
    });
  }
  element.addEventListener("dblclick", (event) => stage.toggleZoom(stage.at(event)));
  element.addEventListener("wheel", (event) => (event.preventDefault(), zoomAt(event, Math.exp(-event.deltaY / 400))), { passive: false });

  /** @type {(x: number, y: number) => void} */
  function move(x, y) {
    const { wide, high } = stage.box();
    stage.center = { x: stage.center.x - x / wide, y: stage.center.y - y / high };
    stage.lay();
  }

  // What is under the pointer stays under it.
  /** @type {(event: {clientX: number, clientY: number}, by: number) => void} */
  function zoomAt(event, by) {
    const [at, before] = [stage.at(event), stage.box()];
    const fit = Math.min(before.width / stage.size.width, before.height / stage.size.height);
    const scale = before.scale * by;
    if (scale <= fit) return stage.zoomTo(0);
    const toward = 1 - before.scale / scale;
    stage.zoomTo(scale, { x: stage.center.x + (at.x - stage.center.x) * toward, y: stage.center.y + (at.y - stage.center.y) * toward });
  }

  /** @param {PointerEvent} event */
  function pinch(event) {
    const now = apart([...pointers.values()]);
    if (spread && now && Math.abs(now - spread) > A_MOVE) {
      zoomAt(event, now / spread);
      spread = now;
    }
  }
}

/** @param {{x: number, y: number}[]} points */
function apart([first, second]) {
  return first && second ? Math.hypot(first.x - second.x, first.y - second.y) : 0;
}

/**
 * Shows the thumbnail at once and the file as soon as it is there; only the thumbnail if the file is gone.
 * @type {(into: HTMLImageElement, small: string, file: string, isHere: () => boolean, shown?: (isFile: boolean) => void) => void}
 */
function load(into, small, file, isHere, shown = () => {}) {
  const whole = new Image();
  let isFile = false;
  into.onload = () => isHere() && shown(isFile);
  into.onerror = null;
  if (into.getAttribute("src") !== small) into.src = small;
  else if (into.complete) shown(isFile);
  whole.onload = () => {
    if (!isHere()) return;
    isFile = true;
    into.src = file;
    if (small === file) shown(true);
  };
  whole.src = file;
}
