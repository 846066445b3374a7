/** Orders of the user's company. */
import { Router } from 'express';
import type { Services } from '../../contract';
import { ORDER_SORTS, ORDER_STEPS, type NewOrder, type OrderFilters, type OrderStatus } from '../../types';
import { ApiError, badRequest, notFound } from '../errors';
import { body, DAY, number, oneOf, optionalOneOf, optionalText, pagination, PINCODE, text } from '../input';
import { companyOf } from '../session';

const STATUSES = Object.keys(ORDER_STEPS) as OrderStatus[];

export function orderRoutes({ orders, pincodes, pricing, requirePermission }: Services): Router {
  const routes = Router();

  routes.get('/orders', requirePermission('orders.read'), async (request, response) => {
    response.json(await orders.listOrders(companyOf(request), filtersOf(request.query), pagination(request.query)));
  });

  routes.post('/orders', requirePermission('orders.write'), async (request, response) => {
    const companyId = companyOf(request);
    const order = newOrder(request.body);
    const zone = await pincodes.getZone(order.from, order.to);
    if (zone === null) throw badRequest('from and to must be pincodes that exist');
    const { quotes } = await pricing.quote(zone, order.weightGrams, order.paymentMode === 'cod');
    const [cheapest] = quotes;
    if (cheapest === undefined) throw badRequest('no courier takes this weight');
    const { value, isVisible } = await orders.createOrder(companyId, order, { zone, courier: cheapest.courier, price: cheapest.price });
    response.status(isVisible ? 201 : 202).json(value);
  });

  routes.get('/orders/:id', requirePermission('orders.read'), async (request, response) => {
    const order = await orders.getOrderById(companyOf(request), String(request.params.id));
    if (order === null) throw notFound('order');
    response.json(order);
  });

  routes.patch('/orders/:id/status', requirePermission('orders.write'), async (request, response) => {
    const status = oneOf(body(request.body), 'status', STATUSES);
    const { value, isVisible } = await orders.updateOrderStatus(companyOf(request), String(request.params.id), status);
    if (value === null) throw notFound('order');
    if (value === undefined) throw new ApiError(409, 'impossible_step', `the order cannot become ${status} now`);
    response.status(isVisible ? 200 : 202).json(value);
  });

  return routes;
}

function filtersOf(query: Record<string, unknown>): OrderFilters {
  return {
    status: optionalOneOf(query, 'status', STATUSES),
    search: optionalText(query, 'search', { max: 80 }),
    courier: optionalText(query, 'courier', { max: 40 }),
    from: optionalText(query, 'from', { pattern: DAY }),
    to: optionalText(query, 'to', { pattern: DAY }),
    sort: optionalOneOf(query, 'sort', ORDER_SORTS),
  };
}

function newOrder(value: unknown): NewOrder {
  const fields = body(value);
  const items: unknown = fields.items ?? [];
  if (!Array.isArray(items) || items.length > 100) throw badRequest('items must be an array of at most 100');
  return {
    customer: text(fields, 'customer'),
    phone: optionalText(fields, 'phone', { max: 30 }),
    from: text(fields, 'from', { pattern: PINCODE }),
    to: text(fields, 'to', { pattern: PINCODE }),
    weightGrams: number(fields, 'weightGrams', { min: 1, max: 10_000 }),
    value: number(fields, 'value', { min: 1, max: 10_000_000 }),
    paymentMode: oneOf(fields, 'paymentMode', ['prepaid', 'cod']),
    items: items.map((item) => {
      const own = body(item);
      return { name: text(own, 'name'), quantity: number(own, 'quantity', { min: 1, max: 10_000 }), price: number(own, 'price', { min: 0, max: 10_000_000 }) };
    }),
  };
}
