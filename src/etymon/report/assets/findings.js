/* The findings: what was run, how the models compare, how they learned, what they write and where it comes from.
   Each section is a function (data, families) -> [nodes], empty where the data has nothing to show. */

import { element, rowsOf, words } from "./dom.js";
import { choices, picture, tableToggle } from "./frame.js";
import { colouredText, drawIntervals, drawLines, drawScatter, table } from "./marks.js";
import { DASH, count, counted, duration, finite, fixed, grouped, inWords, percent, prefixed, PSEUDO, UNIT, withInterval, work } from "./numbers.js";

const MANY_DOMAINS = 12;
const MANY_PAIRS = 6;

/** The colour key and the name of each family, the same in every picture of the page. Names are titles without the
    remark in brackets at their end, unless that would make two of them equal. */
export function familiesOf(data) {
  const found = new Map();
  for (const row of [...rowsOf(data.models), ...rowsOf(data.curves), ...rowsOf(data.samples)]) {
    const [family, title] = [words(row.family), words(row.title) || words(row.family)];
    if (!found.has(family)) found.set(family, { key: found.size, title, name: title.replace(/ *\([^()]*\)$/, "") || title, kind: words(row.flops_kind) || "FLOP" });
  }
  const all = [...found.values()];
  if (new Set(all.map((one) => one.name)).size < all.length) all.forEach((one) => { one.name = one.title; });
  return (family) => found.get(words(family)) ?? { key: 0, title: words(family), name: words(family), kind: "FLOP" };
}

function measured(data) {
  return rowsOf(data.models).filter((model) => finite(model.bits_per_byte?.mean) !== null);
}

/** Those whose bits per byte are of a probability: a pseudo-likelihood is compared with none, and drawn apart. */
function comparable(rows, data) {
  const apart = new Set(rowsOf(data.models).filter((model) => words(model.measure) === PSEUDO).map((model) => words(model.family)));
  return rows.filter((row) => !apart.has(words(row.family)));
}

function floorsOf(data) {
  return rowsOf(data.floors).filter((floor) => finite(floor.bits_per_byte) !== null)
    .map((floor) => ({ compressor: words(floor.name), name: `${words(floor.name)} ${fixed(floor.bits_per_byte, 2)}`, value: floor.bits_per_byte }));
}

function intervalWords(result) {
  const documents = finite(result.n) === null ? "" : `, ${counted(result.n, "document")}`;
  const interval = finite(result.low) === null ? "" : ` (95 % interval ${fixed(result.low)} to ${fixed(result.high)}${documents})`;
  return fixed(result.mean) + " " + UNIT + interval;
}

/** Large counts read well with a prefix and stay exact beneath it, as far as a double holds them exactly. */
function exactly(value, text) {
  return Number.isSafeInteger(value) && Math.abs(value) >= 1e6 ? { text, detail: grouped(value) } : text;
}

export function facts(data) {
  const rows = rowsOf(data.facts);
  if (!rows.length) return [];
  return [element("dl", { class: "facts" }, rows.map((fact) =>
    element("div", null, element("dt", null, words(fact.label)), element("dd", null, words(fact.value)))))];
}

function overallPicture(models, floors, families) {
  const sorted = [...models].sort((a, b) => a.bits_per_byte.mean - b.bits_per_byte.mean);
  const rows = sorted.map((model) => {
    const { name, key } = families(model.family);
    return { label: name, marks: [{ key, ...model.bits_per_byte, shown: withInterval(model.bits_per_byte), text: `${name}: ${intervalWords(model.bits_per_byte)}` }] };
  });
  const [first, last] = [sorted[0], sorted.at(-1)];
  const summary = sorted.length < 2 ? rows[0].marks[0].text
    : `Lowest: ${families(first.family).name} at ${fixed(first.bits_per_byte.mean)}. Highest: ${families(last.family).name} at ${fixed(last.bits_per_byte.mean)}.`;
  return picture({
    title: "Bits per byte of held-out text",
    caption: `Lower is better. Dots are means, bars 95 % intervals over documents.${floors.length ? " Dashed: what a general compressor needs." : ""}`,
    summary, draw: (width) => drawIntervals(width, { rows, references: floors, unit: UNIT }),
    table: {
      columns: [{ label: "Model" }, { label: UNIT, number: true }, { label: "documents", number: true }],
      rows: [...sorted.map((model) => [families(model.family).name, withInterval(model.bits_per_byte), grouped(model.bits_per_byte.n)]),
        ...floors.map((floor) => [`${floor.compressor} (compressor)`, fixed(floor.value), DASH])],
    },
  }).node;
}

