/** The HTTP application: the same for old and new code. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import type { Services } from '../contract';
import type { Tables } from '../database';
import type { Flags } from '../flags';
import { sendError, unknownPath } from './errors';
import type { Stream } from './stream';
import { adminRoutes } from './routes/admin';
import { authRoutes } from './routes/auth';
import { openRoutes, operationRoutes } from './routes/operations';
import { orderRoutes } from './routes/orders';
import { pricingRoutes } from './routes/pricing';
import { shipmentRoutes } from './routes/shipments';
import { streamRoutes } from './routes/stream';
import { walletRoutes } from './routes/wallet';
import { authenticate } from './session';

export interface Parts {
  instance: string;
  flags: Flags;
  services: Services;
  tables: Tables;
  stream: Stream | null;
}

export function createApp(parts: Parts): Express {
  const { instance, services, tables, stream } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', 'loopback');
  // Answers are as old as this server says, not as a browser thinks.
  app.set('etag', false);
  app.use(marked(instance));
  app.use(openRoutes(parts));
  app.use(express.json({ limit: '100kb' }));

  const api = express.Router();
  api.use(authRoutes(services, tables));
  api.use(authenticate(services.tokens));
  api.use(streamRoutes(services, stream));
  api.use(services.limits.api);
  api.use(orderRoutes(services), shipmentRoutes(services), walletRoutes(services), pricingRoutes(services), adminRoutes(services, tables), operationRoutes(parts));
  app.use('/api', api);

  app.use('/api', unknownPath);
  serveWeb(app);
  app.use(unknownPath);
  app.use(sendError);
  return app;
}

/** Says which instance has answered, and names the request. */
function marked(instance: string): RequestHandler {
  return (request, response, next) => {
    response.set({ 'x-instance': instance, 'x-request-id': request.get('x-request-id') ?? randomUUID(), 'cache-control': 'no-store' });
    next();
  };
}

/** The page, if it has been built. Its own paths (`/orders/ORD-1`) all get index.html. */
function serveWeb(app: Express): void {
  const folder = path.join(__dirname, '..', '..', '..', 'web', 'dist');
  if (!existsSync(folder)) return;
  app.use(express.static(folder, { index: 'index.html', cacheControl: false }));
  app.use((request, response, next) => {
    if (request.method !== 'GET' || path.extname(request.path) !== '') return next();
    response.sendFile(path.join(folder, 'index.html'));
  });
}
