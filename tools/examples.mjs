// The example workflows: nodes with their place and values, and what is wired to what.

const NOTE = { bgcolor: "#653", color: "#432" };

function note(text, at, size) {
  return { type: "MarkdownNote", title: "Note · 说明", at, size, values: { "*": text }, ...NOTE };
}

export const EXAMPLES = [
  {
    name: "1 Text to picture",
    nodes: {
      note: note(
        "**Text to picture** · 文字生成图片\n\nNo key yet? Press Run and choose *Try it offline*: it is free.\n\n还没有密钥？点击运行，选择 *离线试用*，完全免费。",
        [40, 60],
        [360, 230],
      ),
      generate: {
        type: "NanoBananaGenerate",
        at: [440, 60],
        size: [440, 600],
        values: {
          prompt: "Product photo of a ripe banana with tiny round sunglasses on a sunlit beach towel, soft shadows, pastel colours",
          model: "nano-banana-fast",
          "model.aspect_ratio": "16:9",
        },
      },
      picture: { type: "PreviewImage", at: [920, 60], size: [640, 440] },
    },
    links: [["generate", "images", "picture", "images"]],
  },
  {
    name: "2 Edit one photo",
    nodes: {
      note: note(
        "**Edit one photo** · 编辑一张照片\n\nChoose your own picture on the left and say what to change. Without a change of the inputs or the seed, Run costs nothing.\n\n在左边换成自己的图片，写下要做的修改。输入和种子不变时，再次运行不收费。",
        [40, 60],
        [360, 190],
      ),
      photo: { type: "LoadImage", at: [40, 320], size: [360, 360], values: { image: "banana_demo_coffee.jpg" } },
      generate: {
        type: "NanoBananaGenerate",
        at: [440, 60],
        size: [440, 620],
        values: { prompt: "Turn the coffee into matcha latte and the table into white marble. Keep everything else as it is." },
      },
      picture: { type: "PreviewImage", at: [920, 60], size: [620, 520] },
    },
    links: [
      ["photo", "IMAGE", "generate", "images.image_1"],
      ["generate", "images", "picture", "images"],
    ],
  },
  {
    name: "3 Several references into one picture",
    nodes: {
      note: note(
        "**Several references** · 多张参考图\n\nA socket appears for the next picture as soon as the last one is wired. The prompt names them by their order.\n\n接好一张，就会出现下一个接口。提示词里按顺序称呼它们。",
        [40, 60],
        [300, 330],
      ),
      first: { type: "LoadImage", at: [380, 60], size: [300, 330], values: { image: "banana_demo_astronaut.jpg" } },
      second: { type: "LoadImage", at: [40, 450], size: [300, 330], values: { image: "banana_demo_chelsea.jpg" } },
      third: { type: "LoadImage", at: [380, 450], size: [300, 330], values: { image: "banana_demo_coffee.jpg" } },
      generate: {
        type: "NanoBananaGenerate",
        at: [740, 60],
        size: [440, 720],
        values: {
          prompt: "The woman of the first picture sits in a café with the cat of the second picture on her lap and the cup of the third picture in front of her.",
          model: "nano-banana-2",
          "model.aspect_ratio": "4:3",
          "model.image_size": "1K",
        },
      },
      picture: { type: "PreviewImage", at: [1220, 60], size: [640, 620] },
    },
    links: [
      ["first", "IMAGE", "generate", "images.image_1"],
      ["second", "IMAGE", "generate", "images.image_2"],
      ["third", "IMAGE", "generate", "images.image_3"],
      ["generate", "images", "picture", "images"],
    ],
  },
  {
    name: "4 Upload once, use in three nodes",
    nodes: {
      note: note(
        "**Upload once** · 只上传一次\n\nThe picture goes up once; three nodes use it by its address, at the same time.\n\n图片只上传一次，三个节点用网址同时使用。",
        [40, 60],
        [340, 170],
      ),
      photo: { type: "LoadImage", at: [40, 290], size: [340, 400], values: { image: "banana_demo_hopper.jpg" } },
      upload: { type: "GrsaiUpload", at: [40, 760], size: [340, 90] },
      one: generate([440, 60], "As an oil painting in a gilded frame"),
      two: generate([860, 60], "As a clay figurine on a shelf"),
      three: generate([1280, 60], "As a black and white woodcut print"),
      picture_one: { type: "PreviewImage", at: [440, 730], size: [380, 420] },
      picture_two: { type: "PreviewImage", at: [860, 730], size: [380, 420] },
      picture_three: { type: "PreviewImage", at: [1280, 730], size: [380, 420] },
    },
    links: [
      ["photo", "IMAGE", "upload", "images"],
      ["upload", "image_urls", "one", "image_urls"],
      ["upload", "image_urls", "two", "image_urls"],
      ["upload", "image_urls", "three", "image_urls"],
      ["one", "images", "picture_one", "images"],
      ["two", "images", "picture_two", "images"],
      ["three", "images", "picture_three", "images"],
    ],
  },
  {
    name: "5 Folder times prompts",
    nodes: {
      note: note(
        "**Folder × prompts** · 文件夹 × 提示词\n\nEvery picture of the folder with every line of the prompt file. The pictures are in output/banana the moment they are made. Stopped? Run again: only what is missing is paid.\n\n文件夹里的每张图片配提示词文件的每一行。图片一生成就保存到 output/banana。中断后再运行，只为缺少的付费。",
        [40, 60],
        [420, 250],
      ),
      folder: {
        type: "LoadBananaFolder",
        at: [40, 380],
        size: [420, 190],
        values: { folder: "banana_demo/image", prompts_file: "banana_demo/text/text.txt" },
      },
      batch: { type: "BatchBanana", at: [520, 60], size: [540, 1000], values: { "model.aspect_ratio": "1:1" } },
      report: { type: "PreviewAny", title: "Report", at: [1120, 60], size: [420, 320] },
    },
    links: [
      ["folder", "images", "batch", "images"],
      ["folder", "names", "batch", "names"],
      ["folder", "prompts", "batch", "prompts"],
      ["batch", "report", "report", "source"],
    ],
  },
  {
    name: "6 One to one into a grid",
    nodes: {
      note: note(
        "**One to one** · 一一对应\n\npairing = zip: the first picture with the first prompt, the second with the second … The order stays, so that the grid is right.\n\n配对方式 zip：第一张配第一条，依次对应。顺序不变，所以网格总是对的。",
        [40, 60],
        [420, 190],
      ),
      folder: {
        type: "LoadBananaFolder",
        at: [40, 320],
        size: [420, 190],
        values: { folder: "banana_demo/image", prompts_file: "" },
      },
      batch: {
        type: "BatchBanana",
        at: [520, 60],
        size: [460, 880],
        values: {
          prompts: [
            "Give the astronaut a red suit",
            "Set the photographer in a snowy park",
            "Put a tiny crown on the cat",
            "Fill the cup with hot chocolate",
            "Paint the galaxies in watercolour",
            "Colour the portrait like a 1940s poster",
            "Give the raccoon a straw hat",
            "Let the rocket start at sunset",
          ].join("\n"),
          pairing: "zip",
          filename_prefix: "banana/Pair",
          "model.aspect_ratio": "1:1",
        },
      },
      grid: { type: "ImageGrid", at: [1040, 60], size: [320, 200], values: { columns: 4, cell_width: 384, cell_height: 384, padding: 8 } },
      picture: { type: "SaveImage", at: [1040, 330], size: [760, 560], values: { filename_prefix: "banana/Grid" } },
    },
    links: [
      ["folder", "images", "batch", "images"],
      ["folder", "names", "batch", "names"],
      ["batch", "images", "grid", "images"],
      ["grid", "images", "picture", "images"],
    ],
  },
  {
    name: "7 Cut out with gpt-image",
    nodes: {
      note: note(
        "**Cut out with gpt-image** · 用 gpt-image 抠图\n\nbackground = transparent: the file in output/banana has alpha, and masks says where it is clear. Another model offers other ratios, sizes and qualities.\n\n背景选 transparent：output/banana 里的文件带透明通道，遮罩输出标明透明部分。换一个模型，可选的宽高比、分辨率和质量也随之变化。",
        [40, 60],
        [360, 230],
      ),
      photo: { type: "LoadImage", at: [40, 360], size: [360, 360], values: { image: "banana_demo_coffee.jpg" } },
      generate: {
        type: "NanoBananaGenerate",
        at: [440, 60],
        size: [440, 700],
        values: {
          prompt: "Cut out the cup with its saucer. Nothing else is left.",
          model: "gpt-image-2.5-flare",
          "model.aspect_ratio": "1:1",
          "model.image_size": "1K",
          "model.quality": "medium",
          "model.background": "transparent",
        },
      },
      join: { type: "JoinImageWithAlpha", at: [930, 60], size: [260, 60] },
      picture: { type: "SaveImage", at: [930, 190], size: [560, 600], values: { filename_prefix: "banana/Cutout" } },
    },
    links: [
      ["photo", "IMAGE", "generate", "images.image_1"],
      ["generate", "images", "join", "image"],
      ["generate", "masks", "join", "alpha"],
      ["join", "IMAGE", "picture", "images"],
    ],
  },
  {
    name: "8 Rows of a sheet",
    nodes: {
      note: note(
        "**Rows of a sheet** · 按表格逐行生成\n\nA row a picture: which photo, which text, which model, which name. What a row leaves open comes from the batch. The sheet comes back beside the pictures, with what became of each row.\n\n每行一张图片：用哪张照片、什么提示词、哪个模型、叫什么名字。空着的由批量节点补上。结果表格和图片放在一起，写明每一行的结果。",
        [40, 60],
        [420, 230],
      ),
      sheet: { type: "LoadBananaSheet", at: [40, 340], size: [420, 330], values: { file: "banana_demo/jobs.csv" } },
      batch: { type: "BatchBanana", at: [520, 60], size: [540, 1000], values: { filename_prefix: "banana/Sheet/Task", "model.aspect_ratio": "1:1" } },
      report: { type: "PreviewAny", title: "Report", at: [1120, 60], size: [420, 320] },
    },
    links: [
      ["sheet", "jobs", "batch", "jobs"],
      ["batch", "report", "report", "source"],
    ],
  },
  {
    name: "9 Edit only here",
    nodes: {
      note: note(
        "**Edit only here** · 只改这里\n\nOnly what is painted changes; all else stays to the pixel. Right-click the picture, *Open in MaskEditor*, and paint what may change. Another feather costs nothing.\n\n只有涂过的地方会改，其余像素一个不变。右键点图片，选择 *在遮罩编辑器中打开*，涂出可以改动的地方。改羽化不收费。",
        [40, 60],
        [360, 240],
      ),
      photo: { type: "LoadImage", at: [40, 360], size: [360, 360], values: { image: "banana_demo_painted.png" } },
      options: { type: "GrsaiMaskOptions", at: [440, 60], size: [440, 170] },
      generate: {
        type: "NanoBananaGenerate",
        at: [440, 290],
        size: [440, 620],
        values: { prompt: "Turn the coffee into matcha latte.", model: "nano-banana-2", "model.image_size": "1K" },
      },
      picture: { type: "PreviewImage", at: [920, 60], size: [620, 520] },
    },
    links: [
      ["photo", "IMAGE", "generate", "images.image_1"],
      ["photo", "MASK", "generate", "mask"],
      ["options", "mask_options", "generate", "mask_options"],
      ["generate", "images", "picture", "images"],
    ],
  },
  {
    name: "Edit a folder.app", // older frontends know an app by this end
    nodes: {
      note: note(
        "**Edit a folder, as an app** · 应用：编辑一个文件夹\n\nChoose a folder or drop pictures, say what to change, press Run. This is what is behind it.\n\n选择文件夹或拖入图片，写下要做的修改，点击运行。这里是应用背后的节点。",
        [40, 60],
        [420, 210],
      ),
      folder: { type: "LoadBananaFolder", at: [40, 330], size: [420, 380], values: { folder: "banana_demo/image", prompts_file: "" } },
      batch: {
        type: "BatchBanana",
        at: [520, 60],
        size: [540, 1000],
        values: { prompts: "Turn the picture into a soft watercolour painting", filename_prefix: "banana/App/Task" },
      },
    },
    links: [
      ["folder", "images", "batch", "images"],
      ["folder", "names", "batch", "names"],
    ],
    app: {
      inputs: [
        ["folder", "grsai_folder"],
        ["batch", "prompts"],
        ["batch", "model"],
      ],
      outputs: ["batch"],
    },
  },
];

