// Runs the example: node run.mjs [options]; `npm run example` in the repository's root does it.
//
//     --redis <url>       a server that runs; REDIS_URL is the same. Without one, a redis-server of the machine is started for the run, and without
//                         that the example runs on memory://, as one instance
//     --memory            memory://
//     --cluster           a cluster: of the node in --redis, or six servers that are started for the run
//     --before            starts with the old code; without it, with the new
//     --instances N       3
//     --port P            3000; 0 is any that is free
//     --companies N --orders N --pincodes N --seed N     the size of the data: 200, 100,000, 30,000
//
// DATABASE_URL names a Postgres server instead of the one that is started. HAWSER_EXAMPLE_BUILD=no leaves out packing, installing and building.

import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));

/** An empty variable, or an empty option, is as good as none. */
const given = (value) => value?.trim() || undefined;
const environment = (name) => given(process.env[name]);

const number = { type: 'string' };
const { values } = parseArgs({
  options: {
    redis: { type: 'string' },
    memory: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: /^(true|1)$/i.test(environment('REDIS_CLUSTER') ?? '') },
    before: { type: 'boolean', default: false },
    instances: number,
    port: number,
    companies: number,
    orders: number,
    pincodes: number,
    seed: number,
  },
});

/** Packs hawser, installs it here with everything else, and builds. Only in the repository, which has the script. */
async function prepare() {
  if (process.env.HAWSER_EXAMPLE_BUILD === 'no') return;
  const { setup } = await import('../../scripts/setup.mjs');
  const { prepareExample } = await import('../../scripts/setup/example.mjs');
  await setup();
  await prepareExample(here);
}

/** Where Redis is, as environment variables. */
async function findRedis() {
  // Only a cluster may be named by its nodes alone.
  const node = values.cluster ? environment('REDIS_CLUSTER_NODES')?.split(',')[0].trim() : undefined;
  const url = given(values.redis) ?? environment('REDIS_URL') ?? (node === undefined || node.includes('://') ? node : `redis://${node}`);
  if (values.memory || url?.startsWith('memory:')) return { REDIS_URL: 'memory://', REDIS_CLUSTER: 'false' };
  if (url !== undefined) return { REDIS_URL: url, REDIS_CLUSTER: String(values.cluster) };
  const { startServer, startCluster } = await import('./servers.mjs');
  if (values.cluster) return { REDIS_URL: await startCluster(), REDIS_CLUSTER: 'true' };
  const started = await startServer();
  if (started === undefined) console.log('there is no redis-server on the PATH, and no --redis: running on memory://');
  return { REDIS_URL: started ?? 'memory://', REDIS_CLUSTER: 'false' };
}

await prepare();
const redis = await findRedis();
const isMemory = redis.REDIS_URL.startsWith('memory:');
// On memory://, instances would share nothing.
const instances = isMemory ? '1' : (given(values.instances) ?? environment('INSTANCES') ?? '3');
const sizes = Object.entries({ COMPANIES: values.companies, ORDERS: values.orders, PINCODES: values.pincodes, SEED: values.seed }).filter(([, value]) => given(value) !== undefined);

const balancer = fork(path.join(here, 'build', 'balancer', 'main.js'), {
  env: {
    ...process.env,
    ...redis,
    ...Object.fromEntries(sizes),
    INSTANCES: instances,
    PORT: given(values.port) ?? environment('PORT') ?? '3000',
    REDIS_MANAGER_ENABLED: environment('REDIS_MANAGER_ENABLED') ?? String(!values.before),
  },
});
// Ctrl-C reaches all processes of the terminal; the balancer stops the others in the right order.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => balancer.kill('SIGTERM'));
balancer.once('exit', async (code) => {
  const { stopServers } = await import('./servers.mjs');
  await stopServers();
  process.exit(code ?? 1);
});
