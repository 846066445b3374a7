// The clients whose GET and SET are compared. Each is opened with its defaults, but for what its name says; each has `get`, `set` and
// nothing between the loop that measures and the client's own method.

/** A build of hawser: this checkout's, or another one for a comparison of two states of the source. */
async function hawser(folder) {
  return import(new URL('index.mjs', folder));
}

async function openHawser({ port, folder }, options = {}) {
  const { Redis } = await hawser(folder);
  return ready(new Redis({ host: '127.0.0.1', port, ...options }));
}

async function openIoredis(name, { port }, options = {}) {
  const { Redis } = await import(name);
  return ready(new Redis({ host: '127.0.0.1', port, ...options }));
}

async function ready(client) {
  if (client.status !== 'ready') {
    await new Promise((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
    });
  }
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
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
  // Its own bound is 1,000 requests in flight, which is what is measured: not to be met by one too many.
  const client = await GlideClient.createClient({ addresses: [{ host: '127.0.0.1', port }], inflightRequestsLimit: 4000 });
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

export const HAWSER = 'hawser';
export const REFERENCE = 'ioredis 6';
export const BASELINE = 'hawser, baseline';

/** By name, hawser and its reference side by side: they are measured within a second of each other. */
export const CLIENTS = {
  [HAWSER]: (job) => openHawser(job),
  [REFERENCE]: (job) => openIoredis('ioredis6', job),
  'hawser, RESP2': (job) => openHawser(job, { protocol: 2 }),
  'ioredis 6, auto-pipelining': (job) => openIoredis('ioredis6', job, { enableAutoPipelining: true }),
  'ioredis 5': (job) => openIoredis('ioredis', job),
  'node-redis 6': (job) => openNodeRedis(job),
  'valkey-glide': (job) => openGlide(job),
  [BASELINE]: (job) => openHawser({ ...job, folder: job.baseline }),
};
