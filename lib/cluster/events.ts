/** The events of a cluster and the arguments of their listeners. */
import type { Redis } from '../client/redis';
import type { ConnectionEvents } from '../observe/events';

/** Events of a `Cluster`. `error` accepts any listener, as in ioredis. */
export interface ClusterEvents extends ConnectionEvents {
  disconnecting: () => void;
  /** The slot table was read again. */
  refresh: () => void;
  '+node': (node: Redis) => void;
  '-node': (node: Redis, key: string) => void;
  'node error': (error: Error, key: string) => void;
}
