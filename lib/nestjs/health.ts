/** The health of the connections as an indicator for `@nestjs/terminus`. */
import { redisHealthCheck } from '../manager/health';

/** What terminus takes from an indicator. */
export type HawserHealthResult = Record<string, { status: 'up' | 'down' } & Record<string, unknown>>;

/**
 * An indicator for terminus. It resolves within about a second in every case, with `down` if one of the connections does not answer.
 *
 *     this.health.check([() => this.redis.isHealthy('redis')]);
 */
export class HawserHealthIndicator {
  async isHealthy<K extends string>(key: K): Promise<Record<K, { status: 'up' | 'down' } & Record<string, unknown>>> {
    const result = await this.check();
    return { [key]: result } as Record<K, typeof result>;
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
