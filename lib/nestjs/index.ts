/// <reference types="node" preserve="true" />
/** `hawser/nestjs`: a module, decorators and a health indicator. Needs `@nestjs/common`. */
export { Cacheable, CacheEvict, type CacheableOptions, type CacheEvictOptions } from './decorators';
export { HawserHealthIndicator, type HawserHealthResult } from './health';
export { getCacheToken, HAWSER_BUS, HawserModule, InjectCache, REDIS_MANAGER, type HawserDynamicModule } from './module';
export type { HawserModuleAsyncOptions, HawserModuleOptions, HawserSettings, RepositoryDefinition } from './options';
