// Writes lib/contract.generated.ts from what src/contract declares. `cargo test` compares the two.

import { run } from './setup/run.mjs';

const test = ['test', '--locked', '--no-default-features', '--lib', 'contract::tests::the_generated_file_is_current'];
const { code } = await run('cargo', test, { env: { HAWSER_WRITE_CONTRACT: '1' } });
process.exitCode = code ?? 1;
