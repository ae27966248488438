/* What nobody can hear from the recording: who called, who answered, when, which kind of lender.
   All of it may be left out. */
import { choice, el, field } from "./dom.js";
import { isEnglish, t } from "./language.js";
import { ANSWERED_BY, LENDERS, nameOf } from "./names.js";

const named = (names) => Object.keys(names).map((code) => [code, () => nameOf(names, code)]);

/* Returns {element, fields()}: the form fields of an upload. */
export function uploadOptions() {
  const unknown = ["", () => t("notSure")];
  const answered = choice([unknown, ...named(ANSWERED_BY)], "", { name: "answered_by" });
  const collector = choice(
    [
      ["", () => t("findOut")],
      ["left", () => t("leftChannel")],
      ["right", () => t("rightChannel")],
    ],
    "",
    { name: "collector" },
  );
  const lender = choice([unknown, ...named(LENDERS).filter(([code]) => code !== "unknown")], "", {
    name: "lender_type",
  });
  const started = el("input", { type: "datetime-local", name: "started_at", step: 1 });
  const script = choice(
    [
      ["", () => "简体"],
      ["traditional", () => "繁體"],
    ],
    "",
    { name: "script" },
  );
  script.lang = "zh";
  const element = el(
    "details",
    { class: "more" },
    el("summary", { t: "more" }),
    el("p", { class: "note", t: "moreWhy" }),
    el(
      "div",
      { class: "fields" },
      field("whoAnswered", answered, "whoAnsweredWhy"),
      field("whenCalled", started, "whenCalledWhy"),
      field("whichLender", lender, "whichLenderWhy"),
      field("whoCollects", collector, "whoCollectsWhy"),
      field("whichScript", script),
    ),
  );
  const fields = () => ({
    answered_by: answered.value,
    collector: collector.value,
    lender_type: lender.value,
    started_at: started.value,
    script: script.value,
    language: isEnglish() ? "en" : "zh",
  });
  return { element, fields };
}
