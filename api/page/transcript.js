/* The transcript: follows the sound, is clicked to hear, corrected, and marked by hand. */
import { addForm, correctionForm } from "./correct.js";
import { announce, badge, calm, el, icon, marked, speaking, visible } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./language.js";
import { CATEGORIES, nameOf, ROLES } from "./names.js";
import { asHeard } from "./parts.js";

const AT_FIRST = 200;
const AT_ONCE = 100;
const QUIET_MS = 5000;
const OWN_SCROLL_MS = 1000;

const later = (act) =>
  window.requestIdleCallback ? requestIdleCallback(act) : setTimeout(act, 30);

/* Where the words that told stand in each utterance, while the quote is just these utterances. */
export function placesOf(review) {
  const texts = new Map(review.utterances.map((said) => [said.id, said.text]));
  const places = new Map();
  for (const flag of review.flags) {
    const ids = flag.utterance_ids ?? [];
    const parts = ids.map((id) => texts.get(id) ?? "");
    if (flag.status === "rejected" || parts.join("") !== flag.quote) continue;
    let at = 0;
    ids.forEach((id, n) => {
      const offset = at;
      const moved = (flag.why ?? []).map(({ start, end }) => ({
        start: Math.max(0, start - offset),
        end: end - offset,
      }));
      places.set(id, [...(places.get(id) ?? []), ...moved]);
      at += Array.from(parts[n]).length;
    });
  }
  return places;
}

/* Returns {element, update(review), follow(seconds, playing), reveal(id)}. */
export function transcript(first, acts) {
  let review = first;
  const list = el("ol", { class: "lines", id: "lines" });
  const box = el(
    "div",
    { class: "scroller", tabindex: 0, role: "group", label: "transcriptTitle" },
    list,
  );
  const element = el(
    "section",
    { class: "transcript", "aria-labelledby": "transcript-h" },
    el("h2", { id: "transcript-h", t: "transcriptTitle" }),
    el("p", { class: "note", t: "transcriptWhy" }),
    box,
  );
  const rows = new Map();
  let places = new Map();
  let flags = new Map();
  let built = 0;

  function update(changed) {
    review = changed;
    places = placesOf(review);
    flags = new Map();
    for (const flag of review.flags) {
      for (const id of flag.utterance_ids ?? []) flags.set(id, [...(flags.get(id) ?? []), flag]);
    }
    review.utterances.slice(0, built).forEach(put);
    if (!built) extend(AT_FIRST);
    if (!review.utterances.length) list.replaceChildren(el("li", { class: "none", t: "noSpeech" }));
  }
  function put(said) {
    const mine = flags.get(said.id) ?? [];
    const state = JSON.stringify([
      said,
      mine.map((flag) => [flag.id, flag.status, flag.category, flag.decision]),
    ]);
    const old = rows.get(said.id);
    if (old?.state === state) return;
    const had = old?.element.contains(document.activeElement);
    const made = line(said, mine, places.get(said.id) ?? [], () => review, acts);
    rows.set(said.id, { state, element: made });
    if (old) old.element.replaceWith(made);
    else list.append(made);
    if (current?.id === said.id) made.setAttribute("aria-current", "true");
    if (had) made.querySelector("button")?.focus({ preventScroll: true });
  }

  /* A call of hours has thousands of lines: the first at once, the others when there is time. */
  function extend(to) {
    for (; built < Math.min(to, review.utterances.length); built += 1)
      put(review.utterances[built]);
    if (built < review.utterances.length)
      later(() => element.isConnected && extend(built + AT_ONCE));
  }
  function rowOf(id) {
    if (!rows.has(id)) extend(review.utterances.findIndex((said) => said.id === id) + 1);
    return rows.get(id)?.element;
  }

  /* Never against the reader: who has just scrolled is left where they are. */
  let current = null;
  let readerScrolled = -QUIET_MS;
  let ownScroll = -OWN_SCROLL_MS;
  const scrolled = () => {
    const now = performance.now();
    if (now - ownScroll > OWN_SCROLL_MS) readerScrolled = now;
  };
  box.addEventListener("scroll", scrolled, { passive: true });
  for (const kind of ["wheel", "touchmove"]) {
    element.addEventListener(
      kind,
      () => {
        readerScrolled = performance.now();
      },
      { passive: true },
    );
  }
  const ownBox = () =>
    box.scrollHeight > box.clientHeight + 1 && getComputedStyle(box).overflowY !== "visible";
  function bring(row) {
    ownScroll = performance.now();
    const behavior = calm() ? "auto" : "smooth";
    if (ownBox()) {
      const gap = row.getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTo({ top: box.scrollTop + gap - box.clientHeight / 3, behavior });
    } else {
      row.scrollIntoView({ block: "nearest", behavior });
    }
  }

  function follow(now, playing) {
    let found = null;
    for (const said of review.utterances) {
      if (said.start_s > now) break;
      if (now < said.end_s) found = said;
    }
    if (!found || found.id === current?.id) return;
    rows.get(current?.id)?.element.removeAttribute("aria-current");
    current = found;
    const row = rowOf(found.id);
    row.setAttribute("aria-current", "true");
    const visibleNow = element.getClientRects().length > 0;
    if (
      playing &&
      visibleNow &&
      performance.now() - readerScrolled > QUIET_MS &&
      (ownBox() || looked())
    )
      bring(row);
  }
  function looked() {
    const area = element.getBoundingClientRect();
    return area.top < innerHeight / 2 && area.bottom > innerHeight / 2;
  }

  function reveal(id) {
    const row = rowOf(id);
    if (!row) return;
    bring(row);
    if (!ownBox()) row.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    row.querySelector("button")?.focus({ preventScroll: true });
  }
  update(first);
  return { element, update, follow, reveal };
}

