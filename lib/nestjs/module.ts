/** The module of a Nest application: repositories, manager, bus and health to be injected, and the end of the connections with the application. */
import { RedisManager } from '../manager';
import { settings } from '../manager/connections';
import { PubSubService } from '../pubsub';
import { repositoryOf } from './decorators';
import { HawserHealthIndicator } from './health';
import { checkAsync, checkRepositories, checkRoot, checkSettings, type HawserModuleAsyncOptions, type HawserModuleOptions, type HawserSettings, type RepositoryDefinition } from './options';
import { Inject, Module } from './peer';

/** What Nest takes from a module that is made at run time. */
export interface HawserDynamicModule {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Nest's own type
  module: any;
  global?: boolean;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Nest's own type
  imports?: any[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Nest's own type
  providers?: any[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Nest's own type
  exports?: any[];
}

const SETTINGS = Symbol('hawser:settings');
const LIFE = Symbol('hawser:life');
/** The class `RedisManager`, injected by this token: `@Inject(REDIS_MANAGER) manager: typeof RedisManager`. */
export const REDIS_MANAGER = Symbol('hawser:manager');
/** The class `PubSubService`, injected by this token: `@Inject(HAWSER_BUS) bus: typeof PubSubService`. */
export const HAWSER_BUS = Symbol('hawser:bus');

/** The token of a repository: `{ provide: getCacheToken('orders'), useValue: ... }` in tests. */
export function getCacheToken(prefix: string): string {
  return `hawser:cache:${prefix}`;
}

/** Injects the repository of a prefix, which the module has been given. */
export function InjectCache(prefix: string): (target: object, name: string | symbol | undefined, index?: number) => void {
  return Inject(getCacheToken(prefix));
}

/** Opens what the application asked for, and closes the connections after its last hooks. */
class Life {
  constructor(private readonly own: HawserSettings) {}

  async onModuleInit(): Promise<void> {
    // Settings of no use end the start, not the first request.
    settings();
    if (this.own.bus === true) await PubSubService.initialize();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.own.close !== false) await RedisManager.closeAll();
  }
}

function configured(given: HawserSettings): HawserSettings {
  if (given.manager !== undefined) RedisManager.configure(given.manager);
  return given;
}

/**
 * The module. `forRoot` in the root module configures the manager; `forFeature` adds repositories elsewhere.
 *
 *     @Module({ imports: [HawserModule.forRoot({ manager: { url }, repositories: ['orders', { prefix: 'prices', ttl: 60 }] })] })
 *     class AppModule {}
 *
 *     class Orders { constructor(@InjectCache('orders') private readonly cache: CacheRepository) {} }
 *
 * `app.close()` closes all connections after the application's own hooks, and with `app.enableShutdownHooks()` so do SIGTERM and SIGINT. Errors: TypeError and
 * RangeError that name the option.
 */
export class HawserModule {
  /** For the root module: configures the manager and makes repositories. Throws TypeError or RangeError that names the option. */
  static forRoot(options: HawserModuleOptions = {}): HawserDynamicModule {
    const { settings: given, repositories, isGlobal } = checkRoot(options);
    return moduleOf([{ provide: SETTINGS, useFactory: () => configured(given) }], repositories, isGlobal, []);
  }

  /** As `forRoot`, with settings that a factory returns, from injected providers. */
  static forRootAsync(options: HawserModuleAsyncOptions): HawserDynamicModule {
    const { useFactory, inject = [], imports = [], repositories, isGlobal } = checkAsync(options);
    const make = async (...args: unknown[]): Promise<HawserSettings> => configured(checkSettings('the result of HawserModule.forRootAsync.useFactory', await useFactory(...args)));
    return moduleOf([{ provide: SETTINGS, useFactory: make, inject }], repositories, isGlobal, imports);
  }

  /** More repositories, for one module. The root module has `forRoot` or `forRootAsync`. */
  static forFeature(repositories: readonly RepositoryDefinition[]): HawserDynamicModule {
    const providers = repositoryProviders(checkRepositories(repositories));
    return { module: HawserModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
(Module({}) as (target: typeof HawserModule) => void)(HawserModule);

type Definitions = ReturnType<typeof checkRepositories>;

function repositoryProviders(repositories: Definitions): { provide: string; useFactory: () => unknown }[] {
  return repositories.map(({ prefix, options }) => ({ provide: getCacheToken(prefix), useFactory: () => repositoryOf(prefix, options) }));
}

function moduleOf(given: object[], repositories: Definitions, global: boolean, imports: unknown[]): HawserDynamicModule {
  const shared = [
    ...repositoryProviders(repositories),
    { provide: REDIS_MANAGER, useValue: RedisManager },
    { provide: HAWSER_BUS, useValue: PubSubService },
    { provide: HawserHealthIndicator, useFactory: () => new HawserHealthIndicator() },
  ];
  return {
    module: HawserModule,
    global,
    imports,
    providers: [...given, { provide: LIFE, useFactory: (own: HawserSettings) => new Life(own), inject: [SETTINGS] }, ...shared],
    exports: shared.map(({ provide }) => provide),
  };
}
