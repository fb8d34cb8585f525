/* Balance: a text as it was read, as it was kept and as networks were trained on it, side by side. */

import { element, list, numberEntries, rowsOf, words } from "./dom.js";
import { choices, picture } from "./frame.js";
import { drawIntervals, table } from "./marks.js";
import { bytes, counted, finite, fixed, grouped, inWords, percent, withInterval } from "./numbers.js";

const MOST_SHARES = 12;
const SHARES = [["domains", "Domains"], ["genres", "Genres"], ["languages", "Languages"]];

const hundredths = (share) => (finite(share) === null ? "not measured" : `${fixed(100 * share, 2)} %`);
const titleOf = (side) => words(side.title) || words(side.side) || "text";

/** A picture with a row for each name and a mark for each side; `valueOf(side, name)` gives { mean, low, high, shown }. */
function besides(sides, names, { title, caption, unit, valueOf }) {
  const found = names.map((name) => ({
    label: name,
    marks: sides.flatMap((side, key) => {
      const value = valueOf(side, name);
      return finite(value?.mean) === null ? [] : [{ ...value, key, text: `${name}, ${titleOf(side)}: ${value.shown}` }];
    }),
  })).filter((row) => row.marks.length);
  return {
    title, caption, summary: found.length ? `${found[0].marks.at(-1).text}.` : "",
    legend: sides.map((side, key) => ({ name: titleOf(side), key })),
    draw: (width) => drawIntervals(width, { rows: found, unit }),
    table: {
      columns: [{ label: "" }, ...sides.map((side) => ({ label: titleOf(side), number: true }))],
      rows: found.map((row) => [row.label, ...sides.map((side) => valueOf(side, row.label)?.shown ?? "not measured")]),
    },
  };
}

function sharesSpec(sides, [kind, title]) {
  const named = new Map();
  for (const side of sides) for (const [name, share] of numberEntries(side[kind])) named.set(name, Math.max(named.get(name) ?? 0, share));
  const names = [...named].sort((a, b) => b[1] - a[1]).slice(0, MOST_SHARES).map(([name]) => name);
  const more = named.size - names.length;
  return besides(sides, names, {
    title, unit: sides.some((side) => rowsOf(side.mixture).length) && kind === "domains" ? "percent of bytes, as trained of tokens" : "percent of bytes",
    caption: `Share of the text${more > 0 ? `; ${counted(more, "smaller one")} left out` : ""}.`,
    valueOf: (side, name) => {
      const share = side[kind] && (finite(side[kind][name]) ?? 0);
      return share === undefined || share === null ? null : { mean: 100 * share, shown: percent(share) };
    },
  });
}

function measuredSpec(sides, option) {
  const rate = (row) => ({ ...row, shown: withInterval(row, 1) });
  if (option.value === "phenomena") {
    const names = [...new Set(sides.flatMap((side) => Object.keys(side.sample?.phenomena ?? {})))];
    return besides(sides, names, {
      title: "Phenomena of language", caption: "Counted by patterns, with 95 % intervals over documents; the limits below say what they cannot tell.",
      unit: "per 1,000 words",
      valueOf: (side, name) => {
        const row = side.sample?.phenomena?.[name];
        return finite(row?.per_1000_words) === null ? null : rate({ mean: row.per_1000_words, low: row.low, high: row.high });
      },
    });
  }
  const of = (side) => rowsOf(side.audit).filter((row) => words(row.group).startsWith(`${option.value}/`));
  const names = [...new Set(sides.flatMap(of).map((row) => words(row.group).slice(option.value.length + 1)))];
  return besides(sides, names, {
    title: `Who and what is spoken of: ${option.label.toLowerCase()}`, caption: "Words of a short list, in English, with 95 % intervals over documents.",
    unit: "mentions per million words",
    valueOf: (side, name) => {
      const row = of(side).find((each) => words(each.group) === `${option.value}/${name}`);
      return finite(row?.mean) === null ? null : rate(row);
    },
  });
}

