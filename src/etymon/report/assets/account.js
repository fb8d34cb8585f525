/* The account: what became of every document and every second, what was left out, and how all of it can be repeated.
   Each section is a function (data, families) -> [nodes], empty where the data has nothing to show. */

import { element, freshId, list, numberEntries, rowsOf, words } from "./dom.js";
import { picture } from "./frame.js";
import { drawLineage } from "./lineage.js";
import { drawBars, drawFunnel, table } from "./marks.js";
import { bytes, count, counted, duration, finite, fixed, grouped, inWords, moment, percent } from "./numbers.js";

const SHOWN_RULES = 12;
const SHORT_LIST = 8;
const LONG_RECIPE = 40;
const SPLITS = ["train", "validation", "test"];

/** A long list is folded away under what it holds; a short one stands open. */
function folded(title, content, open) {
  return element("details", { class: "fold", open }, element("summary", null, title), content);
}

function lossRows(entries, of, tone, verb) {
  const sorted = [...entries].sort((a, b) => b[1] - a[1]);
  const [head, tail] = sorted.length > SHOWN_RULES + 1 ? [sorted.slice(0, SHOWN_RULES), sorted.slice(SHOWN_RULES)] : [sorted, []];
  const rest = tail.reduce((sum, [, value]) => sum + value, 0);
  const rows = tail.length ? [...head, [`${tail.length} other reasons`, rest]] : head;
  return rows.map(([name, value]) => ({
    label: name, value, tone, shown: count(value), share: percent(value / of),
    text: `${name}: ${counted(value, "document")} ${verb}, ${percent(value / of)} of those read`,
  }));
}

function funnelPicture(documents) {
  const of = documents.in;
  const [dropped, faults] = [numberEntries(documents.dropped), numberEntries(documents.quarantined)];
  const total = { label: "read", value: of, shown: count(of), share: percent(1), text: `${counted(of, "document")} read` };
  const left = { label: "kept", value: documents.kept, shown: count(documents.kept), share: percent(documents.kept / of), text: `${counted(documents.kept, "document")} kept, ${percent(documents.kept / of)} of those read` };
  const losses = [...lossRows(dropped, of, "dropped", "dropped"), ...lossRows(faults, of, "quarantined", "quarantined")];
  return picture({
    title: "From text read to text kept", caption: `Each bar is a reason; it begins where the one above it left off.${faults.length ? " Hatched: quarantined because of a fault in the input." : ""}`,
    summary: `${left.text}.`, draw: (width) => drawFunnel(width, { total, losses, left }),
    table: {
      columns: [{ label: "Outcome" }, { label: "Reason" }, { label: "documents", number: true }, { label: "share", number: true }],
      rows: [["read", "", grouped(of), percent(1)], ...dropped.map(([rule, n]) => ["dropped", rule, grouped(n), percent(n / of)]),
        ...faults.map(([fault, n]) => ["quarantined", fault, grouped(n), percent(n / of)]), ["kept", "", grouped(documents.kept), percent(documents.kept / of)]],
    },
  }).node;
}

function conservation(documents) {
  const sum = (entries) => entries.reduce((total, [, value]) => total + value, 0);
  const [dropped, quarantined] = [sum(numberEntries(documents.dropped)), sum(numberEntries(documents.quarantined))];
  const missing = documents.in - documents.kept - dropped - quarantined;
  const account = `${grouped(documents.in)} read = ${grouped(documents.kept)} kept + ${grouped(dropped)} dropped + ${grouped(quarantined)} quarantined.`;
  if (!missing) return element("p", null, account);
  return element("p", { class: "warning" }, `${account} The account does not close: ${grouped(missing)} documents are in none of these.`);
}

/** A rule in words, with the documents that lie closest to its threshold: what it nearly kept and nearly took. */
function nearMisses(rules) {
  const line = (rule, side, near) => element("li", null, element("strong", null, words(rule.rule)), ` ${side}, ${words(rule.column)} = ${fixed(near.value, 3)} against ${words(rule.op)} ${fixed(rule.threshold, 3)}: `,
    element("code", null, words(near.url)), " ", element("q", null, words(near.text)));
  const of = (rule) => [...rowsOf(rule.nearest_dropped).slice(0, 1).map((near) => line(rule, "nearly kept", near)), ...rowsOf(rule.nearest_kept).slice(0, 1).map((near) => line(rule, "nearly dropped", near))];
  return element("ul", { class: "named" }, rules.flatMap(of));
}