function modelTable(models, families) {
  const columns = [{ label: "Model" }, { label: "Parameters", number: true }, { label: "Training tokens", number: true },
    { label: "Training work", number: true }, { label: "Bits per byte (95 % interval)", number: true }, { label: "Training time", number: true }];
  const rows = models.map((model) => [
    { text: families(model.family).title + (model.best === true ? " (best)" : ""), detail: words(model.id).slice(0, 12) },
    exactly(model.parameters, count(model.parameters)), exactly(model.tokens, count(model.tokens)),
    exactly(model.flops, work(model.flops, words(model.flops_kind) || "FLOP")),
    words(model.measure) === PSEUDO ? { text: withInterval(model.bits_per_byte), detail: PSEUDO } : withInterval(model.bits_per_byte), duration(model.seconds)]);
  return table({ caption: "Every model with its size, its training and its result", className: "cards", columns, rows });
}

const COSTS = [
  { value: "flops", label: "Work", axis: "training work, FLOP", log: true, read: (value, model) => work(value, words(model.flops_kind) || "FLOP") },
  { value: "seconds", label: "Time", axis: "training time, seconds", log: true, read: duration },
  { value: "parameters", label: "Size", axis: "parameters", log: true, read: count },
];

function costPicture(models, families) {
  const offered = COSTS.filter((cost) => models.filter((model) => model[cost.value] > 0).length > 1);
  if (!offered.length) return null;
  const spec = (cost) => {
    const points = models.map((model) => ({
      ...families(model.family), x: model[cost.value], y: model.bits_per_byte.mean, low: model.bits_per_byte.low, high: model.bits_per_byte.high,
      hollow: cost.value === "flops" && families(model.family).kind !== "FLOP",
      text: `${families(model.family).name}: ${fixed(model.bits_per_byte.mean)} ${UNIT} for ${cost.read(model[cost.value], model)}`,
    }));
    const hollow = points.filter((point) => point.hollow);
    const note = hollow.length ? ` Hollow: ${inWords(hollow.map((point) => point.name))}, whose work is ${hollow[0].kind}, not FLOP.` : "";
    return {
      title: "What it cost", caption: `Lower and further left is better; the horizontal axis is logarithmic.${note}`,
      summary: `Lowest: ${points.reduce((best, point) => (point.y < best.y ? point : best)).text}.`,
      draw: (width) => drawScatter(width, { points, x: { label: cost.axis, log: true }, y: { label: UNIT } }),
      table: {
        columns: [{ label: "Model" }, { label: cost.axis, number: true }, { label: UNIT, number: true }],
        rows: models.map((model) => [families(model.family).name, cost.read(model[cost.value], model), withInterval(model.bits_per_byte)]),
      },
    };
  };
  const { node, show } = picture(spec(offered[0]));
  const pick = (value) => show(spec(offered.find((cost) => cost.value === value)));
  return element("div", { class: "switched" }, offered.length > 1 && choices("Cost shown", offered, offered[0].value, pick), node);
}

function domainPicture(models, families) {
  const results = models.flatMap((model) => rowsOf(model.by_domain).map((row) => ({ ...row, family: model.family, domain: words(row.domain) })))
    .filter((row) => finite(row.mean) !== null);
  const sizes = new Map();
  for (const row of results) sizes.set(row.domain, Math.max(sizes.get(row.domain) ?? 0, finite(row.n) ?? 0));
  if (sizes.size < 2) return null;
  const domains = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
  const rows = domains.slice(0, MANY_DOMAINS).map((domain) => ({
    label: domain,
    marks: results.filter((row) => row.domain === domain).map((row) =>
      ({ ...row, key: families(row.family).key, text: `${domain}, ${families(row.family).name}: ${intervalWords(row)}` })),
  }));
  const more = domains.length > MANY_DOMAINS ? ` The ${MANY_DOMAINS} largest of ${domains.length} domains; the table has all.` : "";
  const best = rows.map((row) => [row.label, [...row.marks].sort((a, b) => a.mean - b.mean)[0]]);
  return picture({
    title: "The same, domain by domain", caption: `Bits per byte with 95 % intervals; lower is better.${more}`,
    summary: "Lowest: " + inWords(best.map(([domain, mark]) => `${families(mark.family).name} on ${domain} (${fixed(mark.mean, 2)})`)) + ".",
    legend: models.filter((model) => rowsOf(model.by_domain).length).map((model) => families(model.family)),
    draw: (width) => drawIntervals(width, { rows, unit: UNIT }),
    table: {
      columns: [{ label: "Domain" }, { label: "Model" }, { label: UNIT, number: true }, { label: "documents", number: true }],
      rows: domains.flatMap((domain) => results.filter((row) => row.domain === domain)
        .map((row) => [domain, families(row.family).name, withInterval(row), grouped(row.n)])),
    },
  }).node;
}

