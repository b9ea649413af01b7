// @ts-check
// The pictures that the page knows, which of them are shown, and what was said of them.
import { get, post } from "./asking.js";

/** @typedef {import("../components/verdict.js").Opinion} Opinion */
/**
 * @typedef {import("../components/made.js").Made & Opinion & {id: string, version: number, versions: string[], model: string, price: string,
 *   seconds: number, credits: number}} Picture
 */
/** @typedef {{total: number, kept: number, rejected: number, open: number, redo: number}} Counts */
/** @typedef {"all" | "open" | "kept" | "rejected"} Filter */

/** @type {Filter[]} */
export const FILTERS = ["all", "open", "kept", "rejected"];
const PAGE = 1000;
/** @type {Record<Filter, (picture: Picture) => boolean>} */
const SHOWN = {
  all: () => true,
  open: ({ verdict }) => !verdict,
  kept: ({ verdict }) => verdict === "keep",
  rejected: ({ verdict }) => verdict === "reject",
};

export class Pictures {
  /** @param {{counts: Counts, pictures: Picture[]}} state */
  constructor({ counts, pictures }) {
    this.counts = counts;
    /** @type {Map<string, Picture>} in the order of the folder */
    this.all = new Map();
    /** @type {Picture[]} */
    this.shown = [];
    /** @type {Filter} */
    this.filter = "all";
    /** @type {(Opinion & {id: string})[]} what was there before each verdict of this page */
    this.past = [];
    /** @type {Set<string>} whose verdicts are on their way */
    this.pending = new Set();
    /** @type {Promise<unknown>} */
    this.written = Promise.resolve();
    this.take(pictures);
  }

  /** Those behind `next`, page by page. @type {(next: number | null, came: () => void) => Promise<void>} */
  async load(next, came) {
    for (let offset = next; offset !== null; ) {
      const page = await get("pictures", { offset, limit: PAGE });
      this.take(page.pictures);
      came();
      offset = page.next;
    }
  }

  /**
   * New ones, and those that changed. A new version comes behind the older ones, any other new one to the end; what is seen stays
   * in its place.
   * @param {readonly Picture[]} pictures
   */
  take(pictures) {
    const shows = SHOWN[this.filter];
    for (const picture of pictures) {
      const known = this.all.get(picture.id);
      if (known) Object.assign(known, picture);
      else this.all.set(picture.id, picture);
      if (!known && shows(picture)) this.shown.splice(this.placeOf(picture), 0, picture);
    }
  }

  /** Whether something was made with more than one model or prompt. */
  get comparable() {
    /** @type {Map<string, string>} by what pictures were made from */
    const seen = new Map();
    for (const { values, model, prompt } of this.all.values()) {
      const [source, how] = [values[0], `${model} ${prompt}`];
      if (source && (seen.get(source) ?? how) !== how) return true;
      seen.set(source, how);
    }
    return false;
  }

  /** @param {Picture} picture */
  placeOf({ id, versions }) {
    const older = versions.slice(0, versions.indexOf(id));
    if (!older.length) return this.shown.length;
    const last = this.shown.findLastIndex((each) => older.includes(each.id));
    return last < 0 ? this.shown.length : last + 1;
  }

  /** Chosen anew: what was judged since may go. @param {Filter} filter */
  choose(filter) {
    this.filter = filter;
    this.shown = [...this.all.values()].filter(SHOWN[filter]);
  }

  /**
   * Says it at once, and writes it down one after the other. `failed` is told what could not be written, which is taken back.
   * @type {(picture: Picture, change: Partial<Opinion>, failed: (error: Error) => void, isUndo?: boolean) => Promise<unknown>}
   */
  judge(picture, change, failed, isUndo = false) {
    const { id, verdict, stars, note } = picture;
    if (!isUndo) this.past.push({ id, verdict, stars, note });
    this.say(picture, change);
    this.pending.add(id);
    this.written = this.written
      .then(() => post("verdict", { verdicts: [{ id, ...change }] }))
      .then(({ counts }) => this.count(counts))
      .catch((error) => {
        this.say(picture, { verdict, stars, note });
        failed(error);
      })
      .finally(() => this.pending.delete(id));
    return this.written;
  }

  /** @type {(picture: Picture, change: Partial<Opinion>) => void} */
  say(picture, change) {
    const before = countedAs(picture);
    Object.assign(picture, change);
    this.counts[before] -= 1;
    this.counts[countedAs(picture)] += 1;
  }

  /** What a page said, this one or another. @param {(Opinion & {id: string})[]} verdicts */
  heard(verdicts) {
    for (const { id, ...opinion } of verdicts) {
      const picture = this.all.get(id);
      if (picture && !this.pending.has(id)) Object.assign(picture, opinion);
    }
  }

  /** @param {Counts} counts */
  count(counts) {
    this.counts = counts;
  }
}

/** @type {(picture: Picture) => "kept" | "rejected" | "open"} */
function countedAs({ verdict }) {
  return verdict === "keep" ? "kept" : verdict === "reject" ? "rejected" : "open";
}
