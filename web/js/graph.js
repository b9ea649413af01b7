// @ts-check
// Graphs as Run sends them: `{id: {class_type, inputs}}`, a link being `[id, output]`.

/** @typedef {{class_type: string, inputs: Record<string, any>}} ApiNode */
/** @typedef {Record<string, ApiNode>} ApiGraph */

const APART = 1_000_000_000; // ids from here on are those of no node on the canvas

let numbers = 0;

/** The id of a node that is on no canvas; the thousand ids from there on are its own. */
export function apart() {
  numbers += 1;
  return String(APART + 1000 * numbers);
}

/**
 * A node and what it needs: all that links lead to, backwards.
 * @type {(graph: ApiGraph, id: string, found?: ApiGraph) => ApiGraph}
 */
export function upstream(graph, id, found = {}) {
  if (id in found || !(id in graph)) return found;
  found[id] = graph[id];
  const links = Object.values(graph[id].inputs).filter((value) => Array.isArray(value) && value.length === 2);
  for (const [from] of links) upstream(graph, String(from), found);
  return found;
}

/**
 * The same nodes under ids that are those of no node on the canvas; and the new id of one of them.
 * @type {(graph: ApiGraph, id: string) => {nodes: ApiGraph, id: string}}
 */
export function away(graph, id) {
  const first = Number(apart());
  const ids = new Map(Object.keys(graph).map((each, index) => [each, String(first + index)]));
  const moved = (/** @type {any} */ value) => (Array.isArray(value) && value.length === 2 && ids.has(String(value[0])) ? [ids.get(String(value[0])), value[1]] : value);
  const nodes = Object.entries(graph).map(([each, { class_type, inputs }]) => {
    const wired = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, moved(value)]));
    return [ids.get(each), { class_type, inputs: wired }];
  });
  return { nodes: Object.fromEntries(nodes), id: ids.get(id) ?? id };
}

/**
 * A node that makes pictures, and one behind it that lets ComfyUI run it.
 * @type {(id: string, node: ApiNode) => ApiGraph}
 */
export function shown(id, node) {
  const preview = { class_type: "PreviewImage", inputs: { images: [id, 0] } };
  return node.class_type === "BatchBanana" ? { [id]: node } : { [id]: node, [apart()]: preview };
}