/** What each rule takes: all the documents that it holds for, and those that no other rule would have taken. */
function rulesPicture(rules, of) {
  const bars = [...rules].sort((a, b) => b.holds - a.holds).map((rule) => ({
    label: words(rule.rule), value: rule.holds, shown: count(rule.holds), share: `${count(rule.alone)} alone`,
    text: `${words(rule.rule)} (${words(rule.column)} ${words(rule.op)} ${fixed(rule.threshold, 3)}): holds for ${counted(rule.holds, "document")}, ${percent(rule.holds / of)} of those read; ${grouped(rule.alone)} of them no other rule holds for`,
  }));
  return picture({
    title: "What each rule takes", caption: "Every document is held against every rule, so that one document can count for several. Alone: what would come back if this rule were left out.",
    summary: bars.length ? `${bars[0].text}.` : "", draw: (width) => drawBars(width, { rows: bars }),
    table: {
      columns: [{ label: "Rule" }, { label: "Condition" }, { label: "holds for", number: true }, { label: "alone", number: true }, { label: "Source of the threshold" }],
      rows: rules.map((rule) => [words(rule.rule), `${words(rule.column)} ${words(rule.op)} ${fixed(rule.threshold, 3)}`, grouped(rule.holds), grouped(rule.alone), words(rule.source)]),
    },
  }).node;
}

function languageBars(rows) {
  const total = rows.reduce((sum, row) => sum + row.bytes, 0) || 1;
  const bars = [...rows].sort((a, b) => b.bytes - a.bytes).slice(0, SHOWN_RULES).map((row) => ({
    label: words(row.language), value: row.bytes, shown: bytes(row.bytes), share: percent(row.bytes / total),
    text: `${words(row.language)}: ${counted(row.documents, "document")}, ${bytes(row.bytes)}, ${percent(row.bytes / total)} of what was kept`,
  }));
  return picture({
    title: "Languages", caption: "Share of the kept text, by the language that each document is in.", summary: `${bars[0].text}.`,
    draw: (width) => drawBars(width, { rows: bars }),
    table: {
      columns: [{ label: "Language" }, { label: "documents", number: true }, { label: "bytes", number: true }],
      rows: rows.map((row) => [words(row.language), grouped(row.documents), grouped(row.bytes)]),
    },
  }).node;
}

export function corpus(data) {
  const { documents, bytes: size, named } = data.corpus ?? {};
  const rules = rowsOf(data.corpus?.rules).filter((rule) => finite(rule.holds) > 0 && finite(rule.alone) !== null && finite(rule.threshold) !== null);
  const nodes = [];
  if (finite(documents?.in) > 0 && finite(documents.kept) !== null) nodes.push(conservation(documents), funnelPicture(documents));
  if (finite(size?.in) !== null && finite(size?.kept) !== null) nodes.push(element("p", null, `${bytes(size.in)} of text were read and ${bytes(size.kept)} kept.`));
  if (rules.length) nodes.push(rulesPicture(rules, finite(documents?.in) || 1), folded("The closest on either side of each threshold", nearMisses(rules), false));
  const aside = numberEntries(data.corpus?.other_records);
  if (aside.length) nodes.push(element("p", null, `Besides, the archives hold records about the crawl itself: ${aside.map(([kind, n]) => `${grouped(n)} ${kind}`).join(", ")}.`));
  const files = rowsOf(named);
  const rows = element("ul", { class: "named" }, files.map((one) => element("li", null, element("code", null, words(one.file)), " ", words(one.why))));
  if (files.length) nodes.push(folded(`${counted(files.length, "file")} that need a look`, rows, files.length <= SHORT_LIST));
  return nodes;
}

function domainBars(rows) {
  const measure = rows.every((row) => finite(row.bytes) !== null) ? "bytes" : "documents";
  const total = rows.reduce((sum, row) => sum + (finite(row[measure]) ?? 0), 0) || 1;
  const said = (row) => (measure === "bytes" ? bytes(row.bytes) : count(row.documents));
  const bars = [...rows].filter((row) => finite(row[measure]) !== null).sort((a, b) => b[measure] - a[measure]).map((row) => ({
    label: words(row.domain), value: row[measure], shown: said(row), share: percent(row[measure] / total),
    text: `${words(row.domain)}: ${counted(row.documents, "document")}${measure === "bytes" ? `, ${bytes(row.bytes)}` : ""}, ${percent(row[measure] / total)} of what was kept`,
  }));
  return picture({
    title: "Domains", caption: `Share of the kept ${measure === "bytes" ? "text" : "documents"}.`, summary: bars.length ? bars[0].text + "." : "",
    draw: (width) => drawBars(width, { rows: bars }),
    table: {
      columns: [{ label: "Domain" }, { label: "documents", number: true }, { label: "bytes", number: true }],
      rows: rows.map((row) => [words(row.domain), grouped(row.documents), grouped(row.bytes)]),
    },
  }).node;
}

