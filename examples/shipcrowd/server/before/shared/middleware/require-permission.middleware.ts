/** Lets a request through if its user may do this. It looks into Redis with a client of its own before it asks the service. */
import type { RequestHandler } from 'express';
import { ApiError } from '../../../app/errors';
import { claimsOf } from '../../../app/session';
import type { Permissions, RequirePermission } from '../../../contract';
import type { Access } from '../../../types';
import { connect } from '../../infrastructure/utilities/ioredis';
import { countRead } from '../../measure';

export function requirePermissionOf(permissions: Permissions): RequirePermission {
  const redis = connect('require-permission.middleware');
  return (permission): RequestHandler =>
    async (request, _response, next) => {
      const { sub } = claimsOf(request);
      const cached = await redis.get(`perm:${sub}`);
      if (cached !== null) countRead('permissions', true);
      const access = cached === null ? await permissions.of(sub) : (JSON.parse(cached) as Access | null);
      if (access === null || !access.permissions.includes(permission)) throw new ApiError(403, 'forbidden', `this needs the permission ${permission}`);
      next();
    };
}
