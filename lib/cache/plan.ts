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
/** The last plans of objects, by their numbers of keys. The next object mostly has one of them, which is found out faster than its name. */
const recent = new Map<number, readonly Plan[]>();
const RECENT_MAX = 3;
let last = 0;
const NONE: readonly never[] = [];

/** The plan of a value that `isCopyable` accepts. */
export function planOf(value: object): Plan {
  return Array.isArray(value) ? planOfArray(value) : planOfObject(value as Record<string, unknown>);
}

function planOfObject(value: Readonly<Record<string, unknown>>): Plan {
  const all = Object.keys(value);
  const former = recent.get(all.length) ?? NONE;
  for (const plan of former) if (objectFits(value, plan)) return plan;
  const keys: string[] = [];
  const plans: Plan[] = [];
  for (const key of all) {
    const item = value[key];
    if (!isNested(item)) continue;
    keys.push(key);
    plans.push(planOf(item));
  }
  const plan = layout('object', all, keys, plans);
  recent.set(all.length, [plan, ...former.slice(0, RECENT_MAX - 1)]);
  return plan;
}

function planOfArray(value: readonly unknown[]): Plan {
  const keys: number[] = [];
  const plans: Plan[] = [];
  value.forEach((item, i) => {
    if (!isNested(item)) return;
    keys.push(i);
    plans.push(planOf(item));
  });
  const areAlike = keys.length > 0 && keys.length === value.length && plans.every((plan) => plan === plans[0]);
  return areAlike ? layout('items', NONE, NONE, [plans[0]]) : layout('array', NONE, keys, plans);
}

function isNested(item: unknown): item is object {
  return typeof item === 'object' && item !== null;
}

/** Whether the value has this plan. */
function fits(value: object, plan: Plan): boolean {
  if (!Array.isArray(value)) return plan.kind === 'object' && objectFits(value as Record<string, unknown>, plan);
  if (plan.kind === 'object') return false;
  if (plan.kind === 'array') return arrayFits(value, plan);
  return value.length > 0 && value.every((item) => isNested(item) && fits(item, plan.plans[0]));
}

function objectFits(value: Readonly<Record<string, unknown>>, { all, keys, plans }: Plan): boolean {
  const own = Object.keys(value);
  if (own.length !== all.length) return false;
  let nested = 0;
  for (let i = 0; i < own.length; i++) {
    const key = own[i];
    if (key !== all[i]) return false;
    const item = value[key];
    if (!isNested(item)) continue;
    if (key !== keys[nested] || !fits(item, plans[nested])) return false;
    nested++;
  }
  return nested === keys.length;
}

function arrayFits(value: readonly unknown[], { keys, plans }: Plan): boolean {
  let nested = 0;
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (!isNested(item)) continue;
    if (i !== keys[nested] || !fits(item, plans[nested])) return false;
    nested++;
  }
  return nested === keys.length;
}

function layout(kind: Plan['kind'], all: Plan['all'], keys: Plan['keys'], plans: readonly Plan[]): Plan {
  const plan: Plan = { kind, all, keys, plans, number: ++last, uses: 0, copier: undefined };
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
