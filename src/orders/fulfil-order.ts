/** What belongs to becoming paid, in the same transaction: the tickets, once, and the mail that brings them. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { queueMail } from '../mail/outbox';
import { placesOf } from '../questions/questions-of-order';
import { orderPaidMail } from './order-mails';
import { type Order, type OrderLine } from './order';
import { type OrderContext, readOrderContext } from './order-context';

export async function fulfilOrder(
  trx: Knex.Transaction,
  dependencies: Pick<Dependencies, 'config' | 'orderTokens' | 'ticketCodes'>,
  order: Order,
  known?: OrderContext,
): Promise<void> {
  const context = known ?? (await readOrderContext(trx, order, { agreed: true }));
  await issueTickets(trx, order, context.lines);
  await queueMail(trx, await orderPaidMail(trx, dependencies, order, `order-paid:${order.id}`, context));
}

/** One ticket for each place in the order; UNIQUE (order, seq) refuses a second set. */
async function issueTickets(trx: Knex.Transaction, order: Order, lines: OrderLine[]): Promise<void> {
  const tickets = placesOf(lines).map(({ seq, ticketTypeId }) => ({
    id: newId(),
    order_id: order.id,
    event_id: order.eventId,
    ticket_type_id: ticketTypeId,
    seq,
  }));
  await trx('tickets').insert(tickets);
}
