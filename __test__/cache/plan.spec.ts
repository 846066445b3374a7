/** Copies by a plan equal what JSON.parse gives, and share nothing with the original. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { copyBy, planOf } from '../../lib/cache/plan';

const ROOT = path.join(__dirname, '..', '..');

/** Random JSON from a seed. */
function random(seed: number): () => number {
  return () => ((seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32);
}

const NAMES = ['a', 'b', '__proto__', 'constructor', 'toString', 'length', '', 'ключ', '😀', '$x'];

function json(next: () => number, depth: number): unknown {
  const kind = Math.floor(next() * (depth === 0 ? 5 : 8));
  const some = (): number => Math.floor(next() * 5);
  if (kind === 0) return null;
  if (kind === 1) return next() > 0.5;
  if (kind === 2) return (next() - 0.5) * 10 ** Math.floor(next() * 20);
  if (kind <= 4) return NAMES[Math.floor(next() * NAMES.length)].repeat(some());
  if (kind === 5) return Array.from({ length: some() }, () => json(next, depth - 1));
  return Object.fromEntries(Array.from({ length: some() }, () => [NAMES[Math.floor(next() * NAMES.length)], json(next, depth - 1)]));
}

function objectsOf(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null) return found;
  found.add(value);
  for (const item of Object.values(value)) objectsOf(item, found);
  return found;
}

test('a copy equals the original and shares no object with it', () => {
  let objects = 0;
  for (let seed = 1; seed <= 3_000; seed++) {
    const text = JSON.stringify({ top: json(random(seed), 5) });
    const original = JSON.parse(text) as object;
    const plan = planOf(original);
    // After 64 copies they are made by a function of its own.
    for (const times of seed <= 400 ? [1, 1, 70] : [1, 1]) {
      for (let i = 1; i < times; i++) copyBy(original, plan);
      const copy = copyBy(original, plan);
      expect(JSON.stringify(copy)).toBe(text);
      const [own, others] = [objectsOf(copy), objectsOf(original)];
      expect(own.size).toBe(others.size);
      for (const object of own) {
        expect(others.has(object)).toBe(false);
        expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(object));
      }
      objects += own.size;
    }
  }
  expect(objects).toBeGreaterThan(10_000);
});

test('values of one layout share a plan', () => {
  const row = (n: number): object => ({ id: n, lines: [{ n }, n, { n }] });
  expect(planOf(row(1))).toBe(planOf(row(2)));
  expect(planOf({ id: 1 })).toBe(planOf({ id: 2 }));
  expect(planOf({ id: 1 })).not.toBe(planOf({ di: 1 }));
  expect(planOf([1, 2])).toBe(planOf(['a']));
});

test('rows of several layouts in turn are copied each by its own', () => {
  const rows = Array.from({ length: 300 }, (_, n) => [{ id: n, of: { n } }, { id: n, of: null }, { of: n, id: { n } }, { id: n, of: [n] }, { id: n, of: [{ n }] }, { id: n, of: {} }, { id: n }][n % 7]);
  for (const value of [rows, rows.slice(0, 40), { rows, one: rows[1] }]) {
    const plan = planOf(value);
    for (let i = 0; i < 70; i++) copyBy(value, plan);
    const copy = copyBy(value, plan);
    expect(copy).toEqual(value);
    const others = objectsOf(value);
    for (const object of objectsOf(copy)) expect(others.has(object)).toBe(false);
  }
});

test('a plan that is used often becomes a function, unless its values are large', () => {
  const nested = (depth: number): object => (depth === 0 ? { end: true } : { [`level${depth}`]: nested(depth - 1), list: [depth, { depth }] });
  for (const [value, isCompiled] of [[nested(3), true], [[nested(4), nested(4)], true], [nested(99), false]] as const) {
    const plan = planOf(value);
    for (let i = 0; i < 100; i++) expect(copyBy(value, plan)).toEqual(value);
    expect(plan.copier !== undefined).toBe(isCompiled);
  }
});

test('a process that may not compile code copies all the same', async () => {
  const program = `
    const { copyBy, planOf } = require(${JSON.stringify(path.join(ROOT, 'dist/cache/plan.js'))});
    const value = { id: 1, lines: [{ n: 1 }, { n: 2 }] };
    const plan = planOf(value);
    let copy;
    for (let i = 0; i < 100; i++) copy = copyBy(value, plan);
    console.log(JSON.stringify(copy), copy.lines[1] === value.lines[1], plan.copier);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--disallow-code-generation-from-strings', '-e', program]);
  expect(stdout).toBe('{"id":1,"lines":[{"n":1},{"n":2}]} false undefined\n');
});
