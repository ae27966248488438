/* The evidence package, and the report in other forms. */
import { ask, reviewer } from "./dialogs.js";
import { announce, el, field, unique } from "./dom.js";
import { bytes } from "./format.js";
import { t } from "./language.js";
import { save } from "./parts.js";
import { directly, download } from "./service.js";

const BIG = 200e6;
const FORMS = [
  ["html", "formHtml"],
  ["txt", "formTxt"],
  ["srt", "formSrt"],
  ["csv", "formCsv"],
  ["json", "formJson"],
];

const stem = (name) => (name ?? "").replace(/\.[^.]*$/, "") || "recording";

/* Ask which package, make and save it. */
export async function evidenceDialog(recording, review) {
  const path = `/v1/recordings/${encodeURIComponent(recording.id)}`;
  const confirmed = review.flags.filter((flag) => flag.status === "confirmed").length;
  const open = review.flags.filter((flag) => flag.status === "unreviewed").length;
  const group = unique("kind");
  const names = el("input", { type: "text", maxlength: 400, autocomplete: "off" });
  const namesField = field("namesToMask", names, "namesWhy");
  namesField.hidden = true;
  const radio = (value, key, why, checked) => {
    const input = el("input", { type: "radio", name: group, value, checked });
    input.addEventListener("change", () => {
      namesField.hidden = kind() !== "redacted";
    });
    return el(
      "label",
      { class: "option" },
      input,
      el("span", {}, el("strong", { t: key }), el("small", { t: why })),
    );
  };
  const options = el(
    "fieldset",
    {},
    el("legend", { class: "hidden", t: "whichPackage" }),
    radio("plain", "packagePlain", "packagePlainWhy", true),
    radio("redacted", "packageRedacted", "packageRedactedWhy", false),
  );
  const kind = () => options.querySelector("input:checked").value;
  const busy = el("p", { class: "loading", role: "status" });
  const error = el("p", { class: "bad" });

  const forms = el(
    "details",
    { class: "more" },
    el("summary", { t: "otherForms" }),
    el(
      "div",
      { class: "row" },
      FORMS.map(([format, key]) => {
        const button = el("button", { type: "button", t: key, "data-format": format });
        button.addEventListener("click", async () => {
          button.disabled = true;
          error.textContent = "";
          try {
            const got = await download(`${path}/report?format=${format}`);
            save(got.blob, got.name || `${stem(recording.name)}.${format}`);
          } catch (problem) {
            error.textContent = problem.detail || t("downloadFailed");
          }
          button.disabled = false;
        });
        return button;
      }),
    ),
    error,
  );

  const done = await ask({
    title: "evidence",
    body: [
      el("p", { t: "packageWhat" }),
      el("p", {
        class: confirmed ? "hint" : "hint warn",
        t: confirmed ? ["packageCount", { n: confirmed, open }] : "packageNone",
      }),
      options,
      namesField,
      el("p", { class: "note", t: "packageShare" }),
      busy,
      forms,
    ],
    confirm: "downloadGo",
    cancel: "close",
    act: async () => {
      const by = await reviewer();
      if (!by) return undefined;
      const redact = kind() === "redacted";
      const masked = redact ? names.value.split(/[\s,、;\uff0c\uff1b]+/).filter(Boolean) : [];
      busy.replaceChildren(
        el("span", { class: "spin", "aria-hidden": "true" }),
        el("span", { t: "making" }),
      );
      try {
        if ((recording.bytes ?? 0) > BIG && !masked.length && (await directly())) {
          const link = el("a", {
            href: `${path}/evidence${redact ? "?redact=true" : ""}`,
            download: "",
          });
          link.click(); /* the browser fetches it piece by piece */
          return true;
        }
        /* names go in the body: addresses end up in logs */
        const got = await download(`${path}/evidence`, { json: { redact, names: masked, by } });
        save(got.blob, got.name || `${stem(recording.name)}-evidence.zip`);
        announce("downloaded", { size: bytes(got.blob.size) });
        return true;
      } finally {
        busy.replaceChildren();
      }
    },
  });
  return done === true;
}
