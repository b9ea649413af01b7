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
 * A node that makes pictures, and one behind it that lets ComfyUI run it.
 * @type {(id: string, node: ApiNode) => ApiGraph}
 */
export function shown(id, node) {
  const preview = { class_type: "PreviewImage", inputs: { images: [id, 0] } };
  return node.class_type === "BatchBanana" ? { [id]: node } : { [id]: node, [apart()]: preview };
}
