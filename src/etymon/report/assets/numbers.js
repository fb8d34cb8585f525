/* Numbers as people write them. Every function takes anything and gives text; what is not a number becomes a dash. */

export const NO_BREAK = "\u00a0";
export const UNIT = "bits per byte";
export const PSEUDO = "pseudo-likelihood";
export const DASH = "\u2013";
const MINUS = "\u2212";
const PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];

// No quantity of this page comes near it; beyond it, arithmetic on pixels would overflow.
const LARGEST = 1e60;

/** The value if it is a number that can be drawn, else null: untrusted data never reaches arithmetic unchecked. */
export function finite(value) {
  return typeof value === "number" && Math.abs(value) <= LARGEST ? value : null;
}

/** A fixed number of decimals, with a true minus sign. */
export function fixed(value, decimals = 3) {
  return finite(value) === null ? DASH : value.toFixed(decimals).replace(/^-(?=.*[1-9])/, MINUS).replace(/^-/, "");
}

/** Three significant digits with the prefix that fits: 1234567 -> "1.23 M". `unit` follows the prefix ("TFLOP"). */
export function prefixed(value, unit = "") {
  if (finite(value) === null) return DASH;
  if (value < 0) return MINUS + prefixed(-value, unit);
  const rounded = Number(value.toPrecision(3));
  const power = rounded < 1000 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log10(rounded) / 3 + 1e-9));
  const shown = String(Number((rounded / 1000 ** power).toPrecision(3)));
  const suffix = PREFIXES[power] + unit;
  return suffix ? shown + NO_BREAK + suffix : shown;
}

/** Groups of three digits: 1234567 -> "1,234,567". */
export function grouped(value) {
  if (finite(value) === null) return DASH;
  const digits = Math.abs(Math.round(value)).toLocaleString("en-US", { useGrouping: true });
  return value < 0 ? MINUS + digits : digits;
}

/** A count: exact below a million, then prefixed. */
export function count(value) {
  return finite(value) !== null && Math.abs(value) < 1e6 ? grouped(value) : prefixed(value);
}

/** A count with its noun, in the plural where it is not one: (1, "document") -> "1 document". */
export function counted(value, noun) {
  return count(value) + NO_BREAK + noun + (value === 1 ? "" : "s");
}

/** Work in its own kind: FLOP takes its prefix as physicists write it, other kinds keep their words. */
export function work(value, kind = "FLOP") {
  if (finite(value) === null) return DASH;
  return kind === "FLOP" ? prefixed(value, "FLOP") : prefixed(value) + " " + kind;
}

export function bytes(value) {
  return finite(value) === null ? DASH : prefixed(value, Math.abs(value) < 999.5 ? "bytes" : "B");
}

export function percent(share) {
  if (finite(share) === null) return DASH;
  const value = share * 100;
  if (value > 0 && value < 0.05) return `<0.1${NO_BREAK}%`;
  return fixed(value, value === 0 || Math.abs(value) >= 9.95 ? 0 : 1) + NO_BREAK + "%";
}

/** A span of time with its two leading units: 4325 -> "1 h 12 min". */
export function duration(seconds) {
  if (finite(seconds) === null) return DASH;
  if (seconds < 0) return MINUS + duration(-seconds);
  if (seconds < 59.95) return Number(seconds.toPrecision(seconds < 9.95 ? 2 : 3)) + NO_BREAK + "s";
  const whole = Math.round(seconds);
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([size]) => whole >= size);
  const [size, name] = units[first];
  const [nextSize, nextName] = units[first + 1];
  const rest = Math.floor((whole % size) / nextSize);
  const lead = Math.floor(whole / size) + NO_BREAK + name;
  return rest ? lead + NO_BREAK + rest + NO_BREAK + nextName : lead;
}

/** A moment: ISO text and seconds since 1970 become a date and a time of day, smaller numbers are spans of time. */
export function moment(value) {
  if (typeof value === "string") return value.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?/, "$1 $2").replace(/(Z|\+00:00)$/, " UTC");
  if (finite(value) === null) return DASH;
  if (value < 1e9 || value > 1e11) return duration(value);
  return new Date(value * 1000).toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/** A day for a reader: "2026-01-14T09:42:10Z" -> "14 January 2026, 09:42 UTC". */
export function day(value) {
  const shown = moment(value);
  const parts = /^(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d)(?::\d\d)?(.*)$/.exec(shown);
  const month = MONTHS[Number(parts?.[2]) - 1];
  return month ? `${Number(parts[3])} ${month} ${parts[1]}, ${parts[4]}${parts[5]}` : shown;
}

/** "1.623 (1.601 to 1.645)": a mean and its interval. */
export function withInterval(result, decimals = 3) {
  if (finite(result?.mean) === null) return DASH;
  const mean = fixed(result.mean, decimals);
  if (finite(result.low) === null || finite(result.high) === null) return mean;
  return `${mean} (${fixed(result.low, decimals)} to ${fixed(result.high, decimals)})`;
}

/** ["a", "b", "c"] -> "a, b and c". */
export function inWords(names) {
  return names.length < 2 ? names.join("") : names.slice(0, -1).join(", ") + " and " + names.at(-1);
}
