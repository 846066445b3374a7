/** One instance of the backend. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configureRedis, RedisManager } from './after/infrastructure/redis/redis.manager';
import { createApp } from './app/app';
import { Relay } from './app/relay';
import { createStream } from './app/stream';
import { Database, Tables } from './database';
import { background } from './database/pool';
import { number, text } from './env';
import { flagsOf } from './flags';
import { jobRunner } from './jobs';
import { createServices } from './services';
import { warmTopCompanies } from './warm';

async function main(): Promise<void> {
  const [instance, databaseUrl, port] = [text('INSTANCE') ?? '1', text('DATABASE_URL'), number('PORT', 3000)];
  if (databaseUrl === undefined) throw new Error('DATABASE_URL is missing; run.mjs sets it');
  const flags = flagsOf(process.env);
  configureRedis();

  const tables = new Tables(new Database(databaseUrl));
  const services = createServices(flags, tables);
  const isNew = flags.EVENTS === 'after';
  const stream = isNew ? createStream() : null;
  const relay = new Relay(tables.outbox, services.queues);
  const server = createServer(createApp({ instance, flags, services, tables, stream }));
  // Longer than the balancer keeps an idle connection, or it would send a request into one that is just being closed.
  Object.assign(server, { keepAliveTimeout: 75_000, headersTimeout: 80_000 });

  // Listening before loading: what is loaded afterwards is known to be new.
  const hasRedis = await services.events.start();
  await services.queues.start(jobRunner(services, tables));
  // Without Redis there is nothing to warm, and every read would wait for the first connection.
  if (hasRedis) await background(() => warmTopCompanies(services, tables));
  relay.start();
  server.listen(port, '127.0.0.1', () => {
    const { port: own } = server.address() as AddressInfo;
    process.send?.({ ready: true, port: own });
    console.log(`[instance ${instance}] http://127.0.0.1:${own}`);
  });

  // Not `RedisManager.installShutdownHooks`, which closes at once: requests and jobs that run need their connections until they are over.
  const stop = async (): Promise<void> => {
    stream?.close();
    const closed = new Promise((resolve) => server.close(resolve));
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 2_000))]);
    clearInterval(idle);
    await relay.stop();
    await Promise.race([services.queues.close(), new Promise((resolve) => setTimeout(resolve, 3_000))]);
    await services.events.stop();
    await RedisManager.closeAll();
    await tables.db.close();
  };
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      // Old code leaves connections open, so the process does not end by itself.
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
