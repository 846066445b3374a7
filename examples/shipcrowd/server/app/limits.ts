/** The options of express-rate-limit, whatever stores its counters. */
import { ipKeyGenerator, type Options } from 'express-rate-limit';
import type { Request } from 'express';
import { limitPerMinute, WINDOW_SECONDS } from '../state';
import { ApiError } from './errors';

export const apiLimitOptions = (): Partial<Options> => ({
  windowMs: WINDOW_SECONDS * 1000,
  limit: limitPerMinute(3_000),
  standardHeaders: 'draft-7',
  legacyHeaders: false,
  keyGenerator: (request) => (request as Request).claims?.sub ?? ipKeyGenerator(request.ip ?? ''),
  // A limit that cannot be counted stops nobody.
  passOnStoreError: true,
  handler: () => {
    throw new ApiError(429, 'too_many_requests', 'too many requests; try again in a minute');
  },
});
