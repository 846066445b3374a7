// The order backend under load, for a quarter of a minute: npm run demo [-- --seconds 12 --users 48]
//
// On memory://, or on the server that REDIS_URL names.

import { run } from './run.mjs';

// Until the demo listens itself there is nothing to put in order.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
run('demo/main');
