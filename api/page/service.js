/* Talking to the service: one origin, `/v1`. A key, where one is needed, stays in this tab. */

const KEY = "detector.key";
const SESSION_MS = 45 * 60 * 1000;
const ENDED = new Set(["done", "failed"]);
let key = "";
try {
  key = sessionStorage.getItem(KEY) ?? "";
} catch {
  /* asked for again after a reload */
}
let askForKey = async () => null;
let asking = null;
let cookieUntil = 0;
let cookieWorks = true;

/* An answer that is no success; `detail` is Chinese, `detailEnglish` English, status 0: no answer. */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.detail = body.detail ?? "";
    this.detailEnglish = body.detail_en ?? "";
  }
}

export const hasKey = () => key !== "";
export const setKeyDialog = (dialog) => {
  askForKey = dialog;
};

export async function forgetKey() {
  const headers = auth();
  keep("");
  await fetch("/v1/session", { method: "DELETE", headers }).catch(() => {});
}

function keep(given) {
  key = given;
  cookieUntil = 0;
  try {
    if (given) sessionStorage.setItem(KEY, given);
    else sessionStorage.removeItem(KEY);
  } catch {
    /* kept in memory alone */
  }
}

const auth = () => (key ? { Authorization: `Bearer ${key}` } : {});

async function problemOf(response) {
  try {
    return new Problem(response.status, await response.json());
  } catch {
    return new Problem(response.status);
  }
}

/* Several answers of 401 at once lead to one question. */
function newKey(wrong) {
  asking ??= askForKey(wrong).finally(() => {
    asking = null;
  });
  return asking;
}

async function answer(path, options = {}) {
  for (;;) {
    const used = key;
    let response;
    try {
      /* the cookie is for players: it must not open what a tab without the key asks for */
      response = await fetch(path, {
        cache: "no-store",
        credentials: "omit",
        ...options,
        headers: { ...options.headers, ...auth() },
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0);
    }
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    if (used !== key) continue; /* another request has brought a new key meanwhile */
    const given = await newKey(used !== "");
    if (!given) throw await problemOf(response);
    keep(given);
  }
}

function optionsOf({ method = "GET", json, signal }, accept) {
  const options = { method, signal, headers: { Accept: accept } };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  }
  return options;
}

export async function call(path, options = {}) {
  const response = await answer(path, optionsOf(options, "application/json"));
  if (response.status === 204) return null;
  return response.json();
}

/* A file; with `json` it is asked for by POST. */
export async function download(path, { json, signal } = {}) {
  const method = json === undefined ? "GET" : "POST";
  const response = await answer(path, optionsOf({ method, json, signal }, "*/*"));
  const named = /filename\*=UTF-8''([^;]+)/i.exec(
    response.headers.get("Content-Disposition") ?? "",
  );
  const plain = /filename="([^"]+)"/i.exec(response.headers.get("Content-Disposition") ?? "");
  let name = plain?.[1] ?? "";
  try {
    name = named ? decodeURIComponent(named[1]) : name;
  } catch {
    /* the plain one then */
  }
  return { blob: await response.blob(), name };
}

/* Recordings that are sent get a key of their own, so that a repeated try is not taken twice. */
export function idempotencyKey() {
  const random = crypto.getRandomValues(new Uint8Array(16)); /* randomUUID needs https */
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* fetch tells nothing of how far an upload is, XMLHttpRequest does. */
export async function upload(file, fields, idempotency, onProgress, signal) {
  for (;;) {
    const used = key;
    const { status, body } = await send(file, fields, idempotency, onProgress, signal);
    if (status >= 200 && status < 300) return { recording: body, known: status === 200 };
    if (status !== 401) throw new Problem(status, body);
    if (used !== key) continue;
    const given = await newKey(used !== "");
    if (!given) throw new Problem(status, body);
    keep(given);
  }
}

function send(file, fields, idempotency, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
    form.append("file", file, file.name); /* last: the options are known before the bytes come */
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/recordings");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", idempotency);
    for (const [name, value] of Object.entries(auth())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        /* the status tells */
      }
      resolve({ status: request.status, body });
    });
    request.addEventListener("error", () => reject(new Problem(0)));
    request.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/* Server-sent events by fetch: EventSource cannot send a key. */
async function* events(path, signal) {
  const response = await answer(path, { signal, headers: { Accept: "text/event-stream" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value.replace(/\r/g, "");
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const data = lines
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trim());
      if (data.length) yield JSON.parse(data.join("\n"));
    }
  }
}

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/* Follow a recording until it has ended: by events, and by asking where these break off.
   `onLost` is told of a service that does not answer; it is asked again all the same. */
export async function watch(id, onState, onLost, signal) {
  const path = `/v1/recordings/${encodeURIComponent(id)}`;
  let wait = 1000;
  while (!signal.aborted) {
    let known = false;
    try {
      const now = await call(path, { signal });
      known = true;
      onState(now);
      if (ENDED.has(now.state)) return;
      wait = 1000;
      for await (const state of events(`${path}/events`, signal)) {
        onState(state);
        if (ENDED.has(state.state)) return;
      }
    } catch (problem) {
      if (signal.aborted) return;
      if (!known && [401, 403, 404].includes(problem.status)) throw problem;
      if (!known) onLost(problem); /* else only the events broke off */
      wait = Math.min(wait * 1.5, 8000);
    }
    await pause(wait, signal);
  }
}

/* Players and downloads of the browser send no header: a cookie good for reading stands in. */
async function readCookie() {
  if (!key || Date.now() < cookieUntil) return true;
  if (!cookieWorks) return false;
  try {
    await answer("/v1/session", { method: "POST", credentials: "same-origin" });
    cookieUntil = Date.now() + SESSION_MS;
  } catch (problem) {
    if (problem.status !== 404 && problem.status !== 405) throw problem;
    cookieWorks = false;
  }
  return cookieWorks;
}

/* The address of a sound, for an audio element. `release` frees what was fetched for it. */
export async function soundOf(path, signal) {
  if (await readCookie()) return { address: path, release() {}, renew: readCookie };
  const { blob } = await download(path, { signal });
  const address = URL.createObjectURL(blob);
  return { address, release: () => URL.revokeObjectURL(address), renew: async () => true };
}

/* Whether the browser may download an address by itself. */
export const directly = readCookie;
