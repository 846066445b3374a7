// The clients whose GET on a cluster is compared, each with its defaults but for what its name says.

import { HAWSER, openRedis, REFERENCE } from './clients.mjs';

export const PIPELINING = 'ioredis 6, auto-pipelining';

async function open(name, { ports, folder }, options = {}) {
  const { Cluster } = await openRedis(name, folder);
  const client = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })), options);
  if (client.status !== 'ready') {
    await new Promise((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
    });
  }
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

async function openGlide({ ports }) {
  const { GlideClusterClient } = await import('@valkey/valkey-glide');
  const client = await GlideClusterClient.createClient({ addresses: ports.map((port) => ({ host: '127.0.0.1', port })), inflightRequestsLimit: 4000 });
  return { get: (key) => client.get(key), set: (key, value) => client.set(key, value) };
}

/** By name, hawser between those it is judged by. */
export const CLUSTER_CLIENTS = {
  [REFERENCE]: (job) => open(REFERENCE, job),
  [HAWSER]: (job) => open(HAWSER, job),
  [PIPELINING]: (job) => open(REFERENCE, job, { enableAutoPipelining: true }),
  'valkey-glide': (job) => openGlide(job),
};
