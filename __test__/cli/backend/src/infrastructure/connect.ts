import IORedis = require('ioredis');

/** A wrapper, as many code bases have one. */
export function connect(name: string) {
  return new IORedis(process.env.REDIS_URL as string, { connectionName: name });
}
