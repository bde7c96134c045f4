/**
 * The pages on which a person decides about an order that needs attention: Stripe's truth beside ours, asked at that
 * moment, and one page for each decision. Admins and organizers use the same; each router loads the order through its owner.
 */
import { type Request, type Response } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { currentUser } from '../http/current-user';
import { emptyForm, type Form, parseForm, textField } from '../http/forms';
import { type Page, renderPage } from '../http/views';
import { formatMoney } from '../lib/money';
import { checkAgain } from './check-again';
import { type Decision, DECISIONS, needsAttestation, truthInWords, whyNot } from './decision';
import { decideOrder } from './decide-order';
import { type Order } from './order';
import { ATTENTION_REASONS } from './order-words';
import { createOrdersStore } from './orders-store';
import { readStripeTruth, type StripeTruth } from './stripe-truth';

export interface DecisionPlace {
  as: 'admin' | 'organizer';
  layout: 'admin' | 'desk';
  page: Partial<Page>;
  order: Order;
  hrefs: { order: string; list: string; check: string; decision: (to?: Decision) => string };
}

const decisionForm = z.object({
  to: z.enum(DECISIONS, { error: 'Choose what is to happen' }),
  reason: textField({ required: 'Enter the reason', max: 500, multiline: true }),
  attested: z.literal('1').optional(),
});

export function decisionPages(dependencies: Dependencies) {
  const { db } = dependencies;

  return {
    /** Without a choice: how things stand, and what can be chosen. With one: what it will do, and the form. */
    async show(req: Request, res: Response, place: DecisionPlace): Promise<void> {
      mustNeedAttention(place.order);
      const to = DECISIONS.find((known) => known === req.query['to']);
      const truth = await readStripeTruth(dependencies, place.order.id);
      if (!to) return renderComparison(req, res, place, truth);
      renderDecision(req, res, place, truth, to, emptyForm, 200);
    },

    async decide(req: Request, res: Response, place: DecisionPlace): Promise<void> {
      mustNeedAttention(place.order);
      const parsed = parseForm(decisionForm, req.body);
      if (!parsed.ok) {
        const truth = await readStripeTruth(dependencies, place.order.id);
        const to = DECISIONS.find((known) => known === parsed.form.values['to']);
        if (to) return renderDecision(req, res, place, truth, to, parsed.form, 422);
        return renderComparison(req, res, place, truth, 422);
      }
      const { to, reason, attested } = parsed.data;
      const outcome = await decideOrder(dependencies, {
        orderId: place.order.id,
        to,
        by: { as: place.as, userId: currentUser(req).id },
        reason,
        attested: attested === '1',
      });
      if (outcome.state === 'refused') {
        const truth = await readStripeTruth(dependencies, place.order.id);
        const form = { values: { to, reason, attested: attested ?? '' }, errors: { reason: outcome.why } };
        return renderDecision(req, res, place, truth, to, form, 422);
      }
      req.leaveNotice({ kind: 'success', text: DONE[to] });
      res.redirect(303, place.hrefs.order);
    },

    async check(req: Request, res: Response, place: DecisionPlace): Promise<void> {
      mustNeedAttention(place.order);
      const by = { actor: place.as, actorUserId: currentUser(req).id } as const;
      const truth = await checkAgain(dependencies, place.order.id, by);
      req.leaveNotice(
        truth.answered
          ? { kind: 'success', text: 'Stripe was asked again. What it says is below.' }
          : {
              kind: 'warning',
              text: 'Not all of it could be read at Stripe. What is missing is said below.',
            },
      );
      const { status } = await createOrdersStore(db).get(place.order.id);
      res.redirect(303, status === 'needs_attention' ? place.hrefs.decision() : place.hrefs.order);
    },
  };
}

function mustNeedAttention(order: Order): void {
  if (order.status !== 'needs_attention')
    throw new Conflict(
      'This order needs no decision any more. Its page says how it stands.',
      'It is settled already',
    );
}

