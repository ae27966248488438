/* The page's frame: heading, ways about, language, footer, and which view is shown. */
import { askForKey } from "./dialogs.js";
import { el, icon, speaking, svg, translated } from "./dom.js";
import { showHome } from "./home.js";
import { hasChosen, isEnglish, onLanguage, switchLanguage, t } from "./language.js";
import { helpLine } from "./parts.js";
import { showRecording } from "./recording.js";
import { call, forgetKey, hasKey, setKeyDialog } from "./service.js";
import { showMessages } from "./messages.js";

const main = document.getElementById("main");
let leave = () => {};
let title = () => t("app");

const retitle = () => {
  document.title = title();
};

function frame() {
  const link = (href, key) => el("a", { href, t: key, class: "tab", "data-route": href });
  const language = speaking(el("button", { type: "button", class: "quiet", id: "language" }), () =>
    isEnglish() ? "中文" : "English",
  );
  const marked = () => {
    language.lang = isEnglish() ? "zh-Hans" : "en";
  };
  language.addEventListener("click", () => switchLanguage());
  onLanguage(marked);
  marked();
  const out = el("button", {
    type: "button",
    class: "quiet",
    id: "forget",
    t: "forgetKey",
    on: {
      click: async () => {
        await forgetKey();
        location.assign("/");
      },
    },
  });
  out.hidden = !hasKey();
  document
    .getElementById("bar")
    .append(
      el(
        "div",
        { class: "wide" },
        el(
          "a",
          { href: "#/", class: "brand" },
          svg(
            "svg",
            { viewBox: "0 0 32 32", width: 32, height: 32, "aria-hidden": "true" },
            svg("rect", { width: 32, height: 32, rx: 7, class: "ground" }),
            svg("path", { d: "M6 14v4M10 11v10M14 7v18M18 12v8", class: "wave" }),
            svg("path", { d: "M22.5 8v16M22.5 8h5.5l-2 3.25 2 3.25h-5.5", class: "sign" }),
          ),
          el("span", { t: "app" }),
        ),
        translated(
          el("nav", {}, link("#/", "navRecordings"), link("#/text", "navMessages")),
          "navLabel",
          "aria-label",
        ),
        el("div", { class: "tools" }, out, language),
      ),
    );
  translated(document.getElementById("skip"), "skip");
  document
    .getElementById("foot")
    .append(
      el(
        "div",
        { class: "wide" },
        el("p", { class: "finding", t: "disclaimer" }),
        helpLine("helpFooter"),
        el("p", {}, icon("lock"), el("span", { t: "nothingElse" })),
      ),
    );
  setKeyDialog(async (wrong) => {
    const given = await askForKey(wrong);
    if (given) out.hidden = false;
    return given;
  });
  onLanguage(retitle);
}

function route() {
  const path = location.hash.replace(/^#/, "") || "/";
  const recording = /^\/r\/([A-Za-z0-9_-]{1,80})$/.exec(path);
  leave();
  main.replaceChildren();
  const setTitle = (render) => {
    title = () => (render ? `${render()} · ${t("app")}` : t("app"));
    retitle();
  };
  setTitle(null);
  if (recording) leave = showRecording(main, recording[1], setTitle);
  else if (path === "/text") leave = showMessages(main, setTitle);
  else leave = showHome(main, setTitle);
  const shown = recording ? "#/" : path === "/text" ? "#/text" : "#/";
  for (const tab of document.querySelectorAll(".tab")) {
    if (tab.dataset.route === shown) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); /* the address names the view */
  main.focus();
});
addEventListener("hashchange", () => {
  route();
  scrollTo(0, 0);
  (main.querySelector("h1") ?? main).focus({ preventScroll: true });
});
frame();
route();
call("/v1/health")
  .then((health) => {
    if (!hasChosen() && health.language === "en" && !isEnglish()) switchLanguage(false);
  })
  .catch(() => {});
