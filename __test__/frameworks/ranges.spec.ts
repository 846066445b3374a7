/**
 * The integrations at the other ends of their ranges: the specs of __test__/packages, run with other versions of the frameworks beside the packed library. Large, as
 * the other specs here: `npm test -- --only frameworks`.
 */
import * as path from 'node:path';
import { ROOT } from '../helpers/process';
import { Installed } from '../package/installed';

jest.setTimeout(600_000);

interface Range {
  readonly name: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Files of __test__/packages, and which of their tests. */
  readonly specs: readonly (readonly [file: string, tests?: string])[];
}

const nest = (version: string, terminus: string): Record<string, string> => ({
  ...Object.fromEntries(['common', 'core', 'platform-express', 'platform-fastify'].map((name) => [`@nestjs/${name}`, version])),
  '@nestjs/terminus': terminus,
  'reflect-metadata': '^0.2.2',
  rxjs: '^7.8.0',
});

const RANGES: readonly Range[] = [
  { name: 'NestJS 10', packages: nest('^10.0.0', '^10.0.0'), specs: [['nestjs']] },
  { name: 'NestJS 12', packages: nest('^12.0.0', '^12.0.0'), specs: [['nestjs']] },
  { name: 'cache-manager 6, cacheable 1', packages: { 'cache-manager': '^6.0.0', cacheable: '^1.0.0', keyv: '^5.5.0' }, specs: [['keyv', 'cache-manager']] },
  { name: 'the first Keyv 5', packages: { keyv: '~5.2.0' }, specs: [['keyv', 'namespaces|wrong']] },
  {
    name: 'Fastify 4, Express 4.17',
    packages: { fastify: '^4.0.0', '@fastify/rate-limit': '^9.0.0', express: '~4.17.0', express4: 'npm:express@~4.17.0', 'express-rate-limit': '^7.0.0', 'rate-limit-redis': '^4.0.0' },
    specs: [['response-cache'], ['stream'], ['health']],
  },
];

test.each(RANGES)('$name', async ({ packages, specs }) => {
  const app = await Installed.create({ ...packages });
  try {
    app.standIn('ioredis');
    for (const [file, tests] of specs) {
      const jest = [path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), path.join('__test__', 'packages', `${file}.spec.ts`), '--forceExit', ...(tests === undefined ? [] : ['-t', tests])];
      const { code, output } = await app.runIn(ROOT, { HAWSER_TEST_PACKAGES: app.project }, process.execPath, ...jest);
      if (code !== 0) throw new Error(output);
      expect(output).toMatch(/Tests: .*[1-9]\d* passed/);
    }
  } finally {
    app.remove();
  }
});
