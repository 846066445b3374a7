/** The health of the connections as an indicator for `@nestjs/terminus`. */
import { redisHealthCheck } from '../manager/health';

let isOld: boolean | undefined;

/** Whether terminus is the version 10, which takes every result for `up` and wants its error for `down`. Later versions look at the result alone. */
function wantsErrors(): boolean {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the application has it, or does not need it
    isOld ??= !('HealthIndicatorService' in (require('@nestjs/terminus') as object));
  } catch {
    isOld = false;
  }
  return isOld;
}

/** What terminus takes from an indicator. */
export type HawserHealthResult = Record<string, { status: 'up' | 'down' } & Record<string, unknown>>;

/**
 * An indicator for terminus. It resolves within about a second in every case, with `down` if one of the connections does not answer. With terminus 10 it rejects for `down`,
 * with the error that terminus 10 expects.
 *
 *     health.check([() => redis.isHealthy('redis')]);
 */
export class HawserHealthIndicator {
  /** The state of hawser's connections under `key`. Resolves with `down`, or rejects for terminus 10, if one does not answer. */
  async isHealthy<K extends string>(key: K): Promise<Record<K, { status: 'up' | 'down' } & Record<string, unknown>>> {
    const result = await this.check();
    const named = { [key]: result } as Record<K, typeof result>;
    if (result.status === 'down' && wantsErrors()) throw Object.assign(new Error(`${key} is down`), { isHealthCheckError: true, causes: named });
    return named;
  }

  private async check(): Promise<{ status: 'up' | 'down' } & Record<string, unknown>> {
    try {
      const { healthy, main, subscriber, publisher, latencyMs, mode } = await redisHealthCheck();
      return { status: healthy ? 'up' : 'down', main, subscriber, publisher, latencyMs, mode };
    } catch (error) {
      return { status: 'down', error: (error as { code?: string }).code ?? 'E_INTERNAL' };
    }
  }
}
