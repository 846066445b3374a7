/** What the browsers are told: the tags that this user may see. */
import type { Request } from 'express';
import { invalidationStream, type InvalidationStream } from 'hawser';
import { repositories } from '../after/shared/events/cache-invalidation.listener';
import { number } from '../env';
import type { Role } from '../types';
import { isVisible } from '../tags';

export type Stream = InvalidationStream;

/** Set by the route, before the stream begins. */
export interface Viewer {
  id: string;
  role: Role;
  companyId: string | null;
}

declare module 'express-serve-static-core' {
  interface Request {
    viewer?: Viewer;
  }
}

export const createStream = (): Stream =>
  invalidationStream(repositories, {
    filter: (tag, request) => {
      const { viewer } = request as Request;
      return viewer !== undefined && isVisible(tag, viewer);
    },
    // A browser takes a connection that is silent for two and a half of them for lost.
    heartbeatMs: number('STREAM_HEARTBEAT_MS', 15_000),
    clientOf: (request) => (request as Request).viewer?.id ?? 'nobody',
  });
