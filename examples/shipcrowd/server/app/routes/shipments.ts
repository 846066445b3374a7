/** Shipments of the user's company. */
import { Router } from 'express';
import type { Services } from '../../contract';
import { SHIPMENT_STEPS, type ShipmentStatus } from '../../types';
import { ApiError, notFound } from '../errors';
import { body, oneOf, optionalOneOf, optionalText, pagination } from '../input';
import { companyOf } from '../session';

const STATUSES = Object.keys(SHIPMENT_STEPS) as ShipmentStatus[];

export function shipmentRoutes({ shipments, requirePermission }: Services): Router {
  const routes = Router();

  routes.get('/shipments', requirePermission('shipments.read'), async (request, response) => {
    const filters = { status: optionalOneOf(request.query, 'status', STATUSES), courier: optionalText(request.query, 'courier', { max: 40 }) };
    response.json(await shipments.listShipments(companyOf(request), filters, pagination(request.query)));
  });

  routes.get('/shipments/:id', requirePermission('shipments.read'), async (request, response) => {
    const shipment = await shipments.getShipmentById(companyOf(request), String(request.params.id));
    if (shipment === null) throw notFound('shipment');
    response.json(shipment);
  });

  routes.patch('/shipments/:id/status', requirePermission('shipments.write'), async (request, response) => {
    const status = oneOf(body(request.body), 'status', STATUSES);
    const { value, isVisible } = await shipments.updateShipmentStatus(companyOf(request), String(request.params.id), status);
    if (value === null) throw notFound('shipment');
    if (value === undefined) throw new ApiError(409, 'impossible_step', `the shipment cannot become ${status} now`);
    response.status(isVisible ? 200 : 202).json(value);
  });

  return routes;
}
