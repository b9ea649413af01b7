// @ts-check
// What stands in the sheet of a Load Banana Sheet: how many rows, what is wrong, and the first of them, before it is run.
import { api } from "./comfy.js";
import { h, settled } from "./dom.js";
import { get, inLanguage, thumbnailAddress, whyOf } from "./routes.js";
import { t } from "./texts.js";

/** @typedef {import("./routes.js").Place} Place */
/** @typedef {import("./routes.js").Texts} Texts */
/** @typedef {{row: number, source: Place | null, name: string, model: string, prompt: string}} RowFacts */
/** @typedef {{rows: number, pictures: number, first: RowFacts[], faults: {row: number, why: Texts}[], more_faults: number}} SheetFacts */

const NODE = "LoadBananaSheet";
const WIDGET = "grsai_sheet";
const HEIGHT = 150; // pixels, at least
const WAIT = 400; // milliseconds after the last letter of a file's name

/**
 * To be called for each node that is created.
 * @param {GraphNode} node
 */
export function showSheet(node) {
  const file = node.widgets?.find(({ name }) => name === "file");
  if (node.comfyClass !== NODE || !file) return;
  const element = h("div", { class: "grsai-sheet", tabindex: 0 });
  const widget = node.addDOMWidget(WIDGET, WIDGET, element, { serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT });
  widget.serialize = false; // it is no value of the workflow
  let asked = 0;

  async function look() {
    const number = ++asked;
    const named = String(file?.value ?? "");
    const shown = named ? await get("sheet", { file: named }).then(drawn, refused) : [h("p", {}, t("sheet.none"))];
    if (number === asked) element.replaceChildren(...shown);
  }

  const soon = settled(look, WAIT);
  const before = file.callback;
  file.callback = function (...values) {
    soon();
    return before?.apply(this, values);
  };
  const configured = node.onConfigure;
  node.onConfigure = function (saved) {
    configured?.call(this, saved);
    soon();
  };
  const end = () => (node.graph ? soon() : api.removeEventListener("execution_start", end));
  api.addEventListener("execution_start", end);
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
