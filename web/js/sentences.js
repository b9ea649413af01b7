// @ts-check
// What the web extension says. Both objects are JSON, so that a test can read them: quoted names, no comma at an end, no comments.

export const TEXTS = {
  "net.silent": { "en": "ComfyUI does not answer. Is it still running?", "zh": "ComfyUI 没有响应，它还在运行吗？" },
  "net.odd": { "en": "ComfyUI answered with status {status}.", "zh": "ComfyUI 返回了状态 {status}。" },

  "money.credits": { "en": "{credits} credits", "zh": "{credits} 积分" },
  "money.free": { "en": "offline · free", "zh": "离线 · 免费" },
  "money.closed": { "en": "closed by the service", "zh": "服务已关闭该模型" },
  "money.smallest": { "en": "at {size}, its smallest size", "zh": "按最小尺寸 {size}" },
  "money.maintenance": { "en": "in maintenance", "zh": "维护中" },
  "money.unknown": { "en": "price unknown", "zh": "价格未知" },
  "money.each": { "en": "{price} per picture", "zh": "每张 {price}" },
  "money.each_source": { "en": "{price} per input picture", "zh": "每张输入图 {price}" },

  "outlook.picture": { "en": "{count} picture", "zh": "{count} 张" },
  "outlook.pictures": { "en": "{count} pictures", "zh": "{count} 张" },
  "outlook.some": { "en": "{made} new of {count} pictures", "zh": "{count} 张中新做 {made} 张" },
  "outlook.nothing": { "en": "{count} made earlier, nothing to pay", "zh": "{count} 张已生成，无需付费" },
  "outlook.about": { "en": "about {time}", "zh": "约 {time}" },
  "outlook.more": { "en": "and more that only the run can tell", "zh": "另有部分要运行后才知道" },
  "outlook.title": { "en": "Run would make", "zh": "点击运行将生成" },

  "ask.title": { "en": "Run this?", "zh": "确定运行吗？" },
  "ask.why": { "en": "You are asked because it is above {sum}. Nothing has been sent yet.", "zh": "费用超过 {sum}，所以先询问。还没有发送任何内容。" },
  "ask.settings": { "en": "Change this sum", "zh": "修改这个金额" },
  "ask.cancel": { "en": "Cancel", "zh": "取消" },
  "ask.run": { "en": "Run", "zh": "运行" },

  "folder.label": { "en": "pictures", "zh": "图片" },
  "folder.folder": { "en": "Choose a folder", "zh": "选择文件夹" },
  "folder.prompts_file": { "en": "Choose a prompt file", "zh": "选择提示词文件" },
  "folder.no_prompts": { "en": "no prompt file", "zh": "不用提示词文件" },
  "folder.prompts": { "en": "prompts: {count}", "zh": "提示词 {count} 条" },
  "folder.left_out": { "en": "left out: {count}", "zh": "跳过 {count} 个" },
  "folder.drop": { "en": "Drop pictures, a folder or a text file here", "zh": "可把图片、文件夹或文本文件拖到这里" },
  "folder.taking": { "en": "Taking over {done} of {total}…", "zh": "正在接收 {done} / {total}……" },
  "folder.nothing": { "en": "There was no picture and no text file in it.", "zh": "里面没有图片，也没有文本文件。" },
  "folder.refused": { "en": "ComfyUI did not take {name} (status {status}).", "zh": "ComfyUI 没有接收 {name}（状态 {status}）。" },

  "choice.product": { "en": "product", "zh": "全部组合 (product)" },
  "choice.zip": { "en": "zip", "zh": "一一对应 (zip)" },
  "choice.keep_going": { "en": "keep going", "zh": "继续其余的 (keep going)" },
  "choice.stop": { "en": "stop", "zh": "停止 (stop)" },

  "key.label": { "en": "API key", "zh": "API 密钥" },
  "key.placeholder": { "en": "sk-…", "zh": "sk-…" },
  "key.save": { "en": "Save", "zh": "保存" },
  "key.test": { "en": "Test", "zh": "测试" },
  "key.forget": { "en": "Forget", "zh": "删除" },
  "key.forget_sure": { "en": "Forget …{last4} for good", "zh": "确定删除 …{last4}" },
  "key.set": { "en": "Set: …{last4}", "zh": "已设置：…{last4}" },
  "key.from_environment": { "en": "Set by the environment (GRSAI_API_KEY): …{last4}", "zh": "由环境变量 GRSAI_API_KEY 设置：…{last4}" },
  "key.from_dotenv": { "en": "Read from the file .env: …{last4}", "zh": "来自 .env 文件：…{last4}" },
  "key.offline": { "en": "The offline emulator needs no key.", "zh": "离线模拟器不需要密钥。" },
  "key.other_host": {
    "en": "A key is stored, but for another host. Enter the key for this host.",
    "zh": "已保存的密钥属于另一个服务地址，请填写当前地址的密钥。"
  },
  "key.unset": { "en": "No key yet. Get one at grsai.com and paste it here.", "zh": "还没有密钥。请在 grsai.com 获取后粘贴到这里。" },
  "key.testing": { "en": "Asking for the balance…", "zh": "正在查询余额……" },
  "key.works": { "en": "The key works. Balance: {balance}", "zh": "密钥可用。余额：{balance}" },
  "key.works_unsaved": { "en": "This key works. Balance: {balance}. Save keeps it.", "zh": "这个密钥可用，余额：{balance}。点“保存”即可使用。" },
  "key.works_offline": { "en": "The offline emulator answers. Nothing is paid.", "zh": "离线模拟器运行正常，不产生费用。" },
  "host.label": { "en": "Service", "zh": "服务地址" },
  "host.china": { "en": "China (grsai.dakka.com.cn)", "zh": "中国（grsai.dakka.com.cn）" },
  "host.overseas": { "en": "Overseas (grsaiapi.com)", "zh": "海外（grsaiapi.com）" },
  "host.offline": { "en": "Offline emulator (free, no key)", "zh": "离线模拟器（免费，无需密钥）" },
  "host.own": { "en": "My own address…", "zh": "自定义地址……" },
  "host.own_label": { "en": "Own address", "zh": "自定义地址" },
  "host.now": { "en": "In use: {service}", "zh": "正在使用：{service}" },
  "ledger.label": { "en": "Address of the studio's ledger", "zh": "工作室账本的地址" },
  "ledger.now": { "en": "In use: {address}", "zh": "正在使用：{address}" },
  "ledger.own": { "en": "This ComfyUI has a ledger of its own.", "zh": "这台 ComfyUI 使用自己的账本。" },
  "ledger.leave": { "en": "Use its own again", "zh": "改回自己的账本" },
  "limit.label": { "en": "Maximum at once", "zh": "同时生成的图片数上限" },
  "limit.about": { "en": "0: the node decides", "zh": "0：由节点决定" },
  "budget_day.label": { "en": "Budget a day", "zh": "每日预算" },
  "budget_day.about": { "en": "In yuan; 0: none", "zh": "单位：元；0 表示不限" },
  "budget_month.label": { "en": "Budget a month", "zh": "每月预算" },
  "budget_month.about": { "en": "In yuan; 0: none", "zh": "单位：元；0 表示不限" },
  "ask_above.label": { "en": "Ask above", "zh": "超过时询问" },
  "ask_above.about": { "en": "In yuan; 0: never", "zh": "单位：元；0 表示从不询问" },
  "credits_per_yuan.label": { "en": "Credits for one yuan", "zh": "每元积分数" },
  "credits_per_yuan.about": { "en": "What you really paid for", "zh": "按你的实际购买价填写" },
  "api.label": { "en": "API of the service", "zh": "服务接口" },
  "api.unified": { "en": "Unified, all models", "zh": "统一接口，支持所有模型" },
  "api.legacy": { "en": "Legacy, nano-banana only", "zh": "旧接口，仅 nano-banana" },
  "models.refresh": { "en": "Refresh models", "zh": "刷新模型列表" },
  "models.asking": { "en": "Asking the service…", "zh": "正在查询……" },
  "models.as_of": { "en": "Prices of the service, {time}", "zh": "服务公布的价格，{time}" },
  "models.own": { "en": "Prices of the pack's own table", "zh": "内置价格表" },
  "proxy.label": { "en": "Use system proxy", "zh": "使用系统代理" },
  "currency.label": { "en": "Show prices in", "zh": "价格显示单位" },
  "currency.cny": { "en": "Yuan (¥)", "zh": "人民币（¥）" },
  "currency.usd": { "en": "Dollar ($, about)", "zh": "美元（$，约合）" },
  "currency.credits": { "en": "Credits", "zh": "积分" },
  "settings.locked": { "en": "Set by the environment variable {name}.", "zh": "由环境变量 {name} 设置。" },

  "failures.one": { "en": "{node} could not finish", "zh": "{node} 未能完成" },
  "failures.some": { "en": "{failed} of {total} pictures failed", "zh": "{total} 张图片中有 {failed} 张失败" },
  "failures.some_detail": { "en": "The others are saved.", "zh": "其余图片已保存。" },
  "failures.show": { "en": "Show what failed", "zh": "查看失败的图片" },

  "start.title": { "en": "No API key yet", "zh": "还没有 API 密钥" },
  "start.about": { "en": "How would you like to go on?", "zh": "你想怎么开始？" },
  "start.offline": { "en": "Try it offline – free test pictures", "zh": "离线试用，免费生成测试图片" },
  "start.offline_about": {
    "en": "An emulator inside this ComfyUI makes test pictures of what you put in. Nothing leaves this computer.",
    "zh": "这个 ComfyUI 里的模拟器会根据你的输入生成测试图片，任何内容都不会离开这台电脑。"
  },
  "start.key": { "en": "Enter my key", "zh": "填写我的密钥" },
  "start.key_about": {
    "en": "For real pictures. Each one costs what the node says.",
    "zh": "生成真正的图片，每张的费用显示在节点上。"
  },
  "start.where": { "en": "No key? Get one at grsai.com.", "zh": "没有密钥？请在 grsai.com 获取。" },
  "start.chosen": { "en": "Offline emulator chosen", "zh": "已选择离线模拟器" },
  "start.chosen_detail": {
    "en": "Test pictures, nothing is paid. For real ones, choose the service and enter a key under Settings → Banana Batch.",
    "zh": "生成测试图片，不产生费用。要生成真正的图片，请在“设置 → 香蕉批量”里选择服务地址，再填写密钥。"
  },

  "tab.title": { "en": "Banana Batch", "zh": "香蕉批量" },
  "tab.settings": { "en": "Settings", "zh": "设置" },
  "tab.notify": { "en": "Tell me when a long run has ended", "zh": "长任务结束时通知我" },
  "tab.refresh": { "en": "Refresh", "zh": "刷新" },

  "balance.title": { "en": "Balance", "zh": "余额" },
  "balance.offline": { "en": "Offline emulator", "zh": "离线模拟器" },
  "balance.offline_about": { "en": "Test pictures, nothing is paid.", "zh": "测试图片，不产生费用。" },
  "balance.of_key": { "en": "{credits}, the limit of this key", "zh": "{credits}（此密钥的额度）" },
  "spend.today": { "en": "Spent today", "zh": "今日花费" },
  "spend.month": { "en": "This month", "zh": "本月花费" },
  "spend.of": { "en": "{spent} of {budget}", "zh": "{spent}，预算 {budget}" },
  "balance.settings": { "en": "Open settings", "zh": "打开设置" },

  "runs.title": { "en": "Running", "zh": "正在运行" },
  "runs.stop": { "en": "Stop", "zh": "停止" },
  "runs.stop_named": { "en": "Stop {name}", "zh": "停止 {name}" },
  "runs.stopping": { "en": "Stopping…", "zh": "正在停止……" },
  "runs.collect": { "en": "Collecting", "zh": "正在取回" },
  "runs.remaining": { "en": "about {time} left", "zh": "约剩 {time}" },

  "open.title": { "en": "Paid, not collected", "zh": "已付费，未取回" },
  "open.title_offline": { "en": "Made, not collected", "zh": "已生成，未取回" },
  "open.about_offline": { "en": "Made by the emulator, but not fetched: {count}.", "zh": "模拟器已生成但未取回：{count} 个。" },
  "open.about": {
    "en": "Paid, but not fetched: {count}. The service keeps them for {hours} hours.",
    "zh": "已付费但未取回：{count} 个。服务只保留 {hours} 小时。"
  },
  "open.collect": { "en": "Collect", "zh": "取回" },
  "open.nothing": { "en": "There is nothing to collect.", "zh": "没有可取回的图片。" },
  "open.left": { "en": "Not ready yet, or out of reach: {count}. Try again in a minute.", "zh": "还有 {count} 个没有完成或无法取回，请稍后再试。" },
  "open.collected": { "en": "{done} of {total} collected", "zh": "已取回 {done} / {total}" },

  "history.title": { "en": "History", "zh": "历史" },
  "history.search": { "en": "Search prompts and names", "zh": "搜索提示词和名称" },
  "history.search_short": { "en": "Search", "zh": "搜索" },
  "history.by_run": { "en": "By run", "zh": "按运行" },
  "history.pictures": { "en": "All pictures", "zh": "所有图片" },
  "history.state": { "en": "Show", "zh": "显示" },
  "history.model": { "en": "Model", "zh": "模型" },
  "history.since": { "en": "When", "zh": "时间" },
  "history.all_models": { "en": "Any model ({count})", "zh": "所有模型（{count}）" },
  "history.any_time": { "en": "Any time ({count})", "zh": "任何时间（{count}）" },
  "history.today": { "en": "Today", "zh": "今天" },
  "history.week": { "en": "Last 7 days", "zh": "近 7 天" },
  "history.month": { "en": "Last 30 days", "zh": "近 30 天" },
  "history.all": { "en": "All ({count})", "zh": "全部（{count}）" },
  "history.none": {
    "en": "No pictures yet. Run a Nano Banana node, and they are listed here.",
    "zh": "还没有图片。运行 Nano Banana 节点后会显示在这里。"
  },
  "history.none_here": { "en": "No pictures with this service yet.", "zh": "在当前服务下还没有图片。" },
  "history.elsewhere": { "en": "Show {count} of: {service}", "zh": "查看 {count} 张：{service}" },
  "history.found": { "en": "{count} found", "zh": "找到 {count} 条" },
  "history.no_match": { "en": "Nothing matches.", "zh": "没有匹配的记录。" },
  "run.earlier": { "en": "Before runs were noted", "zh": "记录运行之前" },
  "run.all": { "en": "pictures: {count}", "zh": "{count} 张" },
  "run.some": { "en": "{made} of {count} made", "zh": "完成 {made} / {count}" },
  "run.failed": { "en": "{count} failed", "zh": "失败 {count}" },
  "run.due": { "en": "{count} to come", "zh": "待取回 {count}" },
  "run.again": { "en": "Make all again · {price}", "zh": "全部重新生成 · {price}" },
  "run.again_failed": { "en": "It could not be made again", "zh": "无法重新生成" },
  "run.folder": { "en": "Open folder", "zh": "打开文件夹" },
  "run.folder_at": { "en": "The pictures lie here", "zh": "图片保存在" },
  "run.zip": { "en": "Download as ZIP", "zh": "下载 ZIP" },
  "history.loading": { "en": "Loading…", "zh": "正在加载……" },

  "state.counted": { "en": "{state} ({count})", "zh": "{state}（{count}）" },

  "grid.anew": { "en": "Make this one again · {price}", "zh": "重新生成这一张 · {price}" },
  "grid.again": { "en": "Try the {count} failed again · {price}", "zh": "重试失败的 {count} 张 · {price}" },
  "grid.go_on": { "en": "Make the missing {count} · {price}", "zh": "补齐缺少的 {count} 张 · {price}" },
  "grid.gone": { "en": "ComfyUI does not know this run any more", "zh": "ComfyUI 已不记得这次运行" },
  "grid.gone_detail": { "en": "Press Run: what was made costs nothing.", "zh": "请点击“运行”：已生成的图片不会再次付费。" },

  "verdict.not_kept": { "en": "The verdict could not be written down", "zh": "评判未能保存" },
  "redo.make": { "en": "Make the {count} rejected again · {price}", "zh": "重新生成淘汰的 {count} 张 · {price}" },
  "redo.nothing": { "en": "All rejected pictures were made again already.", "zh": "淘汰的图片都已重新生成。" },
  "redo.gone": { "en": "Not made, as the source is gone: {name}", "zh": "参考图已不存在，不会重新生成：{name}" },
  "redo.title": { "en": "Making the rejected again", "zh": "正在重新生成淘汰的图片" },

  "card.load": { "en": "Load as LoadImage node", "zh": "添加为“加载图像”节点" },
  "card.copy": { "en": "Copy prompt", "zh": "复制提示词" },
  "card.copied": { "en": "Prompt copied", "zh": "已复制提示词" },
  "card.again": { "en": "Run again with a new seed", "zh": "换种子再次生成" },
  "card.free": { "en": "free", "zh": "免费" },
  "card.no_prompt": { "en": "(no prompt)", "zh": "（无提示词）" },
  "card.copy_failed": { "en": "The browser did not allow copying.", "zh": "浏览器不允许复制。" },

  "again.started": { "en": "Queued with seed {seed}", "zh": "已加入队列，种子 {seed}" },
  "again.price": { "en": "Costs {price}. It appears under Running and in the history.", "zh": "费用 {price}。进度见“正在运行”，结果见历史。" },
  "again.no_sources": { "en": "Its reference pictures are gone", "zh": "参考图已不存在" },
  "again.no_sources_detail": {
    "en": "{names}: not in ComfyUI's folders any more. Open the workflow it was made with, or load the pictures again.",
    "zh": "ComfyUI 的文件夹里找不到 {names}。请打开原来的工作流，或重新加载图片。"
  },

  "viewer.close": { "en": "Close", "zh": "关闭" },
  "viewer.full": { "en": "Full size in a new tab", "zh": "在新标签页查看原尺寸" },
  "viewer.prompt": { "en": "Prompt", "zh": "提示词" },
  "viewer.model": { "en": "Model", "zh": "模型" },
  "viewer.shape": { "en": "Ratio and size", "zh": "宽高比与分辨率" },
  "viewer.seed": { "en": "Seed", "zh": "种子" },
  "viewer.price": { "en": "Price", "zh": "费用" },
  "viewer.made": { "en": "Made", "zh": "时间" },
  "viewer.took": { "en": "Took", "zh": "耗时" },
  "viewer.task": { "en": "Task", "zh": "任务号" },
  "viewer.sources": { "en": "Reference pictures", "zh": "参考图" },
  "viewer.again": { "en": "Try again", "zh": "重试" },
  "viewer.offline": { "en": "offline emulator", "zh": "离线模拟器" },

  "sheet.file": { "en": "Sheets in ComfyUI's input folder", "zh": "ComfyUI 的 input 文件夹里的表格" },
  "sheet.rows": { "en": "Rows: {rows} · pictures: {pictures}", "zh": "行：{rows} · 图片：{pictures}" },
  "sheet.more_rows": { "en": "… and {count} more", "zh": "……还有 {count} 行" },
  "sheet.fault": { "en": "Row {row}: {why}", "zh": "第 {row} 行：{why}" },
  "sheet.more_faults": { "en": "… and {count} more faults", "zh": "……还有 {count} 处错误" },
  "sheet.no_prompt": { "en": "(no prompt)", "zh": "（没有提示词）" },

  "time.seconds": { "en": "{count} s", "zh": "{count} 秒" },
  "time.minutes": { "en": "{count} min", "zh": "{count} 分钟" }
};

