/** The review's cached.service.ts is hawser's, with two additions for writes. */
import { CachedService as Base, HawserError } from 'hawser';
import { PubSubService } from '../../../infrastructure/redis/pubsub.service';

/** What begins the source of messages by new code. New instances share their cache and need not listen to each other. */
export const NEW_CODE = 'after:';

export abstract class CachedService extends Base {
  /**
   * Call it after the database has the change, with the invalidations that follow from it. True: no reader in any process gets an older value.
   * False: Redis does not answer. The write is saved, and hawser repeats the invalidations until they are delivered.
   */
  protected async visible(...invalidations: Promise<unknown>[]): Promise<boolean> {
    const failures = (await Promise.allSettled(invalidations)).flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    for (const error of failures) {
      if (!(error instanceof HawserError)) throw error;
      console.warn(`[${this.serviceName}] not visible yet: ${error.message}`);
    }
    return failures.length === 0;
  }

  /**
   * Tells instances that still run the old code, whose entries hawser does not know. Repositories need no message: delete this with the old code.
   * A message that is lost costs an old instance an old value for as long as its own time to live.
   */
  protected tellOldCode(...tags: string[]): void {
    PubSubService.publish({ type: 'tags', target: tags, source: `${NEW_CODE}${this.serviceName}` }).catch((error: Error) => {
      console.warn(`[${this.serviceName}] old instances were not told: ${error.message}`);
    });
  }
}
