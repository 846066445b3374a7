/** The life of each connection: who holds it, whether errors are heard, whether it is ever closed. */
import type * as TS from 'typescript';
import { findingAt, placeOf, type Analysis } from './context';
import { functionsAround } from './flow';
import { ts } from './parser';
import type { ConnectionJson, Finding, Place } from './schema';
import { scopeOf } from './scope';
import { codeOf, literalText, nameText, pathOf, placeIn, stripped } from './syntax';
import type { Connection } from './values';
import type { Use } from './uses';

const LISTENS = new Set(['on', 'once', 'addlistener', 'prependlistener']);
const CLOSES = new Set(['quit', 'disconnect', 'close', 'end', 'destroy']);

export interface Life {
  readonly connection: Connection;
  readonly json: ConnectionJson;
}

/** Every connection with what the code does with it, in the order of files and lines. */
export function findLives(analysis: Analysis): Life[] {
  const uses = new Map<Connection, Use[]>();
  for (const use of analysis.uses) {
    for (const origin of new Set(use.origins)) {
      const known = uses.get(origin);
      if (known === undefined) uses.set(origin, [use]);
      else known.push(use);
    }
  }
  const lives = [...analysis.evaluator.connections.values()].filter(({ queue }) => queue === undefined).map((connection) => ({ connection, json: jsonOf(analysis, connection, uses.get(connection) ?? []) }));
  return lives.sort((a, b) => compare(a.json, b.json));
}

export const compare = (a: { file: string; line: number; column: number }, b: { file: string; line: number; column: number }): number => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column);

function jsonOf(analysis: Analysis, connection: Connection, uses: readonly Use[]): ConnectionJson {
  const does = (test: (use: Use) => boolean): boolean => uses.some(test);
  return {
    ...placeOf(analysis, connection.node),
    library: connection.library,
    how: connection.how,
    name: holderOf(connection.node),
    cluster: connection.cluster,
    options: optionsOf(connection.node),
    scope: scopeOf(analysis, connection.node),
    calledFrom: callersOf(analysis, connection.node),
    hasErrorHandler: does(({ name, args }) => LISTENS.has(name) && literalText(args[0]) === 'error'),
    isClosed: does(({ name }) => CLOSES.has(name)),
    subscribes: does(({ name }) => /^[ps]?subscribe$/.test(name)),
    publishes: does(({ name }) => name === 'publish'),
  };
}

/** The calls of the function that opens the connection: each may open one. */
function callersOf(analysis: Analysis, node: TS.Node): Place[] {
  const around = functionsAround(node)[0];
  return around === undefined || ts.isConstructorDeclaration(around) ? [] : analysis.evaluator.callsOf(around).map((call) => placeOf(analysis, call));
}

/** The variable or property that a value is assigned to. */
export function holderOf(node: TS.Node): string | null {
  for (let up = node; (up.parent as TS.Node | undefined) !== undefined; up = up.parent) {
    const { parent } = up;
    if (ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent) || ts.isPropertyAssignment(parent)) return nameText(parent.name) ?? null;
    if (ts.isBinaryExpression(parent) && parent.right === up && ts.isIdentifier(stripped(parent.left))) return pathOf(parent.left) ?? null;
    if (ts.isBinaryExpression(parent) && parent.right === up && ts.isPropertyAccessExpression(stripped(parent.left))) return pathOf(parent.left) ?? null;
    if (ts.isBlock(parent) || ts.isSourceFile(parent)) return null;
  }
  return null;
}

/** The options as they are written. A text that may hold a password is not shown. */
export function optionsOf(node: TS.CallExpression | TS.NewExpression): Record<string, string> {
  const options: Record<string, string> = {};
  (node.arguments ?? []).forEach((argument, at) => {
    const inner = stripped(argument);
    if (ts.isObjectLiteralExpression(inner)) Object.assign(options, literalOptions(inner));
    else options[`argument ${at + 1}`] = written(inner);
  });
  return options;
}

function literalOptions(object: TS.ObjectLiteralExpression): Record<string, string> {
  const options: Record<string, string> = {};
  for (const property of object.properties) {
    const name = nameText(property.name);
    if (ts.isSpreadAssignment(property)) options[`...${codeOf(property.expression, 40)}`] = '';
    else if (ts.isShorthandPropertyAssignment(property)) options[property.name.text] = property.name.text;
    else if (name !== undefined && ts.isPropertyAssignment(property)) options[name] = written(property.initializer);
    else if (name !== undefined) options[name] = '(function)';
  }
  return options;
}

const written = (node: TS.Expression): string => (ts.isArrowFunction(node) || ts.isFunctionExpression(node) ? '(function)' : codeOf(node, 80));

