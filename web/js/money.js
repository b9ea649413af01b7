// @ts-check
// What things cost: the catalogue of the service and the currency that the user chose.
import { get } from "./routes.js";
import { t } from "./texts.js";

/** @typedef {{id: string, credits: number | null, sizes: string[], closed: boolean, maintenance: boolean}} Model */
/** @typedef {{sign: string, per_credit: number, digits: number}} Unit */
/** @typedef {{models: Model[], default: string, most_seed: number, currency: string, units: Record<string, Unit>, offline: boolean}} Catalogue */

const ROUNDED = 0.1; // from here on a price has two digits

/** @type {Set<() => unknown>} */
const listeners = new Set();
/** @type {Catalogue | null} */
let catalogue = null;

/** Asks for the catalogue again, as after a change of host or currency. */
export async function refreshPrices() {
  catalogue = await get("catalogue");
  for (const listener of listeners) listener();
}

/**
 * Calls `listener()` whenever prices may have changed; returns the function that ends it.
 * @param {() => unknown} listener
 */
export function onPrices(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const isOffline = () => Boolean(catalogue?.offline);

/** A seed that a node takes. */
export async function anySeed() {
  if (!catalogue) await refreshPrices();
  return Math.floor(Math.random() * (catalogue?.most_seed ?? 0));
}

/**
 * A model of the catalogue, with its price and what the service says of it; undefined for one that is not known.
 * @param {string} id
 */
export function modelOf(id) {
  return catalogue?.models.find((each) => each.id === id);
}

/**
 * Yuan in credits.
 * @param {number} yuan
 */
export function fromYuan(yuan) {
  return yuan / (catalogue?.units.cny.per_credit ?? 1);
}

/**
 * "¥0.31", "¥0.044", "≈$0.0062" or "440 credits", as the user chose: more than two digits only where they say something.
 * @param {number} credits
 */
export function money(credits) {
  const unit = chosenUnit();
  if (!unit || unit.per_credit === 1) return inCredits(credits);
  const amount = credits * unit.per_credit;
  const [short, exact] = [amount.toFixed(2), amount.toFixed(unit.digits)];
  return unit.sign + (Number(short) === Number(exact) ? short : exact.replace(/0+$/, ""));
}

/**
 * Both: "¥0.044 · 440 credits".
 * @param {number} credits
 */
export function moneyAndCredits(credits) {
  const amount = money(credits);
  const whole = inCredits(credits);
  return amount === whole ? whole : `${amount} · ${whole}`;
}

/**
 * The price of several pictures: "¥0.70", where two digits do not round it away.
 * @param {number} credits
 */
export function total(credits) {
  const unit = chosenUnit();
  return unit && unit.per_credit !== 1 && credits * unit.per_credit >= ROUNDED ? balance(credits) : money(credits);
}

/**
 * A balance needs no thousandths: "¥98.12".
 * @param {number} credits
 */
export function balance(credits) {
  const unit = chosenUnit();
  if (!unit || unit.per_credit === 1) return inCredits(credits);
  const amount = (credits * unit.per_credit).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${unit.sign}${amount}`;
}

/** @param {number} credits */
export function inCredits(credits) {
  return t("money.credits", { credits: Math.round(credits).toLocaleString("en") });
}

function chosenUnit() {
  return catalogue?.units[catalogue.currency];
}
