/** What an organizer is told when a buyer's bank takes a payment back, and how it ended. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { formatDateTime } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { type NewMail } from '../mail/outbox';
import { type Order } from '../orders/order';
import { paths } from '../paths';
import { type Dispute } from '../stripe/stripe-reading';
import { type DisputeStage, reasonInWords } from './dispute';

export async function disputeMail(
  db: Knex,
  { config }: Pick<Dependencies, 'config'>,
  order: Order,
  dispute: Dispute,
  stage: DisputeStage,
): Promise<NewMail> {
  const event = await db('events').where({ id: order.eventId }).first('title');
  const organizer = await db('organizers').where({ id: order.organizerId }).first('name', 'contact_email');
  const amount = formatMoney(dispute.amount, dispute.currency);
  const due = dispute.evidenceDueAt ? `${formatDateTime(dispute.evidenceDueAt, 'UTC')} UTC` : null;
  return {
    dedupeKey: `dispute:${dispute.id}:${stage}`,
    template: 'dispute',
    recipient: organizer.contact_email,
    content: {
      subject: `${SUBJECTS[stage]}: order ${order.reference}`,
      heading: SUBJECTS[stage],
      paragraphs: [
        `A payment of ${amount} for ${event.title} is disputed: ${reasonInWords(dispute.reason)}.`,
        ...WHAT_FOLLOWS[stage],
      ],
      rows: [
        { label: 'Order', value: order.reference },
        { label: 'Amount', value: amount },
        ...(due && stage !== 'won' && stage !== 'lost' ? [{ label: 'Answer before', value: due }] : []),
        { label: 'At Stripe', value: dispute.id },
      ],
      action: { label: 'See the evidence you have', url: config.baseUrl + paths.deskOrder(order.id) },
      footer: `You get this mail because you are the contact of ${organizer.name} on Foyer.`,
    },
  };
}

const SUBJECTS: Record<DisputeStage, string> = {
  inquiry: 'A bank asks about a payment',
  open: 'A buyer’s bank has taken a payment back',
  won: 'You won a dispute',
  lost: 'You lost a dispute',
  closed: 'A dispute was closed',
};

const WHAT_FOLLOWS: Record<DisputeStage, string[]> = {
  inquiry: [
    'No money was taken, and the tickets stay valid. Answer in your Stripe Dashboard; a refund there ends the inquiry too.',
  ],
  open: [
    'Stripe has taken the amount from your balance until the bank decides. The tickets of this order let nobody in meanwhile.',
    'Answer in your Stripe Dashboard before the deadline; only you can. The page of the order shows what Foyer knows and you can use.',
  ],
  won: [
    'The bank has decided for you, and Stripe returns the amount to your balance. The tickets are valid again.',
  ],
  lost: [
    'The bank has decided for the buyer; the amount stays with them. The tickets of this order are void, and their places are on sale again.',
  ],
  closed: ['It ended without a loss, and the tickets are valid.'],
};
