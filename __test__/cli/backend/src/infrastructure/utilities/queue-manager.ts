import { Queue, Worker as JobWorker, type ConnectionOptions } from 'bullmq';
import { redisConnection } from './redis.connection';

const connection: ConnectionOptions = { host: 'localhost', port: 6379 };

export class QueueManager {
  static emails = new Queue('emails', { connection });
  static invoices = new Queue('invoices', { connection: redisConnection as never });

  static start(): JobWorker {
    return new JobWorker('emails', async () => undefined, { connection, concurrency: 5 });
  }
}
