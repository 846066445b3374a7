/**
 * What callers do by mistake on a client that all share: block it, watch with it, move it to another database. The first such command of
 * each name is one warning for each client. It sees only commands that take the client's slow path, so others cost nothing.
 */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import type { Command } from '../command/command';
import { blockingTimeOf } from '../command/blocking';
import { ClassBit } from '../contract.generated';
import type { Logger } from '../logger';

const SUBSCRIPTIONS = new Set(['subscribe', 'psubscribe', 'ssubscribe']);

/** What the command does to the others on its connection; undefined if nothing. */
function harmOf({ meta: { lower, class: bits }, args, pipelineIndex }: Command, client: Redis, isForMessages: boolean): string | undefined {
  if ((bits & ClassBit.Blocking) !== 0) return blockingTimeOf(lower, args) === null ? undefined : 'makes the commands behind it wait';
  switch (lower) {
    case 'watch':
      return 'makes transactions of other callers fail, and theirs end the watch';
    case 'multi':
      return pipelineIndex === undefined ? 'puts the commands of other callers into the transaction' : undefined;
    case 'select':
      return 'moves the commands of other callers to another database';
    case 'monitor':
    case 'reset':
      return 'takes the connection away from other callers';
    default:
      if (!SUBSCRIPTIONS.has(lower) || isForMessages || client[LIFE].link?.protocol !== 2) return undefined;
      return 'makes the commands of other callers fail while there are subscriptions (RESP2)';
  }
}

/** Watches a client of the manager, and of a cluster each node's. `isForMessages`: subscribing is its purpose. */
export function warnOfSharedUse(client: Redis | Cluster, role: string, logger: Logger): void {
  const told = new Set<string>();
  const watch = (redis: Redis): void => {
    redis[LIFE].onSlowCommand = (command) => tell(command, redis);
  };
  const tell = (command: Command, redis: Redis): void => {
    const name = command.meta.lower;
    if (told.has(name)) return;
    const harm = harmOf(command, redis, role === 'subscriber');
    if (harm === undefined) return;
    told.add(name);
    const instead = SUBSCRIPTIONS.has(name) ? 'use RedisManager.getSubscriberClient()' : 'use RedisManager.withConnection(fn), which lends a connection';
    logger.warn(`[hawser:${role}] ${name.toUpperCase()} on the shared client ${harm}; ${instead}`);
  };
  if (client.isCluster) client.on('+node', watch);
  else watch(client);
}
