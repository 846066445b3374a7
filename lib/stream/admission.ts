/** Who gets one of the places. A client that has many of them makes room for those that have few, so that it costs nobody else. */
import type { Connection } from './connection';

export class Admission {
  /** By client, oldest first. */
  private readonly byClient = new Map<string, Set<Connection>>();
  private size = 0;

  constructor(private readonly max: number) {}

  get count(): number {
    return this.size;
  }

  /** Whether there is a place, or one was made. */
  hasPlace(client: string): boolean {
    if (this.size < this.max) return true;
    const own = this.byClient.get(client)?.size ?? 0;
    const [oldest] = this.largest();
    if (oldest === undefined || this.largest().size <= own + 1) return false;
    oldest.close('replaced');
    return true;
  }

  add(client: string, connection: Connection): void {
    const own = this.byClient.get(client) ?? new Set();
    this.byClient.set(client, own.add(connection));
    this.size++;
    connection.onOver = () => {
      own.delete(connection);
      if (own.size === 0 && this.byClient.get(client) === own) this.byClient.delete(client);
      this.size--;
    };
  }

  all(): Connection[] {
    return [...this.byClient.values()].flatMap((own) => [...own]);
  }

  private largest(): Set<Connection> {
    let largest = new Set<Connection>();
    for (const own of this.byClient.values()) if (own.size > largest.size) largest = own;
    return largest;
  }
}
