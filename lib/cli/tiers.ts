/** `hawser tiers [module]`: the tiers that a module exports, as a table. */
import { presetTiers } from '../tiers/preset';
import { tierRows } from '../tiers/table';
import { checkTiers, type Tier, type Tiers } from '../tiers/tier';
import type { CliCommand } from './command';
import { CliError, EXIT } from './exit_codes';
import { loadModule } from './load_module';
import { addOutputOptions } from './options';
import { emit } from './output/emit';
import type { Section } from './output/report';

/** What `hawser tiers --json` prints. Times are in seconds; `"Infinity"` is forever. */
export interface TiersJson {
  readonly schema: 'hawser.tiers/1';
  /** The module as it was named; null for the preset. */
  readonly module: string | null;
  /** By the name of the export. */
  readonly exports: Readonly<Record<string, Readonly<Record<string, Tier>>>>;
}

export const command: CliCommand = {
  define(command) {
    command.argument('[module]', 'a module that exports what defineTiers returned; without it, the preset is shown');
    addOutputOptions(command);
  },
  async run(call) {
    const name = call.args[0] as string | undefined;
    const found = name === undefined ? { presetTiers } : tiersIn(await loadModule(name, call.context), name);
    const data: TiersJson = { schema: 'hawser.tiers/1', module: name ?? null, exports: found };
    await emit(call, {
      data,
      report: () => ({ title: name === undefined ? 'Tiers of the preset' : `Tiers of ${name}`, sections: Object.entries(found).map(([title, tiers]) => sectionOf(title, tiers)) }),
    });
    return EXIT.fine;
  },
};

/** The exports that `defineTiers` has made. One object under two names is shown once. */
function tiersIn(exports: Record<string, unknown>, module: string): Record<string, Tiers> {
  const found: Record<string, Tiers> = {};
  const seen = new Set<unknown>();
  const sorted = Object.entries(exports).sort(([a], [b]) => Number(a === 'default') - Number(b === 'default'));
  for (const [name, value] of sorted) {
    if (!seen.has(value) && isTiers(value)) found[name] = value;
    seen.add(value);
  }
  if (Object.keys(found).length > 0) return found;
  const names = Object.keys(exports).filter((name) => name !== 'default' && name !== 'module.exports');
  throw new CliError(`${module} exports no tiers. Export what defineTiers returned; its exports are: ${names.join(', ') || 'none'}`);
}

function isTiers(value: unknown): value is Tiers {
  try {
    checkTiers('tiers', value);
    return Object.keys(value).length > 0;
  } catch {
    return false;
  }
}

function sectionOf(title: string, tiers: Tiers): Section {
  const [head = [], ...rows] = tierRows(tiers);
  return { kind: 'table', title, head, rows };
}
