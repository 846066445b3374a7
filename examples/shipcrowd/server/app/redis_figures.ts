/** What INFO says of the server. */
import type { Observer } from '../contract';

export interface RedisFigures {
  mode: string;
  version: string | null;
  usedMemory: number | null;
  clients: number | null;
}

export async function redisFigures(observer: Observer): Promise<RedisFigures> {
  try {
    const info = await observer.info();
    if (info === null) return { mode: 'memory', version: null, usedMemory: null, clients: null };
    const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    return {
      mode: field('redis_mode') ?? field('server_mode') ?? 'standalone',
      version: field('valkey_version') ?? field('redis_version') ?? null,
      usedMemory: Number(field('used_memory')),
      clients: Number(field('connected_clients')),
    };
  } catch {
    return { mode: 'not connected', version: null, usedMemory: null, clients: null };
  }
}
