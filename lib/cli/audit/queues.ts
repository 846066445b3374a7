/** Queues of BullMQ and Bull, and how they connect. */
import type * as TS from 'typescript';
import { findingAt, placeOf, type Analysis } from './context';
import { compare } from './lifecycle';
import { managerResult } from './libraries';
import { ts } from './parser';
import type { Finding, QueueJson } from './schema';
import { literalText, nameText, propertyOf, stripped } from './syntax';
import type { Connection, Value } from './values';

interface QueueLife {
  readonly connection: Connection;
  readonly json: QueueJson;
  /** The expression that says how it connects. */
  readonly at: TS.Node;
}

export function findQueues(analysis: Analysis): { queues: QueueJson[]; findings: Finding[] } {
  const lives = [...analysis.evaluator.connections.values()].filter(({ queue }) => queue !== undefined).map((connection) => lifeOf(analysis, connection));
  lives.sort((a, b) => compare(a.json, b.json));
  return { queues: lives.map(({ json }) => json), findings: lives.flatMap((life) => faultsOf(analysis, life)) };
}

function lifeOf(analysis: Analysis, connection: Connection): QueueLife {
  const { node, library, queue } = connection;
  const args = node.arguments ?? [];
  const isModule = queue?.startsWith('forRoot') === true || queue?.startsWith('register') === true;
  const name = isModule ? literalText(propertyOf(args[0], 'name')) : textOf(analysis, args[0]);
  const { how, client, at } = isModule ? moduleConnection(analysis, args) : connectionOf(analysis, args, library, queue ?? '');
  return { connection, at: at ?? node, json: { ...placeOf(analysis, node), library, type: queue ?? 'Queue', name: name ?? null, connection: how, client } };
}

function textOf(analysis: Analysis, node: TS.Expression | undefined): string | undefined {
  if (node === undefined) return undefined;
  const inner = stripped(node);
  const text = literalText(inner);
  if (text !== undefined || !ts.isIdentifier(inner)) return text;
  const declared = analysis.project.unitOf(inner).lookup(inner, inner.text)?.node;
  return declared !== undefined && ts.isVariableDeclaration(declared) ? literalText(declared.initializer) : undefined;
}

interface How {
  readonly how: QueueJson['connection'];
  readonly client: QueueJson['client'];
  readonly at?: TS.Node | undefined;
}

function connectionOf(analysis: Analysis, args: readonly TS.Expression[], library: string, type: string): How {
  // Bull takes a URL, or options whose `redis` is the connection.
  const isOld = library === 'bull' || library === 'bee-queue';
  const at = isOld ? 1 : type.startsWith('Worker') ? 2 : type.startsWith('FlowProducer') ? 0 : 1;
  const options = args[at] ?? (type.startsWith('Worker') ? args[1] : undefined);
  if (options === undefined) return { how: 'default', client: null };
  if (isOld && literalText(options) !== undefined) return { how: 'options', client: null, at: options };
  const values = analysis.evaluator.values(options);
  const member = isOld ? 'redis' : 'connection';
  const written = propertyOf(stripped(options), member);
  const found = written === undefined ? values.flatMap((value) => analysis.evaluator.property(value, member)) : analysis.evaluator.values(written);
  if (written === undefined && found.length === 0) return { how: isWhole(options, values) ? 'default' : 'unknown', client: null, at: options };
  return { ...told(analysis, found), at: written ?? options };
}

/** Whether every property of the options is visible. */
const isWhole = (options: TS.Expression, values: readonly Value[]): boolean => {
  const inner = stripped(options);
  const objects = ts.isObjectLiteralExpression(inner) ? [inner] : values.flatMap((value) => (value.kind === 'object' ? [value.node] : []));
  return objects.length > 0 && objects.every(({ properties }) => !properties.some((property) => ts.isSpreadAssignment(property)));
};

function told(analysis: Analysis, values: readonly Value[]): How {
  const client = values.find((value) => value.kind === 'client' && value.origin !== undefined) ?? values.find(({ kind }) => kind === 'client');
  if (client?.kind === 'client') return client.managed === true ? { how: 'manager', client: null } : { how: 'client', client: client.origin === undefined ? null : placeOf(analysis, client.origin.node) };
  if (values.some((value) => value.kind === 'package' && value.name === 'hawser' && managerResult(value.path.replace(/\(\)$/, '')) === 'bullmq')) return { how: 'manager', client: null };
  return { how: values.some(({ kind }) => kind === 'object' || kind === 'other') ? 'options' : 'unknown', client: null };
}

/** `BullModule.forRoot({ connection })` and `forRootAsync({ useFactory: () => ({ connection }) })`. */
function moduleConnection(analysis: Analysis, args: readonly TS.Expression[]): How {
  const objects = args.flatMap((argument) => analysis.evaluator.values(argument)).flatMap((value): readonly Value[] => {
    if (value.kind !== 'object') return [];
    const factory = value.node.properties.find((property) => nameText(property.name) === 'useFactory');
    const made = factory === undefined ? [] : analysis.evaluator.property(value, 'useFactory').flatMap((one) => (one.kind === 'function' ? analysis.evaluator.returns(one.node) : []));
    return [value, ...made];
  });
  const found = objects.flatMap((value) => [...analysis.evaluator.property(value, 'connection'), ...analysis.evaluator.property(value, 'redis')]);
  const isWritten = objects.some((value) => value.kind === 'object' && (propertyOf(value.node, 'connection') ?? propertyOf(value.node, 'redis')) !== undefined);
  if (found.length > 0) return told(analysis, found);
  return { how: isWritten ? 'unknown' : 'module', client: null };
}

function faultsOf(analysis: Analysis, { connection, json, at }: QueueLife): Finding[] {
  if (json.connection === 'manager' || json.connection === 'module') return [];
  const how = { client: 'a shared client', options: 'options of its own', default: 'no connection, which means 127.0.0.1:6379', unknown: 'a connection that the audit cannot follow' }[json.connection];
  const related = json.client === null ? [] : [json.client];
  const finding = findingAt(analysis, connection.node, {
    kind: 'queue-connection',
    severity: 'high',
    confidence: json.connection === 'unknown' ? 'possible' : 'sure',
    code: connection.node,
    message: `${json.library} ${json.type}${json.name === null ? '' : ` '${json.name}'`} has ${how}`,
    replacement: 'connection: RedisManager.getBullMQConnection()',
  });
  const closes = analysis.uses.some(({ name, origins }) => origins.includes(connection) && /^(close|disconnect)$/.test(name));
  const isMade = ts.isNewExpression(connection.node);
  const unclosed = !closes && isMade ? [findingAt(analysis, connection.node, { kind: 'no-shutdown', severity: 'medium', confidence: 'possible', message: `the ${json.type} is never closed: a job that runs at a deployment counts as stalled`, replacement: `await ${(connection.queue ?? 'queue').toLowerCase()}.close();` })] : [];
  return [{ ...finding, related: [...related, ...(at === connection.node ? [] : [placeOf(analysis, at)])] }, ...unclosed];
}
