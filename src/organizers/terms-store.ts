import { type Knex } from 'knex';
import { newId } from '../lib/ids';
import { hashOfTexts, type OrganizerTerms, saysNothing, type TermsTexts } from './organizer-terms';

interface TermsRow {
  id: string;
  terms: string;
  refund_policy: string;
  imprint: string;
  created_at: Date;
}

/** SQL of the versions of organizers' terms. */
export function createTermsStore(db: Knex) {
  const columns = ['id', 'terms', 'refund_policy', 'imprint', 'created_at'].map(
    (column) => `organizer_terms.${column}`,
  );

  return {
    async findCurrent(organizerId: string): Promise<OrganizerTerms | null> {
      const row: TermsRow | undefined = await db('organizers')
        .join('organizer_terms', 'organizer_terms.id', 'organizers.current_terms_id')
        .where({ 'organizers.id': organizerId })
        .first(...columns);
      return row ? toTerms(row) : null;
    },

    /** What this order's buyer agreed to. */
    async findAgreed(orderId: string): Promise<OrganizerTerms | null> {
      const row: TermsRow | undefined = await db('orders')
        .join('organizer_terms', 'organizer_terms.id', 'orders.agreed_terms_id')
        .where({ 'orders.id': orderId })
        .first(...columns);
      return row ? toTerms(row) : null;
    },

    /** Makes these texts what counts from now on: a new version, or an earlier one that says the same. Needs the organizer's row lock. */
    async makeCurrent(organizerId: string, texts: TermsTexts, byUserId: string): Promise<void> {
      await db('organizers')
        .where({ id: organizerId })
        .update({
          current_terms_id: saysNothing(texts) ? null : await versionOf(organizerId, texts, byUserId),
        });
    },
  };

  async function versionOf(organizerId: string, texts: TermsTexts, byUserId: string): Promise<string> {
    const version = { organizer_id: organizerId, content_hash: hashOfTexts(texts) };
    await db('organizer_terms')
      .insert({
        id: newId(),
        ...version,
        terms: texts.terms,
        refund_policy: texts.refundPolicy,
        imprint: texts.imprint,
        created_by: byUserId,
      })
      .onConflict(['organizer_id', 'content_hash'])
      .ignore();
    return (await db('organizer_terms').where(version).first('id')).id;
  }
}

function toTerms(row: TermsRow): OrganizerTerms {
  return {
    id: row.id,
    terms: row.terms,
    refundPolicy: row.refund_policy,
    imprint: row.imprint,
    createdAt: row.created_at,
  };
}
