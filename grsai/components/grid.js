// @ts-check
// A grid of any number of tiles, of which only those are drawn that are seen.

/**
 * Of many items it keeps those drawn that are seen, and some around them. All tiles are of one size.
 * @template Item
 */
export class Grid {
  static WHOLE = 400; // so many are drawn all: then the browser's own search finds them too
  static AROUND = 4; // rows that are drawn beyond the screen, above and below

  /**
   * @param {HTMLElement} place a CSS grid without padding
   * @param {(item: Item) => HTMLElement} draw
   */
  constructor(place, draw) {
    this.place = place;
    this.draw = draw;
    /** @type {readonly Item[]} */
    this.items = [];
    /** @type {Map<number, HTMLElement>} by place in `items` */
    this.tiles = new Map();
    addEventListener("scroll", () => requestAnimationFrame(() => this.drawSeen()), { passive: true });
    addEventListener("resize", () => this.drawSeen());
    addEventListener("beforeprint", () => this.drawRows(0, Infinity));
    addEventListener("afterprint", () => this.drawSeen());
  }

  /** @param {readonly Item[]} items */
  show(items) {
    this.items = items;
    this.tiles.clear();
    this.place.replaceChildren();
    this.drawSeen();
  }

  /** @param {Element | null} tile */
  indexOf(tile) {
    return [...this.tiles].find(([, each]) => each === tile)?.[0] ?? -1;
  }

  /**
   * Scrolls to an item that is not drawn. Returns its tile.
   * @param {number} index
   */
  reveal(index) {
    if (!this.tiles.has(index)) {
      const top = this.place.getBoundingClientRect().top + Math.floor(index / this.columns()) * this.rowHeight();
      scrollBy(0, top - innerHeight / 3);
      this.drawSeen();
    }
    return this.tiles.get(index);
  }

  drawSeen() {
    if (this.items.length <= Grid.WHOLE) return this.drawRows(0, Infinity);
    if (!this.tiles.size) this.drawRows(0, 1); // to see how high a row is
    const height = this.rowHeight();
    const seen = -this.place.getBoundingClientRect().top / height;
    this.drawRows(Math.floor(seen) - Grid.AROUND, Math.ceil(seen + innerHeight / height) + Grid.AROUND);
  }

  /**
   * @param {number} first row
   * @param {number} end the row behind the last one
   */
  drawRows(first, end) {
    const columns = this.columns();
    const rows = Math.ceil(this.items.length / columns);
    [first, end] = [Math.min(Math.max(first, 0), rows), Math.min(Math.max(end, 0), rows)];
    const [from, to] = [first * columns, Math.min(end * columns, this.items.length)];
    for (const [index, tile] of this.tiles) {
      if (index >= from && index < to) continue;
      tile.remove();
      this.tiles.delete(index);
    }
    let next = this.place.firstElementChild;
    for (let index = from; index < to; index++) {
      const tile = this.tiles.get(index) ?? this.draw(this.items[index]);
      if (tile === next) next = next.nextElementSibling;
      else this.place.insertBefore(tile, next);
      this.tiles.set(index, tile);
    }
    const height = this.rowHeight();
    this.place.style.paddingTop = `${first * height}px`;
    this.place.style.paddingBottom = `${(rows - end) * height}px`;
  }

  columns() {
    return getComputedStyle(this.place).gridTemplateColumns.split(" ").length;
  }

  rowHeight() {
    const first = this.place.firstElementChild;
    const height = first instanceof HTMLElement ? first.getBoundingClientRect().height : 0;
    return height + (Number.parseFloat(getComputedStyle(this.place).rowGap) || 0) || 1;
  }
}
