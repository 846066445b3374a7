/** The wallet of the user's company, and its dashboard. */
import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Services } from '../../contract';
import { body, number, pagination } from '../input';
import { companyOf } from '../session';

export function walletRoutes({ wallet, dashboards, requirePermission }: Services): Router {
  const routes = Router();

  routes.get('/wallet', requirePermission('wallet.read'), async (request, response) => {
    response.json({ balance: await wallet.balance(companyOf(request)), currency: 'INR' });
  });

  routes.get('/wallet/transactions', requirePermission('wallet.read'), async (request, response) => {
    response.json(await wallet.transactions(companyOf(request), pagination(request.query)));
  });

  routes.post('/wallet/recharge', requirePermission('wallet.write'), async (request, response) => {
    const amount = number(body(request.body), 'amount', { min: 1, max: 1_000_000 });
    const { value, isVisible } = await wallet.recharge(companyOf(request), amount, `recharge ${randomUUID()}`);
    response.status(isVisible ? 200 : 202).json({ balance: value, currency: 'INR' });
  });

  routes.get('/analytics/dashboard', requirePermission('analytics.read'), async (request, response) => {
    const days = number(request.query, 'days', { min: 1, max: 365, otherwise: 30 });
    response.json(await dashboards.getDashboard(companyOf(request), days));
  });

  return routes;
}
