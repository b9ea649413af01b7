// @ts-check
// What a page of pictures is drawn with: tiles, before and after under a slider, and one picture at full size.
// They know the cards that they are given; what is shown, and when, is the page's.

/**
 * A picture, or a job that brought none. Addresses are relative to the page.
 * @typedef {object} Card
 * @property {string} number "3", or "3.2" for the second picture of a job
 * @property {string} name
 * @property {string} prompt
 * @property {string} state
 * @property {string[]} facts what stands below the picture: time and price
 * @property {string[]} values what stands beside it at full size, in the order of the labels; empty ones are left out
 * @property {string[]} [said] why there is no picture, and what else is to be known
 * @property {string} [after] the picture
 * @property {string} [after_small] its thumbnail, or itself
 * @property {string} [before] what it was made from
 * @property {string} [before_small]
 * @property {string[]} [beside] thumbnails of what else it was made from
 * @property {string} [finished] the file for a shop that was made of it
 */

/**
 * Words by name, in the user's language. `states`: how each state is called; `labels`: those of a card's values.
 * @typedef {{states: Record<string, string>, labels: string[], task: string, state: string, compare: string, before: string, after: string,
 *   note: string, pixels: string, full: string, open: string, finished: string, back: string, on: string, close: string}} Words
 */

/**
 * An element with what is in it. Texts stay texts, whatever they hold.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | undefined>} [attributes] those that are undefined are left out
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  for (const child of children) if (child) made.append(child);
  return made;
}

/**
 * One card of a page: the picture, the prompt, and a line of facts.
 * @param {Card} card
 * @param {Words} words
 */
export function tile(card, words) {
  const name = words.task.replace("#", card.number);
  return element(
    "figure",
    { class: "card", "data-state": card.state },
    card.after ? view(card, words) : missing(card, words),
    element(
      "figcaption",
      {},
      element("p", { class: "prompt" }, card.prompt),
      element(
        "p",
        { class: "facts" },
        card.after
          ? element("a", { class: "name", href: card.after, title: card.name }, name)
          : element("span", { class: "name" }, name),
        element("span", { class: "more", title: card.facts.join(" · ") }, card.facts.join(" · ")),
        element("span", { class: "state" }, words.states[card.state]),
      ),
    ),
  );
}

/**
 * The picture, and over it the one before, as far as the slider lets it.
 * @param {Card} card
 * @param {Words} words
 */
function view(card, words) {
  const made = element("div", { class: "view" }, picture("after", card.after_small, card.name));
  if (card.before) {
    made.append(picture("before", card.before_small), ...slider(words, `${words.compare}: ${card.name}`));
  }
  if (card.beside) made.append(beside(card.beside));
  if (card.said) made.append(element("span", { class: "mark", title: card.said.join("\n"), role: "img", "aria-label": words.note }));
  return made;
}

/**
 * What else a picture was made from, small.
 * @param {readonly string[]} addresses
 */
function beside(addresses) {
  return element("div", { class: "beside" }, ...addresses.map((address) => picture("", address)));
}

/**
 * @param {Card} card
 * @param {Words} words
 */
function missing(card, words) {
  return element(
    "div",
    { class: "view missing" },
    card.before_small ? picture("", card.before_small) : undefined,
    element("p", {}, element("b", {}, words.states[card.state]), (card.said ?? []).join("\n")),
  );
}

/**
 * @param {string} kind
 * @param {string} [address]
 */
function picture(kind, address, alt = "") {
  return element("img", { class: kind, src: address, alt, loading: "lazy", decoding: "async" });
}

/**
 * What a view with two pictures is slid by: a range for the keyboard, the edge, and what is on either side of it.
 * @param {Words} words
 * @param {string} label
 */
function slider(words, label) {
  return [
    element("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": label }),
    element("i", { class: "edge" }),
    element("span", { class: "tag" }, words.before),
    element("span", { class: "tag" }, words.after),
  ];
}

/**
 * Shows of the picture before as much as `share` percent of the width.
 * @param {HTMLElement} of a view
 * @param {number} share
 */
function slide(of, share) {
  of.style.setProperty("--at", `${share}%`);
  const range = of.querySelector("input");
  if (range) range.value = String(share);
}

/**
 * @param {HTMLElement} of a view
 * @param {PointerEvent} event
 */
function shareOf(of, event) {
  const box = of.getBoundingClientRect();
  return Math.min(100, Math.max(0, ((event.clientX - box.left) / box.width) * 100));
}

/**
 * The view with two pictures that an event is about.
 * @param {EventTarget | null} target
 * @returns {HTMLElement | null}
 */
const compared = (target) => (target instanceof Element ? target.closest(".view:has(input)") : null);

/**
 * Lets every view within `place` be slid: the edge follows the pointer, and the keyboard through the range.
 * @param {HTMLElement} place
 */
export function letSlide(place) {
  place.addEventListener("input", (event) => {
    const of = compared(event.target);
    if (of && event.target instanceof HTMLInputElement) slide(of, Number(event.target.value));
  });
  place.addEventListener("pointermove", (event) => {
    const of = compared(event.target);
    if (!of) return;
    of.classList.add("live");
    slide(of, shareOf(of, event));
  });
  place.addEventListener("pointerout", (event) => {
    const of = compared(event.target);
    if (!of || (event.relatedTarget instanceof Node && of.contains(event.relatedTarget))) return;
    of.classList.remove("live");
    of.style.removeProperty("--at");
  });
}

