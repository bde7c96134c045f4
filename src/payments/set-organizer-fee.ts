/**
 * An admin agrees with an organizer on another fee, or ends that. Invariant: orders keep the fee that they were held
 * with; what was set, by whom and why stands in the audit log, and the organizer's owners are told, all in one commit.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { mailOwners } from '../connect/owner-mails';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { newId } from '../lib/ids';
import { paths } from '../paths';
import { type FeePolicy, feeWords } from './fees';
import { createOrganizerFeesStore, type OrganizerFee, policyOf } from './organizer-fees-store';

export interface FeeChange {
  organizerId: string;
  currency: string;
  /** null = the platform's fee again */
  fee: OrganizerFee | null;
  adminId: string;
  reason: string;
}

/** Answers false when it was so already, and then changes nothing and tells nobody. */
export async function setOrganizerFee(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  change: FeeChange,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const organizer = await trx('organizers')
      .where({ id: change.organizerId })
      .forNoKeyUpdate()
      .first('id', 'name');
    if (!organizer) throw new NotFound('organizer');
    const fees = createOrganizerFeesStore(trx);
    const before = await fees.find(change.organizerId, change.currency);
    if (isSame(before, change.fee)) return false;
    if (change.fee) await fees.save(change.organizerId, change.fee, { userId: change.adminId });
    else await fees.remove(change.organizerId, change.currency);

    const words = (fee: OrganizerFee | null) => wordsOf(fee, change.currency, config.platformFee);
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: change.adminId,
      action: 'organizer.fee_changed',
      organizerId: change.organizerId,
      subjectType: 'organizer',
      subjectId: change.organizerId,
      reason: change.reason,
      details: { currency: change.currency, before: words(before), fee: words(change.fee) },
    });
    await tellOwners(trx, organizer.name, change, {
      before: words(before),
      fee: words(change.fee),
      address: config.baseUrl + paths.payments(),
    });
    return true;
  });
}

function isSame(one: OrganizerFee | null, other: OrganizerFee | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.percentHundredths === other.percentHundredths &&
    one.fixed === other.fixed &&
    one.least === other.least &&
    one.most === other.most
  );
}

function wordsOf(fee: OrganizerFee | null, currency: string, platform: FeePolicy): string {
  return feeWords(fee ? policyOf(fee) : platform, currency);
}

async function tellOwners(
  trx: Knex.Transaction,
  name: string,
  change: FeeChange,
  words: { before: string; fee: string; address: string },
): Promise<void> {
  const subject = `Foyer's fee for ${name} has changed`;
  await mailOwners(trx, change.organizerId, {
    key: `organizer-fee:${newId()}`,
    template: 'organizer-fee-changed',
    content: {
      subject,
      heading: subject,
      paragraphs: [
        `From now on, Foyer's fee for tickets in ${change.currency.toUpperCase()} is: ${words.fee}. Before, it was: ${words.before}.`,
        'Orders that were begun before keep the fee that they were begun with.',
        'The reason that was given:',
        change.reason,
      ],
      action: { label: 'See your payments page', url: words.address },
    },
  });
}
