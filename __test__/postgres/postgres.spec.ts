/** examples/shipcrowd with DATABASE_URL on a Postgres server: `npm test -- --only postgres`. */
import { databaseTests } from '../shipcrowd/database';
import { PostgresServer } from './server';

databaseTests(() => PostgresServer.start());
