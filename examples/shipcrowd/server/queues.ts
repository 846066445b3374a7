/** The thirteen queues: their names and prefix are state that old and new code share. */
export const QUEUES = [
  'order-processing',
  'courier-allocation',
  'label-generation',
  'tracking-sync',
  'ndr-handling',
  'rto-processing',
  'wallet-settlement',
  'cod-remittance',
  'invoice-generation',
  'notification-email',
  'notification-sms',
  'webhook-delivery',
  'analytics-rollup',
] as const;
export type QueueName = (typeof QUEUES)[number];

/** The braces put all keys of the queues into one slot of a cluster. On one server they mean nothing. */
export const QUEUE_PREFIX = '{shipcrowd}';

/** The options of every job: tried again for a while, and kept until there are many. */
export const JOB_OPTIONS = { attempts: 10, backoff: { type: 'exponential', delay: 200 }, removeOnComplete: 10_000, removeOnFail: 10_000 } as const;

/** The jobs that follow from what happens to an order or a shipment. */
const FOLLOWING: Record<string, readonly QueueName[]> = {
  'order.new': ['order-processing', 'courier-allocation', 'wallet-settlement', 'notification-email', 'analytics-rollup'],
  'order.packed': ['label-generation'],
  'order.shipped': ['tracking-sync', 'notification-sms'],
  'order.in-transit': ['tracking-sync'],
  'order.delivered': ['invoice-generation', 'cod-remittance', 'notification-sms'],
  'order.rto': ['rto-processing', 'ndr-handling'],
  'order.cancelled': ['notification-email'],
  'shipment.rto': ['rto-processing'],
  'shipment.lost': ['ndr-handling'],
};

export function jobsFor(event: string): { queue: QueueName; payload: Record<string, unknown> }[] {
  return [...(FOLLOWING[event] ?? []), 'webhook-delivery' as const].map((queue) => ({ queue, payload: { event } }));
}
