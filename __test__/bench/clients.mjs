// The clients whose GET and SET are compared. Each has its defaults, except for the options in its name, and nothing stands between the
// measuring loop and the client's own `get` and `set`.

export const HAWSER = 'hawser';
export const REFERENCE = 'ioredis 6';
export const BASELINE = 'hawser, baseline';
export const TRACED = 'hawser, traced';
const PACKAGES = { 'ioredis 5': 'ioredis', [REFERENCE]: 'ioredis6' };

/** The class `Redis` of hawser (a build of it: this checkout's, or another one for a comparison of two states of the source) or of an ioredis. */
export async function openRedis(name, folder) {
  const { Redis } = await import(name === HAWSER ? new URL('index.mjs', folder) : PACKAGES[name]);
  return Redis;
}

/** Returns a client that is ready. */
export async function connect(Redis, port, options = {}) {
  const client = new Redis({ host: '127.0.0.1', port, ...options });
  if (client.status !== 'ready') {
    await new Promise((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
    });
  }
  return client;
}

async function open(name, { port, folder }, options) {
  const client = await connect(await openRedis(name, folder), port, options);
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

/** Wraps commands as tracing tools do: both outcomes go through functions that end a span. */
async function trace(name, { folder }) {
  const { prototype } = await openRedis(name, folder);
  const send = prototype.sendCommand;
  prototype.sendCommand = function (command, ...rest) {
    const span = { name: command.name, error: undefined, isEnded: false };
    const { resolve, reject } = command;
    command.resolve = (value) => {
      span.isEnded = true;
      resolve(value);
    };
    command.reject = (error) => {
      span.error = error;
      span.isEnded = true;
      reject(error);
    };
    return send.call(this, command, ...rest);
  };
}

async function openTraced(name, job) {
  await trace(name, job);
  return open(name, job);
}

async function openNodeRedis({ port }) {
  const { createClient } = await import('redis');
  const client = createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', () => {});
  await client.connect();
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

async function openGlide({ port }) {
  const { GlideClient } = await import('@valkey/valkey-glide');
  // Its default limit is 1,000 requests in flight, which is also the measured level.
  const client = await GlideClient.createClient({ addresses: [{ host: '127.0.0.1', port }], inflightRequestsLimit: 4000 });
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

/** The clients by name. hawser and its reference are neighbours, so they are measured within a second of each other. */
export const CLIENTS = {
  [HAWSER]: (job) => open(HAWSER, job),
  [REFERENCE]: (job) => open(REFERENCE, job),
  'hawser, RESP2': (job) => open(HAWSER, job, { protocol: 2 }),
  'ioredis 6, auto-pipelining': (job) => open(REFERENCE, job, { enableAutoPipelining: true }),
  'ioredis 5': (job) => open('ioredis 5', job),
  'node-redis 6': (job) => openNodeRedis(job),
  'valkey-glide': (job) => openGlide(job),
  [BASELINE]: (job) => open(HAWSER, { ...job, folder: job.baseline }),
};

/** The same clients with parts of the surface in use, and the pairs that are compared. */
export const SURFACE = {
  [REFERENCE]: { reference: REFERENCE, open: CLIENTS[REFERENCE] },
  'hawser, RESP3': { reference: REFERENCE, open: CLIENTS[HAWSER] },
  'hawser, RESP2': { reference: REFERENCE, open: CLIENTS['hawser, RESP2'] },
  'ioredis 6, key prefix': { reference: 'ioredis 6, key prefix', open: (job) => open(REFERENCE, job, { keyPrefix: 'app:' }) },
  'hawser, key prefix': { reference: 'ioredis 6, key prefix', open: (job) => open(HAWSER, job, { keyPrefix: 'app:' }) },
  'ioredis 6, traced': { reference: 'ioredis 6, traced', open: (job) => openTraced(REFERENCE, job) },
  [TRACED]: { reference: 'ioredis 6, traced', open: (job) => openTraced(HAWSER, job) },
};
