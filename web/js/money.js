// What things cost: the catalogue of the service and the currency that the user chose.
import { get } from "./routes.js";
import { t } from "./texts.js";

const listeners = new Set();
let catalogue = null;

/** Asks for the catalogue again, as after a change of host or currency. */
export async function refreshPrices() {
  catalogue = await get("catalogue");
  for (const listener of listeners) listener();
}

/** Calls `listener()` whenever prices may have changed; returns the function that ends it. */
export function onPrices(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const isOffline = () => Boolean(catalogue?.offline);

/** Credits a picture, or null for a model that is not known. */
export function priceOf(model) {
  return catalogue?.models.find((each) => each.id === model)?.credits ?? null;
}

/** "¥0.31", "¥0.044", "≈$0.0062" or "440 credits", as the user chose: more than two digits only where they say something. */
export function money(credits) {
  const unit = catalogue?.units[catalogue.currency];
  if (!unit || unit.per_credit === 1) return inCredits(credits);
  const amount = credits * unit.per_credit;
  const [short, exact] = [amount.toFixed(2), amount.toFixed(unit.digits)];
  return unit.sign + (Number(short) === Number(exact) ? short : exact);
}

/** Both: "¥0.044 · 440 credits". */
export function moneyAndCredits(credits) {
  const amount = money(credits);
  const whole = inCredits(credits);
  return amount === whole ? whole : `${amount} · ${whole}`;
}

/** A balance needs no thousandths: "¥98.12". */
export function balance(credits) {
  const unit = catalogue?.units[catalogue.currency];
  if (!unit || unit.per_credit === 1) return inCredits(credits);
  const amount = (credits * unit.per_credit).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${unit.sign}${amount}`;
}

export function inCredits(credits) {
  return t("money.credits", { credits: Math.round(credits).toLocaleString("en") });
}
