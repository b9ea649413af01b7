// @ts-check
// What stands in the sheet of a Load Banana Sheet: how many rows, what is wrong, and the first of them, before it is run.
import { h, settled } from "./dom.js";
import { get, inLanguage, thumbnailAddress, whyOf } from "./routes.js";
import { t } from "./texts.js";
import { after, fill, read, select, write } from "./widgets.js";

/** @typedef {import("./routes.js").Place} Place */
/** @typedef {import("./routes.js").Texts} Texts */
/** @typedef {{row: number, source: Place | null, name: string, model: string, prompt: string}} RowFacts */
/** @typedef {{rows: number, pictures: number, first: RowFacts[], faults: {row: number, why: Texts}[], more_faults: number}} SheetFacts */

const WIDGET = "grsai_sheet";
const [WIDTH, HEIGHT] = [320, 240]; // pixels, at least
const QUIET_MILLISECONDS = 300;

/**
 * To be called for each node that is created.
 * @param {GraphNode} node
 */
export function showSheet(node) {
  const file = node.widgets?.find(({ name }) => name === "file");
  if (node.comfyClass !== "LoadBananaSheet" || !file) return;
  const sheets = select("sheet.file", (value) => write(node, "file", value));
  const rows = h("div", { class: "grsai-sheet-rows", role: "status" });
  const element = h("div", { class: "grsai-sheet" }, h("div", { class: "grsai-row" }, sheets), rows);
  for (const event of ["pointerdown", "keydown"]) element.addEventListener(event, (heard) => heard.stopPropagation()); // else the canvas acts
  element.addEventListener("pointerenter", offer);
  const widget = node.addDOMWidget(WIDGET, WIDGET, element, { serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT });
  widget.serialize = false; // it is no value of the workflow
  let number = 0;

  async function offer() {
    /** @type {{sheets: string[]}} */
    const there = await get("folders").catch(() => ({ sheets: [] }));
    fill(sheets, there.sheets.map((each) => [each, each]), read(node, "file"));
  }

  async function look() {
    offer();
    const mine = ++number;
    const named = read(node, "file");
    sheets.disabled = named === null;
    const shown = named ? await get("sheet", { file: named }).then(drawn, refused) : [];
    if (mine === number) rows.replaceChildren(...shown);
  }

  const soon = settled(look, QUIET_MILLISECONDS);
  after(file, "callback", soon);
  after(node, "onConnectionsChange", soon);
  after(node, "onConfigure", soon);
  const seen = () => (node.graph ? soon() : window.removeEventListener("focus", seen));
  window.addEventListener("focus", seen); // it may have been saved anew meanwhile
  node.setSize([Math.max(node.size[0], WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
  soon();
}

/** @param {SheetFacts} facts */
function drawn({ rows, pictures, first, faults, more_faults }) {
  const wrong = faults.map(({ row, why }) => h("p", { class: "grsai-sheet-wrong" }, t("sheet.fault", { row, why: inLanguage(why) })));
  const more = more_faults ? [h("p", { class: "grsai-sheet-wrong" }, t("sheet.more_faults", { count: more_faults }))] : [];
  const left = rows - first.length;
  return [
    h("p", {}, t("sheet.rows", { rows, pictures })),
    ...wrong,
    ...more,
    h("ol", {}, ...first.map(line)),
    ...(left > 0 ? [h("p", { class: "grsai-muted" }, t("sheet.more_rows", { count: left }))] : []),
  ];
}

/** @param {RowFacts} facts */
function line({ row, source, name, model, prompt }) {
  const picture = source ? h("img", { src: thumbnailAddress(source), alt: name, title: name, loading: "lazy", draggable: "false" }) : h("i", {});
  const text = h("span", { title: prompt }, prompt || t("sheet.no_prompt"));
  return h("li", {}, h("b", {}, String(row)), picture, text, h("small", { class: "grsai-muted" }, model));
}

/** @param {any} error */
function refused(error) {
  return [h("p", { class: "grsai-sheet-wrong" }, whyOf(error))];
}
