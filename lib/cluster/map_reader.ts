/** Reads the slot map of one node, on a connection of its own, so that a blocked command does not delay it. */
import type { Socket } from 'node:net';
import { define } from '../names';
import { noop } from '../client/lifecycle';
import { Redis } from '../client/redis';
import type { ClientOptions } from '../options/options';
import { connectionName } from './subscriber';

export interface MapAnswer {
  /** The reply to CLUSTER SLOTS. */
  rows: unknown;
  /** `cluster_current_epoch`; -1 if it is unknown. */
  epoch: number;
}

export class MapReader {
  private readonly redis: Redis;
  private lastError: Error | undefined = undefined;

  constructor(options: ClientOptions) {
    this.redis = new Redis({
      ...options,
      enableOfflineQueue: true,
      enableReadyCheck: false,
      retryStrategy: null,
      protocol: 2,
      replyMapping: 'legacy',
      stringNumbers: false,
      readOnly: false,
      lazyConnect: true,
      keyPrefix: '',
      enableAutoPipelining: false,
      resend: 'all',
      scripts: undefined,
      connectionName: connectionName('refresher', options.connectionName),
    } as unknown as ClientOptions<'legacy'>);
    this.redis.on('error', (error) => (this.lastError = error));
  }

  /** Rejects with why the node gives no map. The epoch is asked first: it is never newer than the map. */
  async read(asksEpoch: boolean): Promise<MapAnswer> {
    const epoch = asksEpoch ? this.redis.cluster('INFO').then(epochOf, () => -1) : -1;
    try {
      const rows = await this.redis.cluster('SLOTS');
      return { rows, epoch: await epoch };
    } catch (error) {
      // "Connection is closed." does not say why.
      if (this.lastError !== undefined && (error as { cause?: unknown }).cause === undefined) define(error as Error, 'cause', this.lastError);
      throw error;
    } finally {
      this.close();
    }
  }

  close(): void {
    this.redis.removeAllListeners('error');
    this.redis.on('error', noop);
    this.redis.disconnect();
  }

  /** Closes without waiting for a node that may never answer. */
  abandon(): void {
    this.close();
    (this.redis.stream as Socket | undefined)?.destroy();
  }
}

function epochOf(info: unknown): number {
  const epoch = Number(/(?:^|\n)cluster_current_epoch:(\d+)/.exec(String(info))?.[1] ?? -1);
  return Number.isSafeInteger(epoch) ? epoch : -1;
}