function line(said, flags, places, review, acts) {
  const corrected =
    said.corrected_text !== null &&
    said.corrected_text !== undefined &&
    said.corrected_text !== said.text;
  const shown = flags.filter((flag) => flag.status !== "rejected");
  const place = el("div", { class: "panel-place" });
  const open = (form, button) => {
    place.replaceChildren(form);
    button.setAttribute("aria-expanded", "true");
    form.querySelector("textarea, select")?.focus();
  };
  const closer = (button, key) => (done) => {
    place.replaceChildren();
    button.setAttribute("aria-expanded", "false");
    if (done) announce(key);
    else button.focus();
  };
  const pen = el(
    "button",
    {
      type: "button",
      class: "quiet square",
      label: "correctLine",
      "data-act": "correct",
      "aria-expanded": "false",
    },
    icon("pen"),
  );
  pen.addEventListener("click", () => {
    const close = closer(pen, "corrected");
    if (pen.getAttribute("aria-expanded") === "true") return close(false);
    return open(correctionForm(review(), [said.id], acts.utterance, close), pen);
  });
  const mark = el(
    "button",
    {
      type: "button",
      class: "quiet square",
      label: "markLine",
      "data-act": "add",
      "aria-expanded": "false",
    },
    icon("flag"),
  );
  mark.addEventListener("click", () => {
    const close = closer(mark, "added");
    if (mark.getAttribute("aria-expanded") === "true") return close(false);
    return open(addForm(said.id, acts.add, close), mark);
  });
  return el(
    "li",
    { class: `line${shown.length ? " hit" : ""}`, "data-utterance": said.id },
    el(
      "div",
      { class: "line-top" },
      el(
        "button",
        { type: "button", class: "time", on: { click: () => acts.play(said.start_s) } },
        icon("play"),
        el("span", { class: "hidden", t: "playFrom" }),
        ` ${clock(said.start_s)}`,
      ),
      el(
        "span",
        { class: "who" },
        el("i", { class: `dot r-${said.role in ROLES ? said.role : "unknown"}` }),
        speaking(el("span"), () => `${said.speaker} ${nameOf(ROLES, said.role)}`),
      ),
      el("span", { class: "line-acts" }, pen, mark),
    ),
    el(
      "p",
      { class: "said", lang: "zh" },
      corrected ? visible(said.corrected_text) : marked(said.text, places),
    ),
    corrected
      ? asHeard(
          said.text,
          " ",
          el("button", {
            type: "button",
            class: "link",
            t: "restore",
            on: { click: () => acts.utterance(said.id, { text: said.text }).catch(() => {}) },
          }),
        )
      : null,
    shown.length || said.overlapped
      ? el(
          "p",
          { class: "tags" },
          shown.map((flag) => {
            const link = el(
              "button",
              { type: "button", class: "tag", on: { click: () => acts.toFlag(flag.id) } },
              badge(flag.category, flag.decision),
              speaking(
                el("span"),
                () => `${flag.id} ${t("maybe")}${nameOf(CATEGORIES, flag.category)}`,
              ),
            );
            return link;
          }),
          said.overlapped ? el("small", { t: "overlapped" }) : null,
        )
      : null,
    place,
  );
}
