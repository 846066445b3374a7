/** The packages' types take a hawser client: as it is where hawser stands in ioredis's place, with what docs/differences-from-ioredis.md says where it stands beside it. */
import * as path from 'node:path';
import * as ts from 'typescript';
import { ROOT, runNode } from '../helpers/process';
import { typedProgram } from '../helpers/typed-program';
import { HERE } from './programs';

beforeAll(async () => {
  const { code, stderr } = await runNode('scripts/setup.mjs', { args: ['--packages'], deadlineMs: 300_000 });
  if (code !== 0) throw new Error(stderr);
}, 310_000);

/** What strict TypeScript says about `code` in this folder; about declaration files only where they are BullMQ's or hawser's. */
function errors(code: string, paths: Record<string, string[]> = {}): string[] {
  const file = path.join(HERE, 'program.ts');
  const program = typedProgram(new Map([[file, code]]), { typeRoots: [path.join(ROOT, 'node_modules', '@types')], skipLibCheck: false, esModuleInterop: true, paths });
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file: where }) => where === undefined || where.fileName === file || /node_modules\/(bullmq[56]|ioredis)\//.test(where.fileName))
    .map(({ file: where, start, messageText }) => {
      const line = where === undefined ? '' : where.text.slice(where.text.lastIndexOf('\n', start ?? 0) + 1).split('\n')[0];
      return `${ts.flattenDiagnosticMessageText(messageText, ' ')} in: ${path.basename(where?.fileName ?? '')}: ${line}`;
    });
}

test("in ioredis's place a client, a cluster and their options are BullMQ's connection", () => {
  const code = `
    import { Redis, type Cluster, type RedisOptions } from 'ioredis';
    import { Queue, QueueEvents, Worker, type ConnectionOptions } from 'bullmq5';
    import { Queue as Queue6, QueueEvents as QueueEvents6, Worker as Worker6, type ConnectionOptions as ConnectionOptions6 } from 'bullmq6';
    const connection = new Redis({ maxRetriesPerRequest: null });
    declare const cluster: Cluster;
    declare const options: RedisOptions;
    export const all: ConnectionOptions[] = [connection, cluster, options];
    export const all6: ConnectionOptions6[] = [connection, cluster];
    new Queue('q', { connection });
    new QueueEvents('q', { connection: cluster });
    new Worker('q', async () => 1, { connection });
    new Queue6('q', { connection });
    new QueueEvents6('q', { connection: cluster });
    new Worker6('q', async () => 1, { connection });
    // The types are hawser's, not any.
    // @ts-expect-error a value is missing
    void connection.set('k');
  `;
  expect(errors(code)).toEqual([]);
}, 60_000);

test('beside ioredis a client is the connection of BullMQ 6; BullMQ 5 takes it by a cast, and both take the options of the manager', () => {
  const code = `
    import type { Redis as IORedis } from 'ioredis';
    import { Redis, RedisManager, type Cluster } from 'hawser';
    import { Queue } from 'bullmq5';
    import { Queue as Queue6 } from 'bullmq6';
    const redis = new Redis({ maxRetriesPerRequest: null });
    declare const cluster: Cluster;
    new Queue6('q', { connection: redis });
    new Queue6('q', { connection: cluster });
    new Queue('q', { connection: redis as unknown as IORedis });
    // @ts-expect-error ioredis's class has private members
    new Queue('q', { connection: redis });
    new Queue('q', { connection: RedisManager.getBullMQConnection() });
    new Queue6('q', { connection: RedisManager.getBullMQConnection() });
  `;
  const paths = { hawser: [path.join(ROOT, 'index.d.ts')], ioredis: [path.join(ROOT, 'node_modules', 'ioredis')] };
  expect(errors(code, paths)).toEqual([]);
}, 60_000);

test("in ioredis's place a client is what other packages ask for", () => {
  const code = `
    import Redis, { type Cluster } from 'ioredis';
    import { createAdapter } from '@socket.io/redis-adapter';
    import { RedisPubSub } from 'graphql-redis-subscriptions';
    import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
    import { RateLimiterRedis } from 'rate-limiter-flexible';
    import { Redlock } from '@sesamecare-oss/redlock';
    import { RedisStore as LimitStore, type RedisReply } from 'rate-limit-redis';
    const redis = new Redis();
    declare const cluster: Cluster;
    createAdapter(redis, redis.duplicate());
    new RedisPubSub({ publisher: redis, subscriber: redis.duplicate() });
    new ThrottlerStorageRedisService(redis);
    new RateLimiterRedis({ storeClient: redis, points: 5, duration: 1 });
    new Redlock([redis, cluster]);
    new LimitStore({ sendCommand: (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply> });
  `;
  expect(errors(code)).toEqual([]);
}, 60_000);

test('the loggers of pino, winston and Fastify, and console, are loggers of the manager', () => {
  const code = `
    import { RedisManager, type Logger } from 'ioredis';
    import { pino } from 'pino';
    import * as winston from 'winston';
    import { fastify } from 'fastify';
    export const all: Logger[] = [console, pino(), pino().child({ a: 1 }), winston.createLogger(), winston.createLogger().child({}), fastify({ logger: true }).log];
    for (const logger of all) RedisManager.configure({ logger });
    RedisManager.configure({ logger: pino() });
    RedisManager.configure({ logger: winston.createLogger({ levels: winston.config.syslog.levels }) });
    // @ts-expect-error no method
    RedisManager.configure({ logger: {} });
  `;
  expect(errors(code)).toEqual([]);
});

test('the health handler is a handler of node:http, Express and Fastify', () => {
  const code = `
    import { createServer } from 'node:http';
    import { fastify } from 'fastify';
    import { redisHealthHandler, type HealthHandler } from 'ioredis';
    const handler: HealthHandler = redisHealthHandler({ details: true });
    createServer(handler);
    fastify().get('/api/health/redis', redisHealthHandler());
    // Express's types are those of node:http with more.
    declare function get(path: string, ...handlers: ((request: import('node:http').IncomingMessage & { params: object }, response: import('node:http').ServerResponse & { json(body: unknown): void }, next: (error?: unknown) => void) => unknown)[]): void;
    get('/api/health/redis', redisHealthHandler());
    // @ts-expect-error no such option
    redisHealthHandler({ detail: true });
  `;
  expect(errors(code)).toEqual([]);
});
