import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { HERE, application, withServer } from './programs';

const context = withServer();

test('every package that requires ioredis gets hawser', () => {
  const modules = path.join(HERE, 'node_modules');
  const found = readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter((name) => /(^|node_modules[\\/])ioredis[\\/]package\.json$/.test(name));
  expect(found.map((name) => (JSON.parse(readFileSync(path.join(modules, name), 'utf8')) as { name: string }).name)).toEqual(['hawser']);
});

test('the inner path that BullMQ 5 requires has the message of a closed client', async () => {
  const result = await application(
    context.server,
    `
    const { CONNECTION_CLOSED_ERROR_MSG } = require('ioredis/built/utils');
    const imported = await import('ioredis/built/utils');
    const redis = new Redis({ port });
    await redis.quit();
    const message = await redis.get('a').catch((error) => error.message);
    report([CONNECTION_CLOSED_ERROR_MSG, imported.CONNECTION_CLOSED_ERROR_MSG === message]);`,
  );
  expect(result).toEqual(['Connection is closed.', true]);
});
