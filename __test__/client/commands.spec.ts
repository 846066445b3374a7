/** The commands' types belong to the commands' table and to the methods that are there. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Redis } from '../../lib/redis';
import { ROOT, runNode } from '../helpers/process';

test('lib/client/commands.generated.ts is what the generator writes', async () => {
  const { code, stderr } = await runNode('scripts/generate-commands.mjs', { args: ['--check'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

/** What the table cannot say is typed by hand. */
const BY_HAND = ['multi', 'exec', 'vsim'];

test('every command that is a method is in the table or typed by hand, and has types as text and as Buffers', () => {
  const table = readFileSync(path.join(ROOT, 'scripts', 'commands', 'commands.txt'), 'utf8');
  const types = ['commands.generated.ts', 'commands.ts'].map((file) => readFileSync(path.join(ROOT, 'lib', 'client', file), 'utf8')).join('\n');
  const names = Redis.prototype.getBuiltinCommands();
  expect(names.length).toBeGreaterThan(290);
  expect(names.filter((name) => !BY_HAND.includes(name) && !table.includes(`\n${name} `))).toEqual([]);
  const isTyped = (name: string): boolean => [`\n  ${name}(`, `\n  '${name}'(`, `\n  ${name}<`].some((start) => types.includes(start));
  // A transaction's own commands are methods of the client, not of the table of commands.
  expect(names.filter((name) => name !== 'multi' && name !== 'exec' && !(isTyped(name) && isTyped(`${name}Buffer`)))).toEqual([]);
});
