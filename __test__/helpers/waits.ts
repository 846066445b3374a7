import type { RedisServer } from './redis-server';
import { until } from './until';

/** Resolves when a client is blocked in WAIT. A connection that has waited before keeps `cmd=wait` and is not blocked. */
export async function waits(server: RedisServer): Promise<void> {
  await until(async () => /flags=\w*b\w* .*cmd=wait/.test(String(await server.command('CLIENT', 'LIST'))), { what: 'a client to wait for replicas' });
}
