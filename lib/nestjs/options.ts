/** The options of the module, checked. */
import type { CacheRepositoryOptions } from '../cache/options';
import { checkFunction, checkNames, checkPrefix } from '../cache/validate';
import { badOption } from '../errors';
import type { ManagerOptions } from '../manager';

/** A repository that is to be injected: its prefix, or its prefix and options. */
export type RepositoryDefinition = string | ({ prefix: string } & CacheRepositoryOptions);

/** Options that an application may compute. */
export interface HawserSettings {
  /** Options of `RedisManager.configure`. Without them, the environment or an earlier `configure` counts. */
  manager?: ManagerOptions | undefined;
  /** Whether the module opens the bus (`PubSubService`) with the application. Default false. */
  bus?: boolean | undefined;
  /** Whether the application's end closes all connections. Default true. */
  close?: boolean | undefined;
}

/** Options of `HawserModule.forRoot`. */
export interface HawserModuleOptions extends HawserSettings {
  /** Repositories for `@InjectCache(prefix)`. */
  repositories?: readonly RepositoryDefinition[] | undefined;
  /** Whether every module may inject them. Default true. */
  isGlobal?: boolean | undefined;
}

/** Options of `HawserModule.forRootAsync`. */
export interface HawserModuleAsyncOptions {
  /** Returns the settings. Its arguments are what `inject` names. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Nest's own factories
  useFactory: (...args: any[]) => HawserSettings | Promise<HawserSettings>;
  /** The providers that `useFactory` gets. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tokens of Nest are of every kind
  inject?: any[] | undefined;
  /** The modules that export these providers. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- modules of Nest are of every kind
  imports?: any[] | undefined;
  /** As in {@link HawserModuleOptions.repositories}. */
  repositories?: readonly RepositoryDefinition[] | undefined;
  /** As in {@link HawserModuleOptions.isGlobal}. */
  isGlobal?: boolean | undefined;
}

const SETTINGS = new Set(['manager', 'bus', 'close']);
const STATIC = ['repositories', 'isGlobal'];
const ROOT = new Set([...SETTINGS, ...STATIC]);
const ASYNC = new Set(['useFactory', 'inject', 'imports', ...STATIC]);

/** Throws TypeError that names the option. */
export function checkSettings(path: string, options: unknown, names: ReadonlySet<string> = SETTINGS): HawserSettings {
  const { manager, bus = false, close = true } = checkNames(path, options, names);
  if (manager !== undefined && (typeof manager !== 'object' || manager === null)) badOption(`${path}.manager`, 'options of RedisManager.configure', manager);
  if (typeof bus !== 'boolean') badOption(`${path}.bus`, 'true or false', bus);
  if (typeof close !== 'boolean') badOption(`${path}.close`, 'true or false', close);
  return { manager: manager, bus, close };
}

export function checkRoot(options: unknown): { settings: HawserSettings } & Statics {
  const path = 'HawserModule.forRoot';
  return { settings: checkSettings(path, options, ROOT), ...checkStatics(path, options as HawserModuleOptions) };
}

export function checkAsync(options: unknown): HawserModuleAsyncOptions & Statics {
  const path = 'HawserModule.forRootAsync';
  const own = checkNames(path, options, ASYNC);
  checkFunction(`${path}.useFactory`, own.useFactory);
  for (const name of ['inject', 'imports']) if (own[name] !== undefined && !Array.isArray(own[name])) badOption(`${path}.${name}`, 'an array', own[name]);
  return { ...(own as unknown as HawserModuleAsyncOptions), ...checkStatics(path, options as HawserModuleOptions) };
}

interface Statics {
  readonly repositories: readonly { prefix: string; options: CacheRepositoryOptions }[];
  readonly isGlobal: boolean;
}

function checkStatics(path: string, { repositories = [], isGlobal = true }: HawserModuleOptions): Statics {
  if (typeof isGlobal !== 'boolean') badOption(`${path}.isGlobal`, 'true or false', isGlobal);
  if (!Array.isArray(repositories)) badOption(`${path}.repositories`, 'an array of prefixes or of { prefix, ...options }', repositories);
  return { isGlobal, repositories: checkRepositories(repositories) };
}

/** Throws TypeError for anything but prefixes and `{ prefix, ...options }`. */
export function checkRepositories(repositories: readonly unknown[]): Statics['repositories'] {
  return repositories.map((one) => {
    const { prefix, ...options } = (typeof one === 'object' && one !== null ? one : { prefix: one }) as { prefix: string } & CacheRepositoryOptions;
    checkPrefix(prefix);
    return { prefix, options };
  });
}
