/** DATABASE_URL, with PGlite behind a socket of this test. `npm test -- --only postgres` has the same tests on a Postgres server. */
import { NodeProcess } from '../helpers/process';
import { databaseTests } from './database';
import { installExample } from './stack';

databaseTests(async () => {
  const program = `
    const { SocketServer } = require('./build/server/database/socket_server.js');
    import('@electric-sql/pglite').then(async ({ PGlite }) => console.log('port', await new SocketServer(await PGlite.create()).listen()));
  `;
  const server = new NodeProcess(program, { cwd: await installExample(), deadlineMs: 600_000 });
  const port = (await server.line(/^port \d+$/, { deadlineMs: 60_000 })).split(' ')[1];
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop: () => server.kill() };
});
