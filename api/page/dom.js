/* Building the page. Text only ever enters through textContent, so that nothing that somebody
   says on a recording, or that a file is called, can become markup. */
import { relabelled, t } from "./language.js";

const SVG = "http://www.w3.org/2000/svg";

/* Controls, marks that turn the direction of writing, lone surrogates: written out, so that what
   is seen is what is there. */
const HIDDEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

export const visible = (text) =>
  String(text ?? "").replace(
    HIDDEN,
    (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`,
  );

/* el("button", {class: "main", t: "save", on: {click}}, child, …). `t` and `label` are keys of
   strings.js, or [key, values]; `text` is shown as it is. */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = visible(value);
    else if (name === "t") translated(made, value);
    else if (name === "label") translated(made, value, "aria-label");
    else if (name === "hint") translated(made, value, "placeholder");
    else if (name === "on") {
      for (const [kind, act] of Object.entries(value)) made.addEventListener(kind, act);
    } else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function translated(element, what, attribute) {
  const [key, values] = Array.isArray(what) ? what : [what];
  relabelled(
    element,
    () => {
      const text = t(key, values);
      if (attribute) element.setAttribute(attribute, text);
      else element.textContent = visible(text);
    },
    attribute,
  );
  return element;
}

/* Text that depends on the language otherwise than through strings.js. */
export function speaking(element, render) {
  relabelled(element, () => {
    element.textContent = visible(render());
  });
  return element;
}

export function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  upload: "M12 3l5 5-1.4 1.4L13 6.8V16h-2V6.8L8.4 9.4 7 8zM4 15h2v4h12v-4h2v6H4z",
  download: "M11 3h2v9.2l2.6-2.6L17 11l-5 5-5-5 1.4-1.4L11 12.2zM4 16h2v3h12v-3h2v5H4z",
  bin: "M9 3h6l1 2h5v2H3V5h5zM5 8h14l-1 13H6zm4 2v9h2v-9zm4 0v9h2v-9z",
  pen: "M15.2 4.2l4.6 4.6L8.6 20H4v-4.6zm0 2.8L6 16.2V18h1.8L17 8.8z",
  tick: "M9.5 18.5L3.5 12.5l1.5-1.5 4.5 4.5L19 6l1.5 1.5z",
  cross:
    "M6.4 5L12 10.6 17.6 5 19 6.4 13.4 12 19 17.6 17.6 19 12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  back: "M14.5 5L16 6.5 10.5 12l5.5 5.5-1.5 1.5-7-7z",
  phone:
    "M6.5 3h3.2l1.5 4.5-2 1.6a12 12 0 0 0 5.7 5.7l1.6-2 4.5 1.5v3.2c0 1.4-1.1 2.5-2.5 2.5C10.6 20 4 13.4 4 5.5 4 4.1 5.1 3 6.5 3z",
  undo: "M8 4v4h6a6 6 0 0 1 0 12H7v-2h7a4 4 0 0 0 0-8H8v4L2.5 9z",
  lock: "M7 10V8a5 5 0 0 1 10 0v2h2v11H5V10zm2 0h6V8a3 3 0 0 0-6 0z",
  flag: "M6 3h13l-3 5 3 5H8v8H6z",
};

export const icon = (name) =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );

/* A category's shape with its letter; hollow where it is to review. As in the written report. */
const SHAPES = {
  threat: ["path", { d: "M0-12 12 0 0 12-12 0z" }, ["威", "T"]],
  insult: ["circle", { r: 10 }, ["辱", "I"]],
  third_party_disclosure: ["path", { d: "M-9-9H9V9H-9z" }, ["泄", "D"]],
};

export function badge(category, decision = "flagged") {
  const [tag, attributes, letters] = SHAPES[category] ?? ["circle", { r: 10 }, ["?", "?"]];
  const letter = svg("text", { y: 4 });
  speaking(letter, () => letters[document.documentElement.lang === "en" ? 1 : 0]);
  return svg(
    "svg",
    { class: "badge", viewBox: "-13 -13 26 26", width: 26, height: 26, "aria-hidden": "true" },
    svg(
      "g",
      {
        class: `c-${category in SHAPES ? category : "other"}${decision === "flagged" ? "" : " review"}`,
      },
      svg(tag, { class: "shape", ...attributes }),
      letter,
    ),
  );
}

/* A text with places marked. Places count characters as Python does, so does Array.from. */
export function marked(text, places = []) {
  const signs = Array.from(text ?? "");
  const out = document.createDocumentFragment();
  let at = 0;
  for (const { start, end } of [...places].sort((a, b) => a.start - b.start)) {
    const first = Math.max(start, at);
    const last = Math.min(end, signs.length);
    if (first >= last) continue;
    out.append(visible(signs.slice(at, first).join("")));
    out.append(el("mark", { text: signs.slice(first, last).join("") }));
    at = last;
  }
  out.append(visible(signs.slice(at).join("")));
  return out;
}

/* Spoken by screen readers; `now` for what cannot wait. */
export function announce(key, values, now = false) {
  const place = document.getElementById(now ? "alert" : "status");
  place.textContent = "";
  /* a region that is changed twice within one task is not spoken */
  setTimeout(() => {
    place.textContent = visible(t(key, values));
  }, 60);
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

let serial = 0;
export const unique = (stem) => `${stem}-${++serial}`;

/* A labelled control; the label lies above it. */
export function field(key, control, hint) {
  control.id ||= unique("field");
  const row = el("div", { class: "field" }, el("label", { for: control.id, t: key }), control);
  if (hint) {
    const note = el("small", { id: unique("hint"), t: hint });
    control.setAttribute("aria-describedby", note.id);
    row.append(note);
  }
  return row;
}

/* A choice; options are [value, render] pairs. */
export function choice(options, value = "", props = {}) {
  const made = el(
    "select",
    props,
    options.map(([code, render]) => speaking(el("option", { value: code }), render)),
  );
  made.value = value;
  return made;
}
