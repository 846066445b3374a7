/** What takes the place of state in Redis where there is no Redis. The caches are hawser's own, on memory://. */
import { SessionService } from '../after/core/application/services/auth/session.service';
import type { Tables } from '../database';
import type { Side } from '../services';
import { MemoryTokenService } from './jwt';
import { memoryLimits } from './limits';
import { MemoryQueues } from './queues';

export function createMemory({ people }: Tables): Pick<Side, 'tokens' | 'limits' | 'queues'> {
  return {
    tokens: () => new MemoryTokenService(new SessionService(people)),
    limits: () => memoryLimits(),
    queues: () => new MemoryQueues(),
  };
}
