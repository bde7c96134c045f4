/**
 * The nightly comparison of one account's day: what we booked as paid and given back against what Stripe has. News that
 * was missed is booked first; what still differs is shown to a person, and never repaired.
 */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { type PaymentAttempt } from '../orders/order';
import { createOrdersStore, toAttempt } from '../orders/orders-store';
import { settleAttempt } from '../orders/settle-order';
import { type AccountCall } from '../stripe/stripe-client';
import { type Charge } from '../stripe/stripe-reading';
import { bookRefunds } from './book-refunds';
import { closeFindingAbout } from './findings-store';
import { reportFinding } from './report-finding';

export interface LedgerDay extends AccountCall {
  /** a day of UTC, "2026-11-25" */
  day: string;
}

interface Difference {
  payment: string;
  what: 'paid' | 'given back';
  ours: string;
  stripes: string;
}

interface Books {
  count: number;
  /** minor units by currency */
  paid: Record<string, bigint>;
  givenBack: Record<string, bigint>;
}

/** Accounts with payments whose yesterday was not compared; two hours after midnight, when late news has come. */
export async function listLedgerDays(db: Knex, limit: number): Promise<LedgerDay[]> {
  const { rows } = await db.raw(
    `SELECT c.stripe_user_id AS account, c.livemode, to_char(yesterday.day, 'YYYY-MM-DD') AS day
       FROM stripe_connections c,
            (SELECT ((now() - interval '2 hours') AT TIME ZONE 'UTC')::date - 1 AS day) yesterday
      WHERE c.status IN ('active', 'disconnecting') AND c.connected_at < yesterday.day + 1
        AND NOT EXISTS (SELECT 1 FROM ledger_checks l
                         WHERE l.stripe_account_id = c.stripe_user_id AND l.livemode = c.livemode AND l.day = yesterday.day)
      ORDER BY c.id LIMIT ?`,
    [limit],
  );
  return rows;
}

/** Throws StripeFailure when Stripe can't be read: the day stays open, and is compared in a later round. */
export async function checkLedger(dependencies: Dependencies, day: LedgerDay): Promise<Difference[]> {
  const { db, stripe } = dependencies;
  const [since, until] = [new Date(`${day.day}T00:00:00Z`), new Date(`${day.day}T24:00:00Z`)];
  const charges = (await stripe.listCharges({ ...day, since, until })).filter((charge) => charge.paid);
  const refunds = await stripe.listRefundsWithin({ ...day, since, until });
  await bookMissedRefunds(dependencies, day, [
    ...refunds.map((refund) => refund.paymentIntentId),
    ...charges.filter((charge) => charge.amountRefunded > 0n).map((charge) => charge.paymentIntentId),
  ]);

  const differences: Difference[] = [];
  const ours: Books = { count: 0, paid: {}, givenBack: {} };
  const stripes: Books = { count: 0, paid: {}, givenBack: {} };
  for (const attempt of await listPayments(db, day, charges, since, until)) {
    const charge = charges.find((candidate) => candidate.paymentIntentId === attempt.paymentIntentId);
    const atStripe = charge ?? (await askForPayment(dependencies, attempt));
    const booked = await readBooked(db, attempt);
    add(ours, booked.currency, booked.paid, booked.givenBack);
    add(stripes, atStripe.currency, atStripe.amount, atStripe.amountRefunded);
    const words = (amount: bigint, currency: string) => `${amount} ${currency}`;
    const payment = attempt.paymentIntentId ?? attempt.id;
    const [paid, paidAtStripe] = [
      words(booked.paid, booked.currency),
      words(atStripe.amount, atStripe.currency),
    ];
    if (paid !== paidAtStripe) differences.push({ payment, what: 'paid', ours: paid, stripes: paidAtStripe });
    // what is on its way back counts at Stripe already
    const onTheWay = booked.givenBack + booked.pending;
    if (atStripe.amountRefunded < booked.givenBack || atStripe.amountRefunded > onTheWay)
      differences.push({
        payment,
        what: 'given back',
        ours: words(booked.givenBack, booked.currency),
        stripes: words(atStripe.amountRefunded, atStripe.currency),
      });
  }
  await keep(dependencies, day, { ours, stripes }, differences);
  return differences;
}

