/* The picture of what was made from what: artifacts as boxes, each joined to those it was made from. */

import { drawn } from "./dom.js";
import { NARROW, canvas, label, shortened } from "./marks.js";

function depths(nodes) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const depth = new Map();
  const visit = (node, path) => {
    if (depth.has(node.id)) return depth.get(node.id);
    if (path.has(node.id)) return 0;
    const above = node.inputs.filter((id) => known.has(id)).map((id) => visit(known.get(id), new Set([...path, node.id])) + 1);
    depth.set(node.id, Math.max(0, ...above));
    return depth.get(node.id);
  };
  nodes.forEach((node) => visit(node, new Set()));
  return depth;
}

/** The inputs of each node that no other of its inputs already descends from: the lines that need drawing. */
function nearestInputs(nodes, depth) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const ancestors = (id, found = new Set()) => {
    for (const input of known.get(id)?.inputs ?? []) {
      if (!known.has(input) || found.has(input)) continue;
      found.add(input);
      ancestors(input, found);
    }
    return found;
  };
  const above = new Map(nodes.map((node) => [node.id, ancestors(node.id)]));
  return (node) => node.inputs.filter((id) => known.has(id) && depth.get(id) < depth.get(node.id)
    && !node.inputs.some((other) => other !== id && above.get(other)?.has(id)));
}

const BOX = { height: 58, gap: 16, gutter: 56 };

/** Boxes in columns, the origin leftmost; lines run from right edge to left edge. */
function columnLayout(width, byColumn) {
  const pitch = Math.max(156, Math.min(240, (width + 30) / byColumn.length));
  const tall = Math.max(...byColumn.map((column) => column.length)) * (BOX.height + BOX.gap) + 4;
  const place = new Map();
  byColumn.forEach((column, index) => column.forEach((node, row) => {
    const top = (tall - column.length * (BOX.height + BOX.gap) + BOX.gap) / 2;
    place.set(node.id, { x: index * pitch + 2, y: top + row * (BOX.height + BOX.gap) });
  }));
  const boxWidth = pitch - 34;
  const path = (from, to) => {
    const [x1, y1, x2, y2] = [from.x + boxWidth, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
    return `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;
  };
  return { place, path, boxWidth, width: Math.max(width, byColumn.length * pitch - 30), height: tall };
}

/** Boxes one under the other, the origin topmost, for narrow pages; lines are arcs at their left. */
function listLayout(width, byColumn) {
  const nodes = byColumn.flat();
  const place = new Map(nodes.map((node, index) => [node.id, { x: BOX.gutter, y: 2 + index * (BOX.height + 10) }]));
  const path = (from, to) => {
    const [y1, y2] = [from.y + BOX.height / 2 + 6, to.y + BOX.height / 2 - 6];
    const bend = Math.max(2, BOX.gutter - 12 - (y2 - y1) / 9);
    return `M${BOX.gutter} ${y1}C${bend} ${y1} ${bend} ${y2} ${BOX.gutter} ${y2}`;
  };
  return { place, path, boxWidth: width - BOX.gutter - 2, width, height: nodes.length * (BOX.height + 10) };
}

/** What was made from what. nodes: [{ id, kind, name, inputs: [id], text }]. */
export function drawLineage(width, { nodes }) {
  const depth = depths(nodes);
  const nearest = nearestInputs(nodes, depth);
  const columns = Array.from({ length: Math.max(0, ...depth.values()) + 1 }, (_, column) => nodes.filter((node) => depth.get(node.id) === column))
    .filter((column) => column.length);
  const layout = (width < NARROW ? listLayout : columnLayout)(width, columns);
  const edges = nodes.flatMap((node) => nearest(node).map((id) =>
    drawn("path", { class: "edge", d: layout.path(layout.place.get(id), layout.place.get(node.id)) })));
  const points = [];
  const boxes = columns.flat().map((node) => {
    const { x, y } = layout.place.get(node.id);
    const box = drawn("g", { class: "node" },
      drawn("rect", { x, y, width: layout.boxWidth, height: BOX.height, rx: 5 }), label(x + 12, y + 19, node.kind, { class: "muted" }),
      label(x + 12, y + 36, shortened(node.name, layout.boxWidth - 22, 14), { class: "row" }), label(x + 12, y + 51, node.id.slice(0, 12), { class: "id" }));
    points.push({ x: x + layout.boxWidth / 2, y: y + BOX.height / 2, series: 0, text: node.text, node: box });
    return box;
  });
  return { node: canvas(layout.width, layout.height, [...edges, ...boxes]), points, flow: "rows" };
}
