/* The marks that draw every picture of Etymon, in a mailed report and on a live page alike.

   A mark is a pure function draw...(width, values) -> { node, points, flow }: an SVG element `width` pixels wide, the
   points that can be read out ({ x, y, series, text }), and how arrow keys walk through them ("rows" or "curves").
   frame.js puts a mark on the page: read-out, keyboard, redrawing when the width changes, and the table view. */

import { drawn, element } from "./dom.js";
import { finite, fixed, prefixed } from "./numbers.js";

const KEYS = 6;
// Names of series are bold; this much wider than the ruler, which is not.
const BOLD = 1.1;
/** Below this width, in pixels, labels stand above what they name. */
export const NARROW = 560;

/* ---------------------------------------------------------------- text and scales */

let ruler = null;

function textWidth(text, size = 13) {
  ruler ??= document.createElement("canvas").getContext("2d");
  ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(text).width;
}

export function shortened(text, room, size = 13) {
  if (textWidth(text, size) <= room) return text;
  let kept = text;
  while (kept.length > 1 && textWidth(kept + "\u2026", size) > room) kept = kept.slice(0, -1);
  return kept + "\u2026";
}

function steps(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function decades(low, high, wanted) {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, index) => first + index);
  const inside = (factors) =>
    powers.flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(6))))
      .filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  const choices = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 3], [1]].map(inside);
  const fitting = choices.find((ticks) => ticks.length <= wanted) ?? choices.at(-1);
  if (high / low < 10) return steps(low, high, wanted);
  return fitting.filter((_, index) => index % Math.ceil(fitting.length / wanted) === 0);
}

/** The ticks as numbers that all show as many decimals as the finest of them needs. */
function evenly(ticks) {
  const decimals = Math.max(0, ...ticks.map((tick) => (String(tick).split(".")[1] ?? "").length));
  return (tick) => fixed(tick, Math.min(decimals, 6));
}

/** A function from values to pixels, with `.ticks(wanted)`. The domain covers all finite `values` and a margin. */
export function scale(values, from, to, { log = false, margin = 0.05, zero = false } = {}) {
  const usable = values.filter((value) => finite(value) !== null && (!log || value > 0));
  const forward = log ? Math.log : (value) => value;
  const back = log ? Math.exp : (value) => value;
  let low = usable.length ? forward(Math.min(...usable)) : 0;
  let high = usable.length ? forward(Math.max(...usable)) : 1;
  if (zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  const size = Math.max(1, Math.abs(low), Math.abs(high));
  if (high - low < 1e-9 * size) [low, high] = [low - 0.5 * size, high + 0.5 * size];
  const pad = (high - low) * margin;
  const [start, end] = [zero && low === 0 ? 0 : low - pad, high + pad];
  const place = (value) => from + ((forward(value) - start) / (end - start)) * (to - from);
  place.ticks = (wanted) => (log ? decades : steps)(back(start), back(end), wanted);
  return place;
}

/** Labels pushed apart so that none is nearer than `gap` to the next; order is kept. */
function spread(labels, gap, low, high) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, index) => {
    label.y = Math.max(label.y, index ? sorted[index - 1].y + gap : low);
  });
  sorted.reverse().forEach((label, index) => {
    label.y = Math.min(label.y, index ? sorted[index - 1].y - gap : high);
  });
  return sorted;
}

/* ---------------------------------------------------------------- pieces that marks share */

