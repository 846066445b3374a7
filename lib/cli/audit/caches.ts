/** Caches made by hand (get, parse, set), and invalidation by a set of keys (SMEMBERS, DEL). */
import type * as TS from 'typescript';
import { findingAt, type Analysis } from './context';
import { numberOf, ttlOf } from './commands';
import { functionsAround, isTainted, taintedNames } from './flow';
import { ts } from './parser';
import type { Finding } from './schema';
import { codeOf, contains, enclosingClass, pathOf, walk } from './syntax';
import type { Use } from './uses';

const GETS = new Set(['get', 'getbuffer', 'getex', 'mget', 'hget', 'getset']);
const SETS = new Set(['set', 'setex', 'psetex', 'setnx', 'hset', 'mset']);

/** SMEMBERS whose result goes to DEL or UNLINK. */
export function findTagSets(analysis: Analysis): Finding[] {
  const deletes = analysis.uses.filter(({ name }) => name === 'del' || name === 'unlink');
  return analysis.uses.filter(({ name }) => name === 'smembers' || name === 'sscan').flatMap((use) => {
    const scope = functionsAround(use.call).find((one) => deletes.some(({ call }) => contains(one, call))) ?? functionsAround(use.call).pop() ?? use.unit.source;
    const inside = deletes.filter(({ call }) => contains(scope, call));
    if (inside.length === 0) return [];
    const names = taintedNames(scope, [use.call]);
    const fed = inside.filter(({ call }) => call.arguments.some((argument) => isTainted(argument, names, [use.call])));
    if (fed.length === 0) return [];
    return [
      findingAt(analysis, use.at, {
        kind: 'smembers-del',
        severity: 'high',
        confidence: use.isGuess ? 'possible' : 'sure',
        code: use.call,
        related: fed.map(({ at }) => at),
        message: `${use.name.toUpperCase()} and ${fed[0]?.name.toUpperCase() ?? 'DEL'} as invalidation: a load that is under way stores the old value afterwards, and the work grows with the tag`,
        replacement: `await cache.invalidateTags([${use.args[0] === undefined ? 'tag' : codeOf(use.args[0], 60)}]);`,
      }),
    ];
  });
}

/** A get whose result is parsed, in a function, class or file that also stores. */
export function findHandMade(analysis: Analysis): Finding[] {
  const gets = analysis.uses.filter(({ name }) => GETS.has(name));
  const sets = new Map<Use['unit'], Use[]>();
  for (const use of analysis.uses) {
    if (!SETS.has(use.name)) continue;
    const known = sets.get(use.unit);
    if (known === undefined) sets.set(use.unit, [use]);
    else known.push(use);
  }
  return gets.flatMap((get) => {
    const around = functionsAround(get.call);
    const parse = parseOf(analysis, get, around[around.length - 1] ?? get.unit.source);
    if (parse === undefined) return [];
    const near = sets.get(get.unit) ?? [];
    const scope = around.find((one) => near.some(({ call }) => contains(one, call)));
    const set = scope === undefined ? apart(get, near) : near.filter(({ call }) => contains(scope, call)).find(({ call }) => call.pos > get.call.pos) ?? near.find(({ call }) => contains(scope, call));
    return set === undefined ? [] : [handMade(analysis, get, parse, set, scope !== undefined)];
  });
}

function handMade(analysis: Analysis, get: Use, parse: TS.Node, set: Use, isOne: boolean): Finding {
  const ttl = ttlOf(set);
  const seconds = ttl === undefined ? undefined : numberOf(analysis, ttl.value, 0)?.value;
  const time = ttl === undefined ? '' : `ttl: ${seconds === undefined ? codeOf(ttl.value, 40) : ttl.unit === 's' ? seconds : seconds / 1000}, `;
  const key = get.args[0] === undefined ? 'key' : codeOf(get.args[0], 60);
  return findingAt(analysis, get.at, {
    kind: 'hand-made-cache',
    severity: 'medium',
    confidence: get.isGuess || set.isGuess ? 'possible' : 'sure',
    code: get.call,
    related: [parse, set.at],
    message: `a cache made by hand (${get.name.toUpperCase()}, parse, ${set.name.toUpperCase()}${isOne ? '' : ' in another function'}): every caller that misses loads, and a load that is under way stores old data after a write`,
    replacement: `return cache.getOrSet(${key}, () => load(), { ${time}tags: [tag] });`,
  });
}

/** A set with a stringified value elsewhere in the same class, or in the same file outside of classes. */
function apart(get: Use, sets: readonly Use[]): Use | undefined {
  const owner = enclosingClass(get.call);
  return sets.find((set) => enclosingClass(set.call) === owner && isStringified(set));
}

function isStringified(set: Use): boolean {
  const around = functionsAround(set.call)[0] ?? set.unit.source;
  const sources: TS.Node[] = [];
  walk(around, (node) => void (isStringify(node) && sources.push(node)));
  if (sources.length === 0) return false;
  const names = taintedNames(around, sources);
  return set.call.arguments.some((argument) => isTainted(argument, names, sources));
}

const isStringify = (node: TS.Node): boolean => ts.isCallExpression(node) && /(^|\.)(stringify|serialize|encode|pack)$/.test(pathOf(node.expression) ?? '');

/** The call that parses what `get` returns. */
function parseOf(analysis: Analysis, get: Use, scope: TS.Node): TS.Node | undefined {
  const parses: TS.CallExpression[] = [];
  walk(scope, (node) => void (ts.isCallExpression(node) && isParse(analysis, node) && parses.push(node)));
  if (parses.length === 0) return undefined;
  const inner = functionsAround(get.call)[0] ?? scope;
  const names = taintedNames(inner, [get.call]);
  return parses.find((parse) => contains(inner, parse) && [parse.expression, ...parse.arguments].some((part) => isTainted(part, names, [get.call])));
}

function isParse(analysis: Analysis, call: TS.CallExpression): boolean {
  const path = pathOf(call.expression) ?? '';
  if (/^(JSON|JSON5|superjson|SuperJSON|EJSON|devalue|flatted)\.(parse|deserialize)$/.test(path)) return true;
  // `list.map(JSON.parse)`
  if (call.arguments.some((argument) => pathOf(argument) === 'JSON.parse')) return true;
  if (!ts.isIdentifier(call.expression) && !/(^|\.)\w*(parse|deserial|decode|unpack)\w*$/i.test(path)) return false;
  return analysis.evaluator.values(call.expression).some((value) => value.kind === 'function' && value.node.body !== undefined && hasParse(value.node.body));
}

function hasParse(body: TS.Node): boolean {
  let found = false;
  walk(body, (node) => {
    if (ts.isCallExpression(node) && /^(JSON|superjson|v8)\.(parse|deserialize)$/.test(pathOf(node.expression) ?? '')) found = true;
    return !found;
  });
  return found;
}
