import type { Redis } from 'ioredis';
import { connect } from '@/infrastructure';

const redis = connect('main');
const pub = connect('pub');
const sub: Redis = redis.duplicate();

export async function forgetRole(role: string): Promise<void> {
  const keys = await redis.smembers(`role:${role}:keys`);
  const pipeline = redis.pipeline();
  keys.forEach((key) => pipeline.del(key));
  await pipeline.exec();
  await pub.publish('rbac', role);
}

export async function listen(): Promise<void> {
  await sub.subscribe('rbac');
}
