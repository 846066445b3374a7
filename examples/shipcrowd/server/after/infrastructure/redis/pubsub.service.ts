/** The review's pubsub.service.ts is hawser's. */
export { PubSubService, type CacheInvalidationMessage } from 'hawser';
