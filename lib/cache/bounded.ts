/** A map that is bounded in bytes and lets go what was not used for longest. */
import { LRUCache } from 'lru-cache';
import { copyOptions } from '../names';

/** Options without the properties that somebody added to `Object.prototype`. One object serves all calls; lru-cache notes a status in it. */
const NO_OPTIONS = copyOptions({});

export class BoundedMap<K extends number | string, V extends object> {
  private readonly values: LRUCache<K, V>;

  /** `evicted` is called for values that had to make room, and for those that were replaced (`isReplaced`). */
  constructor(maxBytes: number, evicted: (value: V, key: K, isReplaced: boolean) => void) {
    const dispose: LRUCache.Disposer<K, V> = (value, key, reason) => {
      if (reason !== 'delete') evicted(value, key, reason === 'set');
    };
    this.values = new LRUCache<K, V>(copyOptions({ maxSize: maxBytes, dispose }));
  }

  get(key: K): V | undefined {
    return this.values.get(key, NO_OPTIONS);
  }

  /** Without making it the last one used. */
  peek(key: K): V | undefined {
    return this.values.peek(key, NO_OPTIONS);
  }

  /** Returns false if the value is larger than the map. */
  set(key: K, value: V, bytes: number): boolean {
    this.values.set(key, value, copyOptions({ size: bytes }));
    return this.peek(key) === value;
  }

  delete(key: K): void {
    this.values.delete(key);
  }

  get size(): number {
    return this.values.size;
  }

  get bytes(): number {
    return this.values.calculatedSize;
  }
}
