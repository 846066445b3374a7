import { Queue } from 'bullmq';
import { RedisManager } from 'hawser';
import { RedisStore } from 'rate-limit-redis';

export const emails = new Queue('emails', { connection: RedisManager.getBullMQConnection() });
export const store = new RedisStore({ sendCommand: async (command: string, ...args: string[]) => (await RedisManager.getMainClient()).call(command, ...args) as never });

process.once('SIGTERM', () => void emails.close());
