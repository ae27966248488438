/* Lines of the list: recordings on their way, and those that the service has. */
import { deleteButton } from "./dialogs.js";
import { el, icon, speaking } from "./dom.js";
import { bytes, clock, day, moment } from "./format.js";
import { t } from "./language.js";
import { nameOf, STEPS } from "./names.js";
import { explain, helpLine, nameFor, progressBar } from "./parts.js";
import { again, remove } from "./uploads.js";

/* How far a recording is, as a share of one; null while nobody can tell. */
export function shareOf(recording) {
  const { done_s: done, total_s: total, step } = recording.progress ?? {};
  return recording.state === "running" && step === "transcribe" && total ? done / total : null;
}

export function stateLine(recording) {
  const { state } = recording;
  if (state === "queued") {
    return recording.queue_position ? t("queuedAt", { n: recording.queue_position }) : t("queued");
  }
  if (state === "running") {
    const share = shareOf(recording);
    const step = recording.progress?.step;
    const name = step in STEPS ? nameOf(STEPS, step) : t("working");
    return share === null ? name : `${name} ${Math.floor(Math.min(share, 0.99) * 100)}%`;
  }
  if (state === "locked") return t("lockedState");
  if (state === "failed") return t("failedState");
  return "";
}

/* Returns {element, set(share), state}. */
export function uploadRow(item) {
  const bar = progressBar("uploading");
  bar.set(item.share);
  const said = el("p", { class: item.state === "failed" ? "bad" : "state" });
  const write = () => {
    if (item.state === "failed") {
      return item.error.own ? t(item.error.own) : explain(item.error);
    }
    if (item.state === "waiting") return t("uploadWaits");
    if (item.state === "done") return t("uploadDone");
    return item.share < 1
      ? t("uploadingAt", { n: Math.floor(item.share * 100) })
      : t("uploadFinishing");
  };
  speaking(said, write);
  const element = el(
    "li",
    { class: "recording", "data-state": item.state },
    el(
      "div",
      { class: "what" },
      el("p", { class: "name" }, el("bdi", { text: item.name })),
      el("p", { class: "note", text: bytes(item.size) }),
      said,
      item.state === "sending" ? bar.element : null,
    ),
    el(
      "div",
      { class: "acts" },
      item.state === "failed" && !item.error.own
        ? el("button", { type: "button", t: "tryAgain", on: { click: () => again(item) } })
        : null,
      item.state === "done"
        ? null
        : el(
            "button",
            {
              type: "button",
              class: "quiet square",
              label: item.state === "failed" ? "removeRow" : "stopUpload",
              on: { click: () => remove(item) },
            },
            icon("cross"),
          ),
    ),
  );
  const set = (share) => {
    bar.set(share);
    said.textContent = write();
  };
  return { element, set, state: item.state };
}

export function recordingRow(recording, refresh) {
  const { counts, state } = recording;
  const bar = progressBar("progress");
  bar.set(shareOf(recording));
  const facts = [moment(recording.created_at)];
  if (recording.duration_s) facts.push(clock(recording.duration_s));
  if (recording.expires_at) facts.push(t("until", { day: day(recording.expires_at) }));
  const total = (counts?.flag ?? 0) + (counts?.review ?? 0);
  return el(
    "li",
    { class: "recording", "data-id": recording.id, "data-state": state },
    el(
      "div",
      { class: "what" },
      el(
        "p",
        { class: "name" },
        el("a", { href: `#/r/${recording.id}` }, el("bdi", { text: nameFor(recording) })),
      ),
      el("p", { class: "note", text: facts.join(" · ") }),
      state === "done"
        ? el(
            "p",
            { class: total ? "found" : "state" },
            total ? icon("flag") : null,
            el("span", {
              t: total
                ? [counts.review ? "foundSome" : "foundShort", { n: total, review: counts.review }]
                : "foundNone",
            }),
          )
        : el("p", { class: state === "failed" ? "bad" : "state", text: stateLine(recording) }),
      state === "queued" || state === "running" ? bar.element : null,
      state === "done" && recording.urgent ? helpLine("helpShort") : null,
    ),
    el("div", { class: "acts" }, deleteButton(recording, refresh, true)),
  );
}
