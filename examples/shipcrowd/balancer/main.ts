/** The balancer and supervisor: starts the database and the instances, and passes requests to them. Options come from the environment; run.mjs sets it. */
import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { number } from '../server/env';
import { flagsOf } from '../server/flags';
import { Instance } from './instance';
import { Proxy, refuse } from './proxy';
import { Rollout } from './rollout';

const DATABASE = path.join(__dirname, '..', 'server', 'database', 'main.js');

/** Starts the database, or fills the one of DATABASE_URL. Resolves with its process and its URL. */
function startDatabase(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(DATABASE, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('message', (message: { url: string }) => resolve({ child, url: message.url }));
    child.once('exit', (code) => reject(new Error(`the database has ended (${code})`)));
  });
}

async function main(): Promise<void> {
  const count = number('INSTANCES', 3);
  // What no instance could start with ends the program now.
  flagsOf(process.env);
  const database = await startDatabase();
  const env = { ...process.env, DATABASE_URL: database.url };
  const instances = Array.from({ length: count }, (_, i) => new Instance(i + 1, env));
  for (const instance of instances) instance.start();

  const proxy = new Proxy(instances);
  const rollout = new Rollout(instances);
  const server = createServer((request, response) => {
    rollout
      .handle(request, response)
      .then((isDone) => (isDone ? undefined : proxy.pass(request, response)))
      .catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else refuse(response, 502, error.message);
      });
  });
  // Clients reuse connections as well.
  Object.assign(server, { keepAliveTimeout: 75_000, headersTimeout: 80_000 });
  await new Promise<void>((resolve) => server.listen(number('PORT', 3000), '127.0.0.1', resolve));

  let isStopping = false;
  const stop = async (code: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    server.close();
    await Promise.all(instances.map((instance) => instance.end()));
    server.closeAllConnections();
    database.child.kill('SIGTERM');
    await new Promise((resolve) => (database.child.exitCode === null ? database.child.once('exit', resolve) : resolve(undefined)));
    process.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(0));
  // Without its parent, nobody would stop it.
  process.on('disconnect', () => void stop(0));
  database.child.once('exit', () => void stop(1));

  const timer = setInterval(() => {
    if (!instances.every(({ state }) => state === 'up')) return;
    clearInterval(timer);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    console.log(`ready ${url}`);
    process.send?.({ ready: url });
  }, 20);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
