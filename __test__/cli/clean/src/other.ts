import lodash, { keys } from 'lodash';

interface Store {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  keys(pattern: string): string[];
}

const redis = new Map<string, string>();
const queue = new (class Queue {
  constructor(readonly name: string) {}
  close(): void {}
})('jobs');

export function all(store: Store, object: Record<string, unknown>): unknown {
  const raw = redis.get('all');
  if (raw !== undefined) return JSON.parse(raw);
  redis.set('all', JSON.stringify([...redis.keys(), ...store.keys('*'), ...keys(object), ...lodash.keys(object), ...Object.keys(object), queue.name]));
  redis.delete('all');
  return localStorage.getItem('redis');
}
