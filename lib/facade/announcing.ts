/** Invalidations that the fleet is told of once they have taken effect. */
import type { Call } from '../cache/call';
import type { CachePort } from '../cache/port';
import { Decision } from '../contract.generated';
import { announce, announceLater } from '../stream/announce';
import { invalidated } from './storing';

/**
 * Carries out an invalidation. `tags`: what listeners are told; `undefined`: everything of the repository. A failure that may still take effect is told when it has.
 */
export async function announced(port: CachePort, operation: string, run: () => Call, tags: readonly string[] | undefined): Promise<number> {
  const { prefix } = port;
  let count: number;
  try {
    count = await invalidated(port, operation, run());
  } catch (error) {
    const { kept, maybeExecuted } = error as { kept?: boolean; maybeExecuted?: boolean };
    if (kept === true || maybeExecuted === true) announceLater({ prefix, tags }, () => tookEffect(run()));
    throw error;
  }
  announce({ prefix, tags });
  return count;
}

async function tookEffect(call: Call): Promise<boolean> {
  await call.next();
  return call.kind !== Decision.Error;
}

/** The tags that stand for deleted keys. */
export function keyTags(prefix: string, keys: readonly string[]): string[] {
  return keys.map((key) => `${prefix}:${key}`);
}
