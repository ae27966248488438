/* Setting words and speaker of an utterance right, and adding a flag by hand. */
import { choice, el, field, speaking, unique } from "./dom.js";
import { t } from "./language.js";
import { CATEGORIES, nameOf, ROLES, SUBTYPES, subtypeName } from "./names.js";
import { explain } from "./parts.js";

/* The voices there are, and one letter more for somebody who was not told apart. */
function voices(review) {
  const roles = new Map((review.speakers ?? []).map((one) => [one.id, one.role]));
  for (const said of review.utterances)
    if (!roles.has(said.speaker)) roles.set(said.speaker, said.role);
  const options = [...roles].map(([id, role]) => [id, () => `${id} ${nameOf(ROLES, role)}`]);
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((letter) => !roles.has(letter));
  if (free) options.push([free, () => t("somebodyElse", { id: free })]);
  return options;
}

const wordsOf = (said) => said.corrected_text ?? said.text;

/* A form that runs `act`, shows what went wrong, and ends with `close(done)`. */
function panel(key, parts, save, act, close) {
  const error = el("p", { class: "bad", role: "alert" });
  const go = el("button", { class: "main", t: save });
  const title = unique("panel");
  const form = el(
    "form",
    { class: "panel", "aria-labelledby": title },
    el("p", { class: "strong", id: title, t: key }),
    parts,
    error,
    el(
      "div",
      { class: "row" },
      go,
      el("button", { type: "button", t: "cancel", on: { click: () => close(false) } }),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    error.textContent = "";
    try {
      if (await act()) return close(true);
    } catch (problem) {
      error.textContent = explain(problem);
    }
    go.disabled = false;
    return undefined;
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close(false);
  });
  return form;
}

/* Correct some utterances; `save(id, changes)` tells the service. */
export function correctionForm(review, ids, save, close) {
  const mine = ids.map((id) => review.utterances.find((said) => said.id === id)).filter(Boolean);
  const rows = mine.map((said) => {
    const text = el("textarea", {
      rows: 2,
      maxlength: 2000,
      required: true,
      lang: "zh",
      "data-utterance": said.id,
    });
    text.value = wordsOf(said);
    const speaker = choice(voices(review), said.speaker);
    return { said, text, speaker };
  });
  const parts = rows.flatMap(({ said, text, speaker }) => [
    field(
      "words",
      text,
      said.corrected_text !== null && said.corrected_text !== undefined
        ? "wordsWereCorrected"
        : "wordsWhy",
    ),
    field("saidBy", speaker),
  ]);
  return panel(
    "correctTitle",
    parts,
    "save",
    async () => {
      let any = false;
      for (const { said, text, speaker } of rows) {
        const changes = {};
        if (text.value.trim() !== wordsOf(said)) changes.text = text.value.trim();
        if (speaker.value !== said.speaker) changes.speaker = speaker.value;
        if (!Object.keys(changes).length) continue;
        if (!(await save(said.id, changes))) return false;
        any = true;
      }
      return any || true;
    },
    close,
  );
}

/* Mark an utterance that the machine passed over. */
export function addForm(id, save, close) {
  const category = choice(
    Object.keys(CATEGORIES).map((code) => [code, () => nameOf(CATEGORIES, code)]),
    "threat",
  );
  const subtype = el("select", {});
  const fill = () => {
    subtype.replaceChildren(
      ...Object.keys(SUBTYPES[category.value]).map((code) =>
        speaking(el("option", { value: code }), () => subtypeName(category.value, code)),
      ),
    );
  };
  category.addEventListener("change", fill);
  fill();
  const note = el("input", { type: "text", maxlength: 300 });
  return panel(
    "addTitle",
    [
      el("p", { class: "note", t: "addWhy" }),
      el("div", { class: "fields" }, field("category", category), field("subtype", subtype)),
      field("noteOptional", note),
    ],
    "addGo",
    () =>
      save({
        category: category.value,
        subtype: subtype.value,
        utterance_ids: [id],
        ...(note.value.trim() ? { note: note.value.trim() } : {}),
      }),
    close,
  );
}
