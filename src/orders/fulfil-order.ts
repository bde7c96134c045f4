/** What belongs to becoming paid, in the same transaction: the tickets, once, and the mail that brings them. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { queueMail } from '../mail/outbox';
import { placesOf } from '../questions/questions-of-order';
import { orderPaidMail } from './order-mails';
import { type Order } from './order';
import { createOrdersStore } from './orders-store';

export async function fulfilOrder(
  trx: Knex.Transaction,
  dependencies: Pick<Dependencies, 'config' | 'orderTokens' | 'ticketCodes'>,
  order: Order,
): Promise<void> {
  await issueTickets(trx, order);
  await queueMail(trx, await orderPaidMail(trx, dependencies, order, `order-paid:${order.id}`));
}

/** One ticket for each place in the order; UNIQUE (order, seq) refuses a second set. */
async function issueTickets(trx: Knex.Transaction, order: Order): Promise<void> {
  const lines = await createOrdersStore(trx).listLines(order.id);
  const tickets = placesOf(lines).map(({ seq, ticketTypeId }) => ({
    id: newId(),
    order_id: order.id,
    event_id: order.eventId,
    ticket_type_id: ticketTypeId,
    seq,
  }));
  await trx('tickets').insert(tickets);
}
