/**
 * `DEBUG=ioredis:*`: debug output through the npm package `debug`, under ioredis's names. Only a client whose commands are logged gets
 * its own `sendCommand`, so other clients pay nothing.
 */
import { define } from '../names';
import createDebug = require('debug');

/** Longer texts are truncated. */
const LONGEST = 200;

interface Log {
  (format: string, ...args: unknown[]): void;
  readonly enabled: boolean;
}

function logOf(namespace: string): Log {
  const debug = createDebug(`ioredis:${namespace}`);
  const log = (format: string, ...args: unknown[]): void => {
    if (debug.enabled) debug(format, ...args.map(short));
  };
  return Object.defineProperty(log, 'enabled', { __proto__: null, get: () => debug.enabled } as PropertyDescriptor) as Log;
}

export const logRedis = logOf('redis');
export const logConnection = logOf('connection');
export const logConnector = logOf('AbstractConnector');
export const logSentinel = logOf('SentinelConnector');
export const logCluster = logOf('cluster');

function short(value: unknown): unknown {
  let text: string;
  try {
    text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('hex') : Array.isArray(value) ? value.join(',') : '';
  } catch {
    // A command must not fail because its arguments are too long for a line.
    return '<REDACTED longer than a string>';
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} ... <REDACTED full-length="${text.length}">` : value;
}

/** Commands whose arguments are or may be passwords. */
const SECRET = new Set(['auth', 'hello', 'acl', 'config', 'migrate']);

/** The parts of a command that are logged. */
interface Issued {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly meta: { readonly lower: string };
}

interface Client {
  status: string;
  readonly options: { path?: string | undefined; host?: string; port?: number; connectionName?: string | undefined };
  readonly stream: { remoteAddress?: string | undefined; remotePort?: number | undefined } | undefined;
  sendCommand(command: never, pipeline?: unknown): unknown;
}

/** Describes a client: the address of its connection (present or future) and its name. */
function description({ options, stream }: Client): string {
  const { path, host, port, connectionName } = options;
  const place = path || (stream?.remoteAddress && stream.remotePort ? `${stream.remoteAddress}:${stream.remotePort}` : `${host}:${port}`);
  return connectionName ? `${place} (${connectionName})` : place;
}

export function logStatus(client: Client, status: string): void {
  logRedis('status[%s]: %s -> %s', description(client), client.status, status);
}

export function logCommand(client: Client, verb: 'write' | 'queue', command: Issued, database: number): void {
  const args = SECRET.has(command.meta.lower) ? command.args.map(() => '?') : command.args;
  logRedis(`${verb} command[%s]: %d -> %s(%o)`, description(client), database, command.name, args);
}

/** Logs a client's commands from now on, if the `ioredis:redis` namespace is enabled. */
export function watchCommands(client: Client, database: () => number): void {
  if (!logRedis.enabled || Object.hasOwn(client, 'sendCommand')) return;
  const value = function (this: Client, command: Issued, pipeline?: unknown): unknown {
    logCommand(this, this.status === 'ready' ? 'write' : 'queue', command, database());
    return (Object.getPrototypeOf(this) as Client).sendCommand.call(this, command as never, pipeline);
  };
  define(client, 'sendCommand', value);
}
