/** What every file with an ioredis client of its own repeats. */
import { Redis } from 'ioredis';
import { watch } from '../../measure';
import { redisUrl } from './redis.connection';

export function connect(file: string): Redis {
  const client = new Redis(redisUrl(), { connectionName: `shipcrowd:${file}` });
  client.on('error', (error: Error) => console.warn(`[${file}] ${error.message}`));
  watch(file, 'ioredis', () => client.status);
  return client;
}
