/* Pasted messages: the same search in writing. Nothing of it is kept. */
import { announce, badge, choice, el, field, marked, speaking } from "./dom.js";
import { score } from "./format.js";
import { t } from "./language.js";
import { nameOf, ROLES } from "./names.js";
import { basisFold, errorBox, helpLine, spinner, suspicion } from "./parts.js";
import { call } from "./service.js";

const LONGEST = 200_000;

export function showMessages(main, setTitle) {
  const leaving = new AbortController();
  setTitle(() => t("messagesTitle"));
  const text = el("textarea", {
    rows: 10,
    required: true,
    maxlength: LONGEST,
    id: "messages",
    lang: "zh",
    hint: "messagesHint",
    spellcheck: "false",
  });
  const listener = choice(
    [
      ["", () => t("notSure")],
      ["debtor", () => t("toMe")],
      ["third-party", () => t("toOthers")],
    ],
    "",
  );
  const go = el("button", { class: "main", t: "messagesGo" });
  const place = el("div", { id: "messages-result" });
  const form = el(
    "form",
    {},
    field("messagesLabel", text, "messagesWhy"),
    field("messagesTo", listener),
    el("div", { class: "row" }, go),
  );
  const help = el("div", {});
  main.append(
    help,
    el("h1", { t: "messagesTitle", tabindex: -1 }),
    el("p", { class: "lead", t: "messagesLead" }),
    form,
    place,
  );

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    go.disabled = true;
    help.replaceChildren();
    place.replaceChildren(spinner("looking"));
    try {
      const result = await call("/v1/text", {
        method: "POST",
        signal: leaving.signal,
        json: { text: text.value, ...(listener.value ? { listener: listener.value } : {}) },
      });
      if (result.urgent) help.replaceChildren(helpLine("helpUrgent", true));
      place.replaceChildren(...found(result));
      const number = result.turns.reduce((sum, turn) => sum + turn.flags.length, 0);
      announce(result.urgent ? "messagesUrgent" : "messagesFound", { n: number });
      const heading = place.querySelector("h2");
      heading.focus({ preventScroll: true });
      (result.urgent ? help : heading).scrollIntoView({ block: "nearest" });
    } catch (problem) {
      if (!leaving.signal.aborted) place.replaceChildren(errorBox(problem));
    }
    go.disabled = false;
  });
  return () => leaving.abort();
}

function found(result) {
  const hits = result.turns.filter((turn) => turn.flags.length);
  return [
    el("h2", {
      tabindex: -1,
      t: hits.length
        ? ["messagesFound", { n: hits.reduce((sum, turn) => sum + turn.flags.length, 0) }]
        : "messagesNone",
    }),
    el(
      "p",
      { class: "disclaimer" },
      el("strong", { t: "onlySuspected" }),
      " ",
      el("span", { t: "disclaimer" }),
    ),
    el("ol", { class: "cards" }, result.turns.map(turnItem)),
  ];
}

function turnItem(turn) {
  const who =
    turn.speaker || turn.role
      ? speaking(el("span", { class: "who" }), () =>
          [turn.speaker ?? "", turn.role ? nameOf(ROLES, turn.role) : ""].filter(Boolean).join(" "),
        )
      : null;
  const places = turn.flags.flatMap((flag) => flag.why ?? []);
  return el(
    "li",
    { class: turn.flags.length ? `card flag c-${turn.flags[0].category}` : "plain-line" },
    el("div", { class: "top" }, who),
    el(
      "p",
      { class: turn.flags.length ? "said strong" : "said", lang: "zh" },
      marked(turn.text, places),
    ),
    turn.flags.map((flag) =>
      el(
        "div",
        {},
        el(
          "p",
          { class: "tags" },
          badge(flag.category, flag.decision),
          speaking(el("strong"), suspicion(flag)),
          speaking(el("small"), () =>
            [
              t("machineScore", { score: score(flag.score ?? 0) }),
              ...(flag.decision === "flagged" ? [] : [t("lessSure")]),
            ].join(" · "),
          ),
        ),
        basisFold(flag.basis),
      ),
    ),
  );
}