/** Findings about connections and their lives. */
export function findLifeFaults(analysis: Analysis, lives: readonly Life[]): Finding[] {
  const strays = analysis.uses.filter(({ origins }) => origins.length === 0);
  return lives.flatMap(({ connection, json }) => [
    ...(json.library === 'hawser' ? [] : [own(analysis, connection, json)]),
    ...(json.scope === 'request' ? [perRequest(analysis, connection, json)] : []),
    ...(isOpenedElsewhere(connection) ? [] : [...unheard(analysis, strays, connection, json), ...unclosed(analysis, strays, connection, json)]),
  ]);
}

/** A connection inside of another package, whose client the code does not see. */
const isOpenedElsewhere = ({ library, how }: Connection): boolean => !/^(new |createClient|createCluster|createSentinel|duplicate|Redis\(\))/.test(how) || !/redis|valkey|hawser/i.test(library) || library.startsWith('@keyv') || library === 'nestjs-throttler-storage-redis' || library === '@upstash/redis';

const nameOf = ({ name }: ConnectionJson): string => name?.replace(/^this\./, '') ?? 'redis';

export function managerCall({ subscribes, publishes }: ConnectionJson): string {
  if (subscribes) return 'await RedisManager.getSubscriberClient()';
  return publishes ? 'await RedisManager.getPublisherClient()' : 'await RedisManager.getMainClient()';
}

function own(analysis: Analysis, { node, how, library }: Connection, json: ConnectionJson): Finding {
  return findingAt(analysis, node, {
    kind: 'connection',
    severity: 'low',
    message: `a connection of its own (${library}, ${how})`,
    replacement: `const ${nameOf(json).split('.').pop() ?? 'redis'} = ${managerCall(json)};`,
  });
}

function perRequest(analysis: Analysis, { node }: Connection, json: ConnectionJson): Finding {
  return findingAt(analysis, node, {
    kind: 'request-scope',
    severity: 'critical',
    message: 'a connection for every request: under load the server runs out of connections',
    replacement: `const ${nameOf(json).split('.').pop() ?? 'redis'} = ${managerCall(json)};`,
  });
}

/** Whether code that the audit cannot tie to a connection does this to some client of the library. */
const isElsewhere = (strays: readonly Use[], library: string, test: (use: Use) => boolean): boolean => strays.some((use) => use.library === library && test(use));

function unheard(analysis: Analysis, strays: readonly Use[], { node, library }: Connection, json: ConnectionJson): Finding[] {
  if (json.hasErrorHandler) return [];
  const isPossible = isElsewhere(strays, library, ({ name, args }) => LISTENS.has(name) && literalText(args[0]) === 'error');
  const effect = library === 'redis' || library === '@redis/client' ? 'a lost connection ends the process' : 'nobody learns of a lost connection';
  return [
    findingAt(analysis, node, {
      kind: 'no-error-handler',
      severity: library === 'redis' || library === '@redis/client' ? 'high' : 'medium',
      confidence: isPossible ? 'possible' : 'sure',
      message: `no listener for 'error': ${effect}`,
      replacement: library === 'hawser' ? `${nameOf(json)}.on('error', (error) => logger.error(error));` : 'RedisManager.configure({ logger }); // its clients have listeners and log',
    }),
  ];
}

function unclosed(analysis: Analysis, strays: readonly Use[], { node, library }: Connection, json: ConnectionJson): Finding[] {
  if (json.isClosed) return [];
  const isPossible = isElsewhere(strays, library, ({ name }) => CLOSES.has(name));
  return [
    findingAt(analysis, node, {
      kind: 'no-shutdown',
      severity: 'medium',
      confidence: isPossible ? 'possible' : 'sure',
      message: 'never closed: replies are lost at a deployment, and the process does not end by itself',
      replacement: library === 'hawser' ? `await ${nameOf(json)}.quit();` : 'RedisManager.installShutdownHooks();',
    }),
  ];
}

/** Two client libraries in one code base. */
export function findMixed(analysis: Analysis, lives: readonly Life[]): Finding[] {
  const first = new Map<string, Life>();
  for (const life of lives) if (/^(ioredis|iovalkey|redis|@redis\/client)$/.test(life.connection.library) && !first.has(life.connection.library)) first.set(life.connection.library, life);
  if (first.size < 2) return [];
  const counts = [...first.keys()].map((library) => `${library} (${lives.filter(({ connection }) => connection.library === library).length})`);
  const rare = [...first.values()].sort((a, b) => lives.filter(({ connection }) => connection.library === a.connection.library).length - lives.filter(({ connection }) => connection.library === b.connection.library).length);
  const [least, ...others] = rare as [Life, ...Life[]];
  return [
    {
      ...findingAt(analysis, least.connection.node, {
        kind: 'mixed-libraries',
        severity: 'high',
        message: `several client libraries: ${counts.join(', ')}. Each has its own options, errors and reconnection`,
        replacement: 'one client for all: await RedisManager.getMainClient()',
      }),
      related: others.map(({ connection }) => placeIn(connection.node, analysis.project.unitOf(connection.node).file)),
    },
  ];
}