export const BLUEPRINT = {
  name: "Banana folder and prompts to pictures",
  description:
    "Every picture of a folder with every line of a prompt file and every prompt that is written here; the pictures are saved under ComfyUI's output folder.",
  nodes: {
    folder: { type: "LoadBananaFolder", at: [40, 60], size: [420, 380] },
    prompts: { type: "StringConcatenate", at: [40, 500], size: [420, 260], values: { delimiter: "\n" } },
    batch: { type: "BatchBanana", at: [540, 60], size: [460, 620] },
  },
  links: [
    ["folder", "images", "batch", "images"],
    ["folder", "names", "batch", "names"],
    ["folder", "prompts", "prompts", "string_a"],
    ["prompts", "STRING", "batch", "prompts"],
  ],
  // On the outside: a slot of a node, and how it is called there.
  inputs: [
    ["LoadBananaFolder", "folder"],
    ["LoadBananaFolder", "prompts_file"],
    ["StringConcatenate", "string_b", "prompts"],
    ["BatchBanana", "model"], // its own widgets, which come and go with it, stay inside
    ["BatchBanana", "filename_prefix"],
    ["BatchBanana", "budget"],
    ["BatchBanana", "seed"],
  ],
  outputs: [
    ["BatchBanana", "images"],
    ["BatchBanana", "files"],
    ["BatchBanana", "report"],
  ],
};

function generate(at, prompt) {
  return { type: "NanoBananaGenerate", at, size: [380, 590], values: { prompt } };
}
