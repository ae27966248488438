/* What is known of the recording: who is who, what was left out, warnings, and the file itself. */
import { announce, choice, el, speaking } from "./dom.js";
import { bytes, clock, span, wallClock } from "./format.js";
import { t } from "./language.js";
import { ANSWERED_BY, LENDERS, nameOf, ROLES, SOURCES } from "./names.js";
import { explain } from "./parts.js";

const fact = (key, ...value) => el("div", {}, el("dt", { t: key }), el("dd", {}, ...value));

export function facts(review, setRole) {
  return el("div", { class: "facts" }, warnings(review), speakers(review, setRole), file(review));
}

function warnings(review) {
  if (!review.warnings?.length) return null;
  return el(
    "section",
    { "aria-labelledby": "warned" },
    el("h2", { id: "warned", t: "warningsTitle" }),
    el(
      "ul",
      {},
      review.warnings.map((text) => el("li", { text, lang: "zh" })),
    ),
  );
}

/* The machine often knows who calls only from the words: a person sets it right here. */
function speakers(review, setRole) {
  if (!review.speakers?.length) return null;
  const row = (speaker) => {
    const select = choice(
      Object.keys(ROLES).map((code) => [code, () => nameOf(ROLES, code)]),
      speaker.role,
      { label: ["roleOf", { id: speaker.id }], "data-speaker": speaker.id },
    );
    let before = speaker.role;
    select.addEventListener("change", async () => {
      try {
        if (!(await setRole(speaker.id, select.value))) select.value = before;
        before = select.value;
      } catch (problem) {
        select.value = before;
        announce("plain", { text: explain(problem) }, true);
      }
    });
    const side = { left: "left", right: "right" }[speaker.channel];
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, speaker.id, side ? el("small", { t: side }) : null),
      el("td", {}, select),
      el("td", { text: clock(speaker.speech_s ?? 0) }),
      speaking(el("td", {}), () => nameOf(SOURCES, speaker.source)),
    );
  };
  return el(
    "section",
    { "aria-labelledby": "who" },
    el("h2", { id: "who", t: "whoIsWho" }),
    el("p", { class: "note", t: "whoIsWhoWhy" }),
    el(
      "div",
      { class: "scroll" },
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["speaker", "role", "speech", "knownFrom"].map((key) =>
              el("th", { scope: "col", t: key }),
            ),
          ),
        ),
        el("tbody", {}, review.speakers.map(row)),
      ),
    ),
  );
}

function file(review) {
  const about = review.recording ?? {};
  const began = about.started_at ?? {};
  const stated = review.case ?? {};
  const digest = String(about.sha256 ?? "");
  const groups = digest.match(/.{1,8}/g) ?? [];
  const rows = [
    fact("fileName", el("bdi", { text: about.file ?? "" })),
    fact(
      "began",
      speaking(el("span", {}), () =>
        began.value
          ? `${wallClock(began.value)}${began.source ? ` (${nameOf(SOURCES, began.source)})` : ""}`
          : t("notKnown"),
      ),
    ),
    fact(
      "format",
      el("span", { text: [about.container, about.codec].filter(Boolean).join(" / ") }),
      about.bytes ? ` · ${bytes(about.bytes)}` : "",
    ),
    stated.answered_by
      ? fact(
          "whoAnswered",
          speaking(el("span"), () => nameOf(ANSWERED_BY, stated.answered_by)),
        )
      : null,
    stated.lender_type
      ? fact(
          "whichLender",
          speaking(el("span"), () => nameOf(LENDERS, stated.lender_type)),
        )
      : null,
    digest
      ? fact(
          "fingerprint",
          el(
            "code",
            { class: "sha" },
            groups.map((group) => el("span", { text: group })),
          ),
        )
      : null,
  ];
  const dropped = review.dropped ?? [];
  return el(
    "section",
    { "aria-labelledby": "file-h" },
    el("h2", { id: "file-h", t: "fileTitle" }),
    el("dl", {}, rows),
    el("p", { class: "note", t: "fingerprintWhy" }),
    dropped.length
      ? el(
          "details",
          {},
          el("summary", { t: ["droppedTitle", { n: dropped.length }] }),
          el(
            "ul",
            {},
            dropped.map((one) =>
              el(
                "li",
                {},
                `${span(one.start_s, one.end_s)} `,
                el("span", { text: one.text, lang: "zh" }),
              ),
            ),
          ),
        )
      : null,
  );
}