export function domains(data) {
  const order = (row) => (SPLITS.indexOf(words(row.split)) + SPLITS.length + 1) % (SPLITS.length + 1);
  const [parts, splits] = [rowsOf(data.corpus?.domains), [...rowsOf(data.corpus?.splits)].sort((a, b) => order(a) - order(b))];
  const { vocabulary, bytes_per_token: perToken } = data.tokenizer ?? {};
  const nodes = parts.length ? [domainBars(parts)] : [];
  const languages = rowsOf(data.corpus?.languages).filter((row) => finite(row.bytes) > 0);
  if (languages.length > 1) nodes.push(languageBars(languages));
  if (splits.length) {
    nodes.push(element("h3", null, "Splits"), table({
      caption: "Splits of the kept text", columns: [{ label: "Split" }, { label: "documents", number: true }, { label: "text", number: true }, { label: "tokens", number: true }],
      rows: splits.map((row) => [words(row.split), grouped(row.documents), bytes(row.bytes), count(row.tokens)]),
    }));
  }
  if (finite(vocabulary) !== null) {
    const rate = finite(perToken) === null ? "" : ` One token stands for ${fixed(perToken, 2)} bytes of text on average.`;
    nodes.push(element("p", null, `The tokenizer knows ${counted(vocabulary, "token")}.${rate}`));
  }
  return nodes;
}

export function time(data) {
  const rows = rowsOf(data.time).filter((row) => finite(row.seconds) !== null);
  if (!rows.length) return [];
  const total = rows.reduce((sum, row) => sum + row.seconds, 0) || 1;
  const share = (row) => finite(row.share) ?? row.seconds / total;
  const bars = rows.map((row) => ({
    label: words(row.phase), value: row.seconds, shown: duration(row.seconds), share: percent(share(row)),
    text: `${words(row.phase)}: ${duration(row.seconds)}, ${percent(share(row))} of the time`,
  }));
  const longest = bars.reduce((best, bar) => (bar.value > best.value ? bar : best));
  return [picture({
    title: `${duration(total)} in all`, caption: "Wall-clock time of each phase, in the order they ran.", summary: `Longest: ${longest.text}.`,
    draw: (width) => drawBars(width, { rows: bars }),
    table: {
      columns: [{ label: "Phase" }, { label: "seconds", number: true }, { label: "share", number: true }],
      rows: rows.map((row) => [words(row.phase), fixed(row.seconds, 1), percent(share(row))]),
    },
  }).node];
}

export function skipped(data) {
  const rows = rowsOf(data.skipped);
  if (!rows.length) return [];
  return [element("dl", { class: "record" }, rows.map((row) => element("div", null, element("dt", null, words(row.what)), element("dd", null, words(row.why)))))];
}

function startsTable(starts) {
  return table({
    caption: "Every start of the run, and how it ended", columns: [{ label: "Started" }, { label: "Ended" }],
    rows: starts.map((row) => [moment(row.time), words(row.ended)]),
  });
}

function trainingsTable(trainings, families) {
  return table({
    caption: "The trainings: where each went on after a stop", columns: [{ label: "Model" }, { label: "Steps", number: true }, { label: "Went on from step" }, { label: "Other numerics" }],
    rows: trainings.map((row) => [
      families(row.family).name, count(row.steps), list(row.resumed).map(count).join(", ") || "never stopped",
      rowsOf(row.changes).map((change) => `from step ${count(change.step)}: ${words(change.text)}`).join("; ") || (row.timed ? "none" : "none: the bits are those of a training that was never stopped"),
    ]),
  });
}

/** What the run went through, and what a reader can check: starts, resumes, damage, and hashes. */
export function keeping(data, families) {
  const part = data.keeping ?? {};
  const [starts, trainings, damaged] = [rowsOf(part.starts), rowsOf(part.trainings), rowsOf(part.damaged)];
  if (!starts.length) return [];
  const { artifacts, files, bytes, blocks } = part.hashed ?? {};
  const nodes = [element("p", null,
    `Started ${starts.length === 1 ? "once" : `${count(starts.length)} times`}. ${counted(artifacts, "artifact")} with ${counted(files, "file")} and ${counted(bytes, "byte")} lie behind this report; each of the ${counted(blocks, "block")} has a hash of its own that every read compares. `,
    element("code", null, "etymon verify"), " reads them all.")];
  if (trainings.length) nodes.push(trainingsTable(trainings, families));
  if (damaged.length) nodes.push(table({
    caption: "Found damaged, and left out", columns: [{ label: "When" }, { label: "Damaged, and left out" }, { label: "Why" }],
    rows: damaged.map((row) => [moment(row.time), words(row.what), words(row.why)]),
  }));
  nodes.push(folded(`The starts (${count(starts.length)})`, startsTable(starts), starts.length > 1 && starts.length <= SHORT_LIST));
  return nodes;
}