function renderComparison(
  req: Request,
  res: Response,
  place: DecisionPlace,
  truth: StripeTruth,
  status = 200,
): void {
  const { order } = place;
  renderPage(
    req,
    res,
    'orders/decision',
    {
      title: `Order ${order.reference} needs a decision`,
      layout: place.layout,
      status,
      page: place.page,
    },
    {
      order,
      hrefs: place.hrefs,
      why: ATTENTION_REASONS[order.statusDetail ?? ''] ?? order.statusDetail ?? 'It contradicts itself',
      payments: truth.payments.map((payment) => ({
        n: payment.attempt.n,
        account: payment.attempt.stripeAccountId,
        ours: `Asked for ${formatMoney(payment.attempt.amount, payment.attempt.currency)}, ${ATTEMPT_WORDS[payment.attempt.status]}`,
        stripes: truthInWords(payment, (amount) =>
          formatMoney(amount, payment.session?.currency ?? payment.attempt.currency),
        ),
        session: payment.session?.id ?? payment.attempt.checkoutSessionId,
        intent: payment.session?.paymentIntentId ?? payment.attempt.paymentIntentId,
      })),
      choices: DECISIONS.map((to) => ({
        to,
        ...CHOICES[to],
        why: whyNot(to, truth, true),
      })),
    },
  );
}

function renderDecision(
  req: Request,
  res: Response,
  place: DecisionPlace,
  truth: StripeTruth,
  to: Decision,
  form: Form,
  status: number,
): void {
  const { order } = place;
  const why = whyNot(to, truth, true);
  if (why && status === 200) return renderComparison(req, res, place, truth);
  const left = truth.payments
    .filter((payment) => payment.left > 0n)
    .map((payment) => formatMoney(payment.left, payment.session?.currency ?? order.currency));
  renderPage(
    req,
    res,
    'orders/decide',
    {
      title: `${CHOICES[to].label}: order ${order.reference}`,
      layout: place.layout,
      status,
      page: place.page,
    },
    {
      order,
      hrefs: place.hrefs,
      to,
      choice: CHOICES[to],
      form: { ...form, values: { ...form.values, to } },
      attestation: needsAttestation(truth),
      facts: [
        { term: 'Order', text: order.reference },
        { term: 'Its sum', text: formatMoney(order.totalAmount, order.currency) },
        {
          term: 'With Stripe now',
          text: left.join(', ') || (truth.unreachable ? 'Can’t be asked' : 'No money of the buyer'),
        },
        {
          term: 'Buyer',
          text: [order.buyerName, order.buyerEmail].filter(Boolean).join(', ') || 'Not known',
        },
      ],
    },
  );
}

const ATTEMPT_WORDS = {
  created: 'no answer kept',
  open: 'can be paid',
  processing: 'on its way',
  paid: 'paid',
  expired: 'expired',
  refused: 'refused by Stripe',
  abandoned: 'never made',
};

const CHOICES: Record<Decision, { label: string; text: string; danger: boolean; consequences: string[] }> = {
  paid: {
    label: 'Accept as paid',
    text: 'The buyer gets the tickets for what they paid, if the tickets still fit.',
    danger: false,
    consequences: [
      'The tickets become valid and are mailed to the buyer. If they do not fit any more, nothing changes, and you are told.',
      'A second payment for the same order goes back.',
    ],
  },
  refund_pending: {
    label: 'Refund in full',
    text: 'All that Stripe still has of the buyer’s money goes back. The tickets are given up.',
    danger: true,
    consequences: [
      'Everything that was paid goes back to the buyer, on the account that was paid, with Foyer’s fee.',
      'Tickets of this order are void, and their places can be bought again.',
      'The buyer gets a mail that says so.',
    ],
  },
  expired: {
    label: 'Release the tickets',
    text: 'Only where Stripe has no money of the buyer: the tickets go back on sale.',
    danger: true,
    consequences: [
      'The order ends without tickets, and its places can be bought again.',
      'The buyer gets a mail that says so.',
    ],
  },
};

const DONE: Record<Decision, string> = {
  paid: 'The order is accepted. Its tickets are on their way to the buyer.',
  refund_pending: 'The money is on its way back, and the buyer was told.',
  expired: 'The order is released, and its places can be bought again.',
};
