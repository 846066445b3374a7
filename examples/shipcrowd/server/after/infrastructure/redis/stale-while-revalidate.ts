/** The review's stale-while-revalidate.ts is hawser's. */
export { StaleWhileRevalidate } from 'hawser';
