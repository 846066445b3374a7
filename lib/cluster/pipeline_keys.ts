/** Whether a pipeline can be sent to a cluster: a command's keys in one slot, a transaction's on one shard. */
import type { Command } from '../command/command';
import { slotOf } from './slot';

const SLOTS_DIFFER = 'All the keys in a pipeline command should belong to the same slot';
const SHARDS_DIFFER = 'All keys in the pipeline should belong to the same slots allocation group';

/** Why it cannot be sent, with ioredis's messages. */
export function checkPipeline(commands: readonly Command[], shardOf: (slot: number) => number): Error | undefined {
  let shard: number | undefined;
  for (const command of commands) {
    const [first, ...others] = command.getKeys();
    const { lower, isExec } = command.meta;
    if (lower === 'multi' || isExec || lower === 'discard') shard = undefined;
    if (first === undefined) continue;
    const slot = slotOf(first);
    if (others.some((key) => slotOf(key) !== slot)) return new Error(SLOTS_DIFFER);
    if (!command.inTransaction) continue;
    const own = shardOf(slot);
    if (shard !== undefined && shard !== own) return new Error(SHARDS_DIFFER);
    shard = own;
  }
  return undefined;
}
