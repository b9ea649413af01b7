// @ts-check
// Registers the pack's web extension. ComfyUI loads every module under web/; this is the only one that does something.
import { addBadge, followPrices } from "./badge.js";
import { keepSize, showAllPictures, showLivePictures } from "./canvas_fixes.js";
import { app, registerTab } from "./comfy.js";
import { style } from "./dom.js";
import { takeDrops } from "./drag.js";
import { forgetAll, showFailures } from "./failures.js";
import { refreshPrices } from "./money.js";
import { SETTINGS } from "./settings.js";
import { TAB } from "./sidebar/tab.js";

app.registerExtension({
  name: "Grsai.Banana",
  settings: SETTINGS,
  init() {
    style();
  },
  /** @param {GraphNode} node */
  nodeCreated(node) {
    addBadge(node);
    showAllPictures(node);
    keepSize(node);
  },
  afterConfigureGraph: forgetAll,
  setup() {
    registerTab(TAB);
    showFailures();
    takeDrops();
    showLivePictures();
    followPrices();
    refreshPrices().catch((error) => console.warn("Grsai: no prices.", error.text));
  },
});
