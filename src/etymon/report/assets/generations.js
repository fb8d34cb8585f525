/* The generations: all families on one axis of compute, what counting never saw, how much context each uses, and the
   sizes that were published. Each section is a function (data, families) -> [nodes]. */

import { element, list, rowsOf, words } from "./dom.js";
import { picture } from "./frame.js";
import { drawLines, drawScatter } from "./marks.js";
import { count, counted, DASH, finite, fixed, grouped, inWords, percent, prefixed, PSEUDO, UNIT, withInterval, work } from "./numbers.js";

const COUNTS = "table operations";

function findings(part) {
  const sentences = list(part?.findings).map(words).filter(Boolean);
  return sentences.length ? element("ul", { class: "sentences" }, sentences.map((sentence) => element("li", null, sentence))) : null;
}

function leftOut(part, families) {
  const rows = rowsOf(part?.left_out);
  return rows.length ? ` Left out: ${rows.map((row) => `${families(row.family).name} (${words(row.why)})`).join("; ")}.` : "";
}

/* ---------------------------------------------------------------- on one axis */

const pointsOf = (row) => rowsOf(row.points).filter((point) => finite(point.bits_per_byte) !== null);
const dated = (row, families) => `${families(row.family).name}${finite(row.year) === null ? "" : ` (${row.year})`}`;

function curveOf(row, families) {
  const { key, name } = families(row.family);
  const points = pointsOf(row);
  return {
    key, name, points: points.map((point, index) => ({
      x: point.flops, y: point.bits_per_byte, low: point.low, high: point.high, end: index === points.length - 1,
      text: `${name} after ${work(point.flops)}: ${withInterval({ ...point, mean: point.bits_per_byte })} ${UNIT}`,
    })),
  };
}

function lineOf(row, families) {
  const { key, name } = families(row.family);
  const point = pointsOf(row).at(-1);
  return {
    key, value: point.bits_per_byte, low: point.low, high: point.high, end: true,
    name: `${name} ${fixed(point.bits_per_byte, 2)}: no FLOP, ${work(point.flops, COUNTS)}`,
    text: `${name}, counted once with ${work(point.flops, COUNTS)} and no FLOP: ${withInterval({ ...point, mean: point.bits_per_byte })} ${UNIT}`,
  };
}

function axisTable(rows, families) {
  return {
    columns: [{ label: "Model" }, { label: "published", number: true }, { label: "training work", number: true }, { label: "tokens", number: true }, { label: UNIT, number: true }, { label: "documents", number: true }],
    rows: rows.flatMap((row) => pointsOf(row).map((point) => [families(row.family).name, finite(row.year) === null ? DASH : String(row.year),
      work(point.flops, words(row.work) || "FLOP"), count(point.tokens), withInterval({ ...point, mean: point.bits_per_byte }), grouped(point.n)])),
  };
}

function axisPicture(part, rows, families) {
  const counting = rows.filter((row) => words(row.work) === COUNTS);
  const series = rows.filter((row) => !counting.includes(row)).map((row) => curveOf(row, families));
  const lines = counting.map((row) => lineOf(row, families));
  const ends = [...lines.map((one) => one.text), ...series.map((one) => one.points.at(-1).text)];
  const dashes = lines.length ? ` Dashed, from the left edge: ${inWords(counting.map((row) => families(row.family).name))}, which counts the text once and takes no FLOP.` : "";
  return picture({
    title: "Bits per byte against training compute",
    caption: `Lower and further left is better; both axes are logarithmic. The same ${counted(part.documents, `${words(part.split)} document`)} for all; a line is a training, its large mark the end, bands are 95 % intervals.${dashes}${leftOut(part, families)}`,
    summary: `${ends.join("; ")}.`, legend: rows.map((row) => ({ key: families(row.family).key, name: dated(row, families) })),
    draw: (width) => drawLines(width, { series, references: lines, x: { label: "training compute, FLOP (log axis)", log: true, format: prefixed }, y: { label: `${UNIT} (log axis)`, log: true } }),
    table: axisTable(rows, families),
  }).node;
}

function apartPicture(rows, families) {
  const series = rows.map((row) => curveOf(row, families));
  return picture({
    title: "Apart: a pseudo-likelihood", caption: "Bits per byte of each token guessed from both sides. That is no probability of the text: these numbers are compared with none of those above, and their axis is another one.",
    summary: `${series.map((one) => one.points.at(-1).text).join("; ")}.`, legend: rows.map((row) => ({ key: families(row.family).key, name: dated(row, families) })),
    draw: (width) => drawLines(width, { series, x: { label: "training compute, FLOP (log axis)", log: true, format: prefixed }, y: { label: `pseudo-likelihood, ${UNIT} (log axis)`, log: true } }),
    table: axisTable(rows, families),
  }).node;
}

