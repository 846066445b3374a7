// The order backend under load, for a quarter of a minute: npm run demo [-- --seconds 12 --users 48]
//
// It runs on memory:// or on the server in REDIS_URL.

import { run } from './run.mjs';

// Until the demo listens to signals itself, there is nothing to clean up.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
run('demo/main');