/** Pictures that share a place, one at a time. */
function oneOf(legend, options, specOf) {
  const { node, show } = picture(specOf(options[0]));
  const pick = (value) => show(specOf(options.find((option) => option.value === value)));
  return options.length > 1 ? [choices(legend, options, options[0].value, pick), node] : [node];
}

function looked(side) {
  const sample = side.sample;
  const of = finite(side.documents) === null ? "" : ` of ${grouped(side.documents)}`;
  if (!finite(sample?.documents)) return `${titleOf(side)}: not looked at word by word${words(side.why) ? ` (${words(side.why)})` : ""}`;
  return `${titleOf(side)}: ${grouped(sample.documents)}${of} documents, ${bytes(sample.bytes)}`;
}

function middle(lengths) {
  const rows = rowsOf(lengths);
  const half = rows.reduce((sum, row) => sum + row.documents, 0) / 2;
  let passed = 0;
  const row = rows.find((each) => (passed += each.documents) >= half);
  return row ? `${bytes(row.bytes)} to ${bytes(2 * row.bytes)}` : "";
}

function textTable(sides) {
  const rows = [
    ["documents looked at", (sample) => grouped(sample.documents)],
    ["length of the middle document", (sample) => middle(sample.lengths)],
    ["different words per 1,000", (sample) => fixed(1000 * sample.vocabulary?.types_per_word, 1)],
    ["of them used once", (sample) => percent(sample.vocabulary?.hapax_share)],
    ["passages of 13 words that are new", (sample) => percent(sample.novelty?.new_share)],
  ];
  return table({
    caption: "Lengths, vocabulary and novelty", columns: [{ label: "Figure" }, ...sides.map((side) => ({ label: titleOf(side), number: true }))],
    rows: rows.map(([name, said]) => [name, ...sides.map((side) => said(side.sample))]),
  });
}

function mixtureTable(side) {
  return table({
    caption: `Mixture, ${titleOf(side)}`,
    columns: [{ label: "Domain" }, { label: "asked for", number: true }, { label: "realised", number: true }, { label: "passes over it", number: true }],
    rows: rowsOf(side.mixture).map((row) => [words(row.domain), hundredths(row.asked), hundredths(row.share), fixed(row.epochs, 2)]),
  });
}

export function balance(data) {
  const sides = rowsOf(data.balance?.sides);
  const kinds = SHARES.filter(([kind]) => sides.some((side) => numberEntries(side[kind]).length > 0)).map(([value, label]) => ({ value, label }));
  if (!sides.length || !kinds.length) return [];
  const sampled = sides.filter((side) => finite(side.sample?.documents) > 0);
  const nodes = oneOf("Shares of", kinds, ({ value, label }) => sharesSpec(sides, [value, label]));
  for (const side of sides.filter((each) => rowsOf(each.mixture).length)) nodes.push(element("h3", null, `Mixture, ${titleOf(side)}`), mixtureTable(side));
  nodes.push(element("p", null, `Looked at word by word, chosen by a hash: ${inWords(sides.map(looked))}.`));
  if (sampled.length) {
    nodes.push(element("h3", null, "Lengths, vocabulary, novelty"), textTable(sampled));
    const groups = [...new Set(sampled.flatMap((side) => rowsOf(side.audit)).map((row) => words(row.group).split("/")[0]).filter(Boolean))];
    const options = ["phenomena", ...groups].map((value) => ({ value, label: value[0].toUpperCase() + value.slice(1) }));
    nodes.push(...oneOf("Counted", options, (option) => measuredSpec(sampled, option)));
  }
  const limits = list(data.balance.limits).map(words).filter(Boolean);
  if (limits.length) nodes.push(element("h3", null, "What these figures cannot tell"), element("ul", null, limits.map((limit) => element("li", null, limit))));
  return nodes;
}
