/**
 * Copies by a plan. The plan of a value names the places of its nested objects and arrays, so that copying looks at nothing else. Values of one
 * layout share a plan, and a plan that is used often becomes a function of its own (`copier.ts`).
 */
import { compileCopier, type Copier, type Layout } from './copier';

/** A layout, and how often values of it were copied. */
export interface Plan extends Layout {
  readonly plans: readonly Plan[];
  /** How often it was used; -1 if it has been compiled, or cannot be. */
  uses: number;
  copier: Copier | undefined;
}

/** How many layouts are remembered, and up to which number of keys. */
const LAYOUTS_MAX = 1_000;
const NAMED_MAX = 64;
/** After so many uses, a plan is compiled. */
const HOT = 64;
const layouts = new Map<string, Plan>();
let last = 0;

/** The plan of a value that `isCopyable` accepts. */
export function planOf(value: object): Plan {
  const keys: (string | number)[] = [];
  const plans: Plan[] = [];
  const note = (key: string | number, item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    keys.push(key);
    plans.push(planOf(item));
  };
  if (Array.isArray(value)) {
    value.forEach((item, i) => note(i, item));
    const areAlike = keys.length > 0 && keys.length === value.length && plans.every((plan) => plan === plans[0]);
    return areAlike ? layout('items', [], [plans[0]]) : layout('array', keys, plans);
  }
  const all = Object.keys(value);
  for (const key of all) note(key, (value as Record<string, unknown>)[key]);
  return layout('object', keys, plans, all);
}

/** `all`: all keys of an object, since objects with other ones are better copied by a function of their own. */
function layout(kind: Plan['kind'], keys: Plan['keys'], plans: readonly Plan[], all: readonly string[] = []): Plan {
  const plan: Plan = { kind, keys, plans, number: ++last, uses: 0, copier: undefined };
  if (keys.length > NAMED_MAX) {
    plan.uses = -1;
    return plan;
  }
  const name = JSON.stringify([kind, all, keys, plans.map(({ number }) => number)]);
  const known = layouts.get(name);
  if (known !== undefined) return known;
  if (layouts.size >= LAYOUTS_MAX) layouts.clear();
  layouts.set(name, plan);
  return plan;
}

/** A deep copy of the value that the plan was made for. */
export function copyBy(value: object, plan: Plan): object {
  const { copier } = plan;
  if (copier !== undefined) return copier(value);
  if (plan.uses !== -1 && ++plan.uses === HOT) {
    plan.uses = -1;
    plan.copier = compileCopier(plan);
  }
  return copyPlainly(value, plan);
}

function copyPlainly(value: object, { kind, keys, plans }: Plan): object {
  if (kind === 'items') {
    const array = (value as object[]).slice();
    const [items] = plans;
    for (let i = 0; i < array.length; i++) array[i] = copyPlainly(array[i], items);
    return array;
  }
  // The spread makes own properties of all names, `__proto__` included, in the order and with the hidden class of the original.
  const copy = (kind === 'array' ? (value as object[]).slice() : { ...value }) as Record<string | number, object>;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    copy[key] = copyPlainly(copy[key], plans[i]);
  }
  return copy;
}
