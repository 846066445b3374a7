/** Records what a handler writes to a response of node:http, in the place of its `writeHead`, `write` and `end`. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { missStatus } from '../http/cache_status';
import { isKeptBy304, isNotModified, type Conditions } from '../http/conditional';
import { addedSince, fieldsOf } from '../http/headers';
import type { Recording } from '../http/recording';
import { appended, replyOf, type Reply } from '../http/reply';
import { recordedAs } from '../http/tags';
import type { Stored } from '../http/stored';

type Done = (error?: Error | null) => void;

/** A response whose handler is being recorded. */
export interface RecordedResponse {
  /** Sends a kept response in the place of the one that is held back. */
  sendInstead(stored: Stored, cacheStatus: string | undefined): void;
}

/** `cacheStatus`: the cache's name, if the response shall have the field. */
export function recordResponse(response: ServerResponse, recording: Recording, conditions: Conditions, cacheStatus: string | undefined): RecordedResponse {
  const before = fieldsOf(response.getHeaders());
  const { statusCode, statusMessage } = response;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the response, and given back to it
  const own = { writeHead: response.writeHead, write: response.write, end: response.end };
  let isUnmodified = false;
  recordedAs(response, recording);

  const begin = (): void => {
    if (recording.mode !== undefined || response.headersSent) return;
    const added = addedSince(before, fieldsOf(response.getHeaders()));
    const mode = recording.begin(response.statusCode, added);
    if (mode === 'hold' || recording.isBackground) return;
    if (cacheStatus !== undefined) {
      const there = response.getHeader('cache-status');
      response.setHeader('cache-status', appended(there === undefined ? undefined : String(there), missStatus(cacheStatus, recording.refusal)));
    }
    isUnmodified = isNotModified(conditions, response.statusCode, added);
    if (!isUnmodified) return;
    response.statusCode = 304;
    for (const name of response.getHeaderNames()) if (!isKeptBy304(name)) response.removeHeader(name);
  };
  const isSilent = (): boolean => isUnmodified || recording.mode === 'hold';

  response.writeHead = ((status: number, ...rest: unknown[]): ServerResponse => {
    if (recording.mode === undefined && !response.headersSent) {
      response.statusCode = status;
      const reason = typeof rest[0] === 'string' ? rest.shift() : undefined;
      if (reason !== undefined) response.statusMessage = reason as string;
      setAll(response, rest[0]);
      begin();
    }
    return recording.mode === 'hold' ? response : own.writeHead.call(response, response.statusCode);
  });

  response.write = ((chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    begin();
    recording.chunk(bytesOf(chunk, encoding));
    if (!isSilent()) return (own.write as (...args: unknown[]) => boolean).call(response, chunk, encoding, done);
    const then = (typeof encoding === 'function' ? encoding : done) as Done | undefined;
    if (then !== undefined) process.nextTick(then);
    return true;
  }) as typeof response.write;

  response.end = ((...args: unknown[]): ServerResponse => {
    begin();
    const [chunk, encoding] = args;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') recording.chunk(bytesOf(chunk, encoding));
    if (recording.mode === 'hold') {
      recording.end();
      return response;
    }
    const end = own.end as (...args: unknown[]) => ServerResponse;
    const then = args.find((one) => typeof one === 'function') as Done | undefined;
    const ended = isUnmodified ? end.call(response, then) : end.apply(response, args);
    // After the response, so that a value of no use does not stop it.
    recording.end();
    return ended;
  }) as typeof response.end;

  response.once('close', () => recording.abort());
  return {
    sendInstead(stored, member) {
      Object.assign(response, own);
      response.statusCode = statusCode;
      response.statusMessage = statusMessage;
      for (const name of response.getHeaderNames()) if (!before.has(name)) response.removeHeader(name);
      for (const [name, value] of before) response.setHeader(name, value);
      sendReply(response, replyOf(stored, conditions, member, (name) => thereOf(response, name)));
    },
  };
}

/** The fields that `writeHead` was given, as an object or as names and values in turn. */
function setAll(response: ServerResponse, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) return;
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) if (value !== undefined) response.setHeader(name, value);
    return;
  }
  const flat = (headers as unknown[]).flat() as string[];
  const named = new Map<string, string[]>();
  for (let i = 0; i + 1 < flat.length; i += 2) named.set(flat[i], [...(named.get(flat[i]) ?? []), flat[i + 1]]);
  for (const [name, values] of named) response.setHeader(name, values.length === 1 ? values[0] : values);
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.alloc(0);
}

/** The value that a field of a response has now. */
export function thereOf(response: ServerResponse, name: string): string | undefined {
  const value = response.getHeader(name);
  return value === undefined ? undefined : String(value);
}

/** Sends a whole response. The body of a HEAD stays here. */
export function sendReply(response: ServerResponse, { status, headers, body }: Reply): void {
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, typeof value === 'string' ? value : [...value]);
  if (response.req.method === 'HEAD' || body === undefined) response.end();
  else response.end(body);
}

