/* Hearing the recording: sound, waveform with the flags above it, and a place that can be moved. */
import { badge, el, icon, speaking, translated } from "./dom.js";
import { clock, span, spoken } from "./format.js";
import { t } from "./language.js";
import { nameOf, ROLES } from "./names.js";
import { explain, suspicion } from "./parts.js";
import { call, soundOf } from "./service.js";
import { draw } from "./waveform.js";

const LEAD_IN_S = 1;
const STEP_S = 5;
const LEAP_S = 30;
const MARKER_PX = 28;
const MOST_LANES = 3;

/* Returns {element, start(), play(seconds), playFlag(flag), onTime(act), update(review), leave()}. */
export function player(recording, review) {
  const leaving = new AbortController();
  const path = `/v1/recordings/${encodeURIComponent(recording.id)}`;
  let current = review;
  let waveform = { peaks: [] };
  let sound = null;
  let length = Math.max(
    0.1,
    recording.duration_s ?? 0,
    review.recording?.duration_s ?? 0,
    ...review.utterances.map((said) => said.end_s),
  );
  const listeners = new Set();

  const audio = el("audio", { preload: "metadata" });
  const play = el("button", { type: "button", class: "round main", label: "play", id: "play" });
  const time = el("span", { class: "time", id: "time" });
  const back = el("button", { type: "button", class: "quiet", label: "backFive", text: "−5" });
  const on = el("button", { type: "button", class: "quiet", label: "onFive", text: "+5" });
  const speed = el(
    "select",
    { label: "speed", id: "speed" },
    ["0.75", "1", "1.25", "1.5"].map((value) => el("option", { value, text: `${value}×` })),
  );
  speed.value = "1";
  const error = el("p", { class: "bad", role: "alert", hidden: true });
  const canvas = el("canvas", { "aria-hidden": "true" });
  const head = el("div", { class: "head" });
  const slider = el(
    "div",
    {
      class: "wave",
      role: "slider",
      tabindex: 0,
      id: "wave",
      "aria-valuemin": 0,
      label: "position",
    },
    canvas,
    head,
  );
  const lanes = el("div", { class: "lanes" });
  const legend = el("p", { class: "legend" });
  const element = el(
    "section",
    { class: "deck", label: "playerLabel" },
    audio,
    el("div", { class: "controls" }, play, back, on, time, speed),
    el("div", { class: "track" }, lanes, slider),
    legend,
    error,
  );

  const at = (seconds) =>
    `${((100 * Math.min(Math.max(seconds, 0), length)) / length).toFixed(3)}%`;
  const paint = () => draw(canvas, waveform, withChannels(), length);
  const withChannels = () => {
    const channel = Object.fromEntries((current.speakers ?? []).map((s) => [s.id, s.channel]));
    return current.utterances.map((said) => ({ ...said, channel: channel[said.speaker] ?? null }));
  };

  const tell = () => {
    const now = audio.currentTime;
    time.textContent = `${clock(now)} / ${clock(length)}`;
    head.style.insetInlineStart = at(now);
    slider.setAttribute("aria-valuenow", Math.floor(now));
    slider.setAttribute("aria-valuetext", spoken(now));
    for (const act of listeners) act(now, !audio.paused);
  };
  const seek = (seconds, andPlay = !audio.paused) => {
    audio.currentTime = Math.min(Math.max(0, seconds), length);
    tell();
    if (andPlay) start();
  };
  async function start() {
    try {
      await sound?.renew();
      await audio.play();
    } catch (problem) {
      if (problem.name !== "AbortError") broken(problem);
    }
  }
  function broken(problem) {
    error.hidden = false;
    speaking(error, () => (problem?.status ? explain(problem) : t("cannotPlay")));
  }

  play.append(icon("play"));
  const shown = () => {
    play.replaceChildren(icon(audio.paused ? "play" : "pause"));
    translated(play, audio.paused ? "play" : "pause", "aria-label");
  };
  play.addEventListener("click", () => (audio.paused ? start() : audio.pause()));
  back.addEventListener("click", () => seek(audio.currentTime - STEP_S));
  on.addEventListener("click", () => seek(audio.currentTime + STEP_S));
  speed.addEventListener("change", () => {
    audio.playbackRate = Number(speed.value);
  });
  for (const kind of ["play", "pause", "ended"]) audio.addEventListener(kind, shown);
  for (const kind of ["timeupdate", "seeked", "pause"]) audio.addEventListener(kind, tell);
  audio.addEventListener("error", () => {
    if (audio.getAttribute("src")) broken(audio.error);
  });
  audio.addEventListener("playing", () => {
    error.hidden = true;
  });
  audio.addEventListener("loadedmetadata", () => {
    if (!Number.isFinite(audio.duration) || Math.abs(audio.duration - length) < 1) return;
    length = Math.max(length, audio.duration);
    layOut();
  });

  /* A smooth head while it plays; timeupdate alone comes four times a second. */
  let frame = 0;
  const glide = () => {
    if (audio.paused) return;
    head.style.insetInlineStart = at(audio.currentTime);
    frame = requestAnimationFrame(glide);
  };
  audio.addEventListener("play", () => {
    cancelAnimationFrame(frame);
    glide();
  });

  const timeAt = (event) => {
    const box = slider.getBoundingClientRect();
    return (length * (event.clientX - box.left)) / box.width;
  };
  slider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    seek(timeAt(event));
  });
  slider.addEventListener("pointermove", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) seek(timeAt(event));
  });
  slider.addEventListener("keydown", (event) => {
    const now = audio.currentTime;
    const to = {
      ArrowLeft: now - STEP_S,
      ArrowDown: now - STEP_S,
      ArrowRight: now + STEP_S,
      ArrowUp: now + STEP_S,
      PageDown: now - LEAP_S,
      PageUp: now + LEAP_S,
      Home: 0,
      End: length,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      seek(to);
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      play.click();
    }
  });

  function layOut() {
    slider.setAttribute("aria-valuemax", Math.floor(length));
    const focused = document.activeElement?.closest(".at")?.dataset.flag;
    lanes.replaceChildren(
      ...inLanes(current.flags).map((flags) => el("div", { class: "lane" }, flags.map(marker))),
    );
    if (focused) lanes.querySelector(`[data-flag="${CSS.escape(focused)}"]`)?.focus();
    const roles = new Map((current.speakers ?? []).map((one) => [one.id, one.role]));
    for (const said of current.utterances) roles.set(said.speaker, said.role);
    legend.replaceChildren(
      ...[...roles].map(([id, role]) =>
        el(
          "span",
          { class: "key" },
          el("i", { class: `dot r-${role in ROLES ? role : "unknown"}` }),
          speaking(el("span"), () => `${id} ${nameOf(ROLES, role)}`),
        ),
      ),
      el("span", { class: "copy", t: "listeningCopy" }),
    );
    paint();
    tell();
  }

  /* Markers that would lie upon each other go to the next lane, as far as there are any. */
  function inLanes(flags) {
    const room = (MARKER_PX / Math.max(1, slider.clientWidth)) * length;
    const rows = [];
    for (const flag of flags) {
      let row = rows.find((one) => flag.start_s - one.at(-1).start_s >= room);
      if (!row && rows.length < MOST_LANES) rows.push((row = []));
      (row ?? rows.at(-1)).push(flag);
    }
    return rows;
  }
  function marker(flag) {
    const name = () =>
      `${t("play")} ${flag.id} ${suspicion(flag)()} ${span(flag.start_s, flag.end_s)}`;
    const made = el(
      "button",
      {
        type: "button",
        class: `at ${flag.status}`,
        "data-flag": flag.id,
        on: { click: () => playFlag(flag, true) },
      },
      badge(flag.category, flag.decision),
    );
    translated(made, ["plain", { text: name }], "aria-label");
    translated(made, ["plain", { text: name }], "title");
    made.style.insetInlineStart = at(flag.start_s);
    return made;
  }

  const flagListeners = new Set();
  function playFlag(flag, fromMarker = false) {
    seek(Math.max(0, flag.start_s - LEAD_IN_S), true);
    if (fromMarker) for (const act of flagListeners) act(flag);
  }

  let width = 0;
  const watcher = new ResizeObserver(() => {
    if (slider.clientWidth === width) return;
    width = slider.clientWidth;
    layOut();
  });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", paint);

  async function begin() {
    layOut();
    watcher.observe(slider);
    try {
      sound = await soundOf(`${path}/audio?listen=true`, leaving.signal);
      audio.src = sound.address;
    } catch (problem) {
      if (!leaving.signal.aborted) broken(problem);
    }
    try {
      waveform = await call(`${path}/waveform`, { signal: leaving.signal });
      layOut();
    } catch {
      /* who speaks when is shown all the same */
    }
  }

  return {
    element,
    begin,
    play: (seconds) => seek(seconds, true),
    playFlag,
    onTime: (act) => listeners.add(act),
    onFlag: (act) => flagListeners.add(act),
    update(changed) {
      current = changed;
      layOut();
    },
    leave() {
      leaving.abort();
      watcher.disconnect();
      scheme.removeEventListener("change", paint);
      audio.pause();
      audio.removeAttribute("src");
      audio.load();
      sound?.release();
    },
  };
}
