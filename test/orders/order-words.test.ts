/** Promise 11 as a table: at each state of an order its buyer reads whether they were charged and what happens next. */
import { LEGAL_MOVES, type OrderStatus } from '../../src/orders/order';
import { orderWords } from '../../src/orders/order-words';

const DETAILS: Partial<Record<OrderStatus, (string | null)[]>> = {
  paid: [null, 'accepted'],
  refunded: [null, 'sold_out', 'event_cancelled', 'by_hand', 'dispute_lost'],
  refund_pending: ['sold_out', 'code_used_up', 'event_cancelled', 'by_hand', null],
  failed: [null, 'amount_too_small', 'the account can not be used'],
  expiring: ['hold_over', 'released', null],
  expired: ['hold_over', 'released', 'payment_failed', 'released_by_hand', 'released_unverified', null],
  needs_attention: ['payment_mismatch', 'account_unreachable', 'refund_failed', 'a reason of tomorrow', null],
};
const CHARGED = 'charged';
const NOT_CHARGED = 'not charged';
const OPEN = 'open';

/** What is true of the buyer's money, by state; `open` where nobody can know yet. */
function truthOf(status: OrderStatus, detail: string | null): string {
  if (status === 'expired' && detail === 'released_unverified') return OPEN;
  if (status === 'needs_attention')
    return detail === 'payment_mismatch' || detail === 'refund_failed' ? CHARGED : OPEN;
  switch (status) {
    case 'held':
    case 'creating_session':
    case 'awaiting_payment':
    case 'failed':
    case 'expired':
    case 'cancelled': // only what was free
      return NOT_CHARGED;
    case 'expiring':
    case 'processing':
      return OPEN;
    default:
      return CHARGED;
  }
}

const states = (Object.keys(LEGAL_MOVES) as OrderStatus[]).flatMap((status) =>
  (DETAILS[status] ?? [null]).map((detail) => [status, detail] as const),
);
const order = (status: OrderStatus, statusDetail: string | null) => ({
  status,
  statusDetail,
  totalAmount: 2000n,
  currency: 'eur',
});

test.each(states)('%s (%s): charged or not, and what is next', (status, detail) => {
  const words = orderWords(order(status, detail), 2);
  const all = Object.values(words).join(' ');
  expect(words.charged).toMatch(
    {
      [CHARGED]: /Paid €20\.00|You were charged|was given back|goes back to you/,
      [NOT_CHARGED]: /You were not charged|[Nn]othing was charged/,
      [OPEN]: /If you (paid|were charged)|was begun|no charge to keep/,
    }[truthOf(status, detail)]!,
  );
  if (truthOf(status, detail) !== NOT_CHARGED) expect(words.charged).not.toMatch(/not charged|Nothing was/);
  if (truthOf(status, detail) === OPEN)
    expect(all).toMatch(/your money|Do not pay again|your bank shows a charge|your payment counts/);
  expect(words.heading).toMatch(/^[A-Z].*[^.!]$/);
  expect(words.answer).toMatch(/^(Yes|No|Not|We)\b/);
  expect(words.next).toMatch(/\.$/);
  expect(all).not.toMatch(/undefined|null|!|_/);
  // whoever is in is told so, and nobody else
  expect(words.answer.startsWith('Yes')).toBe(status === 'paid' || status === 'partially_refunded');
  // a page that will change by itself looks again by itself
  const settles = ['creating_session', 'processing', 'expiring', 'refund_pending', 'needs_attention'];
  expect(words.lookAgain !== null).toBe(settles.includes(status));
});

test('a disputed payment: not in at the moment, and said without blame', () => {
  for (const status of ['paid', 'partially_refunded'] as const) {
    const words = orderWords(order(status, null), 2, { disputed: true });
    expect(words.answer).toBe('Not at the moment');
    expect(words.charged).toContain('You paid €20.00');
    expect(words.next).toContain('If you did not ask for this');
  }
  expect(orderWords(order('refunded', null), 2, { disputed: true }).answer).toMatch(/^No/);
});

test('another sum than the order’s is named as it was charged', () => {
  for (const status of ['paid', 'refund_pending', 'refunded'] as const)
    expect(orderWords(order(status, 'by_hand'), 2, { paid: '€1.00' }).charged).toContain('€1.00');
});

test('a free order is never said to cost anything', () => {
  expect(orderWords({ ...order('paid', null), totalAmount: 0n }, 1).charged).toBe(
    'Free; nothing was charged.',
  );
});
