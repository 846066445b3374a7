/** Everything that an application can import. index.js gives it its CommonJS shape: the class `Redis` itself, with the rest as properties. */
import { Redis } from './redis';

export { Redis };
export default Redis;
export type { RedisOptions } from './client/options';
export * from './facade';
