/* The frame around a mark: what it says in words, reading it point by point, and the same values as a table. */

import { button, drawn, element, freshId } from "./dom.js";
import { legend, table } from "./marks.js";

const NEAR = 48;
// A box thinner than this is being laid out, not read; no mark has room in it.
const NARROWEST = 120;

/** One of several, as a row of radio buttons. options: [{ value, label }]. */
export function choices(legend, options, picked, change) {
  const name = freshId("choice");
  return element("fieldset", { class: "choices" }, element("legend", { class: "unseen" }, legend), options.map((option) => {
    const input = element("input", { type: "radio", name, value: option.value, checked: option.value === picked });
    input.addEventListener("change", () => change(option.value));
    return element("label", null, input, element("span", null, option.label));
  }));
}

function nextPoint(points, flow, from, key) {
  if (key === "Home") return 0;
  if (key === "End") return points.length - 1;
  const direction = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  if (from < 0) return direction > 0 ? 0 : points.length - 1;
  const here = points[from];
  if (flow === "rows") return Math.min(points.length - 1, Math.max(0, from + direction));
  if (key === "ArrowLeft" || key === "ArrowRight") return points[from + direction]?.series === here.series ? from + direction : from;
  const nearest = new Map();
  points.forEach((point, index) => {
    const known = nearest.get(point.series);
    if (known === undefined || Math.abs(point.x - here.x) < Math.abs(points[known].x - here.x)) nearest.set(point.series, index);
  });
  nearest.set(here.series, from);
  const ordered = [...nearest.values()].sort((a, b) => points[a].y - points[b].y);
  return ordered[ordered.indexOf(from) + direction] ?? from;
}

function nearestPoint(points, flow, x, y) {
  const far = (point) => Math.hypot((point.x - x) * (flow === "rows" ? 0.2 : 1), point.y - y);
  const index = points.reduce((best, point, at) => (best < 0 || far(point) < far(points[best]) ? at : best), -1);
  return index >= 0 && far(points[index]) < NEAR * (flow === "rows" ? 4 : 1) ? index : -1;
}

/** A button that shows `tabled` in place of `pictured` and back. make() gives the table, built when first asked for:
    long curves have thousands of rows. */
export function tableToggle(tabled, make, pictured, back) {
  tabled.hidden = true;
  const toggle = button("Show as table", () => {
    tabled.hidden = !tabled.hidden;
    if (!tabled.hidden) tabled.replaceChildren(make());
    for (const node of pictured) node.hidden = !tabled.hidden;
    toggle.firstChild.data = tabled.hidden ? "Show as table" : back;
  }, { class: "quiet toggle" });
  return toggle;
}

/** A framed picture. spec: { title, caption, summary, draw(width), table: { columns, rows }, legend }.
    `summary` says the finding in words: it names the picture to a screen reader and stands in the read-out until a
    point is reached. Returns { node, show(spec) }; show replaces what is drawn. */
export function picture(first) {
  let [spec, art, at, width] = [first, { points: [], flow: "rows" }, -1, 0];
  const ring = drawn("circle", { class: "ring", r: 10, visibility: "hidden" });
  const hint = element("span", { class: "unseen", id: freshId("hint") }, "Arrow keys go from point to point, Escape leaves. The button shows the same values as a table.");
  const stage = element("div", { class: "stage", tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-describedby": hint.id });
  const [finding, reading] = [element("span"), element("span", { class: "reading", "aria-live": "polite" })];
  const readout = element("p", { class: "readout" }, finding, reading);
  const [tabled, title, caption, key] = [element("div", { class: "tabled" }), element("h3"), element("p", { class: "caption" }), element("div")];
  const reach = (index) => {
    art.points[at]?.node?.classList.remove("on");
    at = index;
    const point = art.points[at];
    point?.node?.classList.add("on");
    ring.setAttribute("visibility", point && !point.node ? "visible" : "hidden");
    if (point) ring.setAttribute("transform", `translate(${point.x} ${point.y})`);
    finding.textContent = spec.summary;
    finding.classList.toggle("behind", Boolean(point));
    reading.textContent = point ? point.text : "";
  };
  const redraw = () => {
    if (!width) return;
    art = spec.draw(width);
    art.node.append(ring);
    stage.replaceChildren(art.node);
    reach(at < art.points.length ? at : -1);
  };
  const tableOf = () => table({ caption: spec.title, ...spec.table });
  const toggle = tableToggle(tabled, tableOf, [stage, readout, key], "Show as picture");
  const show = (next) => {
    spec = next;
    at = -1;
    title.textContent = spec.title;
    caption.textContent = spec.caption ?? "";
    stage.setAttribute("aria-label", `${spec.title}. ${spec.summary}`);
    if (!tabled.hidden) tabled.replaceChildren(tableOf());
    key.replaceChildren(...(spec.legend ? [legend(spec.legend)] : []));
    reach(-1);
    redraw();
  };
  stage.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return reach(-1);
    if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key) || !art.points.length) return undefined;
    event.preventDefault();
    return reach(nextPoint(art.points, art.flow, at, event.key));
  });
  const byPointer = (event) => {
    const box = art.node?.getBoundingClientRect();
    if (!box?.width) return;
    const factor = art.node.viewBox.baseVal.width / box.width;
    reach(nearestPoint(art.points, art.flow, (event.clientX - box.left) * factor, (event.clientY - box.top) * factor));
  };
  for (const event of ["pointermove", "pointerdown"]) stage.addEventListener(event, byPointer);
  for (const event of ["pointerleave", "blur"]) stage.addEventListener(event, () => reach(-1));
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now >= NARROWEST && now !== width) {
      width = now;
      redraw();
    }
  }).observe(stage);
  show(first);
  const head = element("figcaption", null, element("div", null, title, caption), toggle);
  return { node: element("figure", { class: "picture" }, head, key, stage, readout, tabled, hint), show };
}
