/** Live invalidations. */
import { Router } from 'express';
import type { Services } from '../../contract';
import { ApiError } from '../errors';
import { claimsOf } from '../session';
import type { Stream } from '../stream';

export function streamRoutes({ permissions }: Services, stream: Stream | null): Router {
  const routes = Router();
  routes.get('/stream', async (request, response) => {
    if (stream === null) throw new ApiError(404, 'no_stream', 'this instance runs the old code, which has no stream');
    const { sub: id, companyId } = claimsOf(request);
    const access = await permissions.of(id);
    if (access === null) throw new ApiError(403, 'forbidden', 'this user does not exist any more');
    request.viewer = { id, companyId, role: access.role };
    await stream(request, response);
  });
  return routes;
}
