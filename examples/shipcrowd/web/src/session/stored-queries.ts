/** What the browser keeps of the queries: in IndexedDB, under a key of each user's own. */
import { createStore, delMany, keys } from 'idb-keyval';
import { persistOptions, type PersistOptions } from 'hawser/client/persister';

const DATABASE = 'shipcrowd';

const keyOf = (userId: string): string => `user:${userId}`;

/** What another build of the page has stored may have another form, so it is dropped. */
export const storedQueriesOf = (userId: string): PersistOptions => persistOptions({ database: DATABASE, key: keyOf(userId), buster: BUILD, throttleMs: 200 });

/** Drops what former users of this browser have left, for example because their session had ended while the page was closed. */
export async function forgetOthers(userId: string): Promise<void> {
  try {
    const store = createStore(DATABASE, 'queries');
    await delMany((await keys(store)).filter((key) => key !== keyOf(userId)), store);
  } catch {
    // A browser that refuses IndexedDB has kept nothing.
  }
}