export function events(data) {
  const rows = rowsOf(data.events);
  if (!rows.length) return [];
  const log = table({
    caption: "The journal of the run", columns: [{ label: "When" }, { label: "Event" }, { label: "What" }],
    rows: rows.map((row) => [moment(row.time), words(row.event), words(row.text)]),
  });
  return [folded(`The journal of the run (${count(rows.length)})`, log, rows.length <= SHORT_LIST)];
}

export function lineage(data) {
  const nodes = rowsOf(data.lineage).map((row) => {
    const [id, kind, name] = [words(row.id), words(row.kind), words(row.name)];
    return { id, kind, name: name || kind, inputs: list(row.inputs).map(words), text: `${kind} ${name} ${id}` };
  });
  if (!nodes.length) return [];
  const short = (id) => id.slice(0, 12);
  return [picture({
    title: "What was made from what", caption: "Each box is an artifact: its kind, its name and the start of its id, a hash of its recipe and its inputs. A line is left out where a longer way shows the same; the table has all.",
    summary: `${counted(nodes.length, "artifact")}; each is made from those it is joined to on the left, or above.`, draw: (width) => drawLineage(width, { nodes }),
    table: {
      columns: [{ label: "Kind" }, { label: "Name" }, { label: "Id", code: true }, { label: "Made from", code: true }],
      rows: nodes.map((node) => [node.kind, node.name, node.id, node.inputs.map(short).join(", ")]),
    },
  }).node];
}

/** The first line of the help; what follows it (type, limits, default) stays folded. */
function helpOf(row) {
  const lines = words(row.help).split("\n").map((line) => line.trim()).filter((line, index) => line && !(index === 0 && line === words(row.key)));
  if (lines.length < 2) return lines[0] ?? "";
  return element("details", { class: "help" }, element("summary", null, lines[0]), lines.slice(1).join("\n"));
}

function recipeRow(row) {
  const value = `${words(row.value)}${row.unit ? ` ${words(row.unit)}` : ""}`;
  const usual = row.default === true && element("span", { class: "muted" }, "default");
  const why = words(row.reason) ? element("div", null, words(row.reason), " ", usual || null) : usual || "";
  return [{ text: element("code", null, words(row.key)), detail: helpOf(row) }, value, why];
}

function recipeTable(settings) {
  const view = table({ caption: "Every setting with its value and the reason for it", className: "stacked", columns: [{ label: "Setting" }, { label: "Value", code: true }, { label: "Why" }], rows: settings.map(recipeRow) });
  const lines = [...view.querySelectorAll("tbody tr")];
  const haystacks = settings.map((row) => `${words(row.key)} ${words(row.value)} ${words(row.help)} ${words(row.reason)}`.toLowerCase());
  const [search, changed] = [element("input", { type: "search", id: freshId("search"), autocomplete: "off", spellcheck: "false" }), element("input", { type: "checkbox" })];
  const said = element("output", { class: "said", "aria-live": "polite" });
  changed.checked = settings.length > LONG_RECIPE && settings.some((row) => row.default !== true);
  const narrow = () => {
    const wanted = search.value.trim().toLowerCase().split(/\s+/);
    lines.forEach((line, index) => {
      line.hidden = !wanted.every((word) => haystacks[index].includes(word)) || (changed.checked && settings[index].default === true);
    });
    said.textContent = `${lines.filter((line) => !line.hidden).length} of ${counted(lines.length, "setting")}`;
  };
  search.addEventListener("input", narrow);
  changed.addEventListener("change", narrow);
  narrow();
  const tools = element("div", { class: "row-of-tools search" }, element("label", { for: search.id }, "Search the settings"), search,
    settings.some((row) => row.default === true) && element("label", null, changed, " only what differs from the default"), said);
  return [tools, view];
}

export function recipe(data) {
  const settings = rowsOf(data.recipe);
  const nodes = settings.length ? recipeTable(settings) : [];
  if (words(data.recipe_toml)) nodes.push(folded("The whole recipe as a TOML file", element("pre", { tabindex: 0 }, element("code", null, words(data.recipe_toml))), false));
  return nodes;
}

/** Results that were measured alike stand together: only these may be compared. */
export function protocols(data, families) {
  const alike = new Map();
  for (const row of rowsOf(data.protocols)) {
    const protocol = words(row.protocol);
    alike.set(protocol, [...(alike.get(protocol) ?? []), families(row.name).name]);
  }
  if (!alike.size) return [];
  return [element("dl", { class: "record" }, [...alike].map(([protocol, names]) =>
    element("div", null, element("dt", null, inWords(names)), element("dd", null, protocol))))];
}
