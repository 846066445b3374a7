/** The manager's connections for the near cache: one more for each server, named like the other roles. */
import type { LanePort } from '../cache/lanes';
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { logLife } from './logging';
import { reconnectDelay, type Settings } from './options';

const open = new Set<Redis>();

/** Opens a lane to the server of a client. It reconnects forever, as the client does, and does not keep the process alive, which the client does. */
export function openLane(client: Redis, s: Settings): LanePort {
  const lane = client.duplicate({
    connectionName: `${s.connectionName}:cache`,
    lazyConnect: false,
    enableReadyCheck: false,
    readOnly: false,
    retryStrategy: (times: number) => reconnectDelay(s.retryDelayMs, Math.max(times, 1)),
  });
  lane.unref();
  logLife(lane, 'cache', s.logger);
  open.add(lane);
  lane.once('end', () => open.delete(lane));
  const { link } = lane[LIFE];
  if (link === undefined) throw new Error('the store in this process has no links');
  return { link, close: () => lane.disconnect() };
}

/** Takes the lanes that have not ended. The caller closes them. */
export function takeLanes(): Redis[] {
  const taken = [...open];
  open.clear();
  return taken;
}

/** The lanes that have not ended. */
export function openLanes(): Redis[] {
  return [...open];
}

export function hasLanes(): boolean {
  return open.size > 0;
}