export function comparison(data, families) {
  const models = comparable(measured(data), data);
  const all = rowsOf(data.models);
  if (!all.length) return [];
  const pictures = models.length ? [overallPicture(models, floorsOf(data), families)] : [];
  return [...pictures, modelTable(all, families), models.length ? costPicture(models, families) : null, domainPicture(models, families)];
}

function differenceInWords(row) {
  const [a, b] = [words(row.a), words(row.b)];
  if (finite(row.low) === null || finite(row.high) === null) return `Between the ${a} and the ${b} lie ${fixed(row.mean)} ${UNIT}; no interval was measured.`;
  const documents = finite(row.n) === null ? "" : `, the same ${counted(row.n, "document")}`;
  if (row.low > 0 || row.high < 0) {
    const [near, far] = [row.low, row.high].map(Math.abs).sort((one, other) => one - other);
    return `The ${a} needs ${fixed(Math.abs(row.mean))} ${UNIT} ${row.mean < 0 ? "fewer" : "more"} than the ${b} (95 % interval ${fixed(near)} to ${fixed(far)}${documents}).`;
  }
  return `Between the ${a} and the ${b} no difference is shown: ${fixed(row.mean)} ${UNIT}, and the interval holds zero (${fixed(row.low)} to ${fixed(row.high)}${documents}).`;
}

export function differences(data, families) {
  const named = (family) => families(family).name;
  const rows = rowsOf(data.differences).filter((row) => finite(row.mean) !== null)
    .map((row) => ({ ...row, a: named(row.a), b: named(row.b) }));
  if (!rows.length) return [];
  const best = rowsOf(data.models).find((model) => model.best === true);
  const ofBest = rows.filter((row) => best && [row.a, row.b].includes(named(best.family)));
  const told = rows.length > MANY_PAIRS && ofBest.length ? ofBest : rows;
  const label = (row) => `${row.a} \u2212 ${row.b}`;
  const sentences = told.map(differenceInWords);
  const marks = told.map((row, index) => ({ label: label(row), marks: [{ ...row, key: 0, shown: withInterval(row), text: sentences[index] }] }));
  const more = told.length < rows.length ? ` Pairs with the best model; the table has all ${rows.length}.` : "";
  const { node } = picture({
    title: "Differences on the same documents", caption: "Left of zero the first needs fewer bits per byte. An interval that holds zero shows no difference." + more,
    summary: sentences[0], draw: (width) => drawIntervals(width, { rows: marks, unit: `difference in ${UNIT}`, zero: true }),
    table: {
      columns: [{ label: "Pair" }, { label: `difference in ${UNIT}`, number: true }, { label: "documents", number: true }],
      rows: rows.map((row) => [label(row), withInterval(row), grouped(row.n)]),
    },
  });
  return [element("ul", { class: "sentences" }, sentences.map((sentence) => element("li", null, sentence))), node];
}

const PACES = [
  { value: "tokens", label: "Tokens", axis: "training tokens (log axis)", log: true, read: (value) => `${count(value)} tokens` },
  { value: "seconds", label: "Seconds", axis: "seconds of training", log: false, read: duration },
];

