/**
 * Both clients under one type: a compat spec runs the same lines on ioredis and on hawser. If ioredis's answer is the specification,
 * `observe` makes results comparable: errors by class, message and command, Buffers by their content.
 */
import { isNativeError } from 'node:util/types';
import IORedis from 'ioredis';
import { Redis as Hawser } from '../../lib';

/** ioredis's own type, because hawser must be usable in its place. */
export type Client = typeof IORedis;

export interface Peer {
  name: string;
  Redis: Client;
}

export const ioredis: Peer = { name: 'ioredis', Redis: IORedis };
export const hawser: Peer = { name: 'hawser', Redis: Hawser as unknown as Client };
export const peers = [ioredis, hawser];

/** Settles a promise into something that can be compared. */
export async function outcome(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    return observe(await promise);
  } catch (error) {
    return observe(error);
  }
}

/** The observable parts of a value, without those that may differ between two runs. */
export function observe(value: unknown): unknown {
  // Errors of sockets belong to another realm than jest's.
  if (isNativeError(value)) {
    const { command } = value as Error & { command?: { name: string; args: unknown[] } };
    const previous = (value as Error & { previousErrors?: Error[] }).previousErrors;
    return {
      error: value.name,
      message: value.message.replace(/127\.0\.0\.1:\d+|localhost:\d+/g, 'ADDRESS'),
      ...(command === undefined || !('args' in command) ? {} : { command: observe({ name: command.name, args: command.args }) }),
      ...(previous === undefined ? {} : { previous: observe(previous) }),
    };
  }
  if (Buffer.isBuffer(value)) return { buffer: value.toString('latin1') };
  if (Array.isArray(value)) return value.map(observe);
  if (typeof value === 'function') return 'function';
  if (value === null || typeof value !== 'object') return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return { instance: value.constructor.name };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, observe(item)]));
}

/** A test of one peer's own behaviour: what hawser does better than ioredis. It does not exist for the other peer. */
export function testIf(applies: boolean, name: string, run: () => Promise<void>): void {
  if (applies) test(name, run);
}
