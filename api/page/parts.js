/* Pieces that several views share. */
import { el, icon, visible } from "./dom.js";
import { isEnglish, t } from "./language.js";
import { CATEGORIES, nameOf, subtypeName } from "./names.js";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/* Whether the page is looked at on the machine that serves it. */
export const onThisMachine = () => LOCAL.has(location.hostname);

/* 12356 is the national psychological support line; cities offer at least 18 hours a day. */
export function helpLine(key, strong = false) {
  return el(
    strong ? "aside" : "p",
    { class: strong ? "support" : "help", ...(strong ? { label: "helpLabel" } : {}) },
    icon("phone"),
    el(
      "span",
      { class: "say" },
      el("span", { t: key }),
      " ",
      el("a", { href: "tel:12356", text: "12356" }),
      " ",
      el("span", { t: strong ? "helpMore" : "helpHours" }),
    ),
  );
}

/* What a problem says, in the language of the page where the service knows it. */
export function explain(problem) {
  if (!problem || problem.status === 0) return t("offline");
  const own = isEnglish() ? problem.detailEnglish || problem.detail_en : problem.detail;
  return (
    own ||
    problem.detail ||
    problem.detailEnglish ||
    problem.title ||
    t("failedStatus", { status: problem.status ?? "?" })
  );
}

/* What the recogniser heard, beside words that a person corrected. */
export function asHeard(text, ...more) {
  const quote = el("q", { text, lang: "zh" });
  return el("p", { class: "note" }, el("span", { t: "asRecognised" }), " ", quote, ...more);
}

/* What a recording is called; a locked service cannot tell. */
export const nameFor = (recording) => recording.name || t("unnamed");

/* An error with something to do about it. */
export function errorBox(problem, again, key = "tryAgain") {
  const said = el("p", {});
  said.textContent = visible(explain(problem));
  return el(
    "div",
    { class: "box bad", role: "alert" },
    said,
    again ? el("button", { type: "button", t: key, on: { click: again } }) : null,
  );
}

/* 疑似威胁恐吓 · 人身伤害 */
export const suspicion = (flag) => () =>
  t("suspected", {
    what: nameOf(CATEGORIES, flag.category),
    sub: subtypeName(flag.category, flag.subtype),
  });

/* The rules that a passage may touch, folded; written when they are first asked for. */
export function basisFold(basis, note) {
  if (!basis?.length) return null;
  const fold = el(
    "details",
    { class: "basis" },
    el("summary", { t: ["mayConcern", { n: basis.length }] }),
  );
  fold.addEventListener("toggle", () => fold.append(...rules(basis, note)), { once: true });
  return fold;
}

function rules(basis, note) {
  return [
    el(
      "ul",
      {},
      basis.map((rule) =>
        el(
          "li",
          {},
          el("strong", {
            text: `${/[《]/.test(rule.title) ? rule.title : `《${rule.title}》`}${rule.article ?? ""}`,
            lang: "zh-Hans",
          }),
          rule.reference_only ? el("small", { t: "referenceOnly" }) : null,
          rule.text ? el("p", { text: rule.text, lang: "zh-Hans" }) : null,
          rule.condition ? el("p", { class: "note", text: rule.condition, lang: "zh-Hans" }) : null,
          rule.source
            ? el(
                "p",
                { class: "note" },
                el("span", { t: "source" }),
                " ",
                el("span", { text: rule.source, lang: "zh-Hans" }),
              )
            : null,
          rule.version
            ? el(
                "p",
                { class: "note" },
                el("span", { t: "inForce" }),
                " ",
                el("span", { text: rule.version, lang: "zh-Hans" }),
              )
            : null,
        ),
      ),
    ),
    el("p", { class: "note", t: "basisNote" }),
    note ? el("p", { class: "note", text: note, lang: "zh-Hans" }) : "",
  ];
}

export const spinner = (key) =>
  el(
    "p",
    { class: "loading" },
    el("span", { class: "spin", "aria-hidden": "true" }),
    el("span", { t: key }),
  );

export function progressBar(labelKey) {
  const bar = el("progress", { max: "1", label: labelKey });
  return {
    element: bar,
    set(share) {
      if (share === null) bar.removeAttribute("value");
      else bar.value = Math.min(1, Math.max(0, share));
    },
  };
}

/* A file that the page has fetched, handed to the browser. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
