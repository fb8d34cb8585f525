/* The report: reads the data embedded in the page and sets out its sections in order. */

import { corpus, domains, events, keeping, lineage, protocols, recipe, skipped, time } from "./account.js";
import { balance } from "./balance.js";
import { button, element, list, rowsOf, words } from "./dom.js";
import { comparison, curves, differences, facts, familiesOf, samples, sources } from "./findings.js";
import { context, generations, sizes, sparsity } from "./generations.js";
import { day } from "./numbers.js";

const SECTIONS = [
  ["facts", "What was run", facts],
  ["comparison", "The comparison", comparison],
  ["differences", "Paired differences", differences],
  ["generations", "Generations on one axis", generations],
  ["curves", "How they learned", curves],
  ["sparsity", "Sparsity: what counting never saw", sparsity],
  ["context", "How much context they use", context],
  ["sizes", "Sizes over time", sizes],
  ["samples", "What they write", samples],
  ["sources", "Where words come from", sources],
  ["corpus", "What became of the text", corpus],
  ["domains", "Domains, splits, tokens", domains],
  ["balance", "Balance: read, kept, trained on", balance],
  ["time", "Where time went", time],
  ["skipped", "What was skipped, and why", skipped],
  ["keeping", "How it was kept safe", keeping],
  ["events", "What happened on the way", events],
  ["lineage", "Lineage", lineage],
  ["recipe", "The recipe", recipe],
  ["protocols", "How numbers were measured", protocols],
];

/** Dark or light by the reader's system, until the button says otherwise; the choice ends with the page. */
function themeButton() {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const name = () => (dark() ? "Light page" : "Dark page");
  const toggle = button(name(), () => {
    root.dataset.theme = dark() ? "light" : "dark";
    toggle.firstChild.data = name();
  }, { class: "quiet", id: "theme" });
  return toggle;
}

function masthead(data) {
  const about = [words(data.run) && `run ${words(data.run)}`, words(data.created) && day(data.created), words(data.version) && `Etymon ${words(data.version)}`];
  const [lead, ...rest] = list(data.summary).map(words).filter(Boolean);
  return element("header", { class: "masthead" },
    element("div", { class: "row-of-tools" }, element("p", { class: "about" }, about.filter(Boolean).join("  \u00b7  ")), themeButton()),
    element("h1", null, words(data.title) || "Etymon report"),
    lead && element("p", { class: "lead" }, lead), rest.length > 0 && element("ul", { class: "rest" }, rest.map((sentence) => element("li", null, sentence))));
}

function contents(sections) {
  return element("nav", { class: "contents", "aria-label": "Contents" },
    element("ul", null, sections.map(({ id, title }) => element("li", null, element("a", { href: `#${id}` }, title)))));
}

/** Marks the section being read in the contents. */
function followReading(nav, nodes) {
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    const reached = entries.filter((entry) => entry.isIntersecting).at(-1);
    if (!reached) return;
    for (const [id, link] of links) id === reached.target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const node of nodes) watcher.observe(node);
}

function saveButton(data) {
  return button("Save the data of this page (JSON)", () => {
    const address = URL.createObjectURL(new Blob([JSON.stringify(data, null, 1)], { type: "application/json" }));
    element("a", { href: address, download: "report.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }, { class: "quiet" });
}

function setOut(data) {
  const families = familiesOf(data);
  const sections = SECTIONS.map(([id, title, make]) => ({ id, title, content: make(data, families) })).filter(({ content }) => content.length);
  const nodes = sections.map(({ id, title, content }) => element("section", { id, "aria-labelledby": `${id}-title` }, element("h2", { id: `${id}-title` }, title), content));
  const nav = contents(sections);
  const hint = rowsOf(data.models).length > 0 && element("p", { class: "hint" }, "Every picture can be read point by point, with the pointer or with the arrow keys, and has a table behind its button.");
  document.body.append(element("a", { class: "skip", href: "#main" }, "Skip to the findings"),
    element("div", { class: "page" }, masthead(data), nav, element("main", { id: "main", tabindex: -1 }, hint, nodes)),
    element("footer", null, element("p", null, "This page is one file. It holds everything it shows and asks nothing of the network."), saveButton(data)));
  followReading(nav, nodes);
  addEventListener("beforeprint", () => document.querySelectorAll("details.fold").forEach((fold) => { fold.open = true; }));
}

setOut(JSON.parse(document.getElementById("data").textContent));
