/** Zones and prices for everybody who is signed in. */
import { Router, type Request } from 'express';
import type { Services } from '../../contract';
import type { Zone } from '../../types';
import { badRequest } from '../errors';
import { number, oneOf, PINCODE, text } from '../input';

export function pricingRoutes({ pincodes, pricing, requirePermission }: Services): Router {
  const routes = Router();

  const zoneOf = async ({ query }: Request): Promise<Zone> => {
    const zone = await pincodes.getZone(text(query, 'from', { pattern: PINCODE }), text(query, 'to', { pattern: PINCODE }));
    if (zone === null) throw badRequest('from and to must be pincodes that exist');
    return zone;
  };

  routes.get('/pricing/zone', requirePermission('pricing.read'), async (request, response) => {
    response.json({ zone: await zoneOf(request) });
  });

  routes.get('/pricing/quote', requirePermission('pricing.read'), async (request, response) => {
    const weight = number(request.query, 'weightGrams', { min: 1, max: 10_000 });
    const mode = oneOf(request.query, 'paymentMode', ['prepaid', 'cod']);
    response.json(await pricing.quote(await zoneOf(request), weight, mode === 'cod'));
  });

  return routes;
}