const SHAPES = [
  (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
  (r) => `M${-r * 0.9} ${-r * 0.9}H${r * 0.9}V${r * 0.9}H${-r * 0.9}Z`,
  (r) => `M0 ${-r * 1.2}L${r * 1.15} ${r * 0.85}H${-r * 1.15}Z`,
  (r) => `M0 ${-r * 1.3}L${r * 1.3} 0L0 ${r * 1.3}L${-r * 1.3} 0Z`,
  (r) => `M0 ${r * 1.2}L${r * 1.15} ${-r * 0.85}H${-r * 1.15}Z`,
  (r) => `M${-r * 0.4} ${-r * 1.2}H${r * 0.4}V${-r * 0.4}H${r * 1.2}V${r * 0.4}H${r * 0.4}V${r * 1.2}H${-r * 0.4}V${r * 0.4}H${-r * 1.2}V${-r * 0.4}H${-r * 0.4}Z`,
];

/** The class that gives the colour of the key-th series; colour never stands alone, `marker` has a shape for each. */
export function colour(key) {
  return `k${(((finite(key) ?? 0) % KEYS) + KEYS) % KEYS}`;
}

export function marker(key, x, y, size = 5, hollow = false) {
  const shape = SHAPES[Number(colour(key).slice(1))](size);
  return drawn("path", { class: `marker ${colour(key)}${hollow ? " hollow" : ""}`, d: shape, transform: `translate(${x} ${y})` });
}

export function label(x, y, text, options = {}) {
  return drawn("text", { x, y, class: options.class, "text-anchor": options.anchor }, text);
}

function line(x1, y1, x2, y2, name) {
  return drawn("line", { x1, y1, x2, y2, class: name });
}

export function canvas(width, height, children) {
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", focusable: "false" }, children);
}

/** The frame of two axes: light grid, ticks in `format`, the names of both axes. */
function axes(box, x, y, across, up) {
  const columns = across.ticks ?? x.ticks(Math.max(3, Math.floor((box.right - box.left) / 84)));
  const rows = y.ticks(Math.max(3, Math.floor((box.bottom - box.top) / 38)));
  const shownX = across.format ?? prefixed;
  const shownY = up.format ?? evenly(rows);
  return drawn("g", { class: "axes" },
    rows.map((tick) => [line(box.left, y(tick), box.right, y(tick), "grid"), label(box.left - 8, y(tick) + 4, shownY(tick), { anchor: "end" })]).flat(),
    columns.map((tick) => [line(x(tick), box.bottom, x(tick), box.bottom + 5, "tick"), label(x(tick), box.bottom + 20, shownX(tick), { anchor: "middle" })]).flat(),
    line(box.left, box.bottom, box.right, box.bottom, "axis"),
    label(box.right, box.bottom + 40, across.label, { anchor: "end", class: "name" }),
    label(2, 14, up.label, { class: "name" }));
}

/** Dashed lines across. One with a `key` belongs to a series: it has its colour, its mark at the left edge, its band. */
function references(box, y, values, bound = (value) => value) {
  const placed = spread(values.map((one) => ({ ...one, at: y(one.value), y: y(one.value) - 5 })), 15, box.top, box.bottom);
  return placed.flatMap((one) => {
    if (finite(one.key) === null) return [line(box.left, one.at, box.right, one.at, "reference"), label(box.left + 6, one.y, one.name, { class: "muted" })];
    const edges = finite(one.low) === null || finite(one.high) === null ? null : [y(bound(one.high)), y(bound(one.low))];
    return [drawn("g", { class: colour(one.key) },
      edges && drawn("rect", { class: "band", x: box.left, y: edges[0], width: box.right - box.left, height: edges[1] - edges[0] }),
      line(box.left, one.at, box.right, one.at, "rival"), marker(one.key, box.left, one.at, 6),
      label(box.left + 12, one.y - 3, one.name, { class: `series ${colour(one.key)}` }))];
  });
}

/* ---------------------------------------------------------------- the marks */

/** Dots with intervals, a row per label. rows: [{ label, marks: [{ key, mean, low, high, shown, text }] }];
    references: [{ name, value }] are dashed lines; `zero` keeps zero in view and draws it. */
export function drawIntervals(width, { rows, references: floors = [], unit, zero = false }) {
  const wide = width >= NARROW;
  const single = rows.every((row) => row.marks.length === 1);
  const names = Math.min(width * 0.34, Math.max(0, ...rows.map((row) => textWidth(row.label, 14))) + 20);
  const shownWidth = single && wide ? Math.max(0, ...rows.map((row) => textWidth(row.marks[0].shown ?? ""))) + 20 : 10;
  const [left, right, top] = [wide ? names : 10, width - shownWidth, floors.length * 17 + 12];
  const values = rows.flatMap((row) => row.marks.flatMap((mark) => [mark.mean, mark.low, mark.high]));
  const x = scale([...values, ...floors.map((floor) => floor.value)], left, right, { zero });
  const heights = rows.map((row) => (wide ? 0 : 20) + Math.max(26, row.marks.length * 15 + 14));
  const bottom = top + heights.reduce((sum, height) => sum + height, 0) + 4;
  const points = [];
  let y = top;
  const body = rows.map((row, index) => {
    const first = y + (wide ? 0 : 20) + (heights[index] - (wide ? 0 : 20) - (row.marks.length - 1) * 15) / 2;
    const head = wide ? label(0, (y + y + heights[index]) / 2 + 5, shortened(row.label, names - 12, 14), { class: "row" })
      : label(0, y + 16, shortened(row.label, width * (single ? 0.5 : 1), 14), { class: "row" });
    const dots = row.marks.map((mark, place) => {
      const at = first + place * 15;
      points.push({ x: x(mark.mean), y: at, series: 0, text: mark.text });
      const shown = !single || !mark.shown ? null
        : label(width, wide ? at + 5 : y + 16, mark.shown, { anchor: "end", class: "value" });
      return drawn("g", { class: colour(mark.key) },
        finite(mark.low) !== null && finite(mark.high) !== null && line(x(mark.low), at, x(mark.high), at, "whisker"),
        marker(mark.key, x(mark.mean), at, 5.5), shown);
    });
    const rule = index ? line(0, y, width, y, "grid") : null;
    y += heights[index];
    return [rule, head, ...dots];
  });
  const ticks = x.ticks(Math.max(3, Math.floor((right - left) / 58)));
  const shownTick = evenly(ticks);
  const lines = floors.map((floor, index) => [
    line(x(floor.value), index * 17 + 16, x(floor.value), bottom, "reference"),
    label(x(floor.value), index * 17 + 12, floor.name, { class: "muted", anchor: x(floor.value) > (left + right) / 2 ? "end" : "start" })]);
  const node = canvas(width, bottom + 46, [
    zero ? line(x(0), top, x(0), bottom, "axis") : null, ...lines.flat(), ...body.flat(),
    line(left, bottom, right, bottom, "axis"),
    ...ticks.flatMap((tick) => [line(x(tick), bottom, x(tick), bottom + 5, "tick"), label(x(tick), bottom + 20, shownTick(tick), { anchor: "middle" })]),
    label(right, bottom + 40, unit, { anchor: "end", class: "name" })]);
  return { node, points, flow: "rows" };
}

/** Whether the value has a place on the axis. */
function drawable(value, axis) {
  return finite(value) !== null && (!axis.log || value > 0);
}

/** Keeps the edges of a band within reach of its lines: one wide interval must not flatten every curve. */
function bounded(values, axis) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [least, most] = axis.log ? [low / 1.3, high * 1.3] : [low - (high - low) * 0.3, high + (high - low) * 0.3];
  return (value) => Math.min(most, Math.max(least, value));
}

