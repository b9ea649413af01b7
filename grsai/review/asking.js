// @ts-check
// How the page asks the server, whose contract stands at the top of server.py. What is refused is an Error in the user's language.
import { spokenHere } from "../components/words.js";

const secret = new URLSearchParams(location.search).get("secret") ?? "";

/** @type {(path: string, query?: Record<string, string | number>) => string} an address with the secret */
export function addressOf(path, query = {}) {
  return `${path}?${new URLSearchParams({ secret, ...Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])) })}`;
}

/** @type {(path: string, query?: Record<string, string | number>) => Promise<any>} */
export const get = (path, query) => answered(fetch(addressOf(path, query)));

/** @type {(path: string, body?: object) => Promise<any>} `keepalive`: it arrives also when the page is closed at once */
export function post(path, body = {}) {
  const sent = JSON.stringify(body);
  return answered(fetch(addressOf(path), { method: "POST", headers: { "Content-Type": "application/json" }, body: sent, keepalive: sent.length < 60_000 }));
}

/** @param {Promise<Response>} asked */
async function answered(asked) {
  const reply = await asked;
  const body = await reply.json().catch(() => null);
  if (reply.ok && body) return body;
  throw new Error(body?.error?.[spokenHere()] ?? body?.error?.en ?? `HTTP ${reply.status}`);
}

/**
 * Calls `heard[name]` with what each event tells, from event `last` on; the browser itself connects again. `connected` is told
 * whether there is a connection.
 * @type {(last: number, heard: Record<string, (facts: any) => unknown>, connected: (is: boolean) => void) => void}
 */
export function follow(last, heard, connected) {
  const source = new EventSource(addressOf("events", { last }));
  for (const [name, hear] of Object.entries(heard)) {
    source.addEventListener(name, (event) => hear(JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  source.onopen = () => connected(true);
  source.onerror = () => connected(false);
}
