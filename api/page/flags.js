/* The suspected passages as cards: hear, decide, correct. */
import { correctionForm } from "./correct.js";
import { announce, badge, calm, el, icon, marked, speaking, visible } from "./dom.js";
import { moment, score, span } from "./format.js";
import { t } from "./language.js";
import { nameOf, ROLES } from "./names.js";
import { asHeard, basisFold, explain, suspicion } from "./parts.js";

const FILTER_FROM = 5;
const STATES = { unreviewed: "notChecked", confirmed: "confirmedState", rejected: "rejectedState" };

/* Returns {element, update(review), reveal(id)}. */
export function flagList(first, acts) {
  let review = first;
  let wanted = "";
  const list = el("ol", { class: "cards", id: "flags" });
  const none = el("p", { class: "none", hidden: true, t: "noneOfThese" });
  const filters = el(
    "div",
    { class: "chips", role: "group", label: "filterLabel" },
    ["", "unreviewed", "confirmed", "rejected"].map((status) =>
      el("button", {
        type: "button",
        "data-status": status,
        "aria-pressed": String(status === ""),
        t: status ? STATES[status] : "all",
        on: { click: () => filter(status) },
      }),
    ),
  );
  const element = el(
    "section",
    { class: "flags", "aria-labelledby": "flags-h" },
    el("div", { class: "row between" }, el("h2", { id: "flags-h", t: "flagsTitle" }), filters),
    list,
    none,
  );
  const nothing = el("li", { class: "none" }, el("p", { t: "noFlags" }));
  const cards = new Map();

  function filter(status) {
    wanted = status;
    for (const chip of filters.children)
      chip.setAttribute("aria-pressed", String(chip.dataset.status === status));
    sieve();
  }
  function sieve() {
    let shown = 0;
    for (const flag of review.flags) {
      const hide = wanted !== "" && flag.status !== wanted;
      cards.get(flag.id).element.hidden = hide;
      shown += hide ? 0 : 1;
    }
    none.hidden = shown > 0 || !review.flags.length;
  }

  /* A card is drawn anew only where its flag has changed, so that focus and open folds stay. */
  function update(changed) {
    review = changed;
    filters.hidden = review.flags.length < FILTER_FROM;
    const kept = new Set();
    review.flags.forEach((flag, n) => {
      kept.add(flag.id);
      const state = JSON.stringify(flag);
      const old = cards.get(flag.id);
      if (old?.state !== state) {
        const had = old?.element.contains(document.activeElement);
        const made = { state, element: card(flag, () => review, acts) };
        if (old) old.element.replaceWith(made.element);
        cards.set(flag.id, made);
        if (had) made.element.querySelector(".decide button")?.focus({ preventScroll: true });
      }
      const { element: mine } = cards.get(flag.id);
      if (list.children[n] !== mine) list.insertBefore(mine, list.children[n] ?? null);
    });
    for (const [id, old] of cards)
      if (!kept.has(id)) {
        old.element.remove();
        cards.delete(id);
      }
    if (review.flags.length) nothing.remove();
    else list.append(nothing);
    sieve();
  }
  update(first);

  function reveal(id, focus = true) {
    const found = cards.get(id)?.element;
    if (!found) return;
    if (found.hidden) filter("");
    found.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
    for (const { element: other } of cards.values())
      other.classList.toggle("at-hand", other === found);
    if (focus) found.querySelector("h3").focus({ preventScroll: true });
  }
  return { element, update, reveal };
}