function bandPath(points, x, y, bound) {
  const banded = points.filter((point) => finite(point.low) !== null && finite(point.high) !== null);
  if (banded.length < 2) return null;
  const edge = (side) => (point) => `${x(point.x)} ${y(bound(point[side]))}`;
  return `M${banded.map(edge("high")).join("L")}L${banded.reverse().map(edge("low")).join("L")}Z`;
}

/** Lines with bands. series: [{ name, key, points: [{ x, y, low, high, text }] }]; x and y: { label, log, format }. */
export function drawLines(width, { series, references: lines = [], x: across, y: up }) {
  const floors = lines.filter((one) => drawable(one.value, up));
  const height = width < NARROW ? 320 : 380;
  const fits = (point) => drawable(point.x, across) && drawable(point.y, up);
  const kept = series.map((one) => ({ ...one, points: one.points.filter(fits) })).filter((one) => one.points.length);
  const names = Math.min(width * 0.3, Math.max(0, ...kept.map((one) => textWidth(one.name))) * BOLD + 20);
  const box = { left: 44, right: width - names, top: 30, bottom: height - 48 };
  const all = kept.flatMap((one) => one.points);
  const x = scale(all.map((point) => point.x), box.left + 4, box.right, { log: across.log, margin: 0.02 });
  const bound = bounded([...all.map((point) => point.y), ...floors.map((floor) => floor.value)], up);
  const spans = all.flatMap((point) => [point.y, ...[point.low, point.high].filter((edge) => finite(edge) !== null).map(bound)]);
  const edges = floors.flatMap((floor) => [floor.low, floor.high].filter((edge) => finite(edge) !== null).map(bound));
  const y = scale([...spans, ...edges, ...floors.map((floor) => floor.value)], box.bottom, box.top, { log: up.log });
  const rivals = floors.filter((floor) => floor.text).map((floor, index) => ({ x: box.left, y: y(floor.value), series: kept.length + index, text: floor.text }));
  const points = [...kept.flatMap((one, index) => one.points.map((point) => ({ x: x(point.x), y: y(point.y), series: index, text: point.text }))), ...rivals];
  const ends = kept.map((one) => ({ one, x: x(one.points.at(-1).x), y: y(one.points.at(-1).y) + 5 }));
  const curves = kept.map((one) => {
    const path = one.points.map((point) => `${x(point.x)} ${y(point.y)}`).join("L");
    const every = Math.ceil(one.points.length / 16);
    const dots = one.points.filter((_, index) => (one.points.length - 1 - index) % every === 0);
    return drawn("g", { class: colour(one.key) },
      drawn("path", { class: "band", d: bandPath(one.points, x, y, bound) }), drawn("path", { class: "curve", d: `M${path}` }),
      dots.map((point) => marker(one.key, x(point.x), y(point.y), point.end ? 6.5 : 3.5)));
  });
  const labels = spread(ends, 17, box.top, box.bottom)
    .map((end) => label(box.right + 8, end.y, shortened(end.one.name, (names - 10) / BOLD), { class: `series ${colour(end.one.key)}` }));
  return { node: canvas(width, height, [axes(box, x, y, across, up), ...references(box, y, floors, bound), ...curves, ...labels]), points, flow: "curves" };
}