function curveSpec(curves, pace, floors, families) {
  const series = curves.map((curve) => ({
    ...families(curve.family),
    points: rowsOf(curve.points).map((point) => ({
      x: point[pace.value], y: point.bits_per_byte, low: point.low, high: point.high,
      text: `${families(curve.family).name} after ${pace.read(point[pace.value])}: ${fixed(point.bits_per_byte)} ${UNIT}`,
    })),
  }));
  const ends = series.filter((one) => one.points.length).map((one) => `${one.name} ${fixed(one.points.at(-1).y)}`);
  const asked = new Set(curves.flatMap((curve) => rowsOf(curve.points).map((point) => finite(point.n)).filter((n) => n !== null)));
  const note = asked.size > 1 ? " Not all were measured on the same documents along the way; the picture by compute is of the same." : "";
  return {
    title: "Validation bits per byte while learning", caption: `Lower is better; the vertical axis is logarithmic. Bands are 95 % intervals; where one would leave the frame it is cut, and the table has it whole.${note}`,
    summary: `Last measured: ${inWords(ends)}.`,
    draw: (width) => drawLines(width, { series, references: floors, x: { label: pace.axis, log: pace.log, format: prefixed }, y: { label: `${UNIT} (log axis)`, log: true } }),
    table: {
      columns: ["Model", "step", "tokens", "FLOP", "seconds", UNIT, "training loss, nats"].map((label, index) => ({ label, number: index > 0 })),
      rows: curves.flatMap((curve) => rowsOf(curve.points).map((point) => [families(curve.family).name, grouped(point.step), count(point.tokens),
        prefixed(point.flops), fixed(point.seconds, 1), withInterval({ ...point, mean: point.bits_per_byte }), fixed(point.loss)])),
    },
  };
}

export function curves(data, families) {
  const usable = (curve, pace) => rowsOf(curve.points).some((point) => finite(point.bits_per_byte) !== null && finite(point[pace.value]) !== null);
  const rows = comparable(rowsOf(data.curves), data).filter((curve) => PACES.some((pace) => usable(curve, pace)));
  const offered = PACES.filter((pace) => rows.some((curve) => usable(curve, pace)));
  if (!offered.length) return [];
  const { node, show } = picture(curveSpec(rows, offered[0], floorsOf(data), families));
  const pick = (value) => show(curveSpec(rows, offered.find((pace) => pace.value === value), floorsOf(data), families));
  return [choices("Learning against", offered, offered[0].value, pick), node];
}

function writing(sample, attributes) {
  const [prompt, text] = [words(sample.prompt), words(sample.text)];
  const rest = prompt && text.startsWith(prompt) ? text.slice(prompt.length) : text;
  return element("p", { class: "writing", ...attributes }, element("span", { class: "prompt" }, prompt), rest);
}

function sampleViewer(samples, families) {
  const measure = samples.every((sample) => finite(sample.tokens) !== null) ? "tokens" : "step";
  const at = (sample) => finite(sample[measure]) ?? 0;
  const stops = [...new Set(samples.map(at))].sort((a, b) => a - b);
  const names = [...new Set(samples.map((sample) => words(sample.family)))];
  const shelf = element("div", { class: "shelf" });
  const said = element("output", { class: "said" });
  const slider = element("input", { type: "range", min: 0, max: stops.length - 1, step: 1, value: stops.length - 1, "aria-label": "How far training had come" });
  const show = () => {
    const now = stops[Number(slider.value)];
    const moment = measure === "tokens" ? `after ${count(now)} tokens` : `at step ${grouped(now)}`;
    said.textContent = moment;
    slider.setAttribute("aria-valuetext", moment);
    shelf.replaceChildren(...names.map((family) => {
      const own = samples.filter((sample) => words(sample.family) === family);
      const latest = own.length === 1 ? own[0] : own.filter((sample) => at(sample) <= now).sort((a, b) => at(a) - at(b)).at(-1);
      const stand = latest && (finite(latest.tokens) !== null ? `${count(latest.tokens)} tokens` : `step ${grouped(latest.step)}`);
      return element("article", { class: "sample" }, element("h4", null, families(family).name, element("span", { class: "muted" }, stand ?? "")),
        latest ? writing(latest, { tabindex: 0 }) : element("p", { class: "muted" }, "No sample this early."));
    }));
  };
  slider.addEventListener("input", show);
  show();
  return element("div", null, stops.length > 1 && element("div", { class: "slider" }, slider, said), shelf);
}

