/* Recordings on their way to the service. They go on while the reader looks at other views. */
import { idempotencyKey, Problem, upload } from "./service.js";

const AT_ONCE = 2;
const items = [];
const listeners = new Set();
const known = new Set();
let limit = null;

export const uploads = () => items;
export const onUploads = (act) => {
  listeners.add(act);
  return () => listeners.delete(act);
};
/* Whether a recording was there before this page sent it. */
export const wasKnown = (id) => known.has(id);
export const setLimit = (bytes) => {
  limit = bytes;
};

const changed = (item) => {
  for (const act of listeners) act(item);
};
const busy = () => items.some((item) => item.state === "waiting" || item.state === "sending");

addEventListener("beforeunload", (event) => {
  if (busy()) event.preventDefault();
});

/* Returns the items made of some files; each has state waiting, sending, done, failed, removed. */
export function send(files, fields) {
  const made = [...files].map((file) => ({
    file,
    fields,
    name: file.name,
    size: file.size,
    state: "waiting",
    share: 0,
    error: null,
    recording: null,
    key: idempotencyKey(),
    stop: new AbortController(),
  }));
  items.push(...made);
  for (const item of made) {
    if (item.size === 0) fail(item, { own: "emptyFile" });
    else if (limit && item.size > limit) fail(item, { own: "tooLarge" });
  }
  made.forEach(changed);
  next();
  return made;
}

export function again(item) {
  Object.assign(item, { state: "waiting", share: 0, error: null, stop: new AbortController() });
  changed(item);
  next();
}

export function remove(item) {
  item.state = "removed";
  item.stop.abort();
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
  changed(item);
  next();
}

function fail(item, problem) {
  item.state = "failed";
  item.error = problem;
}

function next() {
  const sending = items.filter((item) => item.state === "sending").length;
  const waiting = items.filter((item) => item.state === "waiting");
  for (const item of waiting.slice(0, Math.max(0, AT_ONCE - sending))) run(item);
}

async function run(item) {
  item.state = "sending";
  changed(item);
  try {
    const { recording, known: before } = await upload(
      item.file,
      item.fields,
      item.key,
      (share) => {
        item.share = share;
        changed(item);
      },
      item.stop.signal,
    );
    if (before) known.add(recording.id);
    Object.assign(item, { state: "done", recording });
  } catch (problem) {
    if (problem.name !== "AbortError") {
      fail(item, problem instanceof Problem ? problem : new Problem(0));
    } else return;
  }
  changed(item);
  next();
}
