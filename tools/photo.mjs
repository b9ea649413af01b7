// Pictures of the real canvas, for the examples and the documentation.
import fs from "node:fs";
import path from "node:path";

export const PLAIN_CANVAS = { "Comfy.Minimap.Visible": false, "Comfy.Graph.CanvasInfo": false };
const WIDTH = 1024;
const MARGIN = 24;
const [LEFT, TOP] = [40, 130]; // of the picture on the canvas, clear of what floats above it
export const HIDDEN = `.comfyui-body-top, .comfyui-body-left, .comfyui-body-right, .comfyui-body-bottom, .p-toast, .side-tool-bar-container,
  .actionbar-container, .workflow-tabs-container, .graph-canvas-panel > *:not(canvas):not(.dom-widget), .p-buttongroup,
  [data-testid="graph-canvas-menu"], .subgraph-breadcrumb, .top-menu, .queue-progress-overlay { visibility: hidden !important; }`;

/** The nodes without the interface around them, as one JPEG. */
export async function photographGraph(page, file, { width = WIDTH } = {}) {
  await page.evaluate(fit, { margin: MARGIN, corner: [LEFT, TOP] });
  const style = await page.addStyleTag({ content: HIDDEN });
  await page.waitForTimeout(700);
  const png = await page.screenshot({ clip: await page.evaluate(extent, MARGIN) });
  await style.evaluate((element) => element.remove());
  await shrink(page, png, file, width);
}

// In the page: brings all nodes into view.
export function fit({ margin, corner }) {
  const { app } = window;
  const scale = Math.min(1, ...boundsScale()) * 0.94; // a node may be drawn larger than it says
  app.canvas.ds.scale = scale;
  const [left, top] = bounds();
  app.canvas.ds.offset = [(margin + corner[0]) / scale - left, (margin + corner[1]) / scale - top];
  app.canvas.setDirty(true, true);

  function boundsScale() {
    const [left, top, right, bottom] = bounds();
    const area = app.canvas.canvas.getBoundingClientRect();
    return [(area.width - corner[0] - 3 * margin) / (right - left), (area.height - corner[1] - 3 * margin) / (bottom - top)];
  }

  function bounds() {
    const boxes = app.graph.nodes.map((each) => each.boundingRect ?? each._bounding);
    return [
      Math.min(...boxes.map(([x]) => x)),
      Math.min(...boxes.map(([, y]) => y)) - 30,
      Math.max(...boxes.map(([x, , w]) => x + w)),
      Math.max(...boxes.map(([, y, , h]) => y + h)),
    ];
  }
}

// In the page: the part of the screen that the nodes take as they are drawn, in the Vue canvas.
export function extent(margin) {
  const boxes = [...document.querySelectorAll("[data-node-id]")].map((node) => node.getBoundingClientRect());
  const [left, top] = ["left", "top"].map((side) => Math.min(...boxes.map((box) => box[side])) - margin);
  const [right, bottom] = ["right", "bottom"].map((side) => Math.max(...boxes.map((box) => box[side])) + margin);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Writes a screenshot as JPEG or PNG, as the name of the file says, at most `width` pixels wide. */
export async function shrink(page, png, file, width = WIDTH) {
  const data = await page.evaluate(
    async ([source, width, type]) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
      const scale = Math.min(1, width / picture.width);
      const canvas = new OffscreenCanvas(picture.width * scale, picture.height * scale);
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      const blob = await canvas.convertToBlob({ type, quality: 0.85 });
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    },
    [png.toString("base64"), width, file.endsWith(".png") ? "image/png" : "image/jpeg"],
  );
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, Buffer.from(data));
}
