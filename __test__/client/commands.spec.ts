/** The commands' types belong to the commands' table and to the methods that are there. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { getKeyIndexes, hasFlag, list } from '@ioredis/commands';
import { Command } from '../../lib/command/command';
import { ClassBit } from '../../lib/contract.generated';
import { metaOf } from '../../lib/command/table';
import { Redis } from '../../lib/client/redis';
import { ROOT, runNode } from '../helpers/process';
import { serverBinary } from '../helpers/redis-server';

test('lib/command/commands.generated.ts is what the generator writes', async () => {
  const { code, stderr } = await runNode('scripts/generate-commands.mjs', { args: ['--check'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('src/command/flags_generated.rs has what the server and @ioredis/commands say of their commands', async () => {
  const { code, stderr } = await runNode('scripts/command-flags.mjs', { args: ['--check', serverBinary()] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('every command that blocks is known to block, and a time-out of its own is found wherever the command takes one', () => {
  const blocking = list.filter((name) => hasFlag(name, 'blocking'));
  expect(blocking).toEqual(expect.arrayContaining(['blmovem', 'bzmpop', 'waitaof']));
  expect(blocking.filter((name) => (metaOf(name).class & ClassBit.Blocking) === 0)).toEqual([]);
  // As in ioredis, `blockingTimeout` leaves these alone: they wait for replicas, not for data.
  expect(blocking.filter((name) => !Command.checkFlag('BLOCKING_COMMANDS', name))).toEqual(['wait', 'waitaof']);
});

/** What the table cannot say is typed by hand. */
const BY_HAND = ['multi', 'exec', 'vsim'];

test('every command that is a method is in the table or typed by hand, and has types as text and as Buffers', () => {
  const table = readFileSync(path.join(ROOT, 'scripts', 'commands', 'commands.txt'), 'utf8');
  const types = ['commands.generated.ts', 'commands.ts'].map((file) => readFileSync(path.join(ROOT, 'lib', 'command', file), 'utf8')).join('\n');
  const names = Redis.prototype.getBuiltinCommands();
  expect(names.length).toBeGreaterThan(290);
  expect(names.filter((name) => !BY_HAND.includes(name) && !table.includes(`\n${name} `))).toEqual([]);
  const isTyped = (name: string): boolean => [`\n  ${name}(`, `\n  '${name}'(`, `\n  ${name}<`].some((start) => types.includes(start));
  // A transaction's own commands are methods of the client, not of the table of commands.
  expect(names.filter((name) => name !== 'multi' && name !== 'exec' && !(isTyped(name) && isTyped(`${name}Buffer`)))).toEqual([]);
});

test('a command of which its name alone says where its key is has it there, whatever the arguments', () => {
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
