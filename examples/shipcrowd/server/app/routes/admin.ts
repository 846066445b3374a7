/** Rates, pincodes, roles and users, for administrators. */
import { Router } from 'express';
import type { Services } from '../../contract';
import type { Tables } from '../../database';
import { AREAS, PERMISSIONS, ROLES, type Permission } from '../../types';
import { ApiError, badRequest, notFound } from '../errors';
import { body, number, oneOf, optionalText, pagination } from '../input';

export function adminRoutes({ pricing, pincodes, permissions, requirePermission }: Services, { people }: Tables): Router {
  const routes = Router();
  const [rates, roles] = [requirePermission('admin.rates'), requirePermission('admin.roles')];

  routes.get('/admin/rate-cards', rates, async (_request, response) => {
    response.json(await pricing.rateCards());
  });

  routes.patch('/admin/rate-cards/:id', rates, async (request, response) => {
    const price = number(body(request.body), 'price', { min: 1, max: 100_000 });
    const { value, isVisible } = await pricing.setPrice(String(request.params.id), price);
    if (value === null) throw notFound('rate card');
    response.status(isVisible ? 200 : 202).json(value);
  });

  routes.patch('/admin/pincodes/:pincode', rates, async (request, response) => {
    const zone = oneOf(body(request.body), 'zone', AREAS);
    const { value, isVisible } = await pincodes.setArea(String(request.params.pincode), zone);
    if (!value) throw notFound('pincode');
    response.status(isVisible ? 200 : 202).json({ pincode: request.params.pincode, zone });
  });

  routes.get('/admin/roles', roles, async (_request, response) => {
    const known = await people.roles();
    response.json(ROLES.map((role) => ({ role, permissions: known.find((one) => one.role === role)?.permissions ?? [] })));
  });

  routes.put('/admin/roles/:role/permissions', roles, async (request, response) => {
    const role = oneOf(request.params, 'role', ROLES);
    const wanted: unknown = body(request.body).permissions;
    if (!Array.isArray(wanted) || !wanted.every((one): one is Permission => PERMISSIONS.includes(one as Permission))) throw badRequest(`permissions must be an array of: ${PERMISSIONS.join(', ')}`);
    if (role === 'admin' && !wanted.includes('admin.roles')) throw new ApiError(409, 'would_lock_out', 'then nobody could change roles any more');
    const { isVisible } = await permissions.setPermissions(role, [...new Set(wanted)]);
    response.status(isVisible ? 200 : 202).json({ role, permissions: wanted });
  });

  routes.get('/admin/users', roles, async (request, response) => {
    response.json(await people.list({ search: optionalText(request.query, 'search', { max: 80 }) }, pagination(request.query)));
  });

  routes.put('/admin/users/:id/role', roles, async (request, response) => {
    const role = oneOf(body(request.body), 'role', ROLES);
    const id = String(request.params.id);
    const { value, isVisible } = await permissions.setRole(id, role);
    if (!value) throw notFound('user');
    response.status(isVisible ? 200 : 202).json(await people.byId(id));
  });

  return routes;
}