/** Points with whiskers on axes that may be logarithmic. points: [{ name, key, x, y, low, high, hollow, text }]; names
    stand beside their points, or `above` them. */
export function drawScatter(width, { points: values, references: floors = [], x: across, y: up, above = false }) {
  const height = width < NARROW ? 300 : 340;
  const kept = values.filter((one) => drawable(one.x, across) && drawable(one.y, up))
    .sort((a, b) => a.x - b.x);
  const box = { left: 44, right: width - 14, top: 30, bottom: height - 48 };
  const x = scale(kept.map((one) => one.x), box.left, box.right, { log: across.log, margin: 0.12 });
  const spans = kept.flatMap((one) => [one.y, one.low, one.high]);
  const y = scale([...spans, ...floors.map((floor) => floor.value)], box.bottom, box.top, { log: up.log, margin: 0.08 });
  const taken = [];
  const bodies = [...kept].sort((a, b) => b.y - a.y).map((one) => {
    const name = shortened(one.name, width * 0.4);
    const [atX, atY, room] = [x(one.x), y(one.y), textWidth(name) * BOLD + 14];
    const side = atX + room > box.right ? -1 : 1;
    let low = atY + 5;
    while (taken.some((other) => Math.abs(other.y - low) < 15 && Math.abs(other.x - atX) < Math.max(other.room, room))) low += 15;
    taken.push({ x: atX, y: low, room });
    return drawn("g", { class: colour(one.key) },
      finite(one.low) !== null && finite(one.high) !== null && line(atX, y(one.low), atX, y(one.high), "whisker"),
      marker(one.key, atX, atY, 6, one.hollow),
      !above && label(atX + 12 * side, low, name, { anchor: side < 0 ? "end" : "start", class: `series ${colour(one.key)}` }));
  });
  // Beneath all marks, so that no name hides one.
  const names = above ? kept.map((one) => label(x(one.x), y(one.y) - 11, one.name, { anchor: "middle", class: `series ${colour(one.key)}` })) : [];
  const points = kept.map((one) => ({ x: x(one.x), y: y(one.y), series: 0, text: one.text }));
  return { node: canvas(width, height, [axes(box, x, y, across, up), ...references(box, y, floors), ...names, ...bodies]), points, flow: "rows" };
}

/** Horizontal bars that may start anywhere, hence also a funnel. rows: [{ label, start, value, shown, share, tone, text }];
    `shown` and `share` are the texts of two columns at the right. */
