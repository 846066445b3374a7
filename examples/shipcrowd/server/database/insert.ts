/** Many rows with few statements. */
import type { Database } from './pool';

const BATCH = 1_000;

/** The rows' properties have the names of the columns. What is absent gets the column's default. */
export async function insertRows(db: Database, table: string, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]).join(', ');
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = JSON.stringify(rows.slice(start, start + BATCH));
    await db.query(`insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1::json)`, [batch]);
  }
}
