/**
 * Copies by a plan. The plan of a value names the places of its nested objects and arrays, so that copying looks at nothing else. Values of one
 * shape share a plan.
 */

/** What is nested in a value of this shape: the items of an array, all of one shape, or what is under these keys or indices. */
interface Nesting {
  readonly each: boolean;
  readonly keys: readonly string[] | readonly number[];
  /** One for each key, or one for all items. */
  readonly plans: readonly Plan[];
  /** Names the plan in those of the values around it. */
  readonly number: number;
}

/** `null`: nothing is nested. */
export type Plan = Nesting | null;

/** How many shapes are remembered, and up to which number of nested values. */
const SHAPES_MAX = 1_000;
const NAMED_MAX = 64;
const shapes = new Map<string, Nesting>();
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
  const isArray = Array.isArray(value);
  if (isArray) value.forEach((item, i) => note(i, item));
  else for (const key of Object.keys(value)) note(key, (value as Record<string, unknown>)[key]);
  if (keys.length === 0) return null;
  const isEach = isArray && keys.length === value.length && plans.every((plan) => plan === plans[0]);
  return isEach ? shape(true, [], [plans[0]]) : shape(false, keys as string[], plans);
}

function shape(each: boolean, keys: Nesting['keys'], plans: readonly Plan[]): Nesting {
  if (keys.length > NAMED_MAX) return { each, keys, plans, number: ++last };
  const name = JSON.stringify([keys, plans.map((plan) => plan?.number ?? 0)]);
  let known = shapes.get(name);
  if (known === undefined) {
    if (shapes.size >= SHAPES_MAX) shapes.clear();
    shapes.set(name, (known = { each, keys, plans, number: ++last }));
  }
  return known;
}

/** A deep copy of the value that the plan was made for. */
export function copyBy(value: object, plan: Plan): object {
  if (Array.isArray(value)) {
    const array = value.slice() as object[];
    if (plan === null) return array;
    if (!plan.each) return fill(array as unknown as Record<string, object>, plan);
    const [items] = plan.plans;
    for (let i = 0; i < array.length; i++) array[i] = copyBy(array[i], items);
    return array;
  }
  // The spread makes own properties of all names, `__proto__` included, in the order and with the hidden class of the original.
  const copy = { ...(value as Record<string, object>) };
  return plan === null ? copy : fill(copy, plan);
}

function fill(copy: Record<string | number, object>, { keys, plans }: Nesting): object {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    copy[key] = copyBy(copy[key], plans[i]);
  }
  return copy;
}
