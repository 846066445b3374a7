/** The servers and clients of one test, gone when it is over, and what a client tells of its life. */
import { isNativeError } from 'node:util/types';
import { until } from '../helpers/until';
import { MockServer, type Handler } from './mock-server';
import type { Client } from './peers';

export interface Session {
  serve(handler?: Handler): Promise<MockServer>;
  /** A client that reconnects at once. */
  connect(server: { port: number }, options?: object): any;
  /** The same, ready. */
  ready(server: { port: number }, options?: object): Promise<any>;
}

/** To be called in a `describe`. */
export function session(Redis: Client): Session {
  const servers: MockServer[] = [];
  const clients: { status: string; disconnect(): void }[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) if (client.status !== 'end') client.disconnect();
    for (const server of servers.splice(0)) await server.stop();
  });
  const connect = ({ port }: { port: number }, options: object = {}): any => {
    const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 1, ...options });
    redis.on('error', () => undefined);
    clients.push(redis);
    return redis;
  };
  return {
    async serve(handler) {
      const server = await MockServer.start(handler);
      servers.push(server);
      return server;
    },
    connect,
    async ready(server, options) {
      const redis = connect(server, options);
      await until(() => redis.status === 'ready', { what: 'the client to be ready' });
      return redis;
    },
  };
}

/** Every status event from now on with the status at that moment, every error, every change of the database. */
export function events(redis: any): string[] {
  const seen: string[] = [];
  for (const name of ['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'end']) redis.on(name, () => seen.push(`${name}/${redis.status}`));
  redis.on('error', (error: Error) => seen.push(`error ${error.message}`));
  redis.on('select', (db: number) => seen.push(`select ${db}`));
  return seen;
}

/** Resolves when `redis` is ready on the connection of this number. */
export async function readyOn(redis: any, server: MockServer, connection: number): Promise<void> {
  await until(() => server.connections.length >= connection && redis.status === 'ready', { what: `connection ${connection} to be ready` });
}

/** What came of promises; `'pending'` where nothing has, although everything that was on its way has arrived. */
export async function settled(redis: any, ...promises: Promise<unknown>[]): Promise<unknown[]> {
  const outcomes: unknown[] = promises.map(() => 'pending');
  for (const [index, promise] of promises.entries()) void result(promise).then((outcome) => (outcomes[index] = outcome));
  // Replies come in order: behind this one nothing is due.
  await redis.ping();
  await new Promise(setImmediate);
  return outcomes;
}

/** A promise's value, or what it was rejected with, with errors as one line each. */
export function result(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(brief, brief);
}

function brief(value: unknown): unknown {
  if (isNativeError(value)) return `${value.name}: ${value.message}`;
  return Array.isArray(value) ? value.map(brief) : value;
}
