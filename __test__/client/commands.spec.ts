/** The commands' types belong to the commands' table and to the methods that are there. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Redis } from '../../lib/redis';
import { ROOT, runNode } from '../helpers/process';

test('lib/client/commands.generated.ts is what the generator writes', async () => {
  const { code, stderr } = await runNode('scripts/generate-commands.mjs', { args: ['--check'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('every command that is a method is in the table, and has types as text and as Buffers', () => {
  const table = readFileSync(path.join(ROOT, 'scripts', 'commands', 'commands.txt'), 'utf8');
  const types = readFileSync(path.join(ROOT, 'lib', 'client', 'commands.generated.ts'), 'utf8');
  const names = Redis.prototype.getBuiltinCommands().filter((name) => name !== 'multi' && name !== 'exec');
  expect(names.length).toBeGreaterThan(290);
  expect(names.filter((name) => !table.includes(`\n${name} `))).toEqual([]);
  const isTyped = (name: string): boolean => types.includes(`\n  ${name}(`) || types.includes(`\n  '${name}'(`);
  expect(names.filter((name) => !isTyped(name) || !isTyped(`${name}Buffer`))).toEqual([]);
});
