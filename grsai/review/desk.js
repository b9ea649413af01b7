// @ts-check
// The desk on which one picture after the other is judged: the picture large, beside it what it is, and the strip below.
import { h } from "../components/dom.js";
import { aboutMade, shownOfMade, tileOfMade } from "../components/made.js";
import { signButton } from "../components/signs.js";
import { Stage } from "../components/stage.js";
import { makeStrip } from "../components/strip.js";
import { makeVerdict } from "../components/verdict.js";
import { makeVersions } from "../components/versions.js";
import { say } from "../components/words.js";
import { tell } from "./sentences.js";

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./pictures.js").Pictures} Pictures */
/** @typedef {import("../components/verdict.js").Opinion} Opinion */
/** @typedef {import("../components/stage.js").Mode} Mode */

const TILE = 90; // pixels of the strip, with the gap
const AHEAD = [1, 2, -1]; // what is loaded before it is asked for
/** @type {Mode[]} */
const TURN = ["slider", "beside", "after"];

export class Desk {
  /**
   * `failed` is told what could not be written down; `changed` is called when there is another picture or another verdict.
   * @param {Pictures} pictures
   * @param {import("../components/made.js").MadeWords} words
   * @param {{failed: (error: Error) => void, changed: () => void}} use
   */
  constructor(pictures, words, { failed, changed }) {
    this.pictures = pictures;
    this.words = words;
    this.failed = failed;
    this.changed = changed;
    this.index = 0;
    this.against = /** @type {"source" | "version"} */ ("source");
    this.stage = new Stage({ sized: (width, height) => (this.pixels.textContent = `${width} × ${height}`) });
    this.verdict = makeVerdict({ set: (change) => (change.verdict ? this.decide(change.verdict) : this.judge(change)) });
    this.versions = makeVersions((place) => this.goTo(this.current?.versions[place]));
    this.strip = makeStrip({
      width: TILE,
      label: tell("strip.label"),
      tileOf: (index) => tileOfMade(pictures.shown[index], words),
      choose: (index) => this.go(index),
    });
    this.about = h("div", { class: "about" });
    this.pixels = h("span", { class: "grsai-pixels" });
    this.place = h("span", { class: "place", role: "status" });
    this.nothing = h("p", { class: "nothing" });
    this.choice = h("select", { class: "against", "aria-label": tell("against.label") });
    this.choice.append(h("option", { value: "source" }, tell("against.source")), h("option", { value: "version" }, tell("against.version")));
    this.choice.addEventListener("change", () => {
      this.against = this.choice.value === "version" ? "version" : "source";
      this.show();
    });
    this.element = this.drawn();
  }

  drawn() {
    const steps = h(
      "div",
      { class: "steps" },
      signButton("back", say("view.back"), () => this.step(-1)),
      this.place,
      signButton("on", say("view.on"), () => this.step(1)),
    );
    const room = h("div", { class: "room" }, this.stage.element, this.nothing, h("div", { class: "grsai-over" }, this.stage.tools.element, this.choice));
    const side = h("aside", { class: "side" }, steps, this.verdict.element, this.versions.element, this.about, this.pixels);
    return h("div", { class: "desk" }, room, side, this.strip.element);
  }

  /** @returns {Picture | undefined} */
  get current() {
    return this.pictures.shown[this.index];
  }

  /** Draws everything anew, as after new pictures or another filter. @param {string} [id] the picture to stay at */
  refresh(id = this.current?.id) {
    const place = this.pictures.shown.findIndex((each) => each.id === id);
    this.strip.show(this.pictures.shown.length);
    this.go(Math.max(place, 0));
  }

  /** The same without drawing the picture anew, where it is the one that is seen. @param {string | undefined} id */
  refreshQuietly(id) {
    const place = this.pictures.shown.findIndex((each) => each.id === id);
    if (place < 0) return this.refresh(id);
    const isMoved = place !== this.index;
    this.index = place;
    this.strip.show(this.pictures.shown.length);
    if (isMoved) this.strip.select(place);
    this.place.textContent = tell("filter.place", { place: place + 1, count: this.pictures.shown.length });
    if (this.current) this.showVersions(this.current);
    this.changed();
  }

