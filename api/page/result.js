/* The result of one recording: what was found, to be heard and decided on. */
import { deleteButton, reviewer } from "./dialogs.js";
import { announce, el, icon, speaking } from "./dom.js";
import { evidenceDialog } from "./evidence.js";
import { flagList } from "./flags.js";
import { clock, day, span, wallClock } from "./format.js";
import { facts } from "./facts.js";
import { t } from "./language.js";
import { nameOf, OBSERVATIONS } from "./names.js";
import { explain, helpLine, nameFor } from "./parts.js";
import { player } from "./player.js";
import { call } from "./service.js";
import { transcript } from "./transcript.js";
import { wasKnown } from "./uploads.js";

/* Shows it in `place`; `first` stands before everything else. Returns what to call on leaving. */
export function showResult(place, first, recording, review, home) {
  const path = `/v1/recordings/${encodeURIComponent(recording.id)}`;
  let current = review;
  const deck = player(recording, review);
  const tally = el("div", { class: "tally", id: "tally" });

  /* Every decision goes to the service first; the page shows what then stands there. */
  async function reload() {
    current = await call(`${path}/review`);
    deck.update(current);
    flags.update(current);
    lines.update(current);
    count();
  }
  async function decide(change) {
    const by = await reviewer();
    if (!by) return false;
    try {
      await change(by);
      await reload();
      return true;
    } catch (problem) {
      announce("plain", { text: explain(problem) }, true);
      throw problem;
    }
  }
  const acts = {
    status: (flag, status) =>
      decide((by) =>
        call(`${path}/flags/${encodeURIComponent(flag.id)}`, {
          method: "PATCH",
          json: { status, by },
        }),
      ),
    utterance: (id, changes) =>
      decide((by) =>
        call(`${path}/utterances/${encodeURIComponent(id)}`, {
          method: "PATCH",
          json: { ...changes, by },
        }),
      ),
    role: (speaker, role) =>
      decide((by) =>
        call(`${path}/speakers/${encodeURIComponent(speaker)}`, {
          method: "PATCH",
          json: { role, by },
        }),
      ),
    add: (details) =>
      decide((by) => call(`${path}/flags`, { method: "POST", json: { ...details, by } })),
  };

  const flags = flagList(review, {
    ...acts,
    play: deck.playFlag,
    toLine: (id) => {
      show("transcript");
      lines.reveal(id);
    },
  });
  const lines = transcript(review, {
    ...acts,
    play: deck.play,
    toFlag: (id) => {
      show("flags");
      flags.reveal(id);
    },
  });
  deck.onFlag((flag) => {
    show("flags");
    flags.reveal(flag.id, false);
  });
  deck.onTime(lines.follow);

  const columns = el(
    "div",
    { class: "columns", "data-view": "flags" },
    flags.element,
    lines.element,
  );
  const tabs = ["flags", "transcript"].map((view) =>
    el("button", {
      type: "button",
      "data-view": view,
      "aria-pressed": String(view === "flags"),
      t: view === "flags" ? ["tabFlags", { n: () => current.flags.length }] : "tabTranscript",
      on: { click: () => show(view) },
    }),
  );
  function show(view) {
    columns.dataset.view = view;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
  }

  function count() {
    const of = (status) => current.flags.filter((flag) => flag.status === status).length;
    const open = of("unreviewed");
    const done = current.flags.length - open;
    tabs[0].textContent = t("tabFlags", { n: current.flags.length });
    const bar = el("progress", { max: Math.max(1, current.flags.length), label: "checkedSoFar" });
    bar.value = done;
    tally.replaceChildren(
      ...(current.flags.length
        ? [
            el("p", { class: "strong", t: ["tally", { n: current.flags.length }] }),
            bar,
            el("p", {
              class: "note",
              t: ["tallyRest", { open, yes: of("confirmed"), no: of("rejected") }],
            }),
          ]
        : [
            el("p", { class: "strong", t: "tallyNone" }),
            el("p", { class: "note", t: "tallyNoneMore" }),
          ]),
    );
  }
  count();

  if (recording.urgent || review.flags.some((flag) => flag.urgent)) {
    first.replaceChildren(helpLine("helpUrgent", true));
  }
  const get = el(
    "button",
    {
      type: "button",
      class: "main",
      id: "evidence",
      on: {
        click: () => evidenceDialog(recording, current),
      },
    },
    icon("download"),
    el("span", { t: "evidence" }),
  );
  const began = current.recording?.started_at?.value;
  place.replaceChildren(
    el(
      "div",
      { class: "heading" },
      el(
        "div",
        {},
        el("h1", { tabindex: -1 }, el("bdi", { text: nameFor(recording) })),
        speaking(el("p", { class: "note" }), () =>
          [
            clock(recording.duration_s ?? current.recording?.duration_s ?? 0),
            began ? t("calledAt", { when: wallClock(began) }) : t("calledUnknown"),
            ...(recording.expires_at ? [t("until", { day: day(recording.expires_at) })] : []),
          ].join(" · "),
        ),
        wasKnown(recording.id) ? el("p", { class: "hint", t: "alreadyThere" }) : null,
      ),
      el("div", { class: "row" }, get, deleteButton(recording, home)),
    ),
    el(
      "p",
      { class: "disclaimer" },
      el("strong", { t: "onlySuspected" }),
      " ",
      el("span", { t: "disclaimer" }),
    ),
    tally,
    deck.element,
    el("div", { class: "tabs", role: "group", label: "tabsLabel" }, tabs),
    columns,
    observations(current, deck.play),
    facts(current, acts.role),
  );
  deck.begin();
  const stuck = () =>
    document.documentElement.style.setProperty(
      "--deck",
      getComputedStyle(deck.element).position === "sticky"
        ? `${deck.element.offsetHeight}px`
        : "0px",
    );
  const watcher = new ResizeObserver(stuck);
  watcher.observe(deck.element);
  return () => {
    watcher.disconnect();
    deck.leave();
  };
}

/* What stands beside the three kinds of suspicion. */
function observations(review, play) {
  const items = review.observations ?? [];
  if (!items.length) return "";
  return el(
    "section",
    { "aria-labelledby": "observed", class: "observed" },
    el("h2", { id: "observed", t: "observedTitle" }),
    el("p", { class: "note", t: "observedWhy" }),
    el(
      "ul",
      { class: "cards" },
      items.map((item) =>
        el(
          "li",
          { class: "card" },
          speaking(el("h3", {}), () => nameOf(OBSERVATIONS, item.kind)),
          el(
            "p",
            {},
            el(
              "button",
              {
                type: "button",
                class: "time",
                on: { click: () => play(Math.max(0, item.start_s - 1)) },
              },
              icon("play"),
              el("span", { class: "hidden", t: "play" }),
              ` ${span(item.start_s, item.end_s)}`,
            ),
          ),
          el("blockquote", { text: item.quote, lang: "zh" }),
          item.note ? el("p", { class: "note", text: item.note, lang: "zh" }) : null,
        ),
      ),
    ),
  );
}