export function generations(data, families) {
  const part = data.generations ?? {};
  const rows = rowsOf(part.families).filter((row) => pointsOf(row).some((point) => finite(point.flops) > 0));
  const [likely, apart] = [rows.filter((row) => words(row.measure) !== PSEUDO), rows.filter((row) => words(row.measure) === PSEUDO)];
  const drawn = [likely.some((row) => words(row.work) !== COUNTS) && axisPicture(part, likely, families), apart.length > 0 && apartPicture(apart, families)].filter(Boolean);
  return drawn.length ? [findings(part), ...drawn] : [];
}

/* ---------------------------------------------------------------- sparsity */

function unseenPicture(part, amounts) {
  const series = amounts.map((amount, key) => ({
    key, name: `${count(amount.tokens)} tokens`,
    points: rowsOf(amount.unseen).filter((row) => finite(row.mean) !== null && finite(row.order) !== null).map((row) => ({ x: row.order, y: row.mean, low: row.low, high: row.high,
      text: `${grouped(row.unseen)} of ${grouped(row.grams)} ${row.order}-grams never seen in ${counted(amount.tokens, "token")}: ${percent(row.mean)}` })),
  }));
  return picture({
    title: "n-grams of held-out text that were never seen", caption: `Share of the n-grams that end at a token of ${counted(part.documents, "held-out document")}, by their length, after counting ever more text${part.part < 1 ? `, up to the ${percent(part.part)} of it that this picture's share of the budget pays for` : ""}. Bands are 95 % intervals over documents.`,
    summary: `${series.at(-1)?.points.at(-1)?.text ?? ""}.`,
    draw: (width) => drawLines(width, { series, x: { label: "length of the n-gram, tokens", ticks: [...new Set(series.flatMap((one) => one.points.map((point) => point.x)))].filter((tick) => finite(tick) !== null), format: String }, y: { label: "never seen", format: percent } }),
    table: {
      columns: [{ label: "Tokens counted" }, { label: "n", number: true }, { label: "n-grams held out", number: true }, { label: "never seen", number: true }, { label: "share (95 % interval)", number: true }],
      rows: amounts.flatMap((amount) => rowsOf(amount.unseen).map((row) => [grouped(amount.tokens), String(row.order), grouped(row.grams), grouped(row.unseen),
        `${percent(row.mean)} (${percent(row.low)} to ${percent(row.high)})`])),
    },
  }).node;
}

function smoothingPicture(part, amounts) {
  const smoothings = rowsOf(part.smoothings);
  const result = (amount, smoothing) => amount.bits_per_byte?.[words(smoothing.smoothing)];
  const series = smoothings.map((smoothing, key) => ({
    key, name: words(smoothing.title),
    points: amounts.filter((amount) => finite(result(amount, smoothing)?.mean) !== null).map((amount) => ({ x: amount.tokens, y: result(amount, smoothing).mean,
      text: `${words(smoothing.title)} after ${counted(amount.tokens, "token")}: ${withInterval(result(amount, smoothing))} ${UNIT}` })),
  })).filter((one) => one.points.length);
  const best = series.reduce((low, one) => (one.points.at(-1).y < low.points.at(-1).y ? one : low));
  return picture({
    title: "What each smoothing makes of it", caption: `Bits per byte of the same documents by the ${part.order}-gram, lower is better. All smoothings together counted ${counted(part.counted, "token")} for this picture. The intervals, of single means, are in the table; smoothings are compared in pairs above. Maximum likelihood has no place here: it needs infinitely many bits.`,
    summary: `Lowest: ${best.points.at(-1).text}.`,
    draw: (width) => drawLines(width, { series, x: { label: "tokens counted (log axis)", log: true, format: prefixed }, y: { label: UNIT } }),
    table: {
      columns: [{ label: "Smoothing" }, ...amounts.map((amount) => ({ label: `${count(amount.tokens)} tokens`, number: true }))],
      rows: [["maximum likelihood", ...amounts.map(() => "\u221e")], ...smoothings.map((smoothing) => [words(smoothing.title), ...amounts.map((amount) => withInterval(result(amount, smoothing)))])],
    },
  }).node;
}

export function sparsity(data) {
  const part = data.sparsity ?? {};
  const amounts = rowsOf(part.amounts).filter((amount) => finite(amount.tokens) > 0 && rowsOf(amount.unseen).some((row) => finite(row.mean) !== null && finite(row.order) !== null));
  if (!amounts.length) return [];
  const smoothed = rowsOf(part.smoothings).some((one) => amounts.some((amount) => finite(amount.bits_per_byte?.[words(one.smoothing)]?.mean) !== null));
  return [findings(part), unseenPicture(part, amounts), smoothed && smoothingPicture(part, amounts)];
}