export function samples(data, families) {
  const rows = rowsOf(data.samples);
  if (!rows.length) return [];
  const prompts = [...new Set(rows.map((sample) => words(sample.prompt)))];
  const place = element("div");
  const show = (prompt) => place.replaceChildren(sampleViewer(rows.filter((sample) => words(sample.prompt) === prompt), families));
  show(prompts[0]);
  const tabled = element("div", { class: "tabled" });
  const tableOf = () => table({
    caption: "All samples", columns: [{ label: "Model" }, { label: "step", number: true }, { label: "tokens", number: true }, { label: "prompt and continuation" }],
    rows: rows.map((sample) => [families(sample.family).name, grouped(sample.step), count(sample.tokens), writing(sample)]),
  });
  const picker = prompts.length > 1 && choices("Prompt", prompts.map((prompt) => ({ value: prompt, label: prompt || "(no prompt)" })), prompts[0], show);
  return [element("div", { class: "row-of-tools" }, element("p", { class: "caption" }, "The same prompt, continued by each model; the prompt is in grey."),
    tableToggle(tabled, tableOf, [place], "Show as text")), picker, place, tabled];
}

function quoted(context, phrase) {
  const at = phrase ? context.indexOf(phrase) : -1;
  if (at < 0) return element("blockquote", null, context);
  return element("blockquote", null, context.slice(0, at), element("mark", null, phrase), context.slice(at + phrase.length));
}

function sourcePanel(span, phrase) {
  const place = span.document?.source ?? {};
  const offset = finite(place.offset) === null ? "" : `, from byte ${grouped(place.offset)}`;
  const decision = [words(span.decision?.outcome), words(span.decision?.rule)].filter(Boolean).join(", rule ");
  const entries = [["Words", phrase], ["Page", words(span.document?.url)], ["Document", words(span.document?.id)], ["Read from", words(place.file) + offset], ["Decision", decision]];
  return [element("dl", { class: "record" }, entries.filter(([, value]) => value).map(([name, value]) => element("div", null, element("dt", null, name), element("dd", null, value)))),
    words(span.context) && quoted(words(span.context).trim(), phrase.trim())];
}

export function sources(data, families) {
  const source = data.sources ?? {};
  const text = words(source.text);
  const characters = Array.from(text);
  const spans = rowsOf(source.spans).filter((span) => finite(span.start) !== null && finite(span.end) !== null);
  if (!text || !spans.length) return [];
  const documents = [...new Set(spans.map((span) => words(span.document?.id)))];
  const phrase = (span) => characters.slice(span.start, span.end).join("");
  const panel = element("div", { class: "panel", "aria-live": "polite" });
  const keyed = spans.map((span) => ({ ...span, key: documents.indexOf(words(span.document?.id)) }));
  const lead = text.startsWith(words(source.prompt)) ? "" : words(source.prompt);
  const passage = colouredText({ text, spans: keyed, lead }, (span) => panel.replaceChildren(...sourcePanel(span, phrase(span)).filter(Boolean)));
  const covered = spans.reduce((sum, span) => sum + Math.max(0, span.end - span.start), 0) / characters.length;
  const tabled = element("div", { class: "tabled" });
  const tableOf = () => table({
    caption: "Every traced passage", columns: [{ label: "Words" }, { label: "Page" }, { label: "Document", code: true }, { label: "Read from", code: true }, { label: "Decision" }],
    rows: spans.map((span) => [phrase(span), words(span.document?.url), words(span.document?.id),
      `${words(span.document?.source?.file)} @ ${grouped(span.document?.source?.offset)}`, [words(span.decision?.outcome), words(span.decision?.rule)].filter(Boolean).join(", ")]),
  });
  const shown = element("div", null, passage, panel);
  const one = spans.length === 1;
  const told = `${counted(spans.length, "passage")} of this text by the ${families(source.family).name} ${one ? "stands" : "stand"} word for word in ${counted(documents.length, "training document")} and ${one ? "covers" : "cover"} ${percent(Math.min(1, covered))} of it. `
    + "A colour is a document: point at a passage, or reach it with the keyboard, to see where it was read.";
  return [element("div", { class: "row-of-tools" }, element("p", { class: "caption" }, told), tableToggle(tabled, tableOf, [shown], "Show as text")), shown, tabled];
}
