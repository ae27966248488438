"use strict";
/* Draws the timeline, plays from the times, follows the transcript, and switches the labels.
   It stores nothing and asks for nothing. Labels without `data-en` are translated from here. */
(() => {
  const ENGLISH = {
    "通话录音疑似内容报告": "Suspected content in a call recording",
    "跳到疑似段落": "Skip to the suspected passages",
    "如果您感到难以承受,可拨打全国统一心理援助热线":
      "If this is hard to bear, you can call the national psychological support line",
    "(各地每天至少 18 小时)。": "(at least 18 hours a day). ",
    "遇到紧急危险,请拨打 110 或 120。": "In immediate danger, call 110 or 120.",
    "所列均为机器自动识别的疑似内容,须由人工逐条听录音核对;本软件输出不构成法律意见或事实认定。":
      "These are suspected passages found by a machine. A person must check each one by " +
      "listening to the recording. This is neither legal advice nor a finding of fact.",
    "录音信息": "Recording",
    "文件": "File",
    "时长": "Duration",
    "通话开始": "Call began",
    "格式": "Format",
    "大小": "Size",
    "字节": "bytes",
    "声道": "ch",
    "不详": "unknown",
    "来源": "source:",
    "可信度": "reliability:",
    "高": "high",
    "中": "medium",
    "低": "low",
    "单声道": "mono",
    "双声道分录": "one person a channel",
    "仅一个声道有声音": "sound on one channel only",
    "说话人": "Speakers",
    "编号": "Speaker",
    "身份": "Role",
    "依据": "Basis",
    "说话时长": "Speech",
    "左声道": "left",
    "右声道": "right",
    "使用者指定": "set by the user",
    "案情文件": "facts file",
    "文件内的创建时间": "creation time in the file",
    "使用者陈述": "as stated by the user",
    "谁在接听": "Who listens",
    "出借方类型": "Kind of lender",
    "接听人": "Answered by",
    "录音人": "Recorded by",
    "主叫号码": "Caller",
    "被叫号码": "Called",
    "备注": "Note",
    "借款人": "borrower",
    "出借方": "lender",
    "催收机构": "agency",
    "银行": "bank",
    "消费金融": "consumer finance",
    "小贷": "microloan",
    "助贷平台": "platform",
    "未持牌": "unlicensed",
    "不明": "unknown",
    "配偶": "spouse",
    "父母": "parent",
    "子女": "child",
    "亲属": "relative",
    "同事": "colleague",
    "雇主": "employer",
    "朋友": "friend",
    "邻居": "neighbour",
    "担保人": "guarantor",
    "共同借款人": "co-borrower",
    "其他": "other",
    "按说话内容推断": "inferred from the words",
    "疑似内容概览": "Suspected content at a glance",
    "各类疑似段落数": "Suspected passages by category",
    "类别": "Category",
    "标记": "flagged",
    "待复核": "to review",
    "实心图形为标记,空心图形为待复核。机器可能听错、漏听或分错说话人。":
      "Filled shapes: flagged; hollow: to review. The machine may mishear, miss passages or " +
      "mix up speakers.",
    "如何核对": "How to check",
    "提示": "Warnings",
    "试听副本,非证据": "Listening copy, not evidence",
    "试听副本无法播放,请用原始录音按所示时间核对。":
      "The listening copy cannot be played. Check with the original at the times given.",
    "本报告不含音频,请用原始录音按所示时间核对。":
      "This report holds no audio. Check with the original recording at the times given.",
    "播放": "Play",
    "看上下文": "Context",
    "疑似段落": "Suspected passages",
    "未识别到疑似内容。机器可能漏听,需要时请听原始录音。":
      "No suspected passage was found. The machine may miss some; listen if in doubt.",
    "机器评分": "score",
    "人工未核对": "not checked by a person",
    "人工已确认": "confirmed by a person",
    "人工已否定": "rejected by a person",
    "按读音判断": "By its sound",
    "□ 属实  □ 不符  □ 听不清  核对人:__________  日期:__________":
      "□ as heard  □ differs  □ unclear  Checked by: __________  Date: __________",
    "其他值得留意之处": "Other observations",
    "文字稿": "Transcript",
    "机器转写初稿,未经人工逐句核对;以原始录音为准。":
      "A machine's draft, not checked line by line. The original recording counts.",
    "与他人重叠": "overlapped",
    "机器原文": "as recognised:",
    "被略去的内容": "What was left out",
    "可能没有人声": "probably no speech",
    "模型的字幕套话": "the recogniser's subtitle phrases",
    "识别结果的重复": "the recogniser repeating itself",
    "设置与版本": "Settings and versions",
    "用任意播放器打开原始录音文件(不是试听副本),核对文件名与 SHA-256。":
      "Open the original file (not the listening copy) in any player; compare its name and SHA-256.",
    "逐条跳到所示时间,连同前后至少 10 秒一起听。":
      "Go to each time given; listen to at least 10 seconds before and after it as well.",
    "逐字核对文字,并确认是谁在说、谁在听;文字不符的,以原始录音为准。":
      "Compare word for word, and make sure who speaks and who listens. Where they differ, the " +
      "original recording counts.",
    "保留原始文件和原始设备,不要剪辑、转码或改名;试听副本与本页只供查找。":
      "Keep the original file and device; do not cut, convert or rename it. The listening copy " +
      "and this page only help to find passages.",
  };

  const root = document.documentElement;
  const audio = document.querySelector("audio");
  const all = (selector) => [...document.querySelectorAll(selector)];
  const SVG = document.querySelector(".badge").namespaceURI;
  const draw = (name, attributes, parent) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };

  /* The timeline: one lane a category with its flags, one row a speaker with what they say. */
  const timeline = document.querySelector(".timeline");
  const length = Number(timeline.dataset.length);
  const at = (seconds) => `${(100 * Math.min(Math.max(seconds / length, 0), 1)).toFixed(3)}%`;
  const lines = all(".line").map((element) => ({
    element,
    who: element.dataset.who,
    start: Number(element.dataset.start),
    end: Number(element.dataset.end),
  }));
  const flags = all(".flag");
  const chart = draw("svg", { width: "100%" }, timeline);
  timeline.prepend(chart);
  const LANE = 26;
  const ROW = 30;
  let height = 0;
  const rows = new Map();
  const lanes = new Map();
  for (const flag of flags) lanes.set(flag.className, 0);
  for (const name of [...lanes.keys()].sort()) {
    lanes.set(name, height + LANE / 2);
    height += LANE;
  }
  for (const line of lines) {
    if (!rows.has(line.who)) {
      rows.set(line.who, height);
      const label = draw("text", { x: 0, y: height + 13 }, chart);
      for (const node of line.element.querySelector(".who").childNodes) {
        if (node.nodeName === "I") continue;
        const copy = draw("tspan", {}, label);
        copy.textContent = node.textContent;
        if (node.dataset?.en) copy.dataset.en = node.dataset.en;
      }
      height += ROW;
    }
    draw("rect", {
      class: line.element.querySelector(".dot").className.replace("dot ", ""),
      x: at(line.start),
      y: rows.get(line.who) + 17,
      width: at(line.end - line.start),
      height: 9,
    }, chart);
  }
  height += 4;
  chart.setAttribute("height", height);
  const cursor = draw("line", { class: "cursor", x1: 0, x2: 0, y1: 0, y2: height }, chart);
  for (const flag of flags) {
    const place = { x: at(Number(flag.dataset.start)), y: lanes.get(flag.className) };
    const link = draw("a", { href: `#${flag.id}` }, draw("svg", { class: "at", width: 1, height: 1, ...place }, chart));
    const time = flag.querySelector(".time").lastChild.textContent;
    draw("title", {}, link).textContent = `${flag.querySelector("h3 > span").textContent} ${time}`;
    link.append(flag.querySelector(".badge g").cloneNode(true));
    const button = flag.querySelector("button.time");
    if (button) link.dataset.play = button.dataset.play;
  }
  timeline.hidden = false;

  /* Labels in the other language. */
  const labels = all("[data-t], [data-en]").map((element) => {
    const chinese = element.textContent;
    return { element, chinese, english: element.dataset.en || ENGLISH[chinese] || chinese };
  });
  const button = document.getElementById("switch");
  let english = false;
  button.hidden = false;
  button.lang = "en";
  button.addEventListener("click", () => {
    english = !english;
    for (const label of labels) {
      label.element.textContent = english ? label.english : label.chinese;
      label.element.setAttribute("lang", english ? "en" : "zh-Hans");
    }
    button.textContent = english ? "中文" : "English";
    button.lang = english ? "zh-Hans" : "en";
  });

  /* What is reached by a link must not hide behind what sticks to the top. */
  const deck = document.querySelector(".deck");
  const player = document.querySelector(".player");
  const stuck = () => (getComputedStyle(deck).display === "contents" ? player : deck);
  const measure = () => root.style.setProperty("--deck", `${stuck().offsetHeight}px`);
  if (!audio) return; /* nothing sticks, nothing plays */
  const observer = new ResizeObserver(measure);
  observer.observe(deck);
  observer.observe(player);

  /* Playing. */
  const seek = (seconds, play) => {
    audio.currentTime = Math.min(seconds, audio.duration || length);
    if (play) audio.play().catch(() => {}); /* the error event tells the reader */
  };
  for (const element of all("[data-play]")) {
    element.addEventListener("click", () => seek(Number(element.dataset.play), true));
  }
  chart.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    const box = chart.getBoundingClientRect();
    seek((length * (event.clientX - box.left)) / box.width, !audio.paused);
  });
  audio.addEventListener("error", () => {
    document.querySelector(".player [role=alert]").hidden = false;
  });

  /* Following: never against the reader, and only while the transcript is what they look at. */
  const QUIET_MS = 5000;
  const OWN_SCROLL_MS = 1000;
  const transcript = document.getElementById("transcript");
  let readerScrolled = -QUIET_MS;
  let ownScroll = -OWN_SCROLL_MS;
  document.addEventListener("scroll", () => {
    const now = performance.now();
    if (now - ownScroll > OWN_SCROLL_MS) readerScrolled = now;
  }, { passive: true });
  for (const kind of ["wheel", "touchmove"]) {
    document.addEventListener(kind, () => { readerScrolled = performance.now(); },
      { passive: true });
  }
  const follow = (element) => {
    const now = performance.now();
    const box = transcript.getBoundingClientRect();
    const looked = box.top < innerHeight / 2 && box.bottom > innerHeight / 2;
    if (!looked || now - readerScrolled < QUIET_MS) return;
    ownScroll = now;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  };
  let current = null;
  const show = () => {
    const now = audio.currentTime;
    cursor.setAttribute("x1", at(now));
    cursor.setAttribute("x2", at(now));
    const line = lines.filter((one) => one.start <= now && now < one.end).pop();
    if (!line || line.element === current) return;
    if (current) current.removeAttribute("aria-current");
    current = line.element;
    current.setAttribute("aria-current", "true");
    if (!audio.paused) follow(current);
  };
  audio.addEventListener("timeupdate", show);
  audio.addEventListener("seeked", show);
})();
