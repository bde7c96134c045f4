/** What a person may decide, by what Stripe says: a table, so that no decision can lose money. */
import { type Decision, DECISIONS, needsAttestation, truthInWords, whyNot } from '../../src/orders/decision';
import { type PaymentTruth, type StripeTruth } from '../../src/orders/stripe-truth';

const payment = (received: bigint, left: bigint): PaymentTruth =>
  ({ received, left, answer: 'session', session: { status: 'complete' } }) as unknown as PaymentTruth;
const truth = (...payments: PaymentTruth[]): StripeTruth =>
  ({ payments, undecided: false, unreachable: false }) as unknown as StripeTruth;
const allowed = (what: StripeTruth, attested = false) =>
  DECISIONS.filter((to) => whyNot(to, what, attested) === null);

it.each<[string, StripeTruth, Decision[]]>([
  ['no payment', truth(), ['expired']],
  ['a payment page that ran out', truth(payment(0n, 0n)), ['expired']],
  ['money that is all there', truth(payment(2000n, 2000n)), ['paid', 'refund_pending']],
  ['money of which a part went back', truth(payment(2000n, 1n)), ['paid', 'refund_pending']],
  ['money that all went back', truth(payment(2000n, 0n)), ['refund_pending']],
  [
    'two payments, one given back',
    truth(payment(2000n, 0n), payment(2000n, 2000n)),
    ['paid', 'refund_pending'],
  ],
  ['no answer', truth({ ...payment(2000n, 2000n), answer: 'unanswered' }), []],
  ['a payment on its way', { ...truth(payment(0n, 0n)), undecided: true }, []],
  ['an account out of reach', { ...truth(payment(0n, 0n)), unreachable: true }, []],
])('with %s', (_what, what, decisions) => {
  expect(allowed(what)).toEqual(decisions);
});

it('out of reach, somebody’s word counts for what needs no call to Stripe', () => {
  const lost = { ...truth(payment(0n, 0n)), unreachable: true };
  expect(allowed(lost, true)).toEqual(['paid', 'expired']);
  expect([needsAttestation(lost), needsAttestation(truth())]).toEqual([true, false]);
});

it.each<[string, Decision, StripeTruth, boolean, RegExp]>([
  ['silence', 'paid', truth({ ...payment(0n, 0n), answer: 'unanswered' }), true, /does not answer right now/],
  ['undecided', 'paid', { ...truth(), undecided: true }, true, /Stripe has not decided yet/],
  ['lost, refund', 'refund_pending', { ...truth(), unreachable: true }, true, /it can give nothing back/],
  ['lost, no word', 'expired', { ...truth(), unreachable: true }, false, /tick the box/],
  ['nothing to accept', 'paid', truth(), false, /Stripe has no money of the buyer/],
  ['nothing to refund', 'refund_pending', truth(), false, /nothing to give back. Release it/],
  ['money left behind', 'expired', truth(payment(1n, 0n)), false, /would leave their money behind/],
])('says why not: %s', (_case, to, what, attested, words) => {
  expect(whyNot(to, what, attested)).toMatch(words);
});

const session = (fields: Record<string, unknown>, more: Partial<PaymentTruth> = {}) =>
  ({ received: 0n, left: 0n, answer: 'session', session: fields, ...more }) as unknown as PaymentTruth;

it.each<[PaymentTruth, string]>([
  [session({}, { answer: 'unanswered' }), 'Stripe did not answer.'],
  [
    session({}, { answer: 'unreachable' }),
    'The account does not let Foyer in any more; only its own Dashboard can tell.',
  ],
  [session({}, { session: null }), 'Stripe has no payment page for it.'],
  [session({ status: 'open' }), 'The payment page is open, and nothing was paid.'],
  [session({ status: 'expired' }), 'The payment page has expired, and nothing was paid.'],
  [
    session({ status: 'complete', paymentStatus: 'unpaid', paymentIntentStatus: 'processing' }),
    'Completed; the money is on its way.',
  ],
  [
    session({ status: 'complete', paymentStatus: 'unpaid', paymentIntentStatus: 'canceled' }),
    'Completed, but the payment failed. Nothing was charged.',
  ],
  [session({ paymentStatus: 'paid' }, { received: 20n, left: 20n }), 'Paid 20; all of it is still there.'],
  [session({ paymentStatus: 'paid' }, { received: 20n, left: 5n }), 'Paid 20; 15 of it went back.'],
  [session({ paymentStatus: 'paid' }, { received: 20n, left: 0n }), 'Paid 20; all of it went back.'],
])('what Stripe says, in a sentence (%#)', (what, words) => {
  expect(truthInWords(what, String)).toBe(words);
});
