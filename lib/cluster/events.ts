/** The events of a cluster and their listeners' arguments. */
import type { Redis } from '../client/redis';
import type { ConnectionEvents } from '../observe/events';

/** Events of a `Cluster`. Its `error` takes any listener, as in ioredis. */
export interface ClusterEvents extends ConnectionEvents {
  disconnecting: () => void;
  /** The slot table was read again. */
  refresh: () => void;
  '+node': (node: Redis) => void;
  '-node': (node: Redis, key: string) => void;
  'node error': (error: Error, key: string) => void;
}
