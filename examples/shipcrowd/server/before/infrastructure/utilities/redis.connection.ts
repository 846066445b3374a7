/** The connection of the library `redis`, for the queues: QueueManager checks with it that there is a server, and takes its address. */
import { createClient } from 'redis';
import { watch } from '../../measure';

export const redisUrl = (): string => process.env.REDIS_URL || 'redis://localhost:6379';

export type NodeRedis = ReturnType<typeof createClient>;

/** Connects a client of `redis`, and reports errors once each. */
export function connectNodeRedis(file: string): NodeRedis {
  const client: NodeRedis = createClient({ url: redisUrl(), name: `shipcrowd:${file}` });
  client.on('error', (error: Error) => console.warn(`[${file}] ${error.message}`));
  client.connect().catch((error: Error) => console.warn(`[${file}] ${error.message}`));
  watch(file, 'redis', () => (client.isReady ? 'ready' : client.isOpen ? 'reconnecting' : 'end'));
  return client;
}

/** BullMQ takes an address. */
export function queueAddress() {
  const url = new URL(redisUrl());
  return {
    host: url.hostname,
    port: Number(url.port) || 6379,
    password: url.password || undefined,
    db: Number(url.pathname.slice(1)) || 0,
    maxRetriesPerRequest: null,
  };
}
