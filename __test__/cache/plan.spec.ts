/** Copies by a plan equal what JSON.parse gives, and share nothing with the original. */
import { copyBy, planOf } from '../../lib/cache/plan';

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
    for (let i = 0; i < 2; i++) {
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

test('values of one shape share a plan', () => {
  const row = (n: number): object => ({ id: n, lines: [{ n }, n, { n }] });
  expect(planOf(row(1))).toBe(planOf(row(2)));
  expect(planOf({ id: 1 })).toBeNull();
});
