// @ts-check
// What the review page says. The object is JSON, so that a test can read it: quoted names, no comma at an end, no comments.
import { speaker } from "../components/words.js";

export const SENTENCES = {
  "filter.label": { "en": "Show", "zh": "显示" },
  "filter.all": { "en": "All", "zh": "全部" },
  "filter.open": { "en": "Not judged", "zh": "未评" },
  "filter.kept": { "en": "Kept", "zh": "已保留" },
  "filter.rejected": { "en": "Rejected", "zh": "已淘汰" },
  "filter.nothing": { "en": "Nothing here. F shows others.", "zh": "这里没有图片。按 F 切换筛选。" },
  "filter.none": { "en": "No pictures yet.", "zh": "还没有图片。" },
  "filter.place": { "en": "{place} of {count}", "zh": "第 {place} 张，共 {count} 张" },

  "strip.label": { "en": "All pictures", "zh": "全部图片" },
  "against.label": { "en": "Compare with", "zh": "对比对象" },
  "against.source": { "en": "With the source", "zh": "与原图对比" },
  "against.version": { "en": "With the version before", "zh": "与上一版对比" },

  "zip.all": { "en": "ZIP of the kept", "zh": "打包已保留的图片" },
  "zip.stars": { "en": "At least so many stars", "zh": "最低星级" },
  "zip.any": { "en": "all", "zh": "全部" },

  "keys.title": { "en": "Keys", "zh": "快捷键" },
  "keys.open": { "en": "List of keys (?)", "zh": "快捷键列表（?）" },
  "keys.step": { "en": "Picture before, next picture", "zh": "上一张、下一张" },
  "keys.version": { "en": "Version before, next version", "zh": "上一版、下一版" },
  "keys.keep": { "en": "Keep, and go on", "zh": "保留，并看下一张" },
  "keys.reject": { "en": "Reject, and go on", "zh": "淘汰，并看下一张" },
  "keys.undo": { "en": "Undo the last verdict", "zh": "撤销上一次评判" },
  "keys.stars": { "en": "Stars; the same number again takes them away", "zh": "打星；再按一次同一数字取消" },
  "keys.note": { "en": "Write a note; Enter ends it", "zh": "写备注，回车结束" },
  "keys.filter": { "en": "Show all, not judged, kept, rejected", "zh": "切换：全部、未评、已保留、已淘汰" },
  "keys.zoom": { "en": "Zoom to pixels; drag to move", "zh": "放大到像素；拖动可移动" },
  "keys.change": { "en": "What changed, of an edit within a mask", "zh": "按遮罩编辑时：改动之处" },
  "keys.mode": { "en": "Slider, side by side, only the result", "zh": "滑块、并排、只看结果" },
  "keys.compare": { "en": "Table of models and prompts", "zh": "模型与提示词对比表" },
  "keys.list": { "en": "This list", "zh": "本列表" },

  "live.running": { "en": "{done} of {total} made", "zh": "已生成 {done} / {total}" },
  "live.left": { "en": "about {time} left", "zh": "约剩 {time}" },
  "live.failed": { "en": "{count} failed", "zh": "失败 {count} 张" },
  "live.stop": { "en": "Stop", "zh": "停止" },
  "live.stopping": { "en": "Stopping…", "zh": "正在停止……" },
  "live.ended": { "en": "Finished", "zh": "已结束" },
  "live.lost": { "en": "The command does not answer. Has it ended?", "zh": "命令没有响应，是否已经结束？" },

  "redo.make": { "en": "Make the {count} rejected again · {price}", "zh": "重新生成淘汰的 {count} 张 · {price}" },
  "redo.asking": { "en": "Make the rejected again: asking for the price…", "zh": "重新生成淘汰的图片：正在计算价格……" },
  "redo.other": { "en": "With another prompt, model, size", "zh": "更换提示词、模型、尺寸" },
  "redo.prompt": { "en": "Prompt (empty: as before)", "zh": "提示词（留空则不变）" },
  "redo.model": { "en": "Model", "zh": "模型" },
  "redo.size": { "en": "Size", "zh": "尺寸" },
  "redo.ratio": { "en": "Ratio", "zh": "宽高比" },
  "redo.same": { "en": "as before", "zh": "不变" },
  "redo.gone": { "en": "Its source is gone, so it is not made: {name}. {why}", "zh": "参考图已不存在，不会重新生成：{name}。{why}" },
  "redo.unpriced": { "en": "price unknown", "zh": "价格未知" },

  "compare.back": { "en": "Back to the pictures", "zh": "返回图片" },
  "compare.sample": { "en": "{sample} of {of} pictures of the folder", "zh": "文件夹中 {of} 张里的 {sample} 张" },
  "compare.blind": { "en": "Hide names until all are judged", "zh": "评完之前隐藏名称" },
  "compare.column": { "en": "Column {letter}", "zh": "{letter} 列" },
  "compare.run": { "en": "Run it on all", "zh": "用于整个文件夹" },
  "compare.sure": { "en": "Run it on all: {count} pictures · {price}", "zh": "确认生成：{count} 张 · {price}" },
  "compare.nothing": { "en": "All pictures are there already.", "zh": "全部图片都已生成。" },

  "said.close": { "en": "Close", "zh": "关闭" }
};

export const tell = speaker(SENTENCES);
