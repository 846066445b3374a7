/** Queries about zones and rate cards. */
import type { Area, RateCard, Zone } from '../types';
import type { Database } from './pool';
import { zoneBetween, type PincodeRow } from './reference';

const COLUMNS = 'id, zone, courier, max_grams as "maxGrams", price, cod_fee as "codFee", days';

export class Prices {
  constructor(private readonly db: Database) {}

  /** `null`: there is no such pincode. */
  async zone(from: string, to: string): Promise<Zone | null> {
    const rows = await this.db.query<PincodeRow>('select * from pincodes where pincode in ($1, $2)', [from, to]);
    const [start, end] = [from, to].map((pincode) => rows.find((row) => row.pincode === pincode));
    return start === undefined || end === undefined ? null : zoneBetween(start, end);
  }

  async setArea(pincode: string, area: Area): Promise<boolean> {
    const rows = await this.db.query('update pincodes set area = $2 where pincode = $1 returning pincode', [pincode, area]);
    return rows.length > 0;
  }

  rateCards(): Promise<RateCard[]> {
    return this.db.query<RateCard>(`select ${COLUMNS} from rate_cards order by zone, courier, max_grams`);
  }

  cardsOf(zone: Zone): Promise<RateCard[]> {
    return this.db.query<RateCard>(`select ${COLUMNS} from rate_cards where zone = $1 order by courier, max_grams`, [zone]);
  }

  /** The card of each courier for the smallest slab that the weight fits in. */
  cardsFor(zone: Zone, grams: number): Promise<RateCard[]> {
    return this.db.query<RateCard>(
      `select distinct on (courier) ${COLUMNS} from rate_cards where zone = $1 and max_grams >= $2 order by courier, max_grams`,
      [zone, grams],
    );
  }

  async setPrice(id: string, price: number): Promise<RateCard | null> {
    return (await this.db.one<RateCard>(`update rate_cards set price = $2 where id = $1 returning ${COLUMNS}`, [id, price])) ?? null;
  }
}
