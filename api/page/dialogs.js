/* Questions that stand before everything else: key, name, whether to delete. */
import { announce, el, field, icon, unique } from "./dom.js";
import { t } from "./language.js";
import { call } from "./service.js";
import { explain, nameFor } from "./parts.js";

const NAME = "detector.reviewer";

/* Show a dialog; resolves with what `act` returned, or null where it was left. `act` may throw a
   Problem, which is shown and leaves the dialog open. */
export function ask({ title, body, confirm, act, danger = false, cancel = "cancel" }) {
  return new Promise((resolve) => {
    const name = unique("title");
    const error = el("p", { class: "bad", role: "alert" });
    const go = el("button", { class: danger ? "danger" : "main", t: confirm });
    const stay = el("button", { type: "button", t: cancel });
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { id: name, t: title }),
      body,
      error,
      el("div", { class: "row end" }, stay, go),
    );
    const dialog = el("dialog", { "aria-labelledby": name }, form);
    let result = null;
    const before = document.activeElement;
    stay.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      error.textContent = "";
      try {
        result = await act();
        if (result !== undefined) dialog.close();
      } catch (problem) {
        error.textContent = explain(problem);
      }
      go.disabled = false;
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(result ?? null);
    });
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("input, textarea, select") ?? stay).focus();
  });
}

export function askForKey(wrong) {
  const input = el("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    maxlength: 200,
  });
  return ask({
    title: "keyTitle",
    body: [
      el("p", { t: wrong ? "keyWrong" : "keyWhy", class: wrong ? "bad" : "" }),
      field("keyLabel", input, "keyKept"),
    ],
    confirm: "keyGo",
    act: () => {
      const given = input.value.trim();
      /* what else stands in a key cannot be sent in a header at all */
      if (given && !/^[\x21-\x7e]+$/.test(given))
        throw { status: 401, detail: t("keyWrong"), detailEnglish: t("keyWrong") };
      return given || undefined;
    },
  });
}

/* Who decides: asked once, kept in this browser. Null where it was not given. */
export async function reviewer(change = false) {
  let name = "";
  try {
    name = localStorage.getItem(NAME) ?? "";
  } catch {
    /* asked for each time */
  }
  if (name && !change) return name;
  const input = el("input", {
    type: "text",
    autocomplete: "name",
    required: true,
    maxlength: 60,
    value: name,
  });
  const given = await ask({
    title: "nameTitle",
    body: [el("p", { t: "nameWhy" }), field("nameLabel", input, "nameKept")],
    confirm: "nameGo",
    act: () => input.value.trim() || undefined,
  });
  if (given)
    try {
      localStorage.setItem(NAME, given);
    } catch {
      /* as above */
    }
  return given;
}

/* Ask, then delete for good. True where it is gone. */
export async function deleteRecording(recording) {
  const gone = await ask({
    title: "deleteTitle",
    body: [
      el("p", { class: "name" }, el("bdi", { text: nameFor(recording) })),
      el("p", { t: "deleteWhat" }),
      el("p", { class: "note", t: "deleteKept" }),
    ],
    confirm: "deleteGo",
    danger: true,
    act: async () => {
      await call(`/v1/recordings/${encodeURIComponent(recording.id)}`, { method: "DELETE" });
      return true;
    },
  });
  if (gone) announce("deleted");
  return gone === true;
}

export const deleteButton = (recording, done, small = false) =>
  el(
    "button",
    {
      type: "button",
      class: small ? "quiet square" : "quiet",
      "data-act": "delete",
      ...(small ? { label: ["deleteOf", { name: nameFor(recording) }] } : {}),
      on: {
        click: async () => {
          if (await deleteRecording(recording)) done();
        },
      },
    },
    icon("bin"),
    small ? null : el("span", { t: "delete" }),
  );