async function bookMissedRefunds(
  dependencies: Dependencies,
  { account, livemode }: LedgerDay,
  paymentIntentIds: (string | null)[],
): Promise<void> {
  for (const paymentIntentId of new Set(paymentIntentIds)) {
    const attempt = await createOrdersStore(dependencies.db).findAttemptByStripe({
      account,
      paymentIntentId,
    });
    if (attempt?.livemode === livemode) await bookRefunds(dependencies, attempt.id);
  }
}

/** Payments of ours that Stripe took on this day, and those that we booked on it. */
async function listPayments(
  db: Knex,
  { account, livemode }: LedgerDay,
  charges: Charge[],
  since: Date,
  until: Date,
): Promise<PaymentAttempt[]> {
  const rows = await db('payment_attempts')
    .where({ stripe_account_id: account, livemode })
    .where((either) =>
      either
        .whereIn(
          'payment_intent_id',
          charges.flatMap((charge) => charge.paymentIntentId ?? []),
        )
        .orWhere((booked) => booked.where('paid_at', '>=', since).where('paid_at', '<', until)),
    )
    .orderBy('id');
  return rows.map(toAttempt);
}

/** A payment that Stripe took on another day than we booked it. Asking settles it, too. */
async function askForPayment(
  dependencies: Dependencies,
  attempt: PaymentAttempt,
): Promise<Pick<Charge, 'amount' | 'amountRefunded' | 'currency'>> {
  const none = { amount: 0n, amountRefunded: 0n, currency: attempt.currency };
  if (!attempt.checkoutSessionId) return none;
  await settleAttempt(dependencies, attempt.id);
  const session = await dependencies.stripe.retrieveCheckoutSession({
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    id: attempt.checkoutSessionId,
  });
  if (session.paymentStatus !== 'paid') return none;
  return {
    amount: session.amountTotal ?? 0n,
    amountRefunded: session.amountRefunded ?? 0n,
    currency: session.currency ?? attempt.currency,
  };
}

async function readBooked(db: Knex, before: PaymentAttempt) {
  const attempt = await createOrdersStore(db).getAttempt(before.id);
  const rows = await db('refunds').where({ payment_attempt_id: attempt.id }).select('amount', 'status');
  const sum = (statuses: string[]) =>
    rows
      .filter((row) => statuses.includes(row.status))
      .reduce((total: bigint, row) => total + row.amount, 0n);
  return {
    currency: attempt.paidCurrency ?? attempt.currency,
    paid: attempt.status === 'paid' ? (attempt.paidAmount ?? attempt.amount) : 0n,
    givenBack: sum(['succeeded']),
    pending: sum(['pending', 'requested', 'sent']),
  };
}

function add(books: Books, currency: string, paid: bigint, givenBack: bigint): void {
  if (paid > 0n) books.count += 1;
  books.paid[currency] = (books.paid[currency] ?? 0n) + paid;
  books.givenBack[currency] = (books.givenBack[currency] ?? 0n) + givenBack;
}

async function keep(
  dependencies: Dependencies,
  { account, livemode, day }: LedgerDay,
  books: { ours: Books; stripes: Books },
  differences: Difference[],
): Promise<void> {
  const { db } = dependencies;
  const figures = JSON.stringify({ ...books, differences: differences.length }, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  await db('ledger_checks')
    .insert({ stripe_account_id: account, livemode, day, figures })
    .onConflict(['stripe_account_id', 'livemode', 'day'])
    .merge();
  const subject = `ledger_drift:${account}:${livemode ? 'live' : 'test'}:${day}`;
  if (differences.length === 0)
    return closeFindingAbout(db, subject, 'a later comparison found no difference');
  const connection = await db('stripe_connections')
    .where({ stripe_user_id: account, livemode })
    .orderBy('connected_at', 'desc')
    .first('organizer_id');
  await reportFinding(db, dependencies, {
    kind: 'ledger_drift',
    subject,
    organizerId: connection?.organizer_id ?? null,
    account,
    livemode,
    details: { day, differences: differences.slice(0, 20), more: Math.max(0, differences.length - 20) },
  });
}
