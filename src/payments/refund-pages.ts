/** The pages on which a refund is chosen and previewed, alike for organizers and admins. */
import { type Request, type Response } from 'express';
import { type Dependencies } from '../dependencies';
import { type Form } from '../http/forms';
import { type Layout, renderPage } from '../http/views';
import { isUuid, newId } from '../lib/ids';
import { formatMoney, moneyToText } from '../lib/money';
import { type Order, type PaymentAttempt } from '../orders/order';
import { type Refund, type RefundablePayment, type RefundQuote } from './refund';
import { ticketField } from './refund-forms';
import { markOf, type Obstacle, whyNotRefundable } from './request-refund';
import { createRefundsStore } from './refunds-store';

/** On whose side of the house these pages stand. */
export interface Side {
  as: 'organizer' | 'admin';
  layout: Layout;
  /** the order behind :id, as this side may see it */
  load(req: Request, id: unknown): Promise<Order>;
  paths: {
    order(id: string): string;
    newRefund(id: string): string;
    preview(id: string): string;
    refunds(id: string): string;
  };
}

export type Known =
  | { obstacle: Obstacle; payment: PaymentAttempt | null }
  | {
      obstacle: null;
      payment: PaymentAttempt;
      refundable: RefundablePayment;
    };

export function createRefundPages({ config, db }: Pick<Dependencies, 'config' | 'db'>) {
  const refunds = createRefundsStore(db);
  return { readPayment, renderNew, renderPreview, renderTickets };

  async function readPayment(order: Order): Promise<Known> {
    const payment = await refunds.findPayment(order.id);
    const obstacle = await whyNotRefundable(db, order, payment);
    if (obstacle || !payment) return { obstacle: obstacle!, payment };
    return { obstacle: null, payment, refundable: await refunds.readRefundable(order, payment) };
  }

  async function renderNew(req: Request, res: Response, side: Side, order: Order, form: Form): Promise<void> {
    const known = await readPayment(order);
    const { event } = await readAround(order);
    const left = known.obstacle ? 0n : known.refundable.amount - known.refundable.refunded;
    const unrefundable = known.obstacle !== null || left <= 0n;
    renderPage(
      req,
      res,
      'refunds/new',
      {
        title: `Refund order ${order.reference}`,
        layout: side.layout,
        status: statusOf(form, unrefundable, req.method),
        page: { organizer: req.organizer ?? null },
      },
      {
        order,
        event,
        form: form.values['scope'] ? form : { ...form, values: { ...form.values, scope: 'order' } },
        obstacle: known.obstacle ?? (left <= 0n ? ALL_GONE : null),
        dashboardUrl: known.obstacle && known.payment ? dashboardUrl(known.payment) : null,
        left,
        refunded: known.obstacle ? 0n : known.refundable.refunded,
        tickets: (known.obstacle ? [] : known.refundable.tickets).map((ticket) => ({
          field: ticketField(ticket.seq),
          label: `Ticket ${ticket.seq}: ${ticket.typeName}, ${formatMoney(ticket.price, order.currency)}`,
        })),
        leftText: moneyToText(left, order.currency),
        action: side.paths.preview(order.id),
        back: { href: side.paths.order(order.id), label: `Order ${order.reference}` },
      },
    );
  }

  async function renderPreview(
    req: Request,
    res: Response,
    side: Side,
    order: Order,
    payment: PaymentAttempt,
    quote: RefundQuote,
    form: Form,
  ): Promise<void> {
    const { event, organizer } = await readAround(order);
    renderPage(
      req,
      res,
      'refunds/preview',
      {
        title: `Refund ${formatMoney(quote.amount, order.currency)}`,
        layout: side.layout,
        status: Object.keys(form.errors).length > 0 ? 422 : 200,
        page: { organizer: req.organizer ?? null },
      },
      {
        order,
        event,
        organizer,
        payment,
        quote,
        form,
        asAdmin: side.as === 'admin',
        policy: config.platformFeeRefund,
        hidden: {
          ...choiceFields(form),
          seen: markOf(quote),
          key: isUuid(form.values['key']) ? form.values['key'] : newId(),
        },
        action: side.paths.refunds(order.id),
        back: { href: `${side.paths.newRefund(order.id)}`, label: 'Choose something else' },
        orderHref: side.paths.order(order.id),
      },
    );
  }

  async function renderTickets(
    req: Request,
    res: Response,
    order: Order,
    made: Refund,
    form: Form,
  ): Promise<void> {
    const { event } = await readAround(order);
    renderPage(
      req,
      res,
      'refunds/tickets',
      {
        title: 'Which tickets was it for',
        layout: 'desk',
        status: Object.keys(form.errors).length > 0 ? 422 : 200,
        page: { organizer: req.organizer ?? null },
      },
      {
        order,
        event,
        refund: made,
        form,
        tickets: (await refunds.listRefundableTickets(order.id)).map((ticket) => ({
          field: ticketField(ticket.seq),
          label: `Ticket ${ticket.seq}: ${ticket.typeName}, ${formatMoney(ticket.price, order.currency)}`,
        })),
      },
    );
  }

  async function readAround(order: Order) {
    return {
      event: await db('events').where({ id: order.eventId }).first('id', 'title', 'time_zone', 'status'),
      organizer: await db('organizers').where({ id: order.organizerId }).first('name'),
    };
  }
}

const ALL_GONE: Obstacle = {
  title: 'There is nothing left to refund',
  text: 'All of this payment has gone back, is on its way back, or waits on the order’s page to be sent again.',
};

/** Where nothing can be refunded, the page says why instead of what was wrong with the form. */
function statusOf(form: Form, unrefundable: boolean, method: string): number {
  if (unrefundable) return method === 'POST' ? 409 : 200;
  return Object.keys(form.errors).length > 0 ? 422 : 200;
}

function choiceFields(form: Form): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form.values).filter(
      ([name]) => name === 'scope' || name === 'amount' || name.startsWith('ticket.'),
    ),
  );
}

/** Where the account's owner finds a payment at Stripe. */
function dashboardUrl(payment: PaymentAttempt): string {
  return `https://dashboard.stripe.com/${payment.stripeAccountId}${payment.livemode ? '' : '/test'}/payments/${payment.paymentIntentId}`;
}
