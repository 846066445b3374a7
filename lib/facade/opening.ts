/** The state of a repository: its prefix, its options, and the port for its calls. */
import { packingOf } from '../cache/compression';
import { countersOf, timesOf, UNCOUNTED } from '../cache/metrics';
import type { CacheEmitter } from '../cache/events';
import type { Near } from '../cache/near';
import { NEAR_MAX_TTL_MS, type NearCacheOptions } from '../cache/near_options';
import { NearStore } from '../cache/near_store';
import type { CacheDriver } from '../cache/driver';
import { baseOptions, type CacheRepositoryOptions } from '../cache/options';
import { codecOf } from '../cache/parsed';
import type { CachePort } from '../cache/port';
import type { Registration } from '../cache/registrations';
import { guardedSerializer, JSON_SERIALIZER } from '../cache/serializer';
import { strictSerializer } from '../cache/strict';
import { UNTIMED } from '../cache/times';
import { cacheDriver, settings } from '../manager/connections';
import type { Settings } from '../manager/options';
import { opened as announceFromNowOn } from '../stream/announce';
import { valueLimit } from '../manager/value_limit';

/** A symbol, so that a subclass may use any names for its members. */
export const OWN = Symbol('own');

export interface Own {
  readonly prefix: string;
  readonly options: CacheRepositoryOptions;
  opened: { settings: Settings; port: CachePort } | undefined;
}

/** The current engine and settings; they change when the manager is closed or its main client is replaced. */
export function portOf(repository: CacheEmitter & { readonly [OWN]: Own }): CachePort {
  const own = repository[OWN];
  const driver = cacheDriver();
  const s = settings();
  const { opened } = own;
  if (opened !== undefined && opened.settings === s && opened.port.driver === driver) return opened.port;
  const { prefix, options } = own;
  const serializer = options.serializer === undefined ? JSON_SERIALIZER : guardedSerializer(options.serializer);
  const registration = driver.repository(prefix);
  const port: CachePort = {
    driver,
    prefix,
    registration,
    repo: registration.repo,
    base: baseOptions(options, s.defaultTtl),
    serializer: (options.strictValues ?? s.strictValues) ? strictSerializer(serializer) : serializer,
    codec: codecOf(options.serializer),
    packing: packingOf(options.compression ?? s.compression),
    near: nearOf(options.nearCache, driver, registration),
    counters: UNCOUNTED,
    tags: s.tags,
    isDirect: options.tier?.direct === true,
    minReplicas: options.minReplicas ?? s.minReplicas,
    logger: s.logger,
    emitter: repository,
    limit: valueLimit(s),
  };
  if (s.metrics) port.counters = countersOf(prefix, port, options.tier);
  registration.owner.counters = port.counters;
  registration.times = s.metrics ? timesOf(prefix) : UNTIMED;
  own.opened = { settings: s, port };
  announceFromNowOn();
  return port;
}

function nearOf(options: NearCacheOptions | false | undefined, driver: CacheDriver, { repo, owner }: Registration): Near | undefined {
  if (options === undefined || options === false) return undefined;
  const { maxTtlMs = NEAR_MAX_TTL_MS, share = 'copy' } = options;
  return { caches: driver.near, store: new NearStore(driver.near, repo, options, maxTtlMs, owner), share };
}