/** One picture at full size, with the one before, and what is known of it beside. Steps through a list. */
export class Viewer {
  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    /** @type {readonly Card[]} */
    this.cards = [];
    this.place = 0;
    this.after = picture("after");
    this.before = picture("before");
    this.slider = slider(words, words.compare);
    this.stage = element("div", { class: "view stage" }, this.after, this.before, ...this.slider);
    this.about = element("div", { class: "about" });
    this.file = element("a", { class: "open", target: "_blank", rel: "noopener" }, words.open);
    this.finished = element("a", { class: "open plain", target: "_blank", rel: "noopener" }, words.finished);
    this.side = element("div", { class: "side" }, this.about, this.file, this.finished, this.buttons());
    const room = element("div", { class: "room" }, element("div", {}, this.stage));
    /** To be put into the page. It says "close" when it is closed. */
    this.dialog = element("dialog", { tabindex: "-1", "aria-label": words.full }, room, this.side);
    this.dialog.addEventListener("keydown", (event) => {
      if (event.target instanceof HTMLInputElement) return;
      if (event.key === "ArrowLeft") this.step(-1);
      if (event.key === "ArrowRight") this.step(1);
    });
    this.letDrag();
  }

  buttons() {
    /** @type {[string, string, () => void][]} */
    const rows = [
      ["←", this.words.back, () => this.step(-1)],
      ["→", this.words.on, () => this.step(1)],
      ["✕", this.words.close, () => this.dialog.close()],
    ];
    const buttons = rows.map(([sign, label, act]) => {
      const button = element("button", { "aria-label": label, title: label }, sign);
      button.addEventListener("click", act);
      return button;
    });
    return element("div", { class: "steps" }, ...buttons);
  }

  /** The edge goes where a pointer drags it, and to where it is set down. */
  letDrag() {
    const drag = (/** @type {PointerEvent} */ event) => {
      if (!this.stage.hasPointerCapture(event.pointerId)) return;
      this.stage.classList.add("live");
      slide(this.stage, shareOf(this.stage, event));
      event.preventDefault();
    };
    this.stage.addEventListener("pointerdown", (event) => {
      this.stage.setPointerCapture(event.pointerId);
      drag(event);
    });
    this.stage.addEventListener("pointermove", drag);
    this.stage.addEventListener("input", () => slide(this.stage, Number(this.stage.querySelector("input")?.value)));
  }

  /**
   * @param {readonly Card[]} cards what the steps go through
   * @param {number} place of the one to begin with
   */
  open(cards, place) {
    this.cards = cards;
    this.place = place;
    this.show();
    this.dialog.showModal();
    this.dialog.focus();
  }

  /** @param {number} by */
  step(by) {
    this.place = (this.place + by + this.cards.length) % this.cards.length;
    this.show();
  }

  show() {
    const card = this.cards[this.place];
    const both = Boolean(card.after && card.before);
    this.stage.classList.toggle("both", both);
    for (const part of [this.before, ...this.slider]) part.hidden = !both;
    this.about.replaceChildren(...about(card, this.words));
    this.after.hidden = !card.after && !card.before;
    const fit = (/** @type {boolean} */ isFile) => {
      const { naturalWidth: wide, naturalHeight: high } = this.after;
      if (card !== this.cards[this.place]) return;
      this.stage.style.setProperty("--ratio", String(wide / high || 1));
      if (isFile && card.after) this.about.querySelector("dl")?.append(...pair(this.words.pixels, `${wide} × ${high}`));
    };
    if (card.after) load(this.after, card.after_small, card.after, fit);
    else if (card.before) load(this.after, card.before_small, card.before, fit);
    if (both) load(this.before, card.before_small, card.before);
    slide(this.stage, 50);
    this.file.hidden = !card.after;
    this.file.href = card.after ?? "";
    this.finished.hidden = !card.finished;
    this.finished.href = card.finished ?? "";
    this.side.scrollTop = 0;
  }
}

/**
 * What stands beside the picture at full size.
 * @param {Card} card
 * @param {Words} words
 */
function about(card, words) {
  const rows = words.labels.flatMap((label, place) => (card.values[place] ? pair(label, card.values[place]) : []));
  return [
    element("h2", {}, card.name),
    element("p", { class: "prompt" }, card.prompt),
    card.beside ? beside(card.beside) : "",
    ...(card.said ?? []).map((text) => element("p", { class: card.after ? "note" : "why" }, text)),
    element("dl", { class: "details" }, ...pair(words.state, words.states[card.state]), ...rows),
  ];
}

/**
 * @param {string} name
 * @param {string} value
 */
function pair(name, value) {
  return [element("dt", {}, name), element("dd", {}, value)];
}

/**
 * Shows the thumbnail at once and the file as soon as it is there; only the thumbnail if the file is gone.
 * @param {HTMLImageElement} into
 * @param {string | undefined} small
 * @param {string | undefined} file
 * @param {(isFile: boolean) => void} [shown]
 */
function load(into, small = "", file = small, shown = () => {}) {
  const loadFile = () => {
    into.onload = () => shown(true);
    into.onerror = () => {
      into.onload = into.onerror = null;
      into.src = small;
    };
    into.src = file;
  };
  into.onload = () => {
    shown(false);
    loadFile();
  };
  into.onerror = loadFile;
  into.src = small;
}
