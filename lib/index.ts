/** Everything that an application can import. index.js gives it its CommonJS shape: the class `Redis` itself, with the rest as properties. */
import { EventEmitter } from 'node:events';

/** Placeholder until the client is here. */
export class Redis extends EventEmitter {}

export default Redis;