function card(flag, review, acts) {
  const corrected =
    flag.corrected_text !== null &&
    flag.corrected_text !== undefined &&
    flag.corrected_text !== flag.quote;
  const words = el(
    "blockquote",
    { lang: "zh" },
    corrected ? visible(flag.corrected_text) : marked(flag.quote, flag.why ?? []),
  );
  const sounds = (flag.why ?? []).filter((place) => place.reading);
  const facts = el(
    "p",
    { class: "note facts-line" },
    el("i", { class: `dot r-${flag.role in ROLES ? flag.role : "unknown"}` }),
    speaking(el("span"), () =>
      [
        `${flag.speaker} ${nameOf(ROLES, flag.role)}`,
        flag.origin === "human"
          ? t("byHand")
          : t("machineScore", { score: score(flag.score ?? 0) }),
        ...(flag.origin !== "human" && flag.decision !== "flagged" ? [t("lessSure")] : []),
      ].join(" · "),
    ),
  );
  const spot = el("div", { class: "decide" });
  const place = el("div", {});
  const element = el(
    "li",
    { class: `card flag c-${flag.category} is-${flag.status}`, "data-flag": flag.id },
    el(
      "div",
      { class: "top" },
      badge(flag.category, flag.decision),
      speaking(el("h3", { tabindex: -1 }), suspicion(flag)),
      el("span", { class: "number", text: flag.id }),
    ),
    el(
      "p",
      { class: "row tight" },
      el(
        "button",
        { type: "button", class: "time", "data-act": "play", on: { click: () => acts.play(flag) } },
        icon("play"),
        el("span", { class: "hidden", t: "playFrom" }),
        ` ${span(flag.start_s, flag.end_s)}`,
      ),
      el("button", {
        type: "button",
        class: "link",
        t: "seeContext",
        on: { click: () => acts.toLine(flag.utterance_ids?.[0]) },
      }),
    ),
    words,
    corrected ? asHeard(flag.quote) : null,
    sounds.length && !corrected
      ? el(
          "p",
          { class: "note" },
          el("span", { t: "bySound" }),
          " ",
          visible(sounds.map((one) => `${one.text} → ${one.reading}`).join("; ")),
        )
      : null,
    facts,
    flag.note ? el("p", { class: "hint", text: flag.note, lang: "zh" }) : null,
    basisFold(flag.basis, review().basis_note),
    place,
    spot,
  );

  const act = async (button, status) => {
    if (spot.ariaBusy === "true") return;
    spot.ariaBusy = "true"; /* a button that is switched off would lose the focus */
    try {
      if (await acts.status(flag, status)) announce(STATES[status]);
    } catch (problem) {
      place.replaceChildren(el("p", { class: "bad", role: "alert", text: explain(problem) }));
    }
    spot.ariaBusy = "false";
    if (button.isConnected) button.focus({ preventScroll: true });
  };
  const button = (name, key, status, kind = "") => {
    const made = el(
      "button",
      { type: "button", class: kind, "data-act": status },
      icon(name),
      el("span", { t: key }),
    );
    made.addEventListener("click", () => act(made, status));
    return made;
  };
  const correct = el(
    "button",
    { type: "button", class: "quiet", "data-act": "correct", "aria-expanded": "false" },
    icon("pen"),
    el("span", { t: "correct" }),
  );
  correct.addEventListener("click", () => {
    const close = (done) => {
      place.replaceChildren();
      correct.setAttribute("aria-expanded", "false");
      if (!done) correct.focus();
      else announce("corrected");
    };
    if (place.childElementCount) return close(false);
    const form = correctionForm(review(), flag.utterance_ids ?? [], acts.utterance, close);
    place.replaceChildren(form);
    correct.setAttribute("aria-expanded", "true");
    form.querySelector("textarea")?.focus();
    return undefined;
  });
  if (flag.status === "unreviewed") {
    spot.append(
      button("tick", "confirm", "confirmed", "yes"),
      button("cross", "reject", "rejected", "no"),
      correct,
    );
  } else {
    spot.append(
      el(
        "p",
        { class: "verdict" },
        icon(flag.status === "confirmed" ? "tick" : "cross"),
        el("strong", { t: STATES[flag.status] }),
        speaking(el("small"), () =>
          [flag.by, flag.decided_at ? moment(flag.decided_at) : ""].filter(Boolean).join(" · "),
        ),
      ),
      button("undo", "undo", "unreviewed", "quiet"),
      correct,
    );
  }
  return element;
}