export function drawBars(width, { rows }) {
  const wide = width >= NARROW;
  const names = wide ? Math.min(width * 0.36, Math.max(0, ...rows.map((row) => textWidth(row.label, 14))) + 20) : 0;
  const shares = Math.max(0, ...rows.map((row) => textWidth(row.share))) + 14;
  const shownWidth = wide ? Math.max(0, ...rows.map((row) => textWidth(row.shown))) + shares + 16 : 0;
  const x = scale([0, ...rows.map((row) => (row.start ?? 0) + row.value)], names, width - shownWidth, { zero: true, margin: 0 });
  const tall = wide ? 30 : 46;
  const points = [];
  const bars = rows.map((row, index) => {
    const [top, from] = [index * tall + (wide ? 7 : 24), x(row.start ?? 0)];
    const long = Math.max(1.5, x((row.start ?? 0) + row.value) - from);
    const bar = drawn("rect", { class: `bar ${row.tone ?? "plain"}`, x: from, y: top, width: long, height: 16, rx: 2 });
    points.push({ x: from + long, y: top + 8, series: 0, text: row.text, node: bar });
    return [index && wide ? line(0, index * tall, width, index * tall, "grid") : null,
      drawn("rect", { class: "rail", x: names, y: top, width: width - shownWidth - names, height: 16, rx: 2 }), bar,
      label(0, wide ? top + 13 : top - 7, shortened(row.label, wide ? names - 12 : width * 0.55, 14), { class: "row" }),
      label(width - shares, wide ? top + 13 : top - 7, row.shown, { anchor: "end", class: "value" }),
      label(width, wide ? top + 13 : top - 7, row.share, { anchor: "end", class: "muted" })];
  });
  return { node: canvas(width, rows.length * tall + 4, bars.flat()), points, flow: "rows" };
}

/** What goes in, what falls out at each step, what is left: each loss is drawn where the bar above it ended. */
export function drawFunnel(width, { total, losses, left }) {
  let remaining = total.value;
  const falling = losses.map((loss) => {
    remaining -= loss.value;
    return { ...loss, start: Math.max(0, remaining) };
  });
  return drawBars(width, { rows: [{ ...total, tone: "total" }, ...falling, { ...left, tone: "kept" }] });
}

/** Text with spans that can be chosen by pointer, click or arrow keys. `start` and `end` count characters (code
    points, as Python does). choose(span, index) is called as each is reached. */
export function colouredText({ text, spans, lead = "" }, choose) {
  const characters = Array.from(text);
  const pieces = [];
  const reached = [];
  let end = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    if (!(span.start >= end && span.end > span.start && span.end <= characters.length)) continue;
    pieces.push(characters.slice(end, span.start).join(""));
    const name = characters.slice(span.start, span.end).join("");
    const node = element("span", { class: `traced ${colour(span.key)}`, role: "button", "aria-pressed": "false", tabindex: reached.length ? -1 : 0 }, name);
    reached.push({ node, span });
    pieces.push(node);
    end = span.end;
  }
  pieces.push(characters.slice(end).join(""));
  const reach = (index) => {
    reached.forEach(({ node }, other) => {
      node.setAttribute("aria-pressed", String(other === index));
      node.tabIndex = other === index ? 0 : -1;
    });
    choose(reached[index].span, index);
  };
  reached.forEach(({ node }, index) => {
    for (const event of ["pointerenter", "focus", "click"]) node.addEventListener(event, () => reach(index));
    node.addEventListener("keydown", (event) => {
      const next = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1, ArrowUp: index - 1, Home: 0, End: reached.length - 1 }[event.key];
      if (next === undefined || !reached[next]) return;
      event.preventDefault();
      reached[next].node.focus();
    });
  });
  if (reached.length) reach(0);
  return element("p", { class: "traced-text" }, lead && element("span", { class: "prompt" }, lead), pieces);
}

/* ---------------------------------------------------------------- tables and legends */

/** A table. columns: [{ label, number, code }]; rows: arrays of text, nodes, or { text, detail }. It scrolls by itself.
    Roles are said outright because narrow pages lay some tables out as cards, which would lose them. */
export function table({ caption, columns, rows, className }) {
  const cell = (value, index) => {
    const inside = value?.detail !== undefined ? [element("div", null, value.text), element("div", { class: "detail" }, value.detail)] : [value ?? ""];
    const { number, code, label: name } = columns[index];
    return element(index ? "td" : "th", { role: index ? "cell" : "rowheader", scope: index ? null : "row", class: [number && "number", code && "code"].filter(Boolean).join(" ") || null, "data-label": name }, inside);
  };
  const head = columns.map((column) => element("th", { role: "columnheader", scope: "col", class: column.number ? "number" : null }, column.label));
  return element("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": caption },
    element("table", { class: className, role: "table" }, element("caption", { class: "unseen" }, caption),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head)),
      element("tbody", { role: "rowgroup" }, rows.map((row) => element("tr", { role: "row" }, row.map(cell))))));
}

/** Names beside their markers, for pictures whose series carry no label of their own. names: [{ name, key }]. */
export function legend(names) {
  return element("ul", { class: "legend" }, names.map(({ name, key }) =>
    element("li", null, drawn("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, marker(key, 7, 7, 5)), name)));
}
