/* The first view: give a recording, and see those given. */
import { announce, el, icon, speaking } from "./dom.js";
import { bytes } from "./format.js";
import { onLanguage, t } from "./language.js";
import { uploadOptions } from "./options.js";
import { errorBox, onThisMachine, spinner } from "./parts.js";
import { recordingRow, uploadRow } from "./rows.js";
import { call } from "./service.js";
import { onUploads, remove, send, setLimit, uploads } from "./uploads.js";

const SOUNDS =
  "audio/*,video/mp4,video/3gpp,.m4a,.mp3,.amr,.awb,.wav,.aac,.3gp,.3ga,.ogg,.opus," +
  ".oga,.flac,.wma,.silk,.slk,.caf,.mp4,.mkv,.webm,.aud";
const ASK_AGAIN_MS = 2000;
const REST_MS = 15_000;
const RUNNING = new Set(["queued", "running", "locked"]);

export function showHome(main, setTitle) {
  const leaving = new AbortController();
  setTitle(null);
  const options = uploadOptions();
  const list = el("ul", { class: "rows", id: "recordings" });
  const sending = el("ul", { class: "rows", id: "uploads" });
  const limits = el("p", { class: "note" });
  main.append(
    el(
      "div",
      { class: "home" },
      el(
        "div",
        { class: "first" },
        el("h1", { t: "homeTitle", tabindex: -1 }),
        el("p", { class: "lead", t: "homeLead" }),
        dropZone(take),
        limits,
        options.element,
        sending,
        el("section", { "aria-labelledby": "mine" }, el("h2", { id: "mine", t: "mine" }), list),
      ),
      el("aside", { class: "second", label: "aboutLabel" }, about()),
    ),
  );

  function take(files) {
    if (!files.length) return;
    const made = send(files, options.fields());
    announce("uploadsBegun", { n: made.length });
    if (made.length === 1) {
      const off = onUploads((item) => {
        if (item !== made[0] || item.state === "sending") return;
        off();
        if (item.state !== "done" || leaving.signal.aborted) return;
        remove(item);
        location.hash = `#/r/${item.recording.id}`;
      });
    }
  }

  /* Uploads: each keeps its row, so that focus and progress are not lost. */
  const rows = new Map();
  const showUpload = (item) => {
    if (item?.state === "sending" && rows.get(item)?.state === "sending")
      return rows.get(item).set(item.share);
    const mine = uploads();
    for (const [old, row] of rows)
      if (!mine.includes(old)) {
        row.element.remove();
        rows.delete(old);
      }
    for (const one of mine) {
      if (rows.get(one)?.state === one.state) continue;
      const row = uploadRow(one);
      if (rows.has(one)) rows.get(one).element.replaceWith(row.element);
      else sending.append(row.element);
      rows.set(one, row);
    }
    if (item?.state === "failed") announce("uploadFailed", { name: item.name }, true);
    if (item?.state === "done") refresh();
  };
  const offUploads = onUploads(showUpload);
  showUpload();

  let timer = 0;
  let shown = "";
  let items = [];
  let next = null;
  const draw = (force) => {
    const now = JSON.stringify(items);
    if (!force && now === shown) return;
    shown = now;
    const focused = list.contains(document.activeElement)
      ? document.activeElement.closest("li")?.dataset.id
      : null;
    list.replaceChildren(...items.map((recording) => recordingRow(recording, refresh)));
    if (!items.length) list.append(el("li", { class: "none", t: "noneYet" }));
    if (next) {
      list.append(
        el(
          "li",
          { class: "none" },
          el("button", { type: "button", t: "showMore", on: { click: more } }),
        ),
      );
    }
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"] a`)?.focus();
  };
  async function more() {
    const page = await call(`/v1/recordings?limit=50&cursor=${encodeURIComponent(next)}`);
    items = [...items, ...page.items];
    next = page.next;
    draw(true);
  }
  async function refresh() {
    clearTimeout(timer);
    try {
      const page = await call("/v1/recordings?limit=50", { signal: leaving.signal });
      if (items.length <= 50) {
        items = page.items;
        next = page.next;
      } else
        items = [...page.items, ...items.filter((one) => !page.items.some((n) => n.id === one.id))];
      for (const item of [...uploads()]) {
        if (item.state === "done" && items.some((one) => one.id === item.recording.id))
          remove(item);
      }
      draw(false);
    } catch (problem) {
      if (leaving.signal.aborted) return;
      shown = "";
      list.replaceChildren(el("li", { class: "none" }, errorBox(problem, refresh)));
    }
    if (leaving.signal.aborted) return;
    const running = items.some((one) => RUNNING.has(one.state));
    timer = setTimeout(refresh, running && !document.hidden ? ASK_AGAIN_MS : REST_MS);
  }
  list.append(el("li", { class: "none" }, spinner("loading")));
  refresh();
  const offLanguage = onLanguage(() => draw(true));

  call("/v1/health", { signal: leaving.signal })
    .then((health) => {
      if (health.max_bytes) setLimit(health.max_bytes);
      speaking(limits, () =>
        [
          health.status === "locked" ? t("lockedState") : "",
          health.max_bytes
            ? t("atMost", {
                size: bytes(health.max_bytes),
                hours: Math.round((health.max_seconds ?? 36_000) / 360) / 10,
              })
            : "",
          health.retention_days ? t("keptFor", { n: health.retention_days }) : "",
        ]
          .filter(Boolean)
          .join(" "),
      );
    })
    .catch(() => {});

  return () => {
    leaving.abort();
    clearTimeout(timer);
    offUploads();
    offLanguage();
  };
}

function dropZone(take) {
  const input = el("input", {
    type: "file",
    id: "file",
    accept: SOUNDS,
    multiple: true,
    class: "hidden",
    "aria-describedby": "formats",
  });
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  const zone = el(
    "div",
    { class: "drop" },
    icon("upload"),
    input,
    el("label", { for: "file", class: "main button", t: "choose" }),
    el("p", { class: "wide-only", t: "orDrop" }),
    el("p", { class: "note", id: "formats", t: "formats" }),
  );
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    zone.addEventListener(kind, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  return zone;
}

/* A recording dropped beside the zone must not replace the page. */
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => event.preventDefault());
}

function about() {
  const place = el("p", {});
  speaking(place, () =>
    onThisMachine() ? t("whereLocal") : t("whereServer", { host: location.host }),
  );
  return [
    el(
      "section",
      {},
      el("h2", { t: "howTitle" }),
      el(
        "ol",
        {},
        ["how1", "how2", "how3"].map((key) => el("li", { t: key })),
      ),
    ),
    el(
      "section",
      {},
      el("h2", { t: "suspicionTitle" }),
      el("p", { t: "suspicionIs" }),
      el("p", { t: "suspicionIsNot" }),
    ),
    el(
      "section",
      {},
      el("h2", {}, icon("lock"), el("span", { t: "whereTitle" })),
      place,
      el("p", { t: "whereMore" }),
    ),
  ];
}