/* ---------------------------------------------------------------- effective context */

/** The interval of what this context costs more than the longest, about the mean of the longest. */
function against(row, point) {
  const longest = finite(rowsOf(row.points).at(-1)?.mean);
  const [low, high] = [finite(point.more?.low), finite(point.more?.high)];
  return longest === null || low === null || high === null ? {} : { low: longest + low, high: longest + high };
}

export function context(data, families) {
  const part = data.context ?? {};
  const rows = rowsOf(part.families).filter((row) => rowsOf(row.points).some((point) => point.context > 0 && finite(point.context) !== null && finite(point.mean) !== null));
  if (!rows.length) return [];
  const series = rows.map((row) => ({
    ...families(row.family),
    points: rowsOf(row.points).filter((point) => point.context > 0 && finite(point.context) !== null && finite(point.mean) !== null).map((point) => ({ x: point.context, y: point.mean, ...against(row, point), text: `${families(row.family).name} with ${counted(point.context, "token")} in view: ${withInterval(point)} ${UNIT}` })),
  }));
  const ticks = [...new Set(series.flatMap((one) => one.points.map((point) => point.x)))];
  const node = picture({
    title: "The same tokens, with more and more before them",
    caption: `Bits per byte of ${counted(part.tokens, "token")} of ${counted(part.documents, "held-out document")}, each given so many tokens before it and no more; lower is better. Recurrent networks begin anew at the first of them. Bands are 95 % intervals of the difference to the longest context, token by token in pairs.${leftOut(part, families)}`,
    summary: `${series.map((one) => one.points.at(-1).text).join("; ")}.`, legend: rows.map((row) => families(row.family)),
    draw: (width) => drawLines(width, { series, x: { label: "tokens of context (log axis)", log: true, ticks, format: String }, y: { label: UNIT } }),
    table: {
      columns: [{ label: "Model" }, { label: "tokens in view", number: true }, { label: UNIT, number: true }, { label: "more than with its longest (95 % interval)", number: true }],
      rows: rows.flatMap((row) => rowsOf(row.points).map((point) => [families(row.family).name, grouped(point.context), withInterval(point), withInterval(point.more)])),
    },
  }).node;
  return [findings(part), node];
}

/* ---------------------------------------------------------------- sizes that were published */

/** Sizes of models as people say them: billions, not giga. */
function many(value) {
  return prefixed(value).replace("G", "B");
}

export function sizes(data) {
  const rows = rowsOf(data.sizes).filter((row) => finite(row.year) !== null && finite(row.parameters) > 0);
  if (!rows.length) return [];
  const keys = [...new Set(rows.map((row) => words(row.family)))];
  const title = (row) => words(row.title).replace(/ *\([^()]*\)$/, "");
  const largest = (row) => rows.every((other) => other.family !== row.family || other.parameters <= row.parameters);
  // Families of one year stand side by side.
  const beside = (row) => {
    const same = keys.filter((family) => rows.some((other) => words(other.family) === family && other.year === row.year));
    return 0.6 * (same.indexOf(words(row.family)) / Math.max(1, same.length - 1) - (same.length > 1 ? 0.5 : 0));
  };
  const points = rows.map((row) => ({
    key: keys.indexOf(words(row.family)), x: row.year + beside(row), y: row.parameters, name: largest(row) ? `${title(row)} ${many(row.parameters)}` : "",
    text: `${words(row.name)}, ${row.year}: ${grouped(row.parameters)} parameters; ${many(row.published)} in ${words(row.source)}`,
  }));
  const years = [...new Set(rows.map((row) => row.year))];
  const node = picture({
    title: "Parameters of published models by year", caption: "Each mark is a published size, counted on our network of that shape; the largest of each family is named. The vertical axis is logarithmic.",
    summary: `${points.find((point) => point.y === Math.max(...points.map((one) => one.y))).text}.`,
    draw: (width) => drawScatter(width, { points, above: true, x: { label: "year of publication", ticks: years, format: String }, y: { label: "parameters (log axis)", log: true, format: many } }),
    table: {
      columns: [{ label: "Model" }, { label: "year", number: true }, { label: "parameters", number: true }, { label: "in the paper", number: true }, { label: "Source" }, { label: "Why they differ" }],
      rows: rows.map((row) => [words(row.name), String(row.year), grouped(row.parameters), many(row.published), words(row.source), words(row.difference)]),
    },
  }).node;
  return [node];
}
