/** Lets a request through if its user may do this. It asks the permission service and has no connection of its own. */
import type { RequestHandler } from 'express';
import { ApiError } from '../../../app/errors';
import { claimsOf } from '../../../app/session';
import type { Permissions, RequirePermission } from '../../../contract';

export const requirePermissionOf =
  (permissions: Permissions): RequirePermission =>
  (permission): RequestHandler =>
  async (request, _response, next) => {
    const access = await permissions.of(claimsOf(request).sub);
    if (access === null || !access.permissions.includes(permission)) throw new ApiError(403, 'forbidden', `this needs the permission ${permission}`);
    next();
  };
