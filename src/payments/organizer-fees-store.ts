/** What was agreed with an organizer about the platform's fee, by currency; where nothing was, the settings hold. */
import { type Knex } from 'knex';
import { type FeePolicy } from './fees';

export interface OrganizerFee {
  currency: string;
  percentHundredths: number;
  /** minor units per paid ticket */
  fixed: bigint;
  least: bigint;
  /** null = no bound but the price */
  most: bigint | null;
}

interface OrganizerFeeRow {
  organizer_id: string;
  currency: string;
  percent_hundredths: number;
  fixed: bigint;
  least: bigint;
  most: bigint | null;
}

export function createOrganizerFeesStore(db: Knex) {
  const fees = () => db<OrganizerFeeRow>('organizer_fees');

  return {
    async find(organizerId: string, currency: string): Promise<OrganizerFee | null> {
      const row = await fees().where({ organizer_id: organizerId, currency }).first();
      return row ? toOrganizerFee(row) : null;
    },

    async listOfOrganizer(organizerId: string): Promise<OrganizerFee[]> {
      const rows = await fees().where({ organizer_id: organizerId }).orderBy('currency');
      return rows.map(toOrganizerFee);
    },

    async save(organizerId: string, fee: OrganizerFee, by: { userId: string }): Promise<void> {
      await db('organizer_fees')
        .insert({
          organizer_id: organizerId,
          currency: fee.currency,
          percent_hundredths: fee.percentHundredths,
          fixed: fee.fixed,
          least: fee.least,
          most: fee.most,
          set_by: by.userId,
          set_at: db.fn.now(),
        })
        .onConflict(['organizer_id', 'currency'])
        .merge();
    },

    async remove(organizerId: string, currency: string): Promise<void> {
      await fees().where({ organizer_id: organizerId, currency }).delete();
    },

    /** The policy that holds for this organizer's tickets in a currency. */
    async policyFor(organizerId: string, currency: string, platform: FeePolicy): Promise<FeePolicy> {
      const own = await fees().where({ organizer_id: organizerId, currency }).first();
      return own ? policyOf(toOrganizerFee(own)) : platform;
    },
  };
}

export function policyOf(fee: OrganizerFee): FeePolicy {
  return {
    percentHundredths: fee.percentHundredths,
    fixed: { [fee.currency]: fee.fixed },
    least: { [fee.currency]: fee.least },
    most: fee.most === null ? {} : { [fee.currency]: fee.most },
  };
}

function toOrganizerFee(row: OrganizerFeeRow): OrganizerFee {
  return {
    currency: row.currency,
    percentHundredths: row.percent_hundredths,
    fixed: row.fixed,
    least: row.least,
    most: row.most,
  };
}
