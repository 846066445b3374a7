/**
 * `DEBUG=ioredis:*`: what a client does, told by the npm package `debug` under ioredis's names. A client whose commands are told has a
 * `sendCommand` of its own; nobody else pays for it.
 */
import createDebug = require('debug');

/** Longer texts are cut. */
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
  return Object.defineProperty(log, 'enabled', { get: () => debug.enabled }) as Log;
}

export const logRedis = logOf('redis');
export const logConnection = logOf('connection');
export const logConnector = logOf('AbstractConnector');

function short(value: unknown): unknown {
  const text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('hex') : Array.isArray(value) ? value.join(',') : '';
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} ... <REDACTED full-length="${text.length}">` : value;
}

/** Their arguments are passwords, or may be. */
const SECRET = new Set(['auth', 'hello', 'acl', 'config', 'migrate']);

/** What is told of a command. */
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

/** Whose line it is: where it is connected to, or will be, and its name. */
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

/** Has a client tell its commands from now on, if anybody wants to know. */
export function watchCommands(client: Client, database: () => number): void {
  if (!logRedis.enabled || Object.hasOwn(client, 'sendCommand')) return;
  const value = function (this: Client, command: Issued, pipeline?: unknown): unknown {
    logCommand(this, this.status === 'ready' ? 'write' : 'queue', command, database());
    return (Object.getPrototypeOf(this) as Client).sendCommand.call(this, command as never, pipeline);
  };
  Object.defineProperty(client, 'sendCommand', { value, writable: true, configurable: true, enumerable: false });
}
