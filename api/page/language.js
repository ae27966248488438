/* The language of the page. Every label knows how to write itself anew, so that a switch loses
   nothing of what is being done. */
import { STRINGS } from "./strings.js";

const KEPT = "detector.language";
const writers = new WeakMap();
const listeners = new Set();

const stored = () => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
};

let english = stored() === "en";

export const isEnglish = () => english;

/* Whether the reader has chosen; until then the service's own language stands. */
export const hasChosen = () => stored() !== null;

/* The text of a key, with {name} replaced by values; a value may be a function of the language. */
export function t(key, values = {}) {
  const pair = STRINGS[key];
  if (!pair) throw new Error(`no such string: ${key}`);
  return pair[english ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "function" ? value() : String(value ?? "");
  });
}

/* `slot` is what of the element is written: its text, or an attribute. */
export function relabelled(element, write, slot = "text") {
  write();
  element.dataset.t = "";
  if (!writers.has(element)) writers.set(element, new Map());
  writers.get(element).set(slot, write);
}

export const onLanguage = (act) => {
  listeners.add(act);
  return () => listeners.delete(act);
};

function mark() {
  document.documentElement.lang = english ? "en" : "zh-Hans";
}

export function switchLanguage(chosen = true) {
  english = !english;
  if (chosen) {
    try {
      localStorage.setItem(KEPT, english ? "en" : "zh");
    } catch {
      /* for this visit */
    }
  }
  mark();
  for (const element of document.querySelectorAll("[data-t]")) {
    for (const write of writers.get(element)?.values() ?? []) write();
  }
  for (const id of ["status", "alert"]) document.getElementById(id).textContent = "";
  for (const act of listeners) act();
}

mark();
