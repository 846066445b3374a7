/** The commands that the code sends: calls of a client's methods, however the client gets there. */
import type * as TS from 'typescript';
import type { Evaluator } from './evaluate';
import { ts } from './parser';
import { literalText, pathOf, propertyName, stripped } from './syntax';
import type { Unit } from './unit';
import { clientsIn, type Connection, type Value } from './values';

/** One call of a client's method. */
export interface Use {
  readonly call: TS.CallExpression;
  readonly unit: Unit;
  /** The command in lower case without `_`: `setex`, `flushall`, `on`. */
  readonly name: string;
  /** Where the command stands. */
  readonly at: TS.Node;
  /** The command's arguments. */
  readonly args: readonly TS.Expression[];
  /** Where the client was made, as far as that is known. */
  readonly origins: readonly Connection[];
  readonly library: string | undefined;
  /** Whether the client is hawser's manager's. */
  readonly isManaged: boolean;
  /** Whether only a name suggests that this is a client. */
  readonly isGuess: boolean;
}

const COMMANDS = new Set([
  ...['keys', 'flushall', 'flushdb', 'smembers', 'sscan', 'del', 'unlink', 'get', 'getbuffer', 'getex', 'mget', 'hget', 'hgetall', 'set', 'setex', 'psetex', 'setnx', 'mset', 'hset', 'getset', 'expire', 'pexpire'],
  ...['eval', 'call', 'sendcommand', 'executecommand', 'subscribe', 'psubscribe', 'ssubscribe', 'publish', 'on', 'once', 'addlistener', 'prependlistener', 'quit', 'disconnect', 'close', 'end', 'destroy'],
]);

/** Names under which code without types passes a client around. */
const CLIENT_NAME = /^(io)?redis$|redis_?(client|conn|connection|instance)$/i;
/** A weaker name, which is enough for commands that only a client of Redis has. */
const ANY_CLIENT = /client$/i;
const ONLY_REDIS = new Set(['keys', 'flushall', 'flushdb', 'smembers', 'setex', 'psetex']);

/** Commands that no other object has, so that a guess by the client's name is allowed. */
const TELLING = new Set(['keys', 'flushall', 'flushdb', 'smembers', 'setex', 'psetex', 'get', 'set', 'del', 'unlink']);

export function findUses(evaluator: Evaluator, units: readonly Unit[]): Use[] {
  return units.flatMap((unit) => unit.calls.flatMap((call) => (ts.isCallExpression(call) ? (useOf(evaluator, unit, call) ?? []) : [])));
}

function useOf(evaluator: Evaluator, unit: Unit, call: TS.CallExpression): Use | undefined {
  const callee = stripped(call.expression);
  const method = propertyName(callee);
  if (method === undefined) return ts.isIdentifier(callee) ? detached(evaluator, unit, call, callee) : undefined;
  const name = commandName(method);
  if (!COMMANDS.has(name)) return undefined;
  const base = (callee as TS.PropertyAccessExpression).expression;
  const values = evaluator.values(base);
  const at = ts.isPropertyAccessExpression(callee) ? callee.name : call;
  const found = usedBy(values);
  if (found !== undefined) return named({ call, unit, name, at, args: call.arguments, ...found, isGuess: false });
  // A wrapper around a method: `asyncGet.call(client, key)` and the like are methods, not clients.
  const isUnknown = values.length === 0;
  const held = pathOf(base)?.split('.').pop() ?? '';
  const isNamed = CLIENT_NAME.test(held) || (ONLY_REDIS.has(name) && ANY_CLIENT.test(held));
  if (!isUnknown || !TELLING.has(name) || !isNamed) return undefined;
  // A pattern, and a callback in old code. Other things have `keys()` or `keys(value)` with more.
  if (name === 'keys' && (call.arguments.length === 0 || call.arguments.length > 2)) return undefined;
  return named({ call, unit, name, at, args: call.arguments, origins: [], library: undefined, isManaged: false, isGuess: true });
}

/** `const { keys } = client; keys('*')` and `const get = promisify(client.get).bind(client)`. */
function detached(evaluator: Evaluator, unit: Unit, call: TS.CallExpression, callee: TS.Identifier): Use | undefined {
  const methods = evaluator.values(callee).filter((value) => value.kind === 'method');
  const [first] = methods;
  if (first === undefined || !COMMANDS.has(commandName(first.name))) return undefined;
  const found = usedBy(methods.map(({ of }) => of));
  return found === undefined ? undefined : named({ call, unit, name: commandName(first.name), at: call, args: call.arguments, ...found, isGuess: false });
}

function usedBy(values: readonly Value[]): Pick<Use, 'origins' | 'library' | 'isManaged'> | undefined {
  const clients = clientsIn(values.map((value) => (value.kind === 'pipeline' ? value.client : value)));
  const queues = values.filter((value) => value.kind === 'queue').map(({ origin }) => origin);
  if (clients.length === 0) return queues.length === 0 ? undefined : { origins: queues, library: undefined, isManaged: false };
  return {
    origins: [...clients.flatMap(({ origin }) => origin ?? []), ...queues],
    library: clients[0]?.library,
    isManaged: clients.every(({ managed }) => managed === true),
  };
}

/** `call('KEYS', p)`, `sendCommand(['KEYS', p])` and `send_command` are the command that they name. */
function named(use: Use): Use {
  if (use.name !== 'call' && use.name !== 'sendcommand' && use.name !== 'executecommand') return use;
  const [first, second] = use.args;
  if (first !== undefined && ts.isArrayLiteralExpression(first)) return withArguments(use, first.elements);
  const isList = second !== undefined && use.args.length === 2 && ts.isArrayLiteralExpression(second);
  return withArguments(use, isList ? [first, ...second.elements] : use.args);
}

function withArguments(use: Use, [first, ...rest]: readonly TS.Expression[]): Use {
  const name = literalText(first);
  return name === undefined ? use : { ...use, name: commandName(name), args: rest };
}

const commandName = (name: string): string => name.replace(/_/g, '').toLowerCase();
