/**
 * One table of the environment variables: names, allowed values, defaults. The table in docs/options.md is generated from it. Values are read when
 * a connection is opened or options are built, never when the module loads, so that an application may fill `process.env` first. An empty
 * variable counts as not set.
 */
import { hasScheme, nodeList } from './connection_url';
import { HawserError } from './errors';

interface Variable<T> {
  /** The value if the variable is not set. */
  readonly default: T;
  /** The allowed values, for the error and the documentation. */
  readonly allowed: string;
  readonly description: string;
  /** Parses the text; `undefined` if it is malformed. */
  parse(text: string): T | undefined;
  /** Errors do not show the value. */
  readonly secret?: true;
}

/** Ten years in seconds: the longest time to live. */
export const MAX_TTL_SECONDS = 315_576_000;
/** One millisecond in seconds: the shortest time to live. */
export const MIN_TTL_SECONDS = 0.001;

const BOOLEANS = new Map([['true', true], ['1', true], ['false', false], ['0', false]]);

function flag(value: boolean, description: string): Variable<boolean> {
  return { default: value, allowed: 'true, false, 1 or 0', description, parse: (text) => BOOLEANS.get(text.toLowerCase()) };
}

function number(value: number, bounds: { min: number; max: number; integer?: true; of: string }, description: string): Variable<number> {
  const { min, max, integer, of } = bounds;
  return {
    default: value,
    allowed: `${integer ? 'a whole number' : 'a number'} ${of} from ${min} to ${max}`,
    description,
    parse: (text) => {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
      const parsed = Number(text);
      return parsed >= min && parsed <= max && (!integer || Number.isInteger(parsed)) ? parsed : undefined;
    },
  };
}

/** Whether each node is `host:port` or a URL with a host. */
function isNodeList(text: string): boolean {
  try {
    return nodeList(text).every(({ kind, host, port }, i) => kind === 'tcp' && host !== null && (port !== null || hasScheme(text.split(',')[i]?.trim() ?? '')));
  } catch {
    return false;
  }
}

const VARIABLES = {
  REDIS_URL: {
    default: 'redis://localhost:6379',
    allowed: 'a URL: redis://, rediss://, unix:// or memory://, or redis+sentinel:// for Sentinel',
    description: 'The address of Redis. `redis+sentinel://host:port,host:port/group/db` names Sentinels and a group (`rediss+sentinel://`: with TLS). `memory://` needs no server: cache, stale-while-revalidate and bus run inside the process.',
    parse: (text) => (hasScheme(text) ? text : undefined),
    secret: true,
  } as Variable<string>,
  REDIS_CLUSTER: flag(false, 'Whether Redis is a Redis Cluster.'),
  REDIS_CLUSTER_NODES: {
    default: '',
    allowed: 'host:port,... or redis:// URLs, separated by commas',
    description: "The cluster's start nodes, for `REDIS_CLUSTER`. User, password and TLS of a URL hold for all nodes. Without it, `REDIS_URL` is the start node.",
    parse: (text) => (isNodeList(text) ? text : undefined),
    secret: true,
  } as Variable<string>,
  REDIS_MANAGER_ENABLED: flag(false, 'The result of `RedisManager.isEnabled()`; it changes nothing else.'),
  REDIS_MAX_RETRIES: number(10, { min: 0, max: 1_000_000, integer: true, of: 'of retries' }, 'The number of reconnect attempts before a waiting request fails. The client itself never stops reconnecting.'),
  REDIS_RETRY_DELAY: number(100, { min: 1, max: 60_000, of: 'of milliseconds' }, 'The base of the reconnect delay: at most `min(delay x attempt, 3000)` ms, with full jitter.'),
  CACHE_DEFAULT_TTL: number(3600, { min: MIN_TTL_SECONDS, max: MAX_TTL_SECONDS, of: 'of seconds' }, 'Time to live of entries stored without a `ttl`.'),
  CACHE_ENABLE_TAGS: flag(true, 'If off, calls with tags are not cached at all.'),
  CACHE_ENABLE_SWR: flag(true, 'If off, a stale entry is a miss.'),
  REDIS_MONITOR_ENABLED: flag(false, "Whether to log the name and time of each command at debug level."),
  CACHE_METRICS_ENABLED: flag(true, 'Whether `CacheMetrics` counts.'),
};

export type EnvName = keyof typeof VARIABLES;
type EnvValue<N extends EnvName> = (typeof VARIABLES)[N]['default'];

/** The current values. */
export type Environment = { readonly [N in EnvName]: EnvValue<N> };

/**
 * Reads one variable. Errors: HawserError `E_BAD_OPTION` with the variable's name, the allowed values and the actual value (except for
 * variables that may hold a password).
 */
export function readEnv<N extends EnvName>(name: N, from: NodeJS.ProcessEnv = process.env): EnvValue<N> {
  const variable = VARIABLES[name] as unknown as Variable<EnvValue<N>>;
  const text = from[name]?.trim();
  if (text === undefined || text === '') return variable.default;
  const value = variable.parse(text);
  if (value !== undefined) return value;
  const got = variable.secret ? 'something else (not shown: it may hold a password)' : JSON.stringify(text.slice(0, 60));
  throw new HawserError('E_BAD_OPTION', `the environment variable ${name} must be ${variable.allowed}, got ${got}`);
}

/** Whether a variable is set to a non-empty value. */
export function isSet(name: EnvName, from: NodeJS.ProcessEnv = process.env): boolean {
  return (from[name] ?? '').trim() !== '';
}

/** Reads all variables. Throws for the first malformed one. */
export function readEnvironment(from: NodeJS.ProcessEnv = process.env): Environment {
  const names = Object.keys(VARIABLES) as EnvName[];
  return Object.fromEntries(names.map((name) => [name, readEnv(name, from)])) as unknown as Environment;
}

/** The documentation's table in Markdown: one row per variable. */
export function environmentTable(): string {
  const rows = Object.entries(VARIABLES as Record<string, Variable<unknown>>).map(
    ([name, { default: value, allowed, description }]) => `| \`${name}\` | ${value === '' ? 'not set' : `\`${String(value)}\``} | ${allowed} | ${description} |`,
  );
  return ['| variable | default | allowed | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
