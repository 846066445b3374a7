/** Runs a scenario with ioredis and with hawser on one server, and compares what it gives. */
import type { RedisServer } from '../helpers/redis-server';
import { hawser, ioredis, observe } from './peers';

export type Make = (options?: object) => any;
/** Scenarios by name. Their results are compared. `Redis` is the class of the clients that `make` makes. */
export type Scenarios = Record<string, (make: Make, Redis: any) => unknown>;

/** Call it in a `describe` or at the top of a file. It defines one test for each scenario; `defaults` are options of every client. */
export function compareOn(server: () => RedisServer, scenarios: Scenarios, defaults: object = {}): void {
  test.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
    const run = async (Redis: any): Promise<unknown> => {
      await server().command('FLUSHALL');
      const made: any[] = [];
      const make = (options: object = {}): any => {
        const redis = new Redis({ port: server().port, host: '127.0.0.1', ...defaults, ...options });
        redis.events = [];
        redis.on('error', (error: Error) => redis.events.push(error.message));
        made.push(redis);
        return redis;
      };
      try {
        return observe(await scenario(make, Redis));
      } finally {
        for (const redis of made) if (redis.status !== 'end') redis.disconnect();
      }
    };
    const expected = await run(ioredis.Redis);
    expect(await run(hawser.Redis)).toEqual(expected);
  });
}
