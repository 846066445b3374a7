/** Requests to the API. Errors have the server's words and code. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** What is wrong with the fields of a form, by name. */
    readonly fields: Record<string, string> = {},
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

let token: string | null = null;
let onSignedOut: () => void = () => undefined;

/** The session's token goes with each request; `signedOut` runs when the server refuses it. */
export function authorize(next: string | null, signedOut: () => void): void {
  token = next;
  onSignedOut = signedOut;
}

const served = new Set<(instance: string) => void>();

/** Tells which instance has answered, after each answer of one that the balancer chose. */
export function watchInstance(listener: (instance: string) => void): () => void {
  served.add(listener);
  return () => served.delete(listener);
}

export interface RequestOptions {
  body?: unknown;
  /** The number of the instance that shall answer, and no other. Default: the balancer's choice. */
  instance?: string | undefined;
}

export async function request<T>(method: string, path: string, { body, instance: wanted }: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  const sent = token;
  if (sent !== null) headers.authorization = `Bearer ${sent}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (wanted !== undefined) headers['x-instance'] = wanted;
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, 'UNREACHABLE', 'The server cannot be reached.');
  }
  const instance = response.headers.get('x-instance');
  if (instance !== null && wanted === undefined) for (const listener of served) listener(instance);
  const answer = response.status === 204 ? undefined : ((await response.json().catch(() => undefined)) as unknown);
  if (response.ok) return answer as T;
  if (response.status === 401 && sent !== null && sent === token) onSignedOut();
  throw errorOf(response.status, answer);
}

function errorOf(status: number, answer: unknown): ApiError {
  const { error } = (answer ?? {}) as { error?: { code?: string; message?: string; fields?: Record<string, string> } };
  return new ApiError(status, error?.code ?? `HTTP_${status}`, error?.message ?? `The server answered with status ${status}.`, error?.fields);
}

export const get = <T>(path: string, options?: RequestOptions): Promise<T> => request<T>('GET', path, options);

/** Whether no server has answered. `navigator.onLine` knows of the nearest network only. */
export const isUnreachable = (error: unknown): boolean => error instanceof ApiError && error.status === 0;

/** Whether the server refuses because the user may not see or do this. */
export const isForbidden = (error: unknown): boolean => error instanceof ApiError && error.status === 403;

/** A path with the parameters that have a value. */
export function withQuery(path: string, query: object): string {
  const given = Object.entries(query as Record<string, unknown>).filter(([, value]) => value !== undefined && value !== '' && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}
