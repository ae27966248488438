/* One recording: while it is worked on, where it failed, and its result. */
import { deleteButton } from "./dialogs.js";
import { announce, el, icon, speaking } from "./dom.js";
import { bytes, clock, moment, spoken } from "./format.js";
import { t } from "./language.js";
import { errorBox, explain, nameFor, progressBar, spinner } from "./parts.js";
import { showResult } from "./result.js";
import { shareOf, stateLine } from "./rows.js";
import { call, watch } from "./service.js";

const STAGES = [
  ["queued", "stageQueued"],
  ["read", "stageRead"],
  ["transcribe", "stageHear"],
  ["classify", "stageJudge"],
  ["done", "stageDone"],
];
const SAY_EACH = 0.25;

export function showRecording(main, id, setTitle) {
  const leaving = new AbortController();
  let inner = () => {};
  let name = "";
  const back = el(
    "p",
    { class: "back" },
    el("a", { href: "#/" }, icon("back"), el("span", { t: "backToList" })),
  );
  const place = el("div", { id: "recording" }, spinner("loading"));
  const first = el("div", {});
  main.append(first, back, place);
  const home = () => {
    location.hash = "#/";
  };

  const put = (...nodes) => {
    inner();
    inner = () => {};
    place.replaceChildren(...nodes);
  };
  const titled = (recording) => {
    if (name === nameFor(recording)) return;
    name = nameFor(recording);
    setTitle(() => name);
  };

  let progress = null;
  function onState(recording) {
    titled(recording);
    if (recording.state === "done") return finished(recording);
    if (recording.state === "failed") return failed(recording);
    if (!progress) {
      progress = progressView(recording, home);
      put(progress.element);
    }
    progress.show(recording);
    return undefined;
  }

  async function finished(recording) {
    const path = `/v1/recordings/${encodeURIComponent(id)}`;
    const focused =
      [main, document.body].includes(document.activeElement) ||
      place.contains(document.activeElement);
    put(
      el("h1", { tabindex: -1 }, el("bdi", { text: nameFor(recording) })),
      spinner("loadingResult"),
    );
    try {
      const review = await call(`${path}/review`, { signal: leaving.signal });
      if (leaving.signal.aborted) return;
      put();
      inner = showResult(place, first, recording, review, home);
      if (progress || focused) {
        announce("finished", { n: review.flags.length });
        place.querySelector("h1").focus({ preventScroll: true });
      }
    } catch (problem) {
      if (leaving.signal.aborted) return;
      put(
        el("h1", { tabindex: -1 }, el("bdi", { text: nameFor(recording) })),
        errorBox(problem, () => finished(recording)),
      );
    }
  }

  function failed(recording) {
    put(
      el("h1", { tabindex: -1 }, el("bdi", { text: nameFor(recording) })),
      el(
        "div",
        { class: "box bad", role: "alert" },
        el("p", { class: "strong", t: "failedTitle" }),
        speaking(el("p", {}), () => explain(recording.error ?? { status: "?" })),
      ),
      el("p", { t: "failedHelp" }),
      el(
        "div",
        { class: "row" },
        el("a", { class: "button main", href: "#/", t: "tryAnother" }),
        deleteButton(recording, home),
      ),
    );
  }

  const lost = () => {
    if (progress) progress.lost();
    else put(errorBox({ status: 0 }));
  };
  watch(id, onState, lost, leaving.signal).catch((problem) => {
    if (leaving.signal.aborted) return;
    put(
      el("h1", { tabindex: -1, t: problem.status === 404 ? "goneTitle" : "errorTitle" }),
      errorBox(problem),
      el("p", {}, el("a", { class: "button", href: "#/", t: "backToList" })),
    );
  });

  return () => {
    leaving.abort();
    inner();
  };
}

function progressView(first, home) {
  const bar = progressBar("progress");
  const said = el("p", { class: "now" });
  const left = el("p", { class: "note" });
  const steps = STAGES.map(([, key]) => el("li", { t: key }));
  const warning = el("p", { class: "bad", hidden: true, t: "lostNow" });
  let latest = first;
  let told = -1;
  let began = null;
  const element = el(
    "div",
    { class: "waiting" },
    el("h1", { tabindex: -1 }, el("bdi", { text: nameFor(first) })),
    speaking(el("p", { class: "note" }), () =>
      [bytes(first.bytes ?? 0), moment(first.created_at)].join(" · "),
    ),
    el(
      "div",
      { class: "card" },
      said,
      bar.element,
      left,
      el("ol", { class: "stages" }, steps),
      warning,
    ),
    el("p", { t: "mayLeave" }),
    el(
      "div",
      { class: "row" },
      el("a", { class: "button", href: "#/", t: "another" }),
      deleteButton(first, home),
    ),
  );

  function show(recording) {
    latest = recording;
    warning.hidden = true;
    speaking(said, () => stateLine(latest));
    const share = shareOf(recording);
    bar.set(share);
    const step = recording.state === "queued" ? "queued" : recording.progress?.step;
    const at = Math.max(
      0,
      STAGES.findIndex(([code]) => code === (step === "load" ? "read" : step)),
    );
    steps.forEach((item, n) => {
      item.className = n < at ? "past" : n === at ? "here" : "";
      if (n === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    remaining(share, recording.progress?.total_s);
    if (share !== null && share - told >= SAY_EACH) {
      told = share;
      announce("progressSaid", { n: Math.floor(share * 100) });
    }
  }

  /* How long it will still take, from how fast it went since this page looked. */
  function remaining(share, total) {
    if (share === null) {
      speaking(left, () => "");
      return;
    }
    const now = performance.now() / 1000;
    began ??= { at: now, share };
    const gone = share - began.share;
    const seconds = Math.max(1, ((1 - share) * (now - began.at)) / gone);
    speaking(left, () =>
      gone > 0.05
        ? t("stillTakes", { time: spoken(seconds), length: clock(total) })
        : total
          ? t("lengthIs", { length: clock(total) })
          : "",
    );
  }

  return {
    element,
    show,
    lost: () => {
      warning.hidden = false;
    },
  };
}
