// @ts-check
// Graphs as Run sends them: `{id: {class_type, inputs}}`, a link being `[id, output]`.

/** @typedef {{class_type: string, inputs: Record<string, any>}} ApiNode */
/** @typedef {Record<string, ApiNode>} ApiGraph */

export const APART = 1_000_000_000; // ids from here on are those of no node on the canvas

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
  return node.class_type === "BatchBanana" ? { [id]: node } : { [id]: node, [String(APART + 1)]: preview };
}
