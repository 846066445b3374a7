/**
 * Copies by a plan. The plan of a value names the places of its nested objects and arrays, so that copying looks at nothing else. Values of one
 * shape share a plan.
 */

/** `null`: nothing is nested. Otherwise the keys or indices of what is, each with its own plan. */
type Plan = { readonly keys: readonly string[] | readonly number[]; readonly plans: readonly Plan[] } | null;

/** How many shapes are remembered. */
const SHAPES_MAX = 1_000;
const shapes = new Map<string, Plan>();

/** The plan of a value that `isCopyable` accepts. */
export function planOf(value: object): Plan {
  const plan = planned(value);
  if (plan === null) return null;
  const name = JSON.stringify(plan);
  const known = shapes.get(name);
  if (known !== undefined) return known;
  if (shapes.size >= SHAPES_MAX) shapes.clear();
  shapes.set(name, plan);
  return plan;
}

function planned(value: object): Plan {
  const keys: (string | number)[] = [];
  const plans: Plan[] = [];
  const note = (key: string | number, item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    keys.push(key);
    plans.push(planned(item));
  };
  if (Array.isArray(value)) value.forEach((item, i) => note(i, item));
  else for (const key of Object.keys(value)) note(key, (value as Record<string, unknown>)[key]);
  return keys.length === 0 ? null : { keys: keys as string[], plans };
}

/** A deep copy of the value that the plan was made for. */
export function copyBy(value: object, plan: Plan): object {
  // The spread makes own properties of all names, `__proto__` included, in the order and with the hidden class of the original.
  const copy = (Array.isArray(value) ? value.slice() : { ...value }) as Record<string | number, object>;
  if (plan === null) return copy;
  const { keys, plans } = plan;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    copy[key] = copyBy(copy[key], plans[i]);
  }
  return copy;
}

export type { Plan };
