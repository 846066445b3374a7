/**
 * Makes a function from the plan of a copy. Code that all layouts share is slow for each of them: V8 keeps what it learns about an object's layout by
 * the place in the code, up to four layouts for each. A function of its own copies two to eight times as fast, since it writes objects as literals.
 */
/** How the values of one layout are copied. */
export interface Layout {
  /** An object; an array whose items are all of one layout; an array in which only these items are nested. */
  readonly kind: 'object' | 'items' | 'array';
  /** All keys of an object, in their order. */
  readonly all: readonly string[];
  /** What is nested: keys or indices. None for `items`. */
  readonly keys: readonly (string | number)[];
  /** One for each key, or one for all items. */
  readonly plans: readonly Layout[];
  /** Names it among all of this process. */
  readonly number: number;
}

export type Copier = (value: object) => object;

/** Longer functions are not worth compiling, nor are more of them than an application has layouts. */
const NODES_MAX = 100;
const COPIERS_MAX = 500;
let left = COPIERS_MAX;

/** Copies as the plan says. `undefined`: this process does not compile code (`--disallow-code-generation-from-strings`), or it is not worth it. */
export function compileCopier(plan: Layout): Copier | undefined {
  if (left === 0) return undefined;
  const code = new Code();
  const top = code.of(plan);
  if (code.lines.length > NODES_MAX) return undefined;
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- All that is not from here are keys, as string literals.
    const make = new Function(`'use strict';${code.lines.join('')}return ${top};`) as () => Copier;
    left--;
    return make();
  } catch {
    left = 0;
    return undefined;
  }
}

/** One function for each layout, those of nested values first. */
class Code {
  readonly lines: string[] = [];
  private readonly names = new Map<number, string>();

  /** The name of the plan's function. */
  of(plan: Layout): string {
    let name = this.names.get(plan.number);
    if (name === undefined && this.lines.length <= NODES_MAX) {
      const body = this.body(plan);
      name = `copy${this.lines.length}`;
      this.lines.push(`const ${name}=(v)=>{${body}};`);
      this.names.set(plan.number, name);
    }
    return name ?? '';
  }

  private body({ kind, all, keys, plans }: Layout): string {
    const nested = plans.map((plan) => this.of(plan));
    if (kind === 'items') return `const c=v.slice();for(let i=0;i<c.length;i++)c[i]=${nested[0]}(c[i]);return c`;
    const copied = (key: string | number): string => {
      const at = keys.indexOf(key);
      return at === -1 ? `v[${JSON.stringify(key)}]` : `${nested[at]}(v[${JSON.stringify(key)}])`;
    };
    if (kind === 'array') return `const c=v.slice();${keys.map((key) => `c[${key}]=${copied(key)};`).join('')}return c`;
    return `return {${all.map((key) => `${named(key)}:${copied(key)}`).join(',')}}`;
  }
}

/** A key in a literal, where `__proto__` is a name like others only in brackets. */
function named(key: string): string {
  return key === '__proto__' ? "['__proto__']" : JSON.stringify(key);
}
