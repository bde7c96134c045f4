/** The disputes of an order as the desk and the administration show them, with the evidence that Foyer holds. */
import { type Knex } from 'knex';
import { type Config } from '../config';
import { awaitsAnswer, DISPUTE_BADGES, disputeAddress, reasonInWords } from './dispute';
import { type Evidence, listDisputesOfOrder, readEvidence, type StoredDispute } from './disputes-store';

export interface DisputeView {
  disputes: (StoredDispute & {
    badge: (typeof DISPUTE_BADGES)[keyof typeof DISPUTE_BADGES];
    reasonWords: string;
    awaitsAnswer: boolean;
    address: string;
  })[];
  /** null where nothing is disputed */
  evidence: Evidence | null;
}

export async function readDisputeView(
  db: Knex,
  config: Pick<Config, 'stripe'>,
  order: { id: string; buyerEmail: string | null },
): Promise<DisputeView> {
  const disputes = await listDisputesOfOrder(db, order.id);
  return {
    disputes: disputes.map((dispute) => ({
      ...dispute,
      badge: DISPUTE_BADGES[dispute.stage],
      reasonWords: reasonInWords(dispute.reason),
      awaitsAnswer: awaitsAnswer(dispute.status),
      address: disputeAddress(dispute, config.stripe),
    })),
    evidence: disputes.length > 0 ? await readEvidence(db, order) : null,
  };
}
