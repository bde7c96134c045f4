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
import { type FeePolicy, feeWords, pricePassedOn } from './fees';
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

    await repricePassedOn(trx, change, change.fee ? policyOf(change.fee) : config.platformFee);
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

/**
 * Prices that include the fee follow it, under the locks that holds are decided under: a buyer who was shown another
 * price is shown the new one before anything is held. The organizer gets the same as before.
 */
async function repricePassedOn(trx: Knex.Transaction, change: FeeChange, policy: FeePolicy): Promise<void> {
  const { currency, organizerId } = change;
  // in one order, as everybody takes them who takes several
  const events = await trx('events')
    .where({ organizer_id: organizerId, currency })
    .whereNot({ status: 'cancelled' })
    .orderBy('id')
    .forNoKeyUpdate()
    .select('id');
  const types: { id: string; price: bigint; passed_on_fee: bigint }[] = await trx('ticket_types')
    .whereIn(
      'event_id',
      events.map(({ id }) => id),
    )
    .whereNotNull('passed_on_fee')
    .where({ removed_at: null })
    .select('id', 'price', 'passed_on_fee');
  for (const type of types) {
    const { price, passedOnFee } = pricePassedOn(type.price - type.passed_on_fee, currency, policy);
    await trx('ticket_types').where({ id: type.id }).update({ price, passed_on_fee: passedOnFee });
  }
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
        'Tickets whose buyers pay the fee have a new price, so that you get as much of them as before.',
        'Orders that were begun before keep the fee that they were begun with.',
        'The reason that was given:',
        change.reason,
      ],
      action: { label: 'See your payments page', url: words.address },
    },
  });
}
