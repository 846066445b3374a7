import Redis from 'ioredis';

let client: Redis | undefined;

export function blacklist(): Redis {
  client ??= new Redis(process.env.REDIS_URL as string);
  return client;
}

export async function revoke(id: string): Promise<void> {
  const { set } = blacklist();
  await set(`blacklist:${id}`, '1', 'EX', 900);
}
