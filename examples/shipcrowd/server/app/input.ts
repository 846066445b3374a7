/** Checks of what clients send. Everything throws an ApiError that names the field. */
import type { Pagination } from '../types';
import { badRequest } from './errors';

type Fields = Record<string, unknown>;

export function body(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('the body must be a JSON object');
  return value as Fields;
}

export function text(fields: Fields, name: string, { max = 200, pattern }: { max?: number; pattern?: RegExp } = {}): string {
  const value = optionalText(fields, name, { max, pattern });
  if (value === undefined) throw badRequest(`${name} is missing`);
  return value;
}

export function optionalText(fields: Fields, name: string, { max = 200, pattern }: { max?: number; pattern?: RegExp | undefined } = {}): string | undefined {
  const value = fields[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' || value.length > max) throw badRequest(`${name} must be a text of at most ${max} characters`);
  if (pattern !== undefined && !pattern.test(value)) throw badRequest(`${name} is not valid`);
  return value.trim();
}

/** A whole number, also as the text of a query. */
export function number(fields: Fields, name: string, { min, max, otherwise }: { min: number; max: number; otherwise?: number }): number {
  const value = fields[name];
  if (value === undefined && otherwise !== undefined) return otherwise;
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof parsed !== 'number' || !Number.isInteger(parsed) || parsed < min || parsed > max) throw badRequest(`${name} must be a whole number from ${min} to ${max}`);
  return parsed;
}

export function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const value = fields[name];
  if (typeof value !== 'string' || !(allowed as readonly string[]).includes(value)) throw badRequest(`${name} must be one of ${allowed.join(', ')}`);
  return value as T;
}

export function optionalOneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T | undefined {
  return fields[name] === undefined || fields[name] === '' ? undefined : oneOf(fields, name, allowed);
}

export const PINCODE = /^[1-9]\d{5}$/;
export const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function pagination(query: Fields): Pagination {
  return { page: number(query, 'page', { min: 1, max: 10_000, otherwise: 1 }), limit: number(query, 'limit', { min: 1, max: 100, otherwise: 20 }) };
}
