// @ts-check
// What the components say. The object is JSON, so that a test can read it: quoted names, no comma at an end, no comments.

export const WORDS = {
  "state.done": { "en": "Done", "zh": "完成" },
  "state.failed": { "en": "Failed", "zh": "失败" },
  "state.open": { "en": "Not collected", "zh": "未取回" },
  "state.making": { "en": "In the making", "zh": "生成中" },
  "state.uncertain": { "en": "Uncertain", "zh": "不确定" },
  "state.waiting": { "en": "Waiting", "zh": "等待中" },
  "state.stopped": { "en": "Not made", "zh": "未生成" },
  "state.gone": { "en": "File gone", "zh": "找不到文件" },

  "tile.named": { "en": "{state}: {label}", "zh": "{state}：{label}" },

  "view.compare": { "en": "Before and after", "zh": "前后对比" },
  "view.before": { "en": "Before", "zh": "原图" },
  "view.result": { "en": "After", "zh": "结果" },
  "view.slider": { "en": "Slider", "zh": "滑块对比" },
  "view.beside": { "en": "Side by side", "zh": "并排" },
  "view.after": { "en": "Only the result", "zh": "只看结果" },
  "view.change": { "en": "What changed (D)", "zh": "改动之处（D）" },
  "view.zoom": { "en": "Zoom to pixels", "zh": "放大到像素" },
  "view.back": { "en": "Previous picture", "zh": "上一张" },
  "view.on": { "en": "Next picture", "zh": "下一张" },
  "view.close": { "en": "Close", "zh": "关闭" },
  "view.full": { "en": "Picture at full size", "zh": "大图" },

  "verdict.keep": { "en": "Keep", "zh": "保留" },
  "verdict.reject": { "en": "Reject", "zh": "淘汰" },
  "verdict.kept": { "en": "Kept", "zh": "已保留" },
  "verdict.rejected": { "en": "Rejected", "zh": "已淘汰" },
  "verdict.none": { "en": "Not judged", "zh": "未评" },
  "verdict.label": { "en": "Verdict", "zh": "评判" },
  "verdict.stars": { "en": "Stars", "zh": "星级" },
  "verdict.star": { "en": "{count} of 5 stars", "zh": "{count} 星（共 5 星）" },
  "verdict.note": { "en": "Note", "zh": "备注" },
  "verdict.note_hint": { "en": "A note", "zh": "写备注" },

  "compare.tally": { "en": "{kept} kept · {rejected} rejected · {open} open", "zh": "保留 {kept} · 淘汰 {rejected} · 未评 {open}" },
  "compare.each": { "en": "{price} a picture · {seconds} s", "zh": "每张 {price} · {seconds} 秒" },
  "compare.whole": { "en": "The whole folder: {price} for {pictures} pictures", "zh": "整个文件夹：{pictures} 张 {price}" },
  "compare.winner": { "en": "Most kept", "zh": "保留最多" },
  "compare.title": { "en": "Which model, which prompt?", "zh": "哪个模型、哪个提示词？" },
  "compare.open": { "en": "Compare", "zh": "对比" },
  "compare.pictures": { "en": "Pictures", "zh": "图片" },

  "versions.label": { "en": "Versions of this picture", "zh": "这张图的各个版本" },
  "versions.one": { "en": "Version {number}", "zh": "第 {number} 版" }
};

/** @typedef {keyof typeof WORDS} Word */
/** @typedef {"en" | "zh"} Language */

/** @type {() => Language} */
let spoken = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

/**
 * Sets where the language comes from, on a page that does not say it of itself.
 * @param {() => Language} asked
 */
export function speak(asked) {
  spoken = asked;
}

/** The language that the user reads. */
export const spokenHere = () => spoken();

/**
 * A function that tells a text of a table in the user's language, its {places} filled.
 * @template {string} Key
 * @param {Record<Key, {en: string, zh: string}>} table
 */
export function speaker(table) {
  return (/** @type {Key} */ key, /** @type {Record<string, unknown>} */ values = {}) =>
    table[key][spoken()].replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

export const say = speaker(WORDS);