  /** @param {number} by */
  step(by) {
    this.go(Math.min(this.pictures.shown.length - 1, Math.max(0, this.index + by)));
  }

  /** @param {number} index */
  go(index) {
    this.index = index;
    this.strip.select(index);
    this.show();
  }

  /** Also to one that the filter hides. @param {string | undefined} id */
  goTo(id) {
    if (id === undefined) return;
    if (!this.pictures.shown.some((each) => each.id === id)) this.pictures.choose("all");
    this.refresh(id);
  }

  /** @param {number} by */
  stepVersion(by) {
    const { versions = [], version = 1 } = this.current ?? {};
    this.goTo(versions[version - 1 + by]);
  }

  show() {
    const picture = this.current;
    for (const part of [this.stage.element, this.stage.tools.element, this.verdict.element, this.about]) part.hidden = !picture;
    this.nothing.textContent = picture ? "" : tell(this.pictures.all.size ? "filter.nothing" : "filter.none");
    this.place.textContent = picture ? tell("filter.place", { place: this.index + 1, count: this.pictures.shown.length }) : "";
    this.choice.hidden = (picture?.version ?? 1) === 1;
    this.pixels.textContent = "";
    if (picture) this.showPicture(picture);
    else this.versions.show([], 0);
    this.changed();
  }

  /** @param {Picture} picture */
  showPicture(picture) {
    const older = this.against === "version" ? this.pictures.all.get(picture.versions[picture.version - 2]) : undefined;
    const shown = this.shownOf(picture);
    this.stage.show(older ? { ...shown, before: older.after, before_small: older.after_small, named: say("versions.one", { number: older.version }) } : shown);
    this.stage.expect(AHEAD.map((by) => this.pictures.shown[this.index + by]).map((each) => each && this.shownOf(each)));
    this.about.replaceChildren(.../** @type {(Node | string)[]} */ (aboutMade(picture, this.words).filter(Boolean)));
    this.verdict.show(picture);
    this.showVersions(picture);
  }

  /** @param {Picture} picture */
  showVersions(picture) {
    const versions = picture.versions.flatMap((id) => this.pictures.all.get(id) ?? []);
    this.versions.show(versions.map((each) => tileOfMade(each, this.words)), versions.indexOf(picture));
  }

  /** @param {Picture} picture */
  shownOf(picture) {
    return /** @type {import("../components/stage.js").Shown} */ (shownOfMade(picture));
  }

  /** Says it of the current picture. @param {Partial<Opinion>} change */
  judge(change) {
    const picture = this.current;
    if (!picture) return;
    this.pictures.judge(picture, change, (error) => (this.failed(error), this.redraw())).then(() => this.changed());
    this.redraw();
  }

  /** Keep or reject, and on to the next one. @param {"keep" | "reject"} verdict */
  decide(verdict) {
    this.judge({ verdict });
    this.step(1);
  }

  /** @param {number} stars the same ones again take them away */
  rate(stars) {
    this.judge({ stars: this.current?.stars === stars ? 0 : stars });
  }

  /** What was there before the last verdict, at its picture. */
  undo() {
    const last = this.pictures.past.pop();
    const picture = last && this.pictures.all.get(last.id);
    if (!last || !picture) return;
    const { id, ...opinion } = last;
    this.pictures.judge(picture, opinion, this.failed, true).then(() => this.changed());
    this.goTo(id);
    this.redraw();
  }

  /** What changed of the verdicts, wherever they were given. */
  redraw() {
    if (this.current) this.verdict.show(this.current);
    this.strip.show(this.pictures.shown.length);
    this.changed();
  }

  turn() {
    const { mode } = this.stage;
    this.stage.setMode(TURN[(TURN.indexOf(mode) + 1) % TURN.length]);
  }
}
