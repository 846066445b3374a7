/** Who sends a request. */
import type { Request, RequestHandler } from 'express';
import type { Claims, Tokens } from '../contract';
import { ApiError } from './errors';

declare module 'express-serve-static-core' {
  interface Request {
    claims?: Claims;
  }
}

const unauthorized = (): ApiError => new ApiError(401, 'unauthorized', 'sign in first');

/** Lets requests with a good token through. `EventSource` cannot send headers, so the stream's token is in the query. */
export function authenticate(tokens: Tokens): RequestHandler {
  return async (request, _response, next) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? (request.path === '/stream' ? request.query.token : undefined);
    if (typeof token !== 'string') throw unauthorized();
    request.claims = await tokens.verify(token);
    next();
  };
}

export function claimsOf(request: Request): Claims {
  if (request.claims === undefined) throw unauthorized();
  return request.claims;
}

/** The company whose data the request is about. */
export function companyOf(request: Request): string {
  const { companyId } = claimsOf(request);
  if (companyId === null) throw new ApiError(403, 'no_company', 'this user belongs to no company');
  return companyId;
}
