/** Errors that a client sees, as `{ error: { code, message } }`. */
import type { ErrorRequestHandler, RequestHandler } from 'express';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const badRequest = (message: string): ApiError => new ApiError(400, 'bad_request', message);
export const notFound = (what: string): ApiError => new ApiError(404, 'not_found', `there is no such ${what}`);

export const unknownPath: RequestHandler = (request) => {
  throw new ApiError(404, 'not_found', `${request.method} ${request.path} does not exist`);
};

// Express tells error handlers from others by the number of their parameters.
export const sendError: ErrorRequestHandler = (error: unknown, request, response, next) => {
  if (response.headersSent) return next(error);
  const { status, code, message } = shown(error);
  if (status >= 500) console.error(`[${request.method} ${request.path}]`, error);
  response.status(status).json({ error: { code, message } });
};

function shown(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ApiError) return error;
  const { status, type } = error as { status?: number; type?: string };
  // The parser of bodies.
  if (status !== undefined && status < 500) return { status, code: type ?? 'bad_request', message: (error as Error).message };
  return { status: 500, code: 'internal', message: 'internal error' };
}
