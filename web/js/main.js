// @ts-check
// Registers the pack's web extension. ComfyUI loads every module under web/; this is the only one that does something.
import { addBadge, followPrices } from "./badge.js";
import { watchRuns } from "./background.js";
import { askBeforeRun } from "./before_run.js";
import { completeModels, hideLivePictures, hideOwnPictures, keepPromptReadable, keepSize, keepSocketsTogether, nameChoices, nameControl, nameGrownSockets, nameWiredPrompt } from "./canvas_fixes.js";
import { app, language, registerTab } from "./comfy.js";
import { speak } from "./components.js";
import { style } from "./dom.js";
import { takeDrops } from "./drag.js";
import { forgetAll, showFailures } from "./failures.js";
import { showFolder } from "./folder.js";
import { bringGridsBack, showGrids } from "./grid.js";
import { refreshPrices } from "./money.js";
import { anew, followGraph } from "./outlook.js";
import { SETTINGS } from "./settings.js";
import { showSheet } from "./sheet.js";
import { TAB } from "./sidebar/tab.js";

app.registerExtension({
  name: "Grsai.Banana",
  settings: SETTINGS,
  init() {
    style();
    speak(language);
  },
  /** @param {GraphNode} node */
  nodeCreated(node) {
    addBadge(node);
    hideOwnPictures(node);
    keepPromptReadable(node);
    keepSize(node);
    keepSocketsTogether(node);
    nameChoices(node);
    nameControl(node);
    nameGrownSockets(node);
    nameWiredPrompt(node);
    showSheet(node);
    showFolder(node);
  },
  afterConfigureGraph() {
    forgetAll();
    bringGridsBack();
    anew();
  },
  setup() {
    registerTab(TAB);
    showFailures();
    takeDrops();
    hideLivePictures();
    completeModels();
    showGrids();
    watchRuns();
    followPrices();
    followGraph();
    askBeforeRun();
    refreshPrices().catch((error) => console.warn("Grsai: no prices.", error.text));
  },
});
