/** The types of the commands match the table of commands and the methods. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { getKeyIndexes, hasFlag, list } from '@ioredis/commands';
import { Command } from '../../lib/command/command';
import { ClassBit } from '../../lib/contract.generated';
import { metaOf } from '../../lib/command/table';
import { Redis } from '../../lib/client/redis';
import { ROOT, runNode } from '../helpers/process';
import { serverBinary } from '../helpers/redis-server';

test('lib/command/commands.generated.ts is current', async () => {
  const { code, stderr } = await runNode('scripts/generate-commands.mjs', { args: ['--check'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('src/command/flags_generated.rs agrees with the server and with @ioredis/commands', async () => {
  const { code, stderr } = await runNode('scripts/command-flags.mjs', { args: ['--check', serverBinary()] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('every blocking command is known as one, and its time-out argument is found', () => {
  const blocking = list.filter((name) => hasFlag(name, 'blocking'));
  expect(blocking).toEqual(expect.arrayContaining(['blmovem', 'bzmpop', 'waitaof']));
  expect(blocking.filter((name) => (metaOf(name).class & ClassBit.Blocking) === 0)).toEqual([]);
  // As in ioredis, `blockingTimeout` does not apply to these: they wait for replicas, not for data.
  expect(blocking.filter((name) => !Command.checkFlag('BLOCKING_COMMANDS', name))).toEqual(['wait', 'waitaof']);
});

/** Commands that the table cannot describe are typed by hand. */
const BY_HAND = ['multi', 'exec', 'vsim'];

test('every command method is in the table or typed by hand, with text and Buffer variants', () => {
  const table = readFileSync(path.join(ROOT, 'scripts', 'commands', 'commands.txt'), 'utf8');
  const types = ['commands.generated.ts', 'commands.ts'].map((file) => readFileSync(path.join(ROOT, 'lib', 'command', file), 'utf8')).join('\n');
  const names = Redis.prototype.getBuiltinCommands();
  expect(names.length).toBeGreaterThan(290);
  expect(names.filter((name) => !BY_HAND.includes(name) && !table.includes(`\n${name} `))).toEqual([]);
  const isTyped = (name: string): boolean => [`\n  ${name}(`, `\n  '${name}'(`, `\n  ${name}<`].some((start) => types.includes(start));
  // The commands of transactions are methods of the client and not in the table.
  expect(names.filter((name) => name !== 'multi' && name !== 'exec' && !(isTyped(name) && isTyped(`${name}Buffer`)))).toEqual([]);
});

test('if the name of a command determines where its key is, the arguments do not change that', () => {
  const short = list.filter((name) => metaOf(name).hasOneKey);
  expect(short).toEqual(expect.arrayContaining(['get', 'set', 'hget', 'zadd', 'incr']));
  expect(short).not.toEqual(expect.arrayContaining(['sort']));
  const file = path.join(path.dirname(require.resolve('@ioredis/commands')), 'commands.json');
  const table = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { subcommands?: object }>;
  const random = xorshift(20_261_123);
  for (const name of short) {
    const words = [...Object.keys(table[name]?.subcommands ?? {}), 'STORE', 'storedist', 'get', 'BY', 'keys', 'streams', 'k', '3', ''];
    for (let n = 0; n < 100; n++) {
      const args = Array.from({ length: 1 + random(9) }, () => words[random(words.length)]);
      expect([name, args, getKeyIndexes(name, args)]).toEqual([name, args, [0]]);
    }
  }
});

/** Numbers below `limit`, the same in every run. */
function xorshift(state: number): (limit: number) => number {
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