/** In English, as in locales/en/settings.json, which ComfyUI takes where it has it. */
export const SETTINGS = {
  "Grsai.Key": {
    "name": "API key",
    "tooltip": "Stored in a private folder of this ComfyUI, never in a workflow, a picture or ComfyUI's settings file.",
    "category": ["Grsai", "Key and service", "Key"]
  },
  "Grsai.Host": {
    "name": "Service",
    "tooltip": "China and overseas share one key. The offline emulator makes test pictures without key or cost.",
    "category": ["Grsai", "Key and service", "Host"]
  },
  "Grsai.Api": {
    "name": "API of the service",
    "tooltip": "Unified serves every model. Legacy is what older relays speak, for the nano-banana models.",
    "category": ["Grsai", "Key and service", "Api"]
  },
  "Grsai.Proxy": {
    "name": "Use system proxy",
    "tooltip": "Off: connect directly, whatever proxy the system names.",
    "category": ["Grsai", "Key and service", "Proxy"]
  },
  "Grsai.Ledger": {
    "name": "Ledger of the studio",
    "tooltip": "A PostgreSQL server (postgresql://…) on which several ComfyUIs and commands keep one ledger: they reuse each other's pictures and share limit and budgets. The address is kept like the key.",
    "category": ["Grsai", "Key and service", "Ledger"]
  },
  "Grsai.Limit": {
    "name": "Maximum at once",
    "tooltip": "Over all nodes and runs of this ComfyUI. 0: the largest concurrency among the running nodes counts.",
    "category": ["Grsai", "Limits and prices", "Limit"]
  },
  "Grsai.BudgetDay": {
    "name": "Budget a day",
    "tooltip": "In yuan, over all runs of this service since midnight. A run that would exceed it is refused before anything is sent. 0: none.",
    "category": ["Grsai", "Limits and prices", "BudgetDay"]
  },
  "Grsai.BudgetMonth": {
    "name": "Budget a month",
    "tooltip": "The same since the first of the month.",
    "category": ["Grsai", "Limits and prices", "BudgetMonth"]
  },
  "Grsai.AskAbove": {
    "name": "Ask above",
    "tooltip": "In yuan. The canvas asks before it queues a run that would cost more; scripts are never asked. 0: never.",
    "category": ["Grsai", "Limits and prices", "AskAbove"]
  },
  "Grsai.Currency": {
    "name": "Show prices in",
    "tooltip": "How prices are shown on nodes and in the sidebar.",
    "category": ["Grsai", "Limits and prices", "Currency"]
  },
  "Grsai.Rate": {
    "name": "Credits for one yuan",
    "tooltip": "What you paid for credits, for prices in yuan. It depends on the package.",
    "category": ["Grsai", "Limits and prices", "Rate"]
  },
  "Grsai.Models": {
    "name": "Models and prices",
    "tooltip": "Asks the service for its list of models: prices, what is closed or new. Needs no key. New models are on offer after a reload.",
    "category": ["Grsai", "Limits and prices", "Models"]
  }
};
